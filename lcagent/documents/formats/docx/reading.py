"""A DOCX file's stories: its body, headers and footers, notes, comments and boxes, as Word shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from lcagent.documents.formats.docx.embedded import Embedded
from lcagent.documents.formats.docx.left_out import LeftOut
from lcagent.documents.formats.docx.note_marks import NoteMarks
from lcagent.documents.formats.docx.numbering import Numbering
from lcagent.documents.formats.docx.runs import Aside, Paragraph, plain_text
from lcagent.documents.formats.docx.styles import PLAIN, Look, Styles, is_on
from lcagent.documents.formats.flow import Flow, events_of
from lcagent.documents.formats.package import Package, child, local, value
from lcagent.documents.formats.raised import settle
from lcagent.documents.formats.rows import Cell

_MOST_WITHIN = 6
"""Text boxes and notes within each other."""
_MOST_SPAN = 500


@dataclass(slots=True)
class _Table:
    """A table that is being read."""

    rows: list[tuple[list[Cell], bool]] = field(default_factory=list[tuple[list[Cell], bool]])
    flows: list[Flow] = field(default_factory=list[Flow])
    """Of all its cells."""


class Stories:
    """Reads the parts of one file.

    Args:
        package: the file.
        embedded: what reads the documents that are parts of it.
    """

    def __init__(self, package: Package, embedded: Embedded) -> None:
        self.left_out = LeftOut()
        self.references: dict[str, None] = {}
        """Ids of the headers and footers that are shown, in order."""
        self._inherited: dict[tuple[str, str], str] = {}
        """The headers and footers of each kind that a section takes over from the one before it."""
        self.styles = Styles(package.tree(package.named("styles")))
        self._numbering = Numbering(package.tree(package.named("numbering")))
        self._embedded = embedded
        self._notes = {
            kind: {
                value(one, "id"): one for one in package.tree(package.named(f"{kind}s")) if local(one) == kind
            }
            for kind in ("footnote", "endnote", "comment")
        }
        self._even = child(package.tree(package.named("settings")), "evenAndOddHeaders")
        normal = self.styles.get(self.styles.paragraph)
        self._plain = not normal.list_id and normal.look.over(self.styles.default) in {
            PLAIN,
            Look(False, False),
        }
        """A paragraph that says nothing of its look is text and no more."""
        self._note_marks = NoteMarks(package)
        self._marks: dict[tuple[str, str], str] = {}
        self._read: set[tuple[str, str]] = set()
        """Notes and comments whose text was taken in: a second reference to one does not miss it."""
        self._names: dict[str, str] = {}
        self._endnotes: list[str] = []
        self._after: list[str] = []
        self._within = 0

    def read(self, events: Iterable[tuple[str, Element]], *, whole: bool = False) -> Flow:
        """A story.

        Args:
            events: its elements as they begin and end.
            whole: these are of a tree that stays; otherwise what was read is dropped from it.
        """
        flows, tables, parents = [Flow()], list[_Table](), list[Element]()
        names = self._names
        inside = skipped = 0
        for event, element in events:
            name = names.get(element.tag) or names.setdefault(element.tag, local(element))
            if inside:  # a paragraph is read when it is whole
                if name != "p":
                    continue
                inside += 1 if event == "start" else -1
                if inside:
                    continue
                self._add(flows[-1], element)
                if len(flows) == 1:
                    self._add_asides(flows[0])
            elif skipped:  # of several ways in which content is given, the last, for older programs
                skipped += (name == "Fallback") * (1 if event == "start" else -1)
                continue
            elif event == "start":
                inside, skipped = int(name == "p"), int(name == "Fallback")
                if not inside and not skipped:
                    parents.append(element)
                    _begin(name, flows, tables)
                continue
            else:
                parents.pop()
                self._end(name, element, flows, tables)
            if not whole and parents and "Pr" not in {name[-2:], names[parents[-1].tag][-2:]}:
                parents[-1].remove(element)  # properties are asked for at the end of what has them
        self._add_asides(flows[0])
        return flows[0]

    def _end(self, name: str, element: Element, flows: list[Flow], tables: list[_Table]) -> None:
        """An element that is not within a paragraph has ended."""
        if name == "tc" and len(flows) > 1:
            flow = flows.pop()
            tables[-1].flows.append(flow)
            if tables[-1].rows:
                tables[-1].rows[-1][0].append(_cell(child(element, "tcPr"), flow))
        elif name == "tr" and tables and tables[-1].rows:
            self._end_row(child(element, "trPr"), tables[-1])
        elif name == "tbl" and tables:
            table = tables.pop()
            flows[-1].add_table(table.rows, table.flows)
            if len(flows) == 1:
                self._add_asides(flows[0])
        elif name == "sectPr":
            self.section(element)
        elif name == "altChunk":
            flows[-1].add(self._embedded.chunk(value(element, "id"), self.left_out))
        elif name == "subDoc":
            self.left_out.counts["linked document"] += 1

    def _end_row(self, properties: Element | None, table: _Table) -> None:
        cells, _ = table.rows.pop()
        if child(properties, "del") is not None:
            self.left_out.counts["tracked deletion"] += 1
            return
        if (hidden := child(properties, "hidden")) is not None and (
            value(hidden) == "" or is_on(hidden, "val")
        ):
            self.left_out.hide(" ".join(cell.text for cell in cells))
            return
        before = _whole(value(child(properties, "gridBefore")), 0)
        head = child(properties, "tblHeader")
        heads = head is not None and (value(head) == "" or is_on(head, "val"))
        table.rows.append(([Cell("") for _ in range(before)] + cells, heads))

    def section(self, properties: Element) -> None:
        """The headers and footers that a section shows."""
        titled = child(properties, "titlePg")
        shown = {
            "default",
            "",
            *({"even"} if self._even is not None else ()),
            *({"first"} if titled is not None else ()),
        }
        for one in properties:
            if local(one) in {"headerReference", "footerReference"}:
                self._inherited[local(one), value(one, "type")] = value(one, "id")
        for (_, kind), name in self._inherited.items():
            if kind in shown:
                self.references.setdefault(name)

    def _add(self, flow: Flow, element: Element) -> None:
        """Add a paragraph, and what stands in boxes beside it."""
        try:
            text, tight, asides = self._paragraph(element)
        except Exception:  # noqa: BLE001 - one odd paragraph costs its own marks and not the file
            text = "".join(part.text or "" for part in element.iter() if local(part) == "t")
            tight, asides = False, []
            self.left_out.counts["mark of odd paragraphs"] += 1
        flow.add(text, tight=tight)
        for aside in asides:
            if isinstance(aside, str):
                self._after.append(aside)
            elif aside.kind == "box":
                self._after.append(self._within_it(aside.element))
            else:
                self._note(aside)

    def _paragraph(self, element: Element) -> tuple[str, bool, list[Aside | str]]:
        if self._plain and (plain := plain_text(element)) is not None:
            return plain, False, []
        properties = child(element, "pPr")
        style_id = value(child(properties, "pStyle")) or self.styles.paragraph
        style = self.styles.get(style_id)
        if (section := child(properties, "sectPr")) is not None:
            self.section(section)
        paragraph = Paragraph(self.styles, style.look.over(self.styles.default), self.left_out, self)
        text = settle(paragraph.read(element))
        if section is not None:
            self._note_marks.end_section()
        asides = [*paragraph.asides, *self._embedded.shown(paragraph.pictured, self.left_out)]
        removed = child(child(properties, "rPr"), "del")
        if removed is not None and not text.strip():
            return "", False, asides
        label, listed = self._numbering.label(properties, style, style_id)
        return (label + text if text.strip() else ""), listed and not style.heads, asides

    # Notes.

    def mark(self, kind: str, name: str, own: str) -> str:
        """The mark of a note, as it is printed where the note is referred to.

        Args:
            kind: footnote or endnote.
            name: its id.
            own: a mark that the text gives it; "" where it is counted.
        """
        if (kind, name) not in self._marks:
            self._marks[kind, name] = own or self._note_marks.next(kind)
        return self._marks[kind, name]

    def _note(self, aside: Aside) -> None:
        element = self._notes[aside.kind].pop(aside.name, None)
        if element is None:
            self.left_out.counts[f"missing {aside.kind}"] += (aside.kind, aside.name) not in self._read
            return
        self._read.add((aside.kind, aside.name))
        text = self._within_it(element)
        if aside.kind == "comment":
            self._after.append(comment(element, text))
        else:
            note = f"[{self._marks[aside.kind, aside.name]}] {text}"
            (self._after if aside.kind == "footnote" else self._endnotes).append(note)

    def _within_it(self, element: Element) -> str:
        if self._within >= _MOST_WITHIN:
            return " ".join("".join(part.text or "" for part in element.iter() if local(part) == "t").split())
        self._within += 1
        held, self._after = self._after, []
        text = self.read(events_of(element), whole=True).text()
        self._after = held
        self._within -= 1
        return text

    def _add_asides(self, flow: Flow) -> None:
        for text in self._after:
            flow.add(text)
        self._after.clear()

    def at_the_end(self) -> list[str]:
        """The endnotes, and the comments that stand at no place."""
        left = self._notes["comment"]
        loose = [comment(one, self._within_it(one)) for one in list(left.values())]
        left.clear()
        return [*self._endnotes, *filter(None, loose)]


def _begin(name: str, flows: list[Flow], tables: list[_Table]) -> None:
    """An element that is not within a paragraph begins."""
    if name == "tbl":
        tables.append(_Table())
    elif name == "tr" and tables:
        tables[-1].rows.append(([], False))
    elif name == "tc" and tables:
        flows.append(Flow())


def comment(element: Element, text: str) -> str:
    """A comment marked as such, with who made it."""
    author = " ".join(value(element, "author").split())
    return f"[Comment{f' by {author}' if author else ''}] {text}" if text else ""


def _cell(properties: Element | None, flow: Flow) -> Cell:
    merge, across = child(properties, "vMerge"), child(properties, "hMerge")
    columns = min(_whole(value(child(properties, "gridSpan")), 1), _MOST_SPAN)
    continued = merge is not None and value(merge) != "restart"
    text = "" if across is not None and value(across) != "restart" else flow.flat()
    return Cell(text, columns, goes_on=continued)


def _whole(text: str, default: int) -> int:
    return max(0, int(text)) if text.isdecimal() and len(text) < 6 else default
