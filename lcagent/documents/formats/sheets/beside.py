"""What stands on a sheet and is in no cell: comments, charts, boxes with text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from lcagent.documents.formats.drawings import alternative, chart_text, chart_titles, diagram_text
from lcagent.documents.formats.package import Package, Relation, child, local, value
from lcagent.documents.formats.shapes import drawn, paragraphs, properties
from lcagent.documents.formats.sheets.cells import Sheet, place
from lcagent.documents.formats.sheets.workbook import Workbook, text_of

_CODES = re.compile(r'&"[^"]*"|&\[[^\]]*\]|&K[0-9A-F]{6}|&\d+|&.')
_ANCHORS = frozenset({"twoCellAnchor", "oneCellAnchor", "absoluteAnchor"})


def add_comments(workbook: Workbook, part: str, sheet: Sheet) -> None:
    """Write comments behind the cells that they are on: `4,020 [Comment by Ann: check]`.

    Args:
        workbook: whose sheet it is.
        part: where the file keeps the sheet.
        sheet: its cells.
    """
    package = workbook.package
    plain: list[tuple[str, str, str]] = []
    threads: list[tuple[str, str, str]] = []
    for relation in package.relations(part).values():
        if relation.kind == "comments":
            plain += _comments(package.tree(relation.target))
        elif relation.kind == "threadedComment":
            threads += _threads(package.tree(relation.target), _persons(workbook))
    threaded = {reference for reference, _, _ in threads}  # of these the plain ones say how to read them
    for reference, author, text in [*threads, *(one for one in plain if one[0] not in threaded)]:
        at = place(reference)
        said = text.removeprefix(f"{author}:").strip() if author else text
        if at is not None and said:
            sheet.comment(*at, f"[Comment{f' by {author}' if author else ''}: {said}]")


def _comments(root: Element) -> Iterator[tuple[str, str, str]]:
    authors = [" ".join((one.text or "").split()) for one in child(root, "authors") or ()]
    for one in child(root, "commentList") or ():
        at, text = value(one, "authorId"), child(one, "text")
        author = authors[int(at)] if at.isdecimal() and int(at) < len(authors) else ""
        if text is not None:
            yield value(one, "ref"), author, text_of(text)


def _persons(workbook: Workbook) -> dict[str, str]:
    found: dict[str, str] = {}
    for relation in workbook.relations.values():
        if relation.kind == "person":
            found |= {
                value(one, "id"): value(one, "displayName") for one in workbook.package.tree(relation.target)
            }
    return found


def _threads(root: Element, persons: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    for one in root:
        if local(one) == "threadedComment" and (text := child(one, "text")) is not None:
            yield (
                value(one, "ref"),
                persons.get(value(one, "personId"), ""),
                " ".join((text.text or "").split()),
            )


def add_drawings(package: Package, part: str, sheet: Sheet) -> None:
    """Write the texts of boxes and diagrams, and charts' titles, into the rows that these begin in.

    Args:
        package: the file.
        part: where it keeps the sheet.
        sheet: its cells.
    """
    for drawing in _drawings(package, part):
        relations = package.relations(drawing)
        for anchor in package.tree(drawing):
            if local(anchor) in _ANCHORS:
                row = _row(anchor)
                for one in drawn(anchor, sheet.left_out):
                    if text := _text(one, package, relations):
                        sheet.draw(row, f"[{text}]")


def _text(one: Element, package: Package, relations: dict[str, Relation]) -> str:
    name = local(one)
    if name == "txBody":
        return " ".join(paragraphs(one))
    if name == "pic":
        alt = alternative(properties(one))
        return f"picture: {alt}" if alt else ""
    relation = relations.get(value(one, "dm" if name == "relIds" else "id"))
    if relation is None:
        return ""
    root = package.tree(relation.target)
    told = diagram_text(root).split("\n") if name == "relIds" else chart_titles(root)
    what = "diagram" if name == "relIds" else "chart"
    return f"{what}: {', '.join(told)}" if any(told) else ""


def _row(anchor: Element) -> int:
    """The row that something drawn begins in, from 1."""
    row = child(child(anchor, "from"), "row")
    text = (row.text or "").strip() if row is not None else ""
    return int(text) + 1 if text.isdecimal() else 1


def _drawings(package: Package, part: str) -> list[str]:
    relations = package.relations(part).values()
    return [one.target for one in relations if one.kind == "drawing" and not one.external]


def chart_sheet(package: Package, part: str) -> str:
    """The text of a sheet that is a chart.

    Args:
        package: the file.
        part: where it keeps the sheet.
    """
    charts = (
        chart_text(package.tree(one.target))
        for drawing in _drawings(package, part)
        for one in package.relations(drawing).values()
        if one.kind in {"chart", "chartEx"}
    )
    return "\n".join(filter(None, charts))


def count_page_texts(sheet: Sheet) -> None:
    """Count the headers and footers of printed pages that hold words, as left out.

    Args:
        sheet: its cells and what stands behind them.
    """
    for one in sheet.behind.get("headerFooter", ()):
        if re.search(r"[^\W\d_]{2}", _CODES.sub("", one.text or "")):
            kind = "header" if local(one).endswith("Header") else "footer"
            sheet.left_out[f"{kind} of printed pages"] += 1
