"""A story of an RTF file: its body, a note, a header, a box. Paragraphs, and tables within tables."""

from __future__ import annotations

from dataclasses import dataclass, field

from lcagent.documents.formats.flow import Flow
from lcagent.documents.formats.raised import lowered, raised, unmarked
from lcagent.documents.formats.rows import Cell

_DEEPEST = 30
"""Tables within tables."""
_MARKED = {"up": raised, "down": lowered, "struck": "~~{}~~".format}


@dataclass(slots=True)
class Look:
    """What a cell's definition says: it goes on from the cell on its left, or above."""

    beside: bool = False
    above: bool = False


@dataclass(slots=True)
class _Level:
    """A table that is being read, or at the bottom the story itself."""

    flow: Flow = field(default_factory=Flow)
    """Of the cell that is being read."""
    cells: list[Flow] = field(default_factory=list[Flow])
    rows: list[tuple[list[Flow], list[Look], bool]] = field(
        default_factory=list[tuple[list[Flow], list[Look], bool]]
    )


class Story:
    """Text that grows."""

    def __init__(self) -> None:
        self.looks: list[Look] = []
        """Of the cells of the row that is defined."""
        self.heads = False
        """That row is repeated on each page."""
        self.in_row = False
        """A row is defined and has not ended."""
        self.listed = False
        """The paragraph has a list's mark."""
        self.behind: list[str] = []
        """Notes, comments and boxes of the paragraph."""
        self._levels = [_Level()]
        self._line: list[tuple[str, str]] = []

    @property
    def is_empty(self) -> bool:
        """Nothing stands in the paragraph that is being read."""
        return not self._line

    def put(self, text: str, kind: str = "") -> None:
        """Characters of the paragraph.

        Args:
            text: of them.
            kind: up, down, struck, note (a mark of one), or "".
        """
        if self._line and self._line[-1][1] == kind != "note":
            text = self._line.pop()[0] + text
        self._line.append((text, kind))

    def end_paragraph(self, depth: int) -> None:
        """The paragraph is whole.

        Args:
            depth: tables that it stands in.
        """
        self._to(depth)
        flow = self._levels[-1].flow
        flow.add(self._written(), tight=self.listed)
        for text in self.behind:
            flow.add(text)
        self.behind = []
        self.listed = False

    def end_cell(self, depth: int) -> None:
        """A cell is whole, of a table at some depth."""
        self.end_paragraph(max(depth, 1))
        level = self._levels[-1]
        level.cells.append(level.flow)
        level.flow = Flow()

    def end_row(self, depth: int) -> None:
        """A row is whole."""
        self._to(max(depth, 1))
        level = self._levels[-1]
        if level.cells:
            level.rows.append((level.cells, self.looks, self.heads))
            level.cells = []
        self.in_row = False

    def whole(self) -> Flow:
        """All of it."""
        self.end_paragraph(0)
        return self._levels[0].flow

    def _written(self) -> str:
        pieces: list[str] = []
        for characters, kind in self._line:
            text = unmarked(_whole(characters))
            if kind == "note":
                pieces.append(raised(text, note=True))
            else:
                pieces.append(_MARKED[kind](text) if kind and text.strip() else text)
        self._line = []
        lines = "".join(pieces).split("\n")
        return "\n".join(line.strip(" \t") for line in lines).strip("\n")

    def _to(self, depth: int) -> None:
        """Begin or end tables until there are so many within each other."""
        depth = min(depth, _DEEPEST)
        while len(self._levels) <= depth:
            self._levels.append(_Level())
        while len(self._levels) > depth + 1:
            level = self._levels.pop()
            if level.cells:  # a row without its end
                level.rows.append((level.cells, [], False))
            _add_table(level.rows, self._levels[-1].flow)
            for part in level.flow.parts:
                self._levels[-1].flow.add(part)


def _whole(text: str) -> str:
    """Characters beyond U+FFFF are written as two; one without the other is none."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _add_table(table: list[tuple[list[Flow], list[Look], bool]], flow: Flow) -> None:
    rows: list[tuple[list[Cell], bool]] = []
    for cells, looks, heads in table:
        known = looks if len(looks) == len(cells) else [Look()] * len(cells)
        pairs = zip(cells, known, strict=True)
        rows.append(
            ([Cell("" if look.beside else cell.flat(), goes_on=look.above) for cell, look in pairs], heads)
        )
    flow.add_table(rows, [cell for cells, _, _ in table for cell in cells])
