"""What the styles of a DOCX file say of a paragraph's number and of a run's look."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from lcagent.documents.formats.package import child, local, value

_MOST_BASED = 20
"""Styles that one may be based on, each on the next."""
_OFF = {"0", "false", "off"}


@dataclass(frozen=True, slots=True)
class Look:
    """How a run is shown, as far as that changes what is read; None: as the style below it says."""

    hidden: bool | None = None
    struck: bool | None = None
    placed: str | None = None
    """superscript, subscript or baseline."""

    def over(self, below: Look) -> Look:
        """This, where it says anything, on top of another."""
        return Look(
            below.hidden if self.hidden is None else self.hidden,
            below.struck if self.struck is None else self.struck,
            below.placed if self.placed is None else self.placed,
        )


PLAIN = Look()


@dataclass(frozen=True, slots=True)
class Style:
    """A style, those that it is based on taken in."""

    look: Look = PLAIN
    list_id: str = ""
    level: str = ""
    heads: bool = False
    """Its paragraphs are headings."""


NO_STYLE = Style()


class Styles:
    """The styles of a file, by id; one that is unknown, or has no id, changes nothing.

    Args:
        root: of the part of styles.
    """

    def __init__(self, root: Element) -> None:
        self._elements = {
            value(one, "styleId"): one for one in root if local(one) == "style" and value(one, "styleId")
        }
        self._known: dict[str, Style] = {"": NO_STYLE}
        defaults = child(child(root, "docDefaults"), "rPrDefault")
        self.default = look_of(child(defaults, "rPr"))
        self.paragraph = next(
            (
                name
                for name, one in self._elements.items()
                if value(one, "type") == "paragraph" and is_on(one, "default")
            ),
            "",
        )
        """The style of paragraphs that name none."""

    def get(self, name: str) -> Style:
        """The style of an id."""
        if name not in self._known:
            chain: list[Element] = []
            at: str = name
            while at in self._elements and len(chain) < _MOST_BASED:
                chain.append(self._elements[at])
                at = value(child(chain[-1], "basedOn"))
            style = NO_STYLE
            for element in reversed(chain):
                style = _over(element, style)
            self._known[name] = style
        return self._known[name]


def _over(element: Element, below: Style) -> Style:
    properties = child(element, "pPr")
    listed = child(properties, "numPr")
    name = value(child(element, "name")).lower()
    return Style(
        look_of(child(element, "rPr")).over(below.look),
        value(child(listed, "numId")) or below.list_id,
        value(child(listed, "ilvl")) or below.level,
        below.heads or name.startswith(("heading", "title")) or child(properties, "outlineLvl") is not None,
    )


def is_on(element: Element, name: str) -> bool:
    """Whether an attribute says yes."""
    return value(element, name).lower() not in {"", *_OFF}


def look_of(properties: Element | None) -> Look:
    """What the properties of a run say themselves."""
    if properties is None:
        return PLAIN
    hidden = struck = None
    placed = None
    for one in properties:
        match local(one):
            case "vanish":
                hidden = value(one).lower() not in _OFF
            case "strike" | "dstrike":
                struck = bool(struck) or value(one).lower() not in _OFF
            case "vertAlign":
                placed = value(one)
            case _:
                pass
    return Look(hidden, struck, placed) if (hidden, struck, placed) != (None, None, None) else PLAIN
