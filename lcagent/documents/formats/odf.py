"""ODT, ODS and ODP: OASIS OpenDocument 1.3, part 3. The text as a reader sees it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError, fromstring

from lcagent.documents.formats.body import Body, paged
from lcagent.documents.formats.members import Archived, opened
from lcagent.documents.formats.package import child, local, value
from lcagent.documents.formats.raised import lowered, raised, settle, unmarked
from lcagent.documents.formats.rows import Cell, Rows
from lcagent.documents.formats.sheets import lined
from lcagent.documents.health import Health, counted
from lcagent.errors import DocumentDamaged, DocumentEncrypted

_MOST_REPEATED = 1000
"""Cells of a row that a sheet repeats; a row of a thousand equal cells is a fill to its edge."""
_MOST_ROWS = 20_000
"""Equal rows that a sheet repeats."""


def parse_odf(data: Archived, kind: str, name: str) -> Body:
    """Read an OpenDocument file.

    Args:
        data: its bytes, or where it lies.
        kind: odt, ods or odp.
        name: as shown to people.

    Raises:
        DocumentEncrypted: it is protected by a password.
        DocumentDamaged: its content cannot be read.
    """
    with opened(data) as archive:
        if "META-INF/manifest.xml" in archive.namelist() and b"encryption-data" in archive.read(
            "META-INF/manifest.xml"
        ):
            raise DocumentEncrypted(f"{name} is encrypted", hint="save it without a password, then ask again")
        content = archive.read("content.xml")
        objects = sum(one.endswith("/content.xml") for one in archive.namelist())
    if b"<!ENTITY" in content:
        raise DocumentDamaged(f"{name} declares entities, which no office program writes")
    try:
        root = fromstring(content)  # noqa: S314 - it declares no entities
    except ParseError as error:
        raise DocumentDamaged(f"{name} is damaged: its content is no XML") from error
    reading = _Reading(root)
    if objects:
        reading.left_out["embedded object"] = objects
    main = next(
        (
            one
            for one in root.iter()
            if local(one) in {"text", "spreadsheet", "presentation"} and "office" in one.tag
        ),
        root,
    )
    if kind == "ods":
        labels = [value(one, "name") for one in main if local(one) == "table"]
        texts = [lined(reading.rows(one)) for one in main if local(one) == "table"]
        text, pages = paged(texts, labels, between="\n")
        return Body(text, pages, "sheet", reading.health())
    if kind == "odp":
        slides = [one for one in main if local(one) == "page"]
        texts = ["\n".join(reading.slide(one)) + "\n" for one in slides]
        text, pages = paged(texts, between="\n")
        return Body(text, pages, "slide", reading.health())
    text = settle("\n\n".join(block for block in reading.blocks(main) if block.strip())).strip()
    return Body(text + "\n" if text else "", health=reading.health())


_BLANKS = {"s": " ", "tab": "\t", "line-break": "\n"}
_HOLDERS = frozenset(
    "section text-box table-of-content index-body frame page g custom-shape illustration-index"
    " alphabetical-index bibliography notes numbered-paragraph".split()
)
"""Elements whose paragraphs stand in the text where they stand."""


class _Reading:
    """One file's content: its styles, and what of it is left out."""

    def __init__(self, root: Element) -> None:
        self.left_out: Counter[str] = Counter()
        self._scripts: dict[str, str] = {}
        self._numbered: dict[str, str] = {}
        """Of each list style whether its first level is numbered: the format of the number."""
        self._hidden: set[str] = set()
        for style in root.iter():
            named = value(style, "name")
            if local(style) == "style":
                for one in style:
                    if position := value(one, "text-position"):
                        self._scripts[named] = position
                    if value(one, "display") == "none":
                        self._hidden.add(named)
            elif local(style) == "list-style":
                first = next((one for one in style if value(one, "level") == "1"), None)
                if first is not None and local(first) == "list-level-style-number":
                    self._numbered[named] = value(first, "num-suffix") or "."

    def health(self) -> Health:
        """What is left out, as it is told."""
        return Health(left_out=tuple(counted(kind, count) for kind, count in self.left_out.items()))

    def blocks(self, element: Element) -> Iterator[str]:
        """The paragraphs of a text, its tables and lists."""
        for one in element:
            kind = local(one)
            if kind in {"p", "h"}:
                yield self.words(one)
            elif kind == "list":
                yield "\n".join(self._items(one, 0, ""))
            elif kind == "table":
                yield self._table(one)
            elif kind == "tracked-changes":
                self.left_out["tracked change"] += sum(local(change) == "changed-region" for change in one)
            elif kind in _HOLDERS:
                if value(one, "display") == "none":
                    self.left_out["hidden section"] += 1
                else:
                    yield from self.blocks(one)

    def words(self, element: Element) -> str:
        """A paragraph's characters."""
        pieces = [unmarked(element.text or "")]
        behind: list[str] = []
        for one in element:
            pieces.append(self._inline(one, behind))
            pieces.append(unmarked(one.tail or ""))
        text = "".join(pieces)
        lines = [" ".join(line.split()) for line in text.split("\n")]
        return "\n".join([*lines, *behind]).strip()

    def _inline(self, one: Element, behind: list[str]) -> str:
        """What an element within a paragraph writes there; `behind` gets what stands apart of it."""
        kind = local(one)
        if kind in _BLANKS:
            return _BLANKS[kind]
        if kind == "note":
            cited, body = child(one, "note-citation"), child(one, "note-body")
            mark = "".join(cited.itertext()) if cited is not None else ""
            if body is not None:
                behind.append(f"[{mark}] " + " ".join(self.blocks(body)))
            return raised(mark, note=True)
        if kind == "span":
            return self._span(one, behind)
        if kind == "annotation":
            who = one.findtext(f"{{{_DC}}}creator") or ""
            said = " ".join(self.words(p) for p in one if local(p) == "p")
            behind.append(f"[Comment{' by ' + who if who else ''}] {said}")
        elif any(local(p) in {"p", "text-box"} for p in one):  # a frame that is anchored here
            behind.extend(block for block in self.blocks(one) if block)
        else:
            return self.words_inside(one, behind)
        return ""

    def _span(self, one: Element, behind: list[str]) -> str:
        style = value(one, "style-name")
        if style in self._hidden:
            self.left_out["passage of hidden text"] += 1
            return ""
        inner, position = self.words_inside(one, behind), self._scripts.get(style, "0")
        if position.startswith("0") or not inner.strip():
            return inner
        return lowered(inner) if position.startswith(("sub", "-")) else raised(inner)

    def words_inside(self, element: Element, behind: list[str]) -> str:
        """Characters of a part of a paragraph; what stands apart of it comes behind the paragraph."""
        pieces = [unmarked(element.text or "")]
        for one in element:
            pieces += [self._inline(one, behind), unmarked(one.tail or "")]
        return "".join(pieces)

    def _items(self, element: Element, depth: int, style: str) -> Iterator[str]:
        style = value(element, "style-name") or style
        number = 0
        for item in element:
            if local(item) not in {"list-item", "list-header"}:
                continue
            number += local(item) == "list-item"
            mark = f"{number}{self._numbered[style]}" if style in self._numbered else "-"
            first = True
            for one in item:
                if local(one) == "list":
                    yield from self._items(one, depth + 1, style)
                elif local(one) in {"p", "h"} and (text := self.words(one)):
                    yield "  " * depth + (f"{mark} " if first else "  ") + text
                    first = False

    def _table(self, element: Element) -> str:
        rows = Rows()
        for row, heads in _table_rows(element):
            cells = [
                Cell(
                    " ".join(self.blocks(one)),
                    columns=int(value(one, "number-columns-spanned") or 1),
                    rows=int(value(one, "number-rows-spanned") or 1),
                )
                for one in row
                if local(one) == "table-cell"
            ]
            rows.add(cells, heads=heads)
        return rows.text()

    def rows(self, table: Element) -> Iterator[list[str]]:
        """The rows of a sheet, those that are repeated as often as they are."""
        if value(table, "print") == "hidden":
            return
        for row, _ in _table_rows(table):
            cells: list[str] = []
            for one in row:
                if local(one) in {"table-cell", "covered-table-cell"}:
                    text = " ".join(self.words(p) for p in one if local(p) == "p")
                    times = int(value(one, "number-columns-repeated") or 1)
                    cells += [text] * min(times, _MOST_REPEATED)
            for _ in range(min(int(value(row, "number-rows-repeated") or 1), _MOST_ROWS)):
                yield cells

    def slide(self, page: Element) -> list[str]:
        """The lines of a slide, its notes behind them."""
        lines: list[str] = []
        for one in page:
            if local(one) == "notes":
                said = " ".join(block for block in self.blocks(one) if block)
                lines += [f"[notes] {said}"] if said else []
            else:
                lines += [block for block in self.blocks(_only(one)) if block]
        return lines


_DC = "http://purl.org/dc/elements/1.1/"


def _only(element: Element) -> Element:
    """An element as the only child of one."""
    holder = Element("holder")
    holder.append(element)
    return holder


def _table_rows(table: Element, *, heads: bool = False) -> Iterator[tuple[Element, bool]]:
    for one in table:
        kind = local(one)
        if kind == "table-row":
            yield one, heads
        elif kind in {"table-header-rows", "table-row-group", "table-rows"}:
            yield from _table_rows(one, heads=kind == "table-header-rows")
