"""XLSX by `openpyxl` (extra `formats`): a sheet is a page, its row n the page's line n."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from typing import Any

from lcagent.documents.formats.body import Body, paged
from lcagent.documents.formats.members import Archived, opened
from lcagent.documents.health import Health, counted
from lcagent.errors import UnsupportedFormat

_MOST_ROWS = 1_048_576
_MOST_BLANK = 20_000
"""Rows without anything that are kept in a row, so that a row's number is its line's."""
_PERCENT = re.compile(r"(?:\.(0+))?\s*%")
_NO_VALUE = re.compile(rb"<f\b[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>")


def lined(rows: Iterable[list[str]]) -> str:
    """A sheet's text, a line for each row; what is blank at its end is left away.

    Args:
        rows: cells of each, from the first row on.
    """
    lines: list[str] = []
    blank = 0
    for cells in rows:
        line = " | ".join(cells).rstrip(" |")
        if not line:
            blank += 1
            if blank > _MOST_BLANK:
                break
            continue
        lines += [""] * blank + [line]
        blank = 0
        if len(lines) >= _MOST_ROWS:
            break
    return "\n".join(lines)


def parse_xlsx(data: Archived, name: str) -> Body:
    """Read a workbook as a person sees it: values, not formulas.

    Args:
        data: its bytes, or where it lies.
        name: as shown to people.

    Raises:
        UnsupportedFormat: `openpyxl` is not installed.
    """
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise UnsupportedFormat(
            f"{name} is an Excel file, which `openpyxl` reads", hint="pip install 'lcagent[formats]'"
        ) from error
    left_out = _parts_left_out(data)
    texts: list[str] = []
    labels: list[str] = []
    file = io.BytesIO(data) if isinstance(data, bytes) else data
    book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
    try:
        for sheet in book.worksheets:
            if sheet.sheet_state != "visible":
                left_out.append(f"hidden sheet {sheet.title}")
                continue
            sheet.reset_dimensions()  # what a file says of its size may be wrong
            texts.append(lined(_rows(sheet.iter_rows())))
            labels.append(sheet.title)
    finally:
        book.close()
    text, pages = paged(texts, labels, between="\n")
    return Body(text, pages, "sheet", Health(left_out=tuple(left_out)))


def _rows(rows: Any) -> Iterator[list[str]]:
    """Each row, those that the file leaves out between them too."""
    expected = 1
    for row in rows:
        at = next((cell.row for cell in row if getattr(cell, "row", None)), expected)
        while expected < at:
            yield []
            expected += 1
        yield [_shown(cell) for cell in row]
        expected += 1


def _shown(cell: Any) -> str:
    """A cell's value as a person sees it, but for colours and thousands."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, datetime):
        day_alone = value.time() == time()
        value = value.strftime("%Y-%m-%d" if day_alone else "%Y-%m-%d %H:%M:%S")
    elif isinstance(value, date):
        value = value.isoformat()
    elif isinstance(value, bool):
        value = str(value).upper()
    elif isinstance(value, int | float):
        percent = _PERCENT.search(str(getattr(cell, "number_format", "") or ""))
        value = f"{value * 100:.{len(percent[1] or '')}f} %" if percent else f"{value:.15g}"
    return " ".join(str(value).split())


def _parts_left_out(data: Archived) -> list[str]:
    """What a workbook holds beside its cells."""
    with opened(data) as archive:
        names = archive.namelist()
        notes = charts = formulas = 0
        for name in names:
            if re.fullmatch(r"xl/(?:comments|threadedComments/threadedComment)\d*\.xml", name):
                notes += archive.read(name).count(b"<comment ")
            elif re.fullmatch(r"xl/charts/chart\d+\.xml", name):
                charts += 1
            elif re.fullmatch(r"xl/worksheets/sheet\d+\.xml", name):
                with archive.open(name) as sheet:
                    formulas += sum(
                        len(_NO_VALUE.findall(part)) for part in iter(lambda: sheet.read(1 << 22), b"")
                    )
    kinds = {
        "note of a cell": notes,
        "chart": charts,
        "formula whose value the file does not hold": formulas,
    }
    return [counted(kind, count) for kind, count in kinds.items() if count]
