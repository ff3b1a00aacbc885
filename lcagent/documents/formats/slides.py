"""PPTX: a slide is a page; its texts, tables and notes, in their order."""

from __future__ import annotations

from collections import Counter
from xml.etree.ElementTree import Element

from lcagent.documents.formats.body import Body, paged
from lcagent.documents.formats.members import Archived
from lcagent.documents.formats.package import Package, child, local, value
from lcagent.documents.formats.rows import Cell, Rows
from lcagent.documents.health import Health, counted
from lcagent.errors import DocumentDamaged


def parse_pptx(data: Archived, name: str) -> Body:
    """Read a presentation.

    Args:
        data: its bytes, or where it lies.
        name: as shown to people.

    Raises:
        DocumentDamaged: it has no slides.
    """
    package = Package(data)
    main = next((r.target for r in package.relations("").values() if r.kind == "officeDocument"), "")
    relations = package.relations(main)
    order = [
        relations[key]
        for one in package.tree(main).iter()
        if local(one) == "sldId" and (key := _id(one)) in relations
    ]
    if not order:
        raise DocumentDamaged(f"{name} is a presentation without slides")
    texts: list[str] = []
    left_out: Counter[str] = Counter()
    hidden: list[str] = []
    for number, relation in enumerate(order, 1):
        slide = package.tree(relation.target)
        if slide.get("show") in {"0", "false"}:
            hidden.append(str(number))
            texts.append("")  # it keeps its number
            continue
        lines = _lines(slide, left_out)
        for one in package.relations(relation.target).values():
            if one.kind == "notesSlide":
                notes = _paragraphs(package.tree(one.target), only="body")
                lines += [f"[notes] {' '.join(notes)}"] if any(notes) else []
            elif one.kind in {"chart", "diagramData", "comments"}:
                left_out[
                    {"chart": "chart", "diagramData": "diagram", "comments": "set of comments"}[one.kind]
                ] += 1
        texts.append("\n".join(lines) + "\n" if lines else "")
    text, pages = paged(texts, between="\n")
    empty = tuple(n for n, one in enumerate(texts, 1) if not one and str(n) not in hidden)
    named = [counted(kind, count) for kind, count in left_out.items()]
    named += [f"hidden slide{'s' * (len(hidden) > 1)} {', '.join(hidden)}"] if hidden else []
    return Body(text, pages, "slide", Health(empty=empty, left_out=tuple(named)))


def _id(element: Element) -> str:
    return next((given for key, given in element.attrib.items() if key.endswith("}id")), "")


def _lines(element: Element, left_out: Counter[str]) -> list[str]:
    """The texts of what stands on a slide."""
    kind = local(element)
    if kind == "tbl":
        rows = Rows()
        for at, row in enumerate(one for one in element if local(one) == "tr"):
            cells = [_cell(one) for one in row if local(one) == "tc"]
            rows.add(cells, heads=at == 0 and value(child(element, "tblPr"), "firstRow") in {"1", "true"})
        return rows.text().split("\n")
    if kind == "txBody":
        return _paragraphs(element)
    if kind == "AlternateContent":
        return _lines(element[0], left_out) if len(element) else []
    if kind == "cNvPr" and value(element, "hidden") in {"1", "true"}:
        left_out["hidden shape"] += 1
    return [line for one in element for line in _lines(one, left_out)]


def _cell(element: Element) -> Cell:
    if value(element, "hMerge") in {"1", "true"} or value(element, "vMerge") in {"1", "true"}:
        return Cell("", goes_on=value(element, "vMerge") in {"1", "true"})
    return Cell(" ".join(_paragraphs(element)))


def _paragraphs(element: Element, only: str = "") -> list[str]:
    """The paragraphs within an element; `only` those of shapes of some placeholder's type."""
    if only:
        shapes = [one for one in element.iter() if local(one) == "sp"]
        chosen = [s for s in shapes if any(local(p) == "ph" and p.get("type") == only for p in s.iter())]
        return [line for shape in chosen for line in _paragraphs(shape)]
    found: list[str] = []
    for paragraph in element.iter():
        if local(paragraph) == "p":
            pieces = [
                "\n" if local(one) == "br" else (one.text or "")
                for one in paragraph.iter()
                if local(one) in {"t", "br"}
            ]
            found += [
                line for line in (" ".join(part.split()) for part in "".join(pieces).split("\n")) if line
            ]
    return found
