"""A table of a page: its cells as they are read, and what it is written as once all of it is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lcagent.documents.formats.html import controls
from lcagent.documents.formats.html.lines import Lines
from lcagent.documents.formats.html.unseen import Unseen
from lcagent.documents.formats.rows import Cell, Rows

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_MOST_INSIDE = 400
"""Characters of a table within a cell; with a larger one the outer table only lays out the page."""
_LARGEST_CELL = 10_000


@dataclass(slots=True)
class Table:
    """A table that is being read, its cells kept as they are until its end tells what it is for."""

    rows: list[list[Cell]] = field(default_factory=list[list[Cell]])
    lays_out: bool = False
    """It only puts parts of a page beside each other."""
    in_head: bool = False
    _nested: dict[int, Lines] = field(default_factory=dict[int, Lines])
    """What stands in the cells that hold tables, by the cell's `id`."""

    def add(self, node: LexborNode, tag: str, unseen: Unseen) -> Cell:
        """One more cell of the last row, its text not yet known.

        Args:
            node: the cell.
            tag: its name.
            unseen: which cells span columns or rows.
        """
        cell = Cell("", heads=self.in_head or tag == "th")
        if unseen.spanning and node.mem_id in unseen.spanning:
            cell.columns, cell.rows = controls.spans(node)
        self.rows[-1].append(cell)
        return cell

    def add_plain(self, node: LexborNode, unseen: Unseen) -> bool:
        """Whether what stands in a row is a cell of text alone, or nothing, and is now added.

        Args:
            node: a child of the row.
            unseen: as for `add`; what is hidden or set apart is no plain cell.
        """
        tag = node.tag or ""
        if tag == "-text":
            return not (node.text_content or "").strip()
        if tag not in {"td", "th"} or (unseen.marked and unseen.marks(node)):
            return False
        first = node.first_child
        if first is None:
            self.add(node, tag, unseen)
            return True
        if first.next is not None or (text := first.text_content) is None or first.tag != "-text":
            return False
        self.add(node, tag, unseen).text = text.strip()
        return True

    def fill(self, cell: Cell, lines: Lines) -> None:
        """Put what was read within a cell in it."""
        if lines.holds_tables:
            self._nested[id(cell)] = lines
        else:
            cell.text = lines.text()

    def write(self, lines: Lines) -> None:
        """Write it as rows, or as what stands in its cells where it only lays out the page."""
        self.lays_out = self.lays_out or self._only_lays_out()
        if self.lays_out:
            for cell in (cell for row in self.rows for cell in row):
                inner = self._nested.get(id(cell))
                if written := inner.text() if inner else cell.text:
                    lines.gap(2 if "\n" in written else 1)
                    lines.exactly(written)
            return
        rows = Rows()
        for row in self.rows:
            for cell in row if self._nested else ():
                if (inner := self._nested.get(id(cell))) is not None:
                    cell.text = inner.text(flat=True)
            if row:
                rows.add(row)
        if any(map(any, rows.lines)):
            lines.exactly(rows)

    def _only_lays_out(self) -> bool:
        if all(len(row) <= 1 for row in self.rows):
            return True
        if any(len(cell.text) > _LARGEST_CELL for row in self.rows for cell in row):
            return True
        return any(
            lines.length > _LARGEST_CELL or lines.largest_table > _MOST_INSIDE
            for lines in self._nested.values()
        )
