"""What all sheets of a workbook share: their names and order, texts, formats, and who commented."""

from __future__ import annotations

import re
from contextlib import suppress
from xml.etree.ElementTree import Element, ParseError

from lcagent.documents.formats.number_formats import BUILT_IN
from lcagent.documents.formats.package import Package, PartDamaged, Relation, child, local, value
from lcagent.documents.formats.raised import lowered, raised, settle, unmarked

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_ON = frozenset({"1", "true", "on"})


class Workbook:
    """A workbook without its cells.

    Args:
        package: the file.
    """

    def __init__(self, package: Package) -> None:
        self.package = package
        self.relations = package.relations(package.document)
        root = package.tree(package.document)
        self.since_1904 = value(child(root, "workbookPr"), "date1904").lower() in _ON
        self.sheets = [one for one in child(root, "sheets") or () if local(one) == "sheet"]
        self.texts = self._texts()
        self._formats = _formats(package.tree(package.named("styles")))

    def part(self, sheet: Element) -> Relation | None:
        """Where the cells or the chart of a sheet stand; None where the file does not hold them."""
        found = self.relations.get(value(sheet, "id"))
        return found if found is not None and not found.external and found.target in self.package else None

    def format(self, style: str) -> str:
        """The code of the number format of a cell's style; "" where it has none.

        Args:
            style: as the cell names it.
        """
        at = int(style) if style.isdecimal() else 0
        return self._formats[at] if at < len(self._formats) else ""

    def _texts(self) -> list[str]:
        """The texts that cells refer to by their number."""
        found: list[str] = []
        with suppress(KeyError, PartDamaged, ParseError):  # what is whole is read
            for event, element in self.package.events(self.package.named("sharedStrings")):
                if event == "end" and element.tag.endswith("}si"):
                    found.append(text_of(element))
                    element.clear()
        return found


def text_of(element: Element) -> str:
    """The text of a cell or of a comment, without readings above its words (phonetic runs).

    Args:
        element: what holds a text, or runs with texts.
    """
    pieces: list[str] = []
    for one in element:
        match local(one):
            case "t":
                pieces.append(plain(one.text or ""))
            case "r":
                text = plain("".join(part.text or "" for part in one if local(part) == "t"))
                pieces.append(_set_apart(text, child(one, "rPr")))
            case _:
                pass
    return " ".join(settle("".join(pieces)).split())


def _set_apart(text: str, properties: Element | None) -> str:
    if properties is None or not text.strip():
        return text
    place = value(child(properties, "vertAlign"))
    if place in {"superscript", "subscript"}:
        return raised(text) if place == "superscript" else lowered(text)
    struck = child(properties, "strike")
    return text if struck is None or value(struck).lower() in {"0", "false"} else f"~~{text}~~"


def plain(text: str) -> str:
    """A text whose odd characters are written as `_x000D_`, as they are."""
    if "_x" in text:
        text = _ESCAPED.sub(_unescaped, text)
    return unmarked(text)


def _unescaped(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character.isprintable() else " "


def _formats(styles: Element) -> list[str]:
    """The codes of the number formats of cells' styles, by their number."""
    codes = dict(BUILT_IN)
    for one in child(styles, "numFmts") or ():
        if (name := value(one, "numFmtId")).isdecimal():
            codes[int(name)] = value(one, "formatCode")
    used = (value(one, "numFmtId") for one in child(styles, "cellXfs") or () if local(one) == "xf")
    return [codes.get(int(name), "") if name.isdecimal() else "" for name in used]
