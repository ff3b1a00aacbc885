"""The cells of one sheet, read as a stream."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from xml.etree.ElementTree import Element, ParseError

from lcagent.documents.formats.number_formats import shown, shown_text
from lcagent.documents.formats.package import PartDamaged, local
from lcagent.documents.formats.sheets.workbook import Workbook, plain, text_of

_CELL = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_MOST_COLUMNS = 16_384
_MOST_REPEATED = 200
"""Characters of a merged cell that are repeated in the rows that it spans."""
_MOST_SPREAD = 1_000_000
"""Rows of merged cells that are looked at, all together."""
_ON = frozenset({"1", "true"})
_BEHIND = frozenset({"headerFooter", "drawing"})


@dataclass(slots=True)
class Sheet:
    """What a sheet shows.

    Args:
        rows: the texts of cells that are not blank, by row and column, both from 1.
        left_out: counts of what is not shown, or cannot be, by kind.
        behind: elements that stand behind the cells, by name.
    """

    rows: dict[int, dict[int, str]] = field(default_factory=dict[int, dict[int, str]])
    left_out: Counter[str] = field(default_factory=Counter[str])
    behind: dict[str, Element] = field(default_factory=dict[str, Element])
    drawn: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    """The texts of what is drawn over the cells, by the row that it begins in."""
    hidden_rows: set[int] = field(default_factory=set[int])
    hidden_columns: set[int] = field(default_factory=set[int])

    def comment(self, row: int, column: int, text: str) -> None:
        """Write a comment behind a cell's text, unless the cell is hidden."""
        if row not in self.hidden_rows and column not in self.hidden_columns:
            cells = self.rows.setdefault(row, {})
            cells[column] = f"{cells[column]} {text}" if cells.get(column) else text

    def draw(self, row: int, text: str) -> None:
        """Write the text of what begins in a row behind the cells of the row, unless that is hidden."""
        if row not in self.hidden_rows:
            self.drawn.setdefault(row, []).append(text)

    def lines(self) -> dict[int, str]:
        """The rows as lines, cells parted by " | ", of several blank columns side by side one."""
        used = sorted({column for cells in self.rows.values() for column in cells})
        columns: list[int] = []
        for column in used:
            between = range(columns[-1] + 1, column) if columns else ()
            if any(one not in self.hidden_columns for one in between):
                columns.append(column - 1)
            columns.append(column)
        lines = {
            row: " | ".join(cells.get(column, "") for column in columns).rstrip(" |")
            for row, cells in self.rows.items()
        }
        for row, texts in self.drawn.items():
            lines[row] = " | ".join(filter(None, [lines.get(row, ""), *texts]))
        return lines


def read_cells(workbook: Workbook, part: str) -> Sheet:
    """The cells of a sheet.

    Args:
        workbook: whose sheet it is.
        part: where the file keeps it.

    Raises:
        PartDamaged: it cannot be read; what stands before the damage is lost too.
    """
    reading = _Reading(workbook)
    try:
        for event, element in workbook.package.events(part):
            reading.take(event, element)
    except ParseError as error:
        raise PartDamaged(part) from error
    reading.end()
    return reading.sheet


