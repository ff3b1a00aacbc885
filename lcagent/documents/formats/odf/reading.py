"""The paragraphs, lists, tables and drawings of an OpenDocument file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element

from lcagent.documents.formats.flow import Flow
from lcagent.documents.formats.maths import of_mathml_tree
from lcagent.documents.formats.odf.styles import Level, Styles, numbered
from lcagent.documents.formats.package import child, local, value
from lcagent.documents.formats.raised import lowered, raised, unmarked
from lcagent.documents.formats.rows import Cell
from lcagent.documents.health import Health, counted

_BLANKS = {"s": " ", "tab": "\t", "line-break": "\n"}
_HOLDERS = frozenset(
    "section text-box table-of-content index-body index-title frame page g custom-shape illustration-index"
    " table-index object-index user-index alphabetical-index bibliography notes numbered-paragraph a"
    " rect circle ellipse line polyline polygon regular-polygon path connector caption measure".split()
)
"""Elements whose paragraphs stand in the text where they stand."""
_DRAWN = frozenset(
    "frame g custom-shape rect circle ellipse line polyline polygon regular-polygon path connector"
    " caption".split()
)
_FIELDS = frozenset("text textarea formatted-text number date time checkbox radio listbox combobox".split())
_MOST_DEEP = 60
"""Drawings and sections within each other."""
_DC = "http://purl.org/dc/elements/1.1/"


class Reading:
    """Reads one file, and counts what of it is left out.

    Args:
        styles: its styles.
        objects: the documents within it, by their folders.
    """

    def __init__(self, styles: Styles, objects: Mapping[str, Element]) -> None:
        self.styles = styles
        self.left_out: Counter[str] = Counter()
        """Of each kind, named in the singular; 0 where it is named in full."""
        self._objects = objects
        self._headings: list[int] = []
        self._counts: dict[str, int] = {}
        """Items of the first level of the list of each style that was read last."""
        self._within = 0

    def health(self) -> Health:
        """What is left out, as it is told."""
        found = (counted(kind, count) if count > 0 else kind for kind, count in self.left_out.items())
        return Health(left_out=tuple(found))

    def flow(self, element: Element) -> Flow:
        """The paragraphs of a text, its tables and lists."""
        flow = Flow()
        self._fill(flow, element)
        return flow

    def slide(self, page: Element) -> list[str]:
        """The lines of a slide, its notes behind them."""
        flow, notes = Flow(), list[str]()
        for one in page:
            if local(one) == "notes":
                said = self.flow(one).flat()
                notes += [f"[notes] {said}"] if said else []
            else:
                self._put(flow, one)
        parts = [part if isinstance(part, str) else part.text() for part in flow.parts]
        return [line for part in parts for line in part.split("\n") if line] + notes

    def _fill(self, flow: Flow, element: Element) -> None:
        self._within += 1
        for one in element if self._within < _MOST_DEEP else ():
            self._put(flow, one)
        self._within -= 1

    def _put(self, flow: Flow, one: Element) -> None:
        kind = local(one)
        if kind in {"p", "h"}:
            flow.add(self._heading(one) if kind == "h" else self.words(one))
        elif kind == "list":
            flow.add("\n".join(self._items(one, [], "")))
        elif kind == "table":
            self._table(flow, one)
        elif kind == "tracked-changes":
            changes = [change for region in one for change in region]
            if deleted := sum(local(change) == "deletion" for change in changes):
                self.left_out["tracked deletion"] += deleted
        elif kind == "annotation":
            flow.add(self._comment(one))
        elif kind == "forms":
            if fields := sum(local(field) in _FIELDS for field in one.iter()):
                self.left_out["field of a form"] += fields
        elif kind == "frame":
            self._frame(flow, one)
        elif kind == "section" and value(one, "display") == "none":
            self.left_out["hidden section"] += 1
        elif kind in _HOLDERS:
            self._fill(flow, one)

    # Paragraphs.

    def words(self, element: Element) -> str:
        """A paragraph's characters, with what stands apart of it behind."""
        if self.styles.hides(value(element, "style-name")):
            self.left_out["passage of hidden text"] += 1
            return ""
        behind = Flow()
        text = self._inside(element, behind)
        lines = [" ".join(line.split()) for line in text.split("\n")]
        return "\n\n".join(filter(None, ["\n".join(lines).strip(), behind.text()]))

    def _heading(self, element: Element) -> str:
        text = self.words(element)
        depth = int(value(element, "outline-level") or 1) if value(element, "outline-level").isdigit() else 1
        levels = self.styles.outline[:depth]
        if not text or not levels or value(element, "is-list-header") == "true":
            return text
        counts = self._headings[:depth]
        counts += [level.start - 1 for level in levels[len(counts) :]]
        counts[-1] += 1
        self._headings = counts
        return f"{numbered(levels, counts)} {text}".strip()

    def _inside(self, element: Element, behind: Flow) -> str:
        pieces = [unmarked(element.text or "")]
        for one in element:
            pieces += [self._inline(one, behind), unmarked(one.tail or "")]
        return "".join(pieces)

    def _inline(self, one: Element, behind: Flow) -> str:
        """What an element within a paragraph writes there; `behind` gets what stands apart of it."""
        kind = local(one)
        if kind in _BLANKS:
            times = value(one, "c")
            return _BLANKS[kind] * (min(int(times), 80) if times.isdigit() else 1)
        if kind in {"note", "span", "ruby"}:
            return {"note": self._note, "span": self._span, "ruby": self._ruby}[kind](one, behind)
        if kind == "frame" and (formula := self._formula(one)):
            return formula
        if kind == "annotation":
            behind.add(self._comment(one))
        elif kind in _DRAWN:
            self._put(behind, one)
        elif kind in {"hidden-text", "hidden-paragraph"} and value(one, "is-hidden") == "true":
            self.left_out["passage of hidden text"] += 1
        else:
            return self._inside(one, behind)
        return ""

    def _ruby(self, element: Element, behind: Flow) -> str:
        base, reading = child(element, "ruby-base"), child(element, "ruby-text")
        said = "".join(reading.itertext()) if reading is not None else ""
        return (self._inside(base, behind) if base is not None else "") + (f"({said})" if said else "")

    def _note(self, element: Element, behind: Flow) -> str:
        cited, body = child(element, "note-citation"), child(element, "note-body")
        mark = "".join(cited.itertext()) if cited is not None else ""
        if body is not None:
            behind.add(f"[{mark}] {self.flow(body).flat()}")
        return raised(mark, note=True)

    def _comment(self, element: Element) -> str:
        who = element.findtext(f"{{{_DC}}}creator") or ""
        return f"[Comment{' by ' + who if who else ''}] {self.flow(element).flat()}"

    def _span(self, element: Element, behind: Flow) -> str:
        style = value(element, "style-name")
        if self.styles.hides(style):
            self.left_out["passage of hidden text"] += 1
            return ""
        inner = self._inside(element, behind)
        position = self.styles.position(style) if inner.strip() else ""
        return lowered(inner) if position == "down" else raised(inner) if position else inner

    # Drawings.

    def _frame(self, flow: Flow, element: Element) -> None:
        """The first of the ways in which a frame's content is given; others are for simpler programs."""
        if formula := self._formula(element):
            return flow.add(formula)
        for one in element:
            if local(one) in {"text-box", "table"}:
                return self._fill(flow, element)
            if local(one) in {"object", "object-ole", "applet", "plugin"}:
                self.left_out["embedded object"] += 1
                break
        described = child(element, "desc") if child(element, "desc") is not None else child(element, "title")
        if described is not None and (text := " ".join("".join(described.itertext()).split())):
            flow.add(f"[picture: {text}]")
        return None

    def leave_out_drawing(self, element: Element) -> None:
        """What lies upon a sheet; other elements are none of its drawings."""
        if local(element) in _DRAWN:
            embedded = any(local(one) in {"object", "object-ole"} for one in element.iter())
            self.left_out["embedded object" if embedded else "drawing"] += 1

    def _formula(self, frame: Element) -> str:
        """A frame's formula as a line; "" where it holds none."""
        one = child(frame, "object")
        if one is None:
            return ""
        root = child(one, "math")
        if root is None:
            root = self._objects.get(value(one, "href").removeprefix("./"))
        return of_mathml_tree(root) if root is not None and local(root) == "math" else ""

    # Lists and tables.

    def _items(self, element: Element, above: list[tuple[Level, int]], style: str) -> Iterator[str]:
        style = value(element, "style-name") or style
        depth = len(above)
        level = self.styles.level(style, depth)
        goes_on = not above and (
            value(element, "continue-numbering") == "true" or value(element, "continue-list")
        )
        number = self._counts.get(style, level.start - 1) if goes_on else level.start - 1
        for item in element:
            if local(item) not in {"list-item", "list-header"}:
                continue
            mark = " "
            if local(item) == "list-item":
                start = value(item, "start-value")
                number = int(start) if start.isascii() and start.isdigit() else number + 1
                counting = [*above, (level, number)]
                mark = numbered([one for one, _ in counting], [count for _, count in counting]) or "-"
            flow = Flow()
            nested: list[str] = []
            for one in item:
                if local(one) == "list":
                    nested += self._items(one, [*above, (level, number)], style)
                else:
                    self._put(flow, one)
            lines = flow.text().replace("\n\n", "\n").split("\n")
            if lines[0]:
                yield "  " * depth + f"{mark.strip()} {lines[0]}".strip()
            yield from ("  " * depth + "  " + line for line in lines[1:])
            yield from nested
        if not above:
            self._counts[style] = number

    def _table(self, flow: Flow, element: Element) -> None:
        rows: list[tuple[list[Cell], bool]] = []
        flows: list[Flow] = []
        for row, heads in table_rows(element):
            cells: list[Cell] = []
            for one in row:
                if local(one) == "table-cell":
                    inner = self.flow(one)
                    flows.append(inner)
                    spans = repeated(one, "number-columns-spanned"), repeated(one, "number-rows-spanned")
                    cells.append(Cell(inner.flat(), columns=spans[0], rows=spans[1]))
            rows.append((cells, heads))
        flow.add_table(rows, flows)


def table_rows(table: Element, *, heads: bool = False) -> Iterator[tuple[Element, bool]]:
    """The rows of a table, and whether each is part of its header."""
    for one in table:
        kind = local(one)
        if kind == "table-row":
            yield one, heads
        elif kind in {"table-header-rows", "table-row-group", "table-rows"}:
            yield from table_rows(one, heads=heads or kind == "table-header-rows")


def repeated(element: Element, name: str) -> int:
    """How often an attribute says that an element stands there, or how far it spans."""
    said = value(element, name)
    return int(said) if said.isascii() and said.isdigit() and len(said) < 9 else 1
