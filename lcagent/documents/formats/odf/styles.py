"""What the styles of an OpenDocument file say of its text: hidden, raised, numbered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from lcagent.documents.formats.numerals import numeral
from lcagent.documents.formats.package import local, value

_FORMATS = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_MOST_PARENTS = 20
_MOST_LEVELS = 10


@dataclass(frozen=True, slots=True)
class Level:
    """How one level of a list counts; without a format it shows no number."""

    format: str = ""
    prefix: str = ""
    suffix: str = ""
    start: int = 1
    shown: int = 1
    """Levels whose numbers are printed."""


@dataclass(slots=True)
class _Style:
    parent: str = ""
    position: str = ""
    hidden: bool | None = None
    off: bool = False


@dataclass(slots=True)
class Styles:
    """The styles of a file.

    Args:
        roots: what holds them, the common ones first.
    """

    roots: Iterable[Element]
    outline: list[Level] = field(default_factory=list[Level])
    """Of headings, the highest first."""
    _styles: dict[str, _Style] = field(default_factory=dict[str, _Style])
    _lists: dict[str, list[Level]] = field(default_factory=dict[str, list[Level]])

    def __post_init__(self) -> None:
        for root in self.roots:
            for one in root.iter():
                kind = local(one)
                if kind == "style":
                    self._styles[value(one, "name")] = _style(one)
                elif kind == "list-style":
                    self._lists[value(one, "name")] = _levels(one)
                elif kind == "outline-style":
                    self.outline = _levels(one)

    def position(self, name: str) -> str:
        """`up`, `down`, or "" for text in its line."""
        said = next((style.position for style in self._with_parents(name) if style.position), "0")
        if said.startswith("0"):
            return ""
        return "down" if said.startswith(("sub", "-")) else "up"

    def hides(self, name: str) -> bool:
        """Whether text of a style is not shown."""
        return next((s.hidden for s in self._with_parents(name) if s.hidden is not None), False)

    def is_off(self, name: str) -> bool:
        """Whether a sheet or slide of a style is hidden."""
        return (style := self._styles.get(name)) is not None and style.off

    def level(self, name: str, depth: int) -> Level:
        """How a list counts on a level, from 0; one of which nothing is known has no numbers."""
        levels = self._lists.get(name, [])
        return levels[depth] if depth < len(levels) else Level()

    def _with_parents(self, name: str) -> Iterable[_Style]:
        for _ in range(_MOST_PARENTS):
            style = self._styles.get(name)
            if style is None:
                return
            yield style
            name = style.parent


def numbered(levels: list[Level], counts: list[int]) -> str:
    """What is printed before an item of a list, or a heading.

    Args:
        levels: down to its own.
        counts: of the items on each of them.
    """
    own = levels[-1]
    if not own.format:
        return ""
    first = max(len(levels) - own.shown, 0)
    written = [
        numeral(count, _FORMATS.get(level.format, "decimal"))
        for level, count in zip(levels[first:], counts[first:], strict=True)
        if level.format
    ]
    return f"{own.prefix}{'.'.join(written)}{own.suffix}"


def _style(element: Element) -> _Style:
    style = _Style(value(element, "parent-style-name"))
    for one in element:
        style.position = style.position or value(one, "text-position")
        display = value(one, "display")
        if local(one) == "text-properties" and display:
            style.hidden = display == "none"
        elif local(one) == "table-properties":
            style.off = display == "false"
        elif value(one, "visibility") == "hidden":
            style.off = True
    return style


def _levels(element: Element) -> list[Level]:
    levels = [Level()] * _MOST_LEVELS
    for one in element:
        at = _whole(value(one, "level"), 0) - 1
        if 0 <= at < _MOST_LEVELS and local(one) in {"list-level-style-number", "outline-level-style"}:
            said = any(key.endswith("num-format") for key in one.attrib)
            levels[at] = Level(
                value(one, "num-format") if said or local(one) == "outline-level-style" else "1",
                value(one, "num-prefix"),
                value(one, "num-suffix"),
                _whole(value(one, "start-value"), 1),
                _whole(value(one, "display-levels"), 1),
            )
    return levels


def _whole(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else default
