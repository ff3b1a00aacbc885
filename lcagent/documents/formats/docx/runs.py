"""A paragraph of a DOCX file: its runs, with formulas, fields, marks of notes and pictures' texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from xml.etree.ElementTree import Element

from lcagent.documents.formats.docx.left_out import LeftOut
from lcagent.documents.formats.docx.styles import Look, Styles, is_on, look_of
from lcagent.documents.formats.drawings import alternative, choice, words
from lcagent.documents.formats.maths import of_omml
from lcagent.documents.formats.package import child, local, value
from lcagent.documents.formats.raised import lowered, raised, unmarked
from lcagent.documents.formats.symbols import symbol

_MOST_DEEP = 60
"""Elements of a paragraph within each other; what stands deeper is read as plain text."""
_PLAIN = {"tab": "\t", "ptab": "\t", "cr": "\n", "noBreakHyphen": "-"}
_DRAWN = frozenset({"drawing", "pict", "object"})


@dataclass(frozen=True, slots=True)
class Aside:
    """What belongs to a paragraph and is not in its line: a box's text, a note, a comment."""

    kind: str
    element: Element
    name: str = ""


class Marks(Protocol):
    """Gives notes their marks."""

    def mark(self, kind: str, name: str, own: str) -> str:
        """The mark of a note."""
        ...


class Paragraph:
    """Reads one paragraph.

    Args:
        styles: of the file.
        look: of its text where a run says nothing else.
        left_out: where what is not read is counted.
        marks: of notes.
    """

    def __init__(self, styles: Styles, look: Look, left_out: LeftOut, marks: Marks) -> None:
        self.asides: list[Aside] = []
        self.pictured: list[Element] = []
        """Drawings whose text is in parts of their own: charts and diagrams."""
        self._styles, self._look, self._left_out, self._marks = styles, look, left_out, marks
        self._pieces: list[tuple[str, str]] = []
        self._deep = 0

    def read(self, element: Element) -> str:
        """The paragraph's text, its superscripts still to be settled."""
        self._inline(element)
        written: list[str] = []
        for kind, text in self._pieces:
            match kind:
                case "superscript":
                    written.append(raised(text))
                case "subscript":
                    written.append(lowered(text))
                case "struck":
                    written.append(f"~~{text}~~" if text.strip() else text)
                case _:
                    written.append(text)
        return "".join(written)

    def _put(self, text: str, kind: str = "") -> None:
        if not text:
            return
        if self._pieces and self._pieces[-1][0] == kind:
            self._pieces[-1] = (kind, self._pieces[-1][1] + text)
        else:
            self._pieces.append((kind, text))

    def _inline(self, element: Element) -> None:
        self._deep += 1
        if self._deep > _MOST_DEEP:
            self._put(words(element))
        else:
            for one in element:
                self._part(one)
        self._deep -= 1

    def _part(self, one: Element) -> None:
        name = local(one)
        if name == "r":
            self._run(one)
        elif name in {"del", "moveFrom"}:
            if name == "del" and any(local(part) in {"delText", "t"} and part.text for part in one.iter()):
                self._left_out.counts["tracked deletion"] += 1
        elif name in {"oMath", "oMathPara"}:
            self._put(of_omml(one))
        elif name == "AlternateContent":
            self._inline(choice(one))
        elif name == "ruby":
            self._ruby(one)
        elif name == "subDoc":
            self._left_out.counts["linked document"] += 1
        elif not name.endswith("Pr"):
            self._inline(one)

    def _run(self, run: Element) -> None:
        properties = child(run, "rPr")
        look = self._look
        if properties is not None:
            look = (
                look_of(properties).over(self._styles.get(value(child(properties, "rStyle"))).look).over(look)
            )
        if look.hidden:
            self._left_out.hide(words(run))
            return
        kind = look.placed if look.placed in {"superscript", "subscript"} else "struck" if look.struck else ""
        for one in run:
            self._in_run(local(one), one, run, kind or "")

    def _in_run(self, name: str, one: Element, run: Element, kind: str) -> None:
        if name == "t":
            self._put(_clean(one.text or ""), kind)
        elif name in _PLAIN:
            self._put(_PLAIN[name], kind)
        elif name == "br":
            self._put("\n" if value(one, "type") in {"", "textWrapping"} else " ")
        elif name == "sym":
            written = _symbol(one)
            self._put(written, kind)
            self._left_out.counts["symbol of an unknown font"] += not written
        elif name in {"footnoteReference", "endnoteReference"}:
            self._reference(name.removesuffix("Reference"), one, run)
        elif name == "commentReference":
            self.asides.append(Aside("comment", one, value(one, "id")))
        elif name in _DRAWN:
            self._drawn(one)
        elif name == "AlternateContent":
            for part in choice(one):
                self._in_run(local(part), part, run, kind)
        elif name == "fldChar":
            self._field(one)
        elif name == "ruby":
            self._ruby(one)

    def _reference(self, kind: str, one: Element, run: Element) -> None:
        own = words(run).strip() if is_on(one, "customMarkFollows") else ""
        mark = self._marks.mark(kind, value(one, "id"), own)
        if not own:
            self._put(f"[{mark}]", "note")
        self.asides.append(Aside(kind, one, value(one, "id")))

    def _ruby(self, one: Element) -> None:
        base, reading = child(one, "rubyBase"), child(one, "rt")
        if base is not None:
            self._inline(base)
        if reading is not None and (text := words(reading)):
            self._put(f"({text})")

    def _field(self, one: Element) -> None:
        """A box to tick is shown by its field alone."""
        box = child(child(one, "ffData"), "checkBox")
        if box is not None:
            ticked = child(box, "checked")
            ticked = child(box, "default") if ticked is None else ticked
            on = ticked is not None and (value(ticked) == "" or is_on(ticked, "val"))
            self._put("[x]" if on else "[ ]")

    def _drawn(self, drawing: Element) -> None:
        """The text in a drawing's boxes, and what stands for its pictures; these are not opened."""
        stack = [drawing]
        while stack:
            one = stack.pop()
            name = local(one)
            if name == "txbxContent":
                self.asides.append(Aside("box", one))
                continue
            if name == "AlternateContent":
                stack.append(choice(one))
                continue
            if name == "docPr" and (alt := alternative(one)):
                self._put(f"[picture: {alt}]")
            elif name == "textpath":
                self._put(" ".join(value(one, "string").split()))
            elif name in {"relIds", "chart", "OLEObject"}:
                self.pictured.append(one)
            stack.extend(reversed(one))


def plain_text(paragraph: Element) -> str | None:
    """The text of a paragraph that has nothing but text in it; None for any other."""
    pieces: list[str] = []
    for run in paragraph:
        if not run.tag.endswith("}r"):
            return None
        for one in run:
            if not one.tag.endswith("}t"):
                return None
            pieces.append(one.text or "")
    return _clean("".join(pieces))


def _symbol(element: Element) -> str:
    try:
        return symbol(value(element, "font"), int(value(element, "char"), 16))
    except ValueError:
        return ""


def _clean(text: str) -> str:
    return unmarked(text).replace("\n", " ").replace("\xad", "")
