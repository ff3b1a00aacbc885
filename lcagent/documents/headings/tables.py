"""Tables in plain text, and the header rows above what stands in their columns."""

from __future__ import annotations

import re
from array import array

from lcagent.documents.headings.lines import Line, letters, too_many

MOST_HEADER_CHARS = 200
"""Most characters of a table's header row that are shown."""
_YEAR = re.compile(r"(?:1[89]|20)\d\d(?:[/-]\d{2,4})?")
_VALUE = re.compile(r"[-+(]?[$€£]?\s?\d[\d.,:/ -]*\s?[%$€£)]?")
_DELIMITER = re.compile(r"\|?\s*:?-{1,}:?\s*(?:\|\s*:?-{1,}:?\s*)*\|?")


class Table:
    """A run of lines with the same delimiter, whose first line may be a header.

    Args:
        tables: where headers are added, as start, end, and the end of the table's last row.
    """

    def __init__(self, tables: tuple[array[int], array[int], array[int]]) -> None:
        self._tables = tables
        self._mark = ""
        self._count = self._rows = self._until = 0
        self._head: Line | None = None
        self._ruled = False

    def take(self, line: Line, after: Line | None) -> bool:
        """Read one more line; whether it is one of a table's."""
        if self._head is not None and not line.apart and self._goes_on(line.text):
            self._rows += 1
            self._until = line.end
            self._ruled = self._ruled or (self._rows == 2 and bool(_DELIMITER.fullmatch(line.text)))
            return True
        self.close()
        self._mark = _mark(line.text)
        if not self._mark:
            return False
        self._head, self._rows, self._until = line, 1, line.end
        self._count, self._ruled = line.text.count(self._mark), False
        return after is not None and not after.apart and self._goes_on(after.text)

    def _goes_on(self, text: str) -> bool:
        count = text.count(self._mark)
        if self._mark in ",;" and self._rows < 3:
            return count == self._count
        return count >= (self._count if self._mark in ",;" else 1)

    def close(self) -> None:
        """The table ends: its header is kept if it has one."""
        head, self._head = self._head, None
        least = 2 if self._mark == "|" else 3
        if head is None or self._rows < least or not (self._ruled or names_columns(head.text, self._mark)):
            return
        length = len(head.text)
        if length > MOST_HEADER_CHARS:
            length = head.text.rfind(self._mark, 0, MOST_HEADER_CHARS) + 1 or MOST_HEADER_CHARS
        starts, ends, untils = self._tables
        if not too_many(len(starts), head.start):
            starts.append(head.start)
            ends.append(head.start + length)
            untils.append(self._until)


def names_columns(text: str, mark: str) -> bool:
    """Whether a line reads as the header row of a table: words, and no values.

    Args:
        text: the line.
        mark: what parts its cells.
    """
    cells = [cell.strip().strip('"') for cell in text.strip("|").split(mark)]
    named = [cell for cell in cells if letters(cell)]
    values = [cell for cell in cells if _VALUE.fullmatch(cell) and not _YEAR.fullmatch(cell)]
    if mark == "," and re.search(r"\d,\d", text):
        return False  # commas within numbers
    labels = [cell for cell in cells if cell.endswith((":", ".", "!", "?"))]
    return bool(named) and not values and not labels and all(len(cell) <= 60 for cell in cells)


def _mark(text: str) -> str:
    """What parts a line into cells; "" if nothing does."""
    if "|" in text:
        return "|"
    if "\t" in text:
        return "\t"
    if text[-1] not in ".!?":
        for mark in ";,":
            if text.count(mark) >= 2 and f"{mark} " not in text:
                return mark
    return ""
