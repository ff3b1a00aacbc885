"""Paragraphs and tables one after the other: a document's body, a cell of a table, a note."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from lcagent.documents.formats.rows import Cell, Rows

MOST_INSIDE = 400
"""Characters of a table within a cell; with a larger one the outer table only lays out the page."""


@dataclass(slots=True)
class Flow:
    """Texts with a blank line between them, but for items of a list, which follow each other."""

    parts: list[str | Rows] = field(default_factory=list[str | Rows])
    _tight: list[bool] = field(default_factory=list[bool])

    def add(self, part: str | Rows, *, tight: bool = False) -> None:
        """One more part.

        Args:
            part: a paragraph or a table; one that is empty is left out.
            tight: it is an item of a list.
        """
        if isinstance(part, Rows) or part.strip():
            self.parts.append(part)
            self._tight.append(tight)

    def add_table(self, rows: Sequence[tuple[list[Cell], bool]], cells: Sequence[Flow]) -> None:
        """A table, or what stands in its cells where it only lays out a page.

        Args:
            rows: of it, each with whether it is part of the header.
            cells: what stands in each cell, in order.
        """
        if all(len(row) <= 1 for row, _ in rows) or any(one.lays_out for one in cells):
            for part in (part for cell in cells for part in cell.parts):
                self.add(part)
            return
        table = Rows()
        for row, heads in rows:
            table.add(row, heads=heads)
        if any(map(any, table.lines)):
            self.add(table)

    def text(self) -> str:
        """All of it."""
        pieces: list[str] = []
        before = False
        for part, tight in zip(self.parts, self._tight, strict=True):
            if pieces:
                pieces.append("\n" if tight and before else "\n\n")
            pieces.append(part.strip("\n ") if isinstance(part, str) else part.text())
            before = tight
        return "".join(pieces)

    def flat(self) -> str:
        """All of it on one line."""
        written = [part if isinstance(part, str) else f"({part.inside()})" for part in self.parts]
        return " ".join(" ".join(written).split())

    @property
    def lays_out(self) -> bool:
        """Whether it holds more than a cell of a table of data does."""
        return any(len(part.inside()) > MOST_INSIDE for part in self.parts if isinstance(part, Rows))


def events_of(root: Element) -> Iterator[tuple[str, Element]]:
    """The elements within one as they begin and end, as a parser would tell them."""
    stack = [iter(root)]
    opened: list[Element] = []
    while stack:
        element = next(stack[-1], None)
        if element is None:
            stack.pop()
            if opened:
                yield "end", opened.pop()
            continue
        yield "start", element
        opened.append(element)
        stack.append(iter(element))
