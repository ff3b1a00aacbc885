"""Text as it is written down while a page is gone through: white space as browsers show it."""

from __future__ import annotations

import re

from lcagent.documents.formats.rows import Rows

_INDENT = "\ufdd4"
"""Stands for a blank of preformatted text, until the text is whole."""


class Lines:
    """A text that grows: blanks run together, gaps between blocks are no larger than a blank line."""

    def __init__(self) -> None:
        self.pieces: list[str | Rows] = []
        self._gap = 0
        self._space = True
        """What is written ends with a blank, or a line has just begun."""

    @property
    def holds_tables(self) -> bool:
        """Whether a table is part of it."""
        return any(not isinstance(piece, str) for piece in self.pieces)

    @property
    def length(self) -> int:
        """Characters of what is no table."""
        return sum(len(piece) for piece in self.pieces if isinstance(piece, str))

    @property
    def largest_table(self) -> int:
        """Characters of the largest table in it as it would stand within a line."""
        return max((len(piece.inside()) for piece in self.pieces if isinstance(piece, Rows)), default=0)

    def gap(self, lines: int) -> None:
        """End the line (1), or leave a blank line (2) before what follows."""
        self._gap = max(self._gap, lines)
        self._space = True

    def line_break(self) -> None:
        """One more line; two in a row leave a blank one."""
        self.gap(min(self._gap + 1, 2))

    def words(self, text: str) -> None:
        """Text in which any white space is one blank."""
        parts = text.split()
        if not parts:
            if text and not self._space:
                self.pieces.append(" ")
                self._space = True
            return
        body = " ".join(parts)
        if text[0].isspace() and not self._space:
            body = " " + body
        self._begin()
        self._space = text[-1].isspace()
        self.pieces.append(body + " " if self._space else body)

    def preformatted(self, text: str) -> None:
        """Text whose white space stays."""
        if text:
            self._begin()
            self.pieces.append(text.expandtabs().replace(" ", _INDENT))
            self._space = False

    def exactly(self, piece: str | Rows) -> None:
        """A piece as it is: what is no white space itself."""
        self._begin()
        self.pieces.append(piece)
        self._space = False

    def _begin(self) -> None:
        if self._gap:
            if self.pieces:
                self.pieces.append("\n" * self._gap)
            self._gap = 0

    def text(self, *, flat: bool = False) -> str:
        """All of it.

        Args:
            flat: as one line, tables within it too.
        """
        pieces = self.pieces
        written = "".join(
            [one if isinstance(one, str) else f"({one.inside()})" if flat else one.text() for one in pieces]
        )
        if flat:
            return " ".join(written.replace(_INDENT, " ").split())
        written = "\n".join([line.rstrip(f" \t\r{_INDENT}") for line in written.split("\n")])
        return re.sub(r"\n{3,}", "\n\n", written).strip("\n ").replace(_INDENT, " ")
