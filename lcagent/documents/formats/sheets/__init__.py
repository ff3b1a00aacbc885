"""XLSX: a sheet is a page and its row n the page's line n, read from its XML as a stream.

`openpyxl` is not used: read as a stream it tells neither hidden rows nor merged cells nor comments, shows
numbers as they are stored, and fails on files that Excel opens.
"""

from __future__ import annotations

from collections import Counter

from lcagent.documents.formats.body import Body, paged
from lcagent.documents.formats.members import Archived
from lcagent.documents.formats.package import Package, PartDamaged, value
from lcagent.documents.formats.sheets.beside import add_comments, add_drawings, chart_sheet, count_page_texts
from lcagent.documents.formats.sheets.cells import read_cells
from lcagent.documents.formats.sheets.lines import numbered
from lcagent.documents.formats.sheets.workbook import Workbook
from lcagent.documents.health import Health, counted
from lcagent.errors import DocumentDamaged

__all__ = ["parse_xlsx"]


def parse_xlsx(data: Archived, name: str) -> Body:
    """Read a workbook as a person sees it: values, not formulas, and without what is hidden.

    Args:
        data: its bytes.
        name: as shown to people.

    Raises:
        DocumentDamaged: it holds no sheet.
    """
    workbook = Workbook(Package(data))
    if not workbook.sheets:
        raise DocumentDamaged(f"{name} is a workbook without sheets")
    texts: list[str] = []
    labels: list[str] = []
    named: list[str] = []
    left_out: Counter[str] = Counter()
    for sheet in workbook.sheets:
        title = " ".join(value(sheet, "name").split())
        if value(sheet, "state") in {"hidden", "veryHidden"}:
            named.append(f"hidden sheet {title}")
            continue
        part = workbook.part(sheet)
        try:
            texts.append(_text(workbook, part.kind, part.target, title, named, left_out) if part else "")
        except PartDamaged:
            part = None
            texts.append("")
        if part is None:
            named.append(f"damaged or missing sheet {title}")
        labels.append(title)
    text, pages = paged(texts, labels, between="\n")
    listed = [counted(kind, count) for kind, count in (+left_out).items()]
    return Body(text, pages, "sheet", Health(left_out=(*named, *listed)))


def _text(
    workbook: Workbook, kind: str, part: str, title: str, named: list[str], left_out: Counter[str]
) -> str:
    """The text of one sheet.

    Raises:
        PartDamaged: it cannot be read.
    """
    if kind == "chartsheet":
        return chart_sheet(workbook.package, part)
    if kind != "worksheet":
        named.append(f"{title}, a sheet of macros or a dialog")
        return ""
    sheet = read_cells(workbook, part)
    add_comments(workbook, part, sheet)
    add_drawings(workbook.package, part, sheet)
    count_page_texts(sheet)
    left_out.update({one: count for one, count in sheet.left_out.items() if not one.startswith("hidden")})
    named += [
        f"{counted(one, sheet.left_out[one])} of sheet {title}"
        for one in ("hidden row", "hidden column", "hidden shape")
        if sheet.left_out[one]
    ]
    text, cut = numbered(sheet.lines())
    if cut:
        named.append(f"what stands below row {cut - 1:,} of sheet {title}")
    return text
