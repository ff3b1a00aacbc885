"""Tables as lines: one a row, cells parted by " | ", columns where they stand in the table."""

from __future__ import annotations

from dataclasses import dataclass, field

from lcagent.documents.headings import names_columns

_MOST_COLUMNS = 500
"""Columns of a row; a cell that spans more is a slip or an attack."""
_MOST_REPEATED = 200
"""Characters of a cell that are repeated in the rows that it spans."""
_MOST_HEADERS = 4
"""Rows that may make one header."""


@dataclass(slots=True)
class Cell:
    """One cell: its text, the columns and rows it spans, and whether it is a heading of its column."""

    text: str
    columns: int = 1
    rows: int = 1
    heads: bool = False
    goes_on: bool = False
    """It belongs to the cell above it (as DOCX writes a span of rows)."""


@dataclass(slots=True)
class Rows:
    """A table's rows as they are read, each cell put in the columns that it stands in."""

    lines: list[list[str]] = field(default_factory=list[list[str]])
    headers: int = 0
    """Rows at the top that are the header, by what the file says."""
    _spans: dict[int, tuple[int, str]] = field(default_factory=dict[int, tuple[int, str]])
    """Of each column that a cell further up reaches down into: rows left, and its text."""

    def add(self, cells: list[Cell], *, heads: bool = False) -> None:
        """One more row.

        Args:
            cells: of it, from the left.
            heads: the file calls it a header.
        """
        heads = heads or (
            any(cell.heads for cell in cells) and all(cell.heads or not cell.text for cell in cells)
        )
        line: list[str] = []
        for cell in cells:
            if self._spans:
                self._reach_down(line)
            if len(line) >= _MOST_COLUMNS:
                break
            if cell.columns == cell.rows == 1 and not cell.goes_on:
                line.append(" ".join(cell.text.split()))
            else:
                self._put(line, cell, heads)
        if self._spans:
            self._reach_down(line)
        if heads and self.headers == len(self.lines) and self.headers < _MOST_HEADERS:
            self.headers += 1
        self.lines.append(line)

    def _put(self, line: list[str], cell: Cell, heads: bool) -> None:
        at = len(line)
        text = " ".join(cell.text.split())
        if cell.goes_on and not text and self.lines and at < len(self.lines[-1]):
            text = self.lines[-1][at]
            text = text if len(text) <= _MOST_REPEATED else ""
        repeated = text if len(text) <= _MOST_REPEATED else ""
        for column in range(at, min(at + max(cell.columns, 1), _MOST_COLUMNS)):
            # Spanned columns stay empty, but that each column of a header has its name.
            line.append(text if column == at else repeated if heads else "")
            if cell.rows > 1:
                self._spans[column] = (cell.rows - 1, line[column])

    def _reach_down(self, line: list[str]) -> None:
        while (span := self._spans.get(len(line))) is not None:
            left, text = span
            if left > 1:
                self._spans[len(line)] = (left - 1, text)
            else:
                del self._spans[len(line)]
            line.append(text if len(text) <= _MOST_REPEATED else "")

    def text(self) -> str:
        """The table, one line a row; rows without any text are left out."""
        lines = self._with_one_header()
        written = [_joined(line) for line in lines]
        if self.headers and len(written) > 1 and "|" in written[0] and not names_columns(written[0], "|"):
            written.insert(1, " | ".join("---" for _ in lines[0]))  # so that it is known for one
        return "\n".join(written)

    def _with_one_header(self) -> list[list[str]]:
        """The rows that are not blank, those of the header as one: "Income 1901", "Income 1902"."""
        heads, rest = self.lines[: self.headers], self.lines[self.headers :]
        lines = [line for line in rest if any(line)]
        heads = [line for line in heads if any(line)]
        if not heads:
            return lines
        if not lines or len(heads) == 1:
            return [*heads, *lines]
        width = max(map(len, heads))
        columns = [
            dict.fromkeys(line[at] for line in heads if at < len(line) and line[at]) for at in range(width)
        ]
        return [[" ".join(names) for names in columns], *lines]

    def paragraphs(self) -> list[str]:
        """The texts of the cells, for a table that only lays out a page."""
        return [text for line in self.lines for text in line if text]

    def inside(self) -> str:
        """The table as it is written within the cell of another: "of it coal: 1,777; of it oil: 20"."""
        rows = [[text for text in line if text] for line in self.lines]
        mark = ": " if all(len(row) <= 2 for row in rows) else " / "
        return "; ".join(mark.join(row) for row in rows if row)


def _joined(line: list[str]) -> str:
    return " | ".join(line).strip(" ")
