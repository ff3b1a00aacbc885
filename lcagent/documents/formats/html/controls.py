"""What a page shows by the attributes of an element: entries of forms, pictures' texts, numbers of lists."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lcagent.documents.formats.numerals import numeral

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_FILE_NAME = re.compile(r"\S+\.(?:png|jpe?g|gif|svg|webp|bmp|tiff?)", re.I)
_UNSHOWN_INPUTS = frozenset({"hidden", "password", "file", "image", "color", "range"})
_FORMATS = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_MOST_SPAN = 1_000
_MOST_NUMBER = 1_000_000


@dataclass(slots=True)
class Numbers:
    """The numbers of a list's items."""

    at: int
    step: int
    format: str

    def next(self, item: LexborNode) -> str:
        """What is printed before an item."""
        self.at = _whole(item.attributes.get("value"), self.at)
        number, self.at = self.at, self.at + self.step
        return f"{numeral(number, self.format)}."


def numbers(node: LexborNode) -> Numbers | None:
    """How an ordered list counts; None where its style says that no number is shown."""
    attributes = node.attributes
    style = "".join((attributes.get("style") or "").split()).lower()
    if "list-style:none" in style or "list-style-type:none" in style:
        return None
    backwards = "reversed" in attributes
    first = sum(child.tag == "li" for child in node.iter()) if backwards else 1
    return Numbers(
        _whole(attributes.get("start"), first),
        -1 if backwards else 1,
        _FORMATS.get(attributes.get("type") or "", ""),
    )


def _whole(text: str | None, default: int) -> int:
    match = re.fullmatch(r"\s*([-+]?\d{1,7})\s*", text or "")
    return max(-_MOST_NUMBER, min(int(match[1]), _MOST_NUMBER)) if match else default


def spans(node: LexborNode) -> tuple[int, int]:
    """Columns and rows that a cell stands in."""
    attributes = node.attributes
    if not attributes:
        return 1, 1
    columns, rows = _whole(attributes.get("colspan"), 1), _whole(attributes.get("rowspan"), 1)
    return min(max(columns, 1), _MOST_SPAN), min(
        rows, _MOST_SPAN
    ) if rows > 0 else _MOST_SPAN if rows == 0 else 1


def is_note(node: LexborNode) -> bool:
    """Whether a link is said to be the mark of a note, raised or not."""
    attributes = node.attributes
    kinds = f"{attributes.get('epub:type') or ''} {attributes.get('role') or ''}".split()
    return "noteref" in kinds or "doc-noteref" in kinds


def is_reference(node: LexborNode | None) -> bool:
    """Whether an element is a link to a place in a page, as marks of notes are."""
    return node is not None and node.tag == "a" and "#" in (node.attributes.get("href") or "")


def label(node: LexborNode) -> str:
    """What is written in a drawing; pieces at another height are apart, others may be parts of a word."""
    pieces: list[str] = []
    height = ""
    for child in node.iter(include_text=True):
        at = child.attributes.get("y") or child.attributes.get("dy") or height
        if at != height:
            pieces.append(" ")
        height = at
        pieces.append(child.text())
    return "".join(pieces).strip()


def alternative(node: LexborNode) -> str:
    """The text that stands for a picture; "" where it only names its file."""
    alt = " ".join((node.attributes.get("alt") or "").split())
    return "" if _FILE_NAME.fullmatch(alt) else alt


def entered(node: LexborNode) -> str:
    """What a field of a form shows."""
    attributes = node.attributes
    kind = (attributes.get("type") or "text").lower()
    if kind in {"checkbox", "radio"}:
        return "[x]" if "checked" in attributes else "[ ]"
    if kind == "image":
        return alternative(node)
    if kind in _UNSHOWN_INPUTS:
        return ""
    return " ".join((attributes.get("value") or "").split())


def chosen(node: LexborNode) -> str:
    """The mark of one of several options where the page says which is chosen."""
    if "selected" in node.attributes:
        return "[x] "
    parent = node.parent
    while parent is not None and parent.tag not in {"select", "body"}:
        parent = parent.parent
    told = parent is not None and parent.tag == "select" and parent.css_first("option[selected]") is not None
    return "[ ] " if told else ""


def template_text(node: LexborNode) -> str:
    """The text of a template, which pages hold ready and do not show."""
    return re.sub(r"<[^>]*>?", " ", node.html or "")