class _Reading:
    """Takes the elements of a sheet as they begin and end.

    Args:
        workbook: whose sheet it is.
    """

    def __init__(self, workbook: Workbook) -> None:
        self.sheet = Sheet()
        self._workbook = workbook
        self._row = self._column = 0
        self._merged: list[tuple[int, int, int]] = []
        self._data: Element | None = None
        self._rows_hidden = False
        self._columns_left = _MOST_COLUMNS
        """A file names each column once."""
        self._names: dict[str, str] = {}
        self._ends: dict[str, Callable[[Element], None]] = {
            "sheetFormatPr": self._format,
            "col": self._columns,
            "mergeCell": self._merge,
        }

    def take(self, event: str, element: Element) -> None:
        """An element begins or ends."""
        name = self._names.get(element.tag) or self._names.setdefault(element.tag, local(element))
        if event == "end" and name == "c":
            self._cell(element)
        elif name == "row":
            (self._begin_row if event == "start" else self._end_row)(element)
        elif event == "start":
            self._data = element if name == "sheetData" else self._data
        elif (take := self._ends.get(name)) is not None:
            take(element)
        elif name in _BEHIND:
            self.sheet.behind[name] = element

    def _begin_row(self, row: Element) -> None:
        given, hidden = row.get("r", ""), row.get("hidden", "")
        self._row = int(given) if given.isdecimal() else self._row + 1
        self._column = 0
        if hidden in _ON or (self._rows_hidden and not hidden):
            self.sheet.hidden_rows.add(self._row)

    def _end_row(self, row: Element) -> None:
        row.clear()
        if self._data is not None:
            self._data.clear()

    def _format(self, element: Element) -> None:
        self._rows_hidden = element.get("zeroHeight") in _ON

    def _columns(self, element: Element) -> None:
        first, last = element.get("min", ""), element.get("max", "")
        if element.get("hidden") in _ON and first.isdecimal() and last.isdecimal():
            hidden = range(int(first), min(int(last), _MOST_COLUMNS) + 1)
            self._columns_left -= len(hidden)
            if self._columns_left >= 0:
                self.sheet.hidden_columns.update(hidden)

    def _merge(self, element: Element) -> None:
        first, last = map(place, f"{element.get('ref', '')}:".split(":")[:2])
        if first and last and last[0] > first[0]:
            self._merged.append((*first, last[0]))

    def _cell(self, cell: Element) -> None:
        at = place(cell.get("r", ""))
        row, column = at or (self._row, self._column + 1)
        self._column = column
        if text := self._text(cell):
            self.sheet.rows.setdefault(row, {})[column] = text

    def _text(self, cell: Element) -> str:
        """A cell's value as a person sees it."""
        written = formula = inline = None
        for one in cell:
            match local(one):
                case "v":
                    written = one.text or ""
                case "f":
                    formula = one
                case "is":
                    inline = one
                case _:
                    pass
        kind = cell.get("t", "n")
        if inline is not None:
            return text_of(inline)
        if not written:
            self.sheet.left_out["formula whose value the file does not hold"] += (
                formula is not None and kind != "str"
            )
            return ""
        text = self._shown(written, kind, self._workbook.format(cell.get("s", "")))
        if not text and written.strip() != "0" and self._shown(written, kind, ""):
            self.sheet.left_out["value whose format shows nothing"] += 1
        return " ".join(text.split())

    def _shown(self, written: str, kind: str, code: str) -> str:
        if kind == "s":
            texts, at = self._workbook.texts, int(written) if written.strip().isdecimal() else -1
            return shown_text(texts[at], code) if 0 <= at < len(texts) else ""
        if kind == "n":
            try:
                return shown(float(written), code, since_1904=self._workbook.since_1904)
            except ValueError:
                return plain(written)
        if kind == "d":
            with suppress(ValueError):
                day = datetime.fromisoformat(written)
                return day.strftime("%Y-%m-%d %H:%M:%S").removesuffix(" 00:00:00")
        elif kind == "b":
            return {"1": "TRUE", "0": "FALSE"}.get(written.strip(), written.upper())
        return shown_text(plain(written), code)

    def end(self) -> None:
        """All cells are there: repeat merged ones, and leave out what is hidden."""
        sheet = self.sheet
        self._spread()
        for row in sheet.hidden_rows & sheet.rows.keys():
            del sheet.rows[row]
            sheet.left_out["hidden row"] += 1
        used: set[int] = set()
        for cells in sheet.rows.values() if sheet.hidden_columns else ():
            for column in sheet.hidden_columns & cells.keys():
                del cells[column]
                used.add(column)
        sheet.left_out["hidden column"] += len(used)

    def _spread(self) -> None:
        """Repeat a merged cell's text in each row that it spans and that holds something else."""
        rows, budget = self.sheet.rows, _MOST_SPREAD
        for top, left, bottom in self._merged:
            text = rows.get(top, {}).get(left, "")
            if not text or len(text) > _MOST_REPEATED:
                continue
            spanned = range(top + 1, bottom + 1) if bottom - top < len(rows) else list(rows)
            budget -= len(spanned)
            if budget < 0:
                return
            for row in spanned:
                if top < row <= bottom and row in rows:
                    rows[row].setdefault(left, text)


def place(reference: str) -> tuple[int, int] | None:
    """Row and column of a cell, both from 1; None of what names none.

    Args:
        reference: as AB12.
    """
    match = _CELL.fullmatch(reference.replace("$", ""))
    if match is None:
        return None
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - 64
    return int(match[2]), column
