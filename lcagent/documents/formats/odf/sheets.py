"""The sheets of an OpenDocument file: rows and cells, those that are repeated as often as they are."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from lcagent.documents.formats.odf.reading import Reading, repeated, table_rows
from lcagent.documents.formats.package import local, value

_MOST_REPEATED = 1000
"""Cells of a row that a sheet repeats; a row of a thousand equal cells is a fill to its edge."""
_MOST_ROWS = 20_000
"""Equal rows that a sheet repeats."""


def rows(table: Element, reading: Reading) -> Iterator[list[str]]:
    """The rows of a sheet.

    Args:
        table: the sheet.
        reading: of its file.
    """
    for one in table:
        if local(one) == "shapes":
            for shape in one:
                reading.leave_out_drawing(shape)
    for row, _ in table_rows(table):
        cells: list[str] = []
        blank = 0
        for one in row:
            if local(one) not in {"table-cell", "covered-table-cell"}:
                continue
            times = min(repeated(one, "number-columns-repeated"), _MOST_REPEATED)
            if text := _cell(one, reading):
                cells += [""] * blank + [text] * times
                blank = 0
            else:
                blank += times
        for _ in range(min(repeated(row, "number-rows-repeated"), _MOST_ROWS)):
            yield cells


def _cell(element: Element, reading: Reading) -> str:
    """What a cell shows, or its value where the file does not say how it is shown."""
    if not len(element):
        return (
            value(element, "string-value") or value(element, "value") if value(element, "value-type") else ""
        )
    texts: list[str] = []
    for one in element:
        kind = local(one)
        if kind == "p":
            texts.append(" ".join(reading.words(one).split()))
        elif kind == "annotation":
            reading.left_out["note of a cell"] += 1
        else:
            reading.leave_out_drawing(one)
    return " ".join(filter(None, texts))
