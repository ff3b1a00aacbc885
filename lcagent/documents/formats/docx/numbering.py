"""The numbers that Word prints before headings, clauses and items, and that stand nowhere in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from lcagent.documents.formats.docx.styles import Style, is_on
from lcagent.documents.formats.numerals import numeral
from lcagent.documents.formats.package import child, local, value

_LEVELS = 9
_PLACE = re.compile(r"%([1-9])")
_MOST_LINKS = 10


@dataclass(slots=True)
class _Level:
    start: int = 1
    format: str = "decimal"
    text: str = ""
    restart: int = -1
    """Level from the top whose numbers it begins anew after; -1: any above it, 0: none."""
    legal: bool = False
    suffix: str = "tab"
    style: str = ""


@dataclass(slots=True)
class _List:
    """One list: the definition that its counters belong to, and where it begins anew."""

    definition: str
    levels: dict[int, _Level]
    starts: dict[int, int] = field(default_factory=dict[int, int])


class Numbering:
    """Counts as Word does: lists of one definition go on from each other, unless one says where it starts.

    Args:
        root: of the part of numbering.
    """

    def __init__(self, root: Element) -> None:
        self._definitions: dict[str, Element] = {}
        self._by_style: dict[str, str] = {}
        self._lists: dict[str, _List] = {}
        self._counters: dict[str, dict[int, int]] = {}
        self._begun: set[tuple[str, int]] = set()
        for one in root:
            if local(one) == "abstractNum":
                self._definitions[value(one, "abstractNumId")] = one
                if linked := value(child(one, "styleLink")):
                    self._by_style[linked] = value(one, "abstractNumId")
        for one in root:
            if local(one) == "num":
                self._lists[value(one, "numId")] = self._list(one)

    def _list(self, element: Element) -> _List:
        name = value(child(element, "abstractNumId"))
        for _ in range(_MOST_LINKS):  # a definition may only name another one's style
            linked = value(child(self._definitions.get(name), "numStyleLink"))
            if linked not in self._by_style or not linked:
                break
            name = self._by_style[linked]
        definition = self._definitions.get(name)
        levels = _levels(definition) if definition is not None else {}
        found = _List(name, levels)
        for one in element:
            if local(one) != "lvlOverride":
                continue
            at = _whole(value(one, "ilvl"), 0)
            found.levels |= _levels(one)
            if (start := value(child(one, "startOverride"))) != "":
                found.starts[at] = _whole(start, 1)
        return found

    def label(self, properties: Element | None, style: Style, style_id: str) -> tuple[str, bool]:
        """What is printed before the next paragraph, and whether that is in a list.

        Args:
            properties: of the paragraph.
            style: of the paragraph.
            style_id: of the style.
        """
        own = child(properties, "numPr")
        list_id = value(child(own, "numId")) or style.list_id
        found = self._lists.get(list_id)
        if found is None:
            return "", False
        given = value(child(own, "ilvl"))
        if given == "":
            named = next(
                (at for at, level in found.levels.items() if level.style and level.style == style_id), None
            )
            given = style.level if named is None else str(named)
        at = min(max(_whole(given, 0), 0), _LEVELS - 1)
        level = found.levels.get(at)
        if level is None:
            return "", True
        counters = self._count(list_id, found, at)
        label = _PLACE.sub(lambda match: _number(found, level, int(match[1]) - 1, counters), level.text)
        if level.format == "bullet" or not label.strip():
            return "", True
        return label.strip() + ("" if level.suffix == "nothing" else " "), True

    def _count(self, list_id: str, found: _List, at: int) -> dict[int, int]:
        counters = self._counters.setdefault(found.definition, {})
        if at in found.starts and (list_id, at) not in self._begun:
            self._begun.add((list_id, at))
            counters[at] = found.starts[at]
        elif at in counters:
            counters[at] += 1
        else:
            counters[at] = found.levels[at].start
        for above in range(at):
            counters.setdefault(above, found.levels[above].start if above in found.levels else 1)
        for below in [one for one in counters if one > at]:
            restart = found.levels[below].restart if below in found.levels else -1
            if restart < 0 or 0 < at + 1 <= restart:
                del counters[below]
        return counters


def _number(found: _List, level: _Level, at: int, counters: dict[int, int]) -> str:
    its = found.levels.get(at)
    number = counters.get(at, its.start if its else 1)
    return numeral(number, "decimal" if level.legal else its.format if its else "decimal")


def _levels(element: Element) -> dict[int, _Level]:
    found: dict[int, _Level] = {}
    for one in element:
        if local(one) == "lvl":
            legal = child(one, "isLgl")
            restart = child(one, "lvlRestart")
            found[_whole(value(one, "ilvl"), 0)] = _Level(
                _whole(value(child(one, "start")), 0 if child(one, "start") is None else 1),
                _format(one),
                value(child(one, "lvlText")),
                _whole(value(restart), 0) if restart is not None else -1,
                legal is not None and (value(legal) == "" or is_on(legal, "val")),
                value(child(one, "suff")) or "tab",
                value(child(one, "pStyle")),
            )
    return found


def _format(level: Element) -> str:
    # A way of counting of later versions stands in a choice, the older one beside it.
    found = [value(one) for one in level.iter() if local(one) == "numFmt" and value(one) != "custom"]
    return found[-1] if found else "decimal"


def _whole(text: str, default: int) -> int:
    return int(text) if re.fullmatch(r"-?\d{1,6}", text) else default
