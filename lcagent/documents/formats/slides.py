"""PPTX: a slide is a page; its texts, tables, charts, notes and comments, in their order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from lcagent.documents.formats.body import Body, paged
from lcagent.documents.formats.drawings import alternative, chart_text, diagram_text
from lcagent.documents.formats.members import Archived
from lcagent.documents.formats.package import Package, Relation, child, local, value
from lcagent.documents.formats.rows import Cell, Rows
from lcagent.documents.formats.shapes import drawn, paragraphs, placeholder, properties
from lcagent.documents.health import Health, counted
from lcagent.errors import DocumentDamaged

_ON = frozenset({"1", "true"})


def parse_pptx(data: Archived, name: str) -> Body:
    """Read a presentation.

    Args:
        data: its bytes, or where it lies.
        name: as shown to people.

    Raises:
        DocumentDamaged: it has no slides.
    """
    package = Package(data)
    relations = package.relations(package.document)
    order = [
        relations[key]
        for one in package.tree(package.document).iter()
        if local(one) == "sldId" and (key := _id(one)) in relations
    ]
    if not order:
        raise DocumentDamaged(f"{name} is a presentation without slides")
    reading = _Reading(package)
    texts: list[str] = []
    hidden: list[str] = []
    for number, relation in enumerate(order, 1):
        slide = package.tree(relation.target)
        if slide.get("show") in {"0", "false"}:
            hidden.append(str(number))
            texts.append("")  # it keeps its number
            continue
        lines = reading.slide(slide, relation.target)
        texts.append("\n".join(lines) + "\n" if lines else "")
    text, pages = paged(texts, between="\n")
    empty = tuple(n for n, one in enumerate(texts, 1) if not one and str(n) not in hidden)
    named = [counted(kind, count) for kind, count in (+reading.left_out).items()]
    named += [f"hidden slide{'s' * (len(hidden) > 1)} {', '.join(hidden)}"] if hidden else []
    return Body(text, pages, "slide", Health(empty=empty, left_out=tuple(named)))


def _id(element: Element) -> str:
    return next((given for key, given in element.attrib.items() if key.endswith("}id")), "")


class _Reading:
    """Reads slides, and what their layouts add to them.

    Args:
        package: the file.
    """

    def __init__(self, package: Package) -> None:
        self.left_out: Counter[str] = Counter()
        self._package = package
        self._layouts: set[str] = set()
        """Parts whose texts were read with the first slide that shows them."""
        self._authors = dict(self._names())

    def slide(self, slide: Element, part: str) -> list[str]:
        """The lines of a slide."""
        relations = self._package.relations(part)
        lines = self._layout(slide, relations)
        lines += self._lines(slide, relations)
        for one in relations.values():
            if one.kind == "notesSlide":
                notes = self._notes(self._package.tree(one.target))
                lines += [f"[notes] {notes}"] if notes else []
            elif one.kind == "comments":
                lines += self._comments(self._package.tree(one.target))
        return lines

    def _layout(self, element: Element, relations: dict[str, Relation]) -> list[str]:
        """What a layout or a master shows on each slide, which is no place to fill in."""
        if value(element, "showMasterSp") in {"0", "false"}:
            return []
        part = next((r.target for r in relations.values() if r.kind in {"slideLayout", "slideMaster"}), "")
        if not part or part in self._layouts:
            return []
        self._layouts.add(part)
        root, below = self._package.tree(part), self._package.relations(part)
        master = [] if local(root) == "sldMaster" else self._layout(root, below)
        tree = child(child(root, "cSld"), "spTree")
        shapes = [one for one in tree if placeholder(one) is None] if tree is not None else []
        lines = [line for shape in shapes for line in self._lines(shape, below)]
        return [*master, *(f"[slide layout] {line}" for line in lines)]

    def _lines(self, element: Element, relations: dict[str, Relation]) -> list[str]:
        """The texts of what stands on a slide."""
        return [
            line
            for one in drawn(element, self.left_out)
            for line in self._drawn(one, relations).split("\n")
            if line
        ]

    def _drawn(self, one: Element, relations: dict[str, Relation]) -> str:
        match local(one):
            case "txBody":
                return "\n".join(paragraphs(one))
            case "tbl":
                return _table(one)
            case "pic":
                alt = alternative(properties(one))
                return f"[picture: {alt}]" if alt else ""
            case "oleObj":
                self.left_out[f"embedded object ({value(one, 'progId') or 'of an unknown kind'})"] += 1
                return ""
            case kind:
                diagram = kind == "relIds"
                relation = relations.get(value(one, "dm" if diagram else "id"))
                root = self._package.tree(relation.target) if relation else Element("none")
                text = diagram_text(root) if diagram else chart_text(root)
                self.left_out["diagram" if diagram else "chart"] += not text
                return text

    def _notes(self, root: Element) -> str:
        shapes = [one for one in root.iter() if local(one) == "sp" and placeholder(one) == "body"]
        return " ".join(line for one in shapes for line in self._lines(one, {}))

    def _names(self) -> Iterator[tuple[str, str]]:
        """Who commented, by id."""
        for relation in self._package.relations(self._package.document).values():
            if relation.kind in {"commentAuthors", "authors"}:
                for one in self._package.tree(relation.target):
                    yield value(one, "id"), " ".join(value(one, "name").split())

    def _comments(self, root: Element) -> Iterator[str]:
        """Comments and the replies to them, old ones (`p:cm`) and new ones (`p188:cm`)."""
        for one in root.iter():
            if local(one) in {"cm", "reply"}:
                old, new = child(one, "text"), child(one, "txBody")
                text = (
                    old.text or ""
                    if old is not None
                    else " ".join(paragraphs(new))
                    if new is not None
                    else ""
                )
                author = self._authors.get(value(one, "authorId"), "")
                if text := " ".join(text.split()):
                    yield f"[Comment{f' by {author}' if author else ''}] {text}"


def _table(table: Element) -> str:
    rows = Rows()
    for at, row in enumerate(one for one in table if local(one) == "tr"):
        cells = [_cell(one) for one in row if local(one) == "tc"]
        rows.add(cells, heads=at == 0 and value(child(table, "tblPr"), "firstRow") in _ON)
    return rows.text()


def _cell(element: Element) -> Cell:
    if value(element, "hMerge") in _ON or value(element, "vMerge") in _ON:
        return Cell("", goes_on=value(element, "vMerge") in _ON)
    body = child(element, "txBody")
    return Cell(" ".join(paragraphs(body)) if body is not None else "")
