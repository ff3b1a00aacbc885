"""Text that nobody sees on a page: in the background's colour, off the page, invisible, or too small.

Invisible text over a picture of the page is what OCR programs write. It stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lcagent.documents.formats.pdf import raw
from lcagent.documents.formats.pdf.characters import Box, Characters, Edit
from lcagent.documents.formats.pdf.objects import Drawn, Objects

_SAME = 15
"""Two colours that differ by no more in red, green and blue (0 to 255) look the same."""
_FAINT = 5
"""An opacity (0 to 255) at which nothing is seen."""
_SMALLEST = 1.0
"""Points: text below this size is not read by people."""
_SCAN = 0.5
"""A page of which pictures cover this part is a scan."""
_MOST_FILLS = 400
"""Areas of a page that text is compared with: beyond, the page is a drawing, and its text stays."""
_INVISIBLE = frozenset({3, 7})
_FILLING = frozenset({0, 4})
"""Render modes: neither filled nor drawn; filled alone."""

Colour = tuple[int, int, int, int]
_WHITE: Colour = (255, 255, 255, 255)


class _Ground(NamedTuple):
    """Something that covers a part of the page; `colour` None: of many, or of one that is not known."""

    box: Box
    colour: Colour | None


def hidden_edits(objects: Objects, characters: Characters, page: Box, step: int) -> list[Edit]:
    """What leaves the hidden text out.

    Args:
        objects: of the page.
        characters: of the page.
        page: what is shown of it.
        step: looks first at each `step`-th object only, and at all where one of those is suspect.
    """
    if step > 1 and not any(_hidden(objects, page, step)):
        return []
    handles = set(_hidden(objects, page, 1))
    if not handles:
        return []
    edits: list[Edit] = []
    start, last = None, 0
    for index, handle in enumerate([*characters.objects, -1]):
        if handle in handles:
            start = index if start is None else start
            last = index
        elif (
            handle and start is not None
        ):  # what pdfium put between, such as a line's end, belongs to no object
            edits.append(Edit(start, last + 1, ""))
            start = None
    return edits


def _hidden(objects: Objects, page: Box, step: int) -> Iterator[int]:
    """The handles of the text objects that are not seen."""
    grounds: list[_Ground] = []
    invisible: list[int] = []
    pictured = 0.0
    for drawn in objects.drawn(step):
        if drawn.type == raw.TEXT:
            look = _look(objects, drawn, page)
            if look is _INVISIBLE:
                invisible.append(drawn.handle)
            elif look is None or (isinstance(look, tuple) and _is_lost(objects, drawn, look, grounds)):
                yield drawn.handle
        elif (ground := _ground(objects, drawn)) is not None:
            grounds.append(ground)
            if drawn.type == raw.IMAGE:
                pictured += _shared(ground.box, page)
    if invisible and pictured < _SCAN * (page.right - page.left) * (page.top - page.bottom):
        yield from invisible


def _look(objects: Objects, drawn: Drawn, page: Box) -> Colour | frozenset[int] | bool | None:
    """A text's colour; `_INVISIBLE`; None where it is too small or off the page; True where it is seen."""
    a, b, c, d, x, y = objects.placed(drawn)
    scale = abs(a * d - b * c) ** 0.5
    if objects.size(drawn) * scale < _SMALLEST:
        return None
    inside = page.left <= x <= page.right and page.bottom <= y <= page.top
    if not inside and not _touch(objects.bounds(drawn), page):
        return None
    mode = raw.render_mode(drawn.handle)
    if mode in _INVISIBLE:
        return _INVISIBLE
    if mode not in _FILLING:
        return True
    colour = objects.colour(drawn.handle)
    if colour is None:
        return True
    return _INVISIBLE if colour[3] <= _FAINT else colour


def _ground(objects: Objects, drawn: Drawn) -> _Ground | None:
    if drawn.type != raw.PATH:
        return _Ground(objects.bounds(drawn), None)
    if not objects.is_filled(drawn):
        return None
    box = objects.bounds(drawn)
    if box.right - box.left < 2 or box.top - box.bottom < 2:
        return None  # a rule
    colour = objects.colour(drawn.handle)
    is_plain = colour is not None and colour[3] > 255 - _SAME and raw.count_segments(drawn.handle) <= 6
    return _Ground(box, colour if is_plain else None)


def _is_lost(objects: Objects, drawn: Drawn, colour: Colour, grounds: list[_Ground]) -> bool:
    """Whether text of this colour stands on the same colour; the page itself is white."""
    if not _alike(colour, _WHITE) and not any(g.colour and _alike(colour, g.colour) for g in grounds):
        return False
    if len(grounds) > _MOST_FILLS:
        return False
    box = objects.bounds(drawn)
    for ground in reversed(grounds):
        if _holds(ground.box, box):
            return ground.colour is not None and _alike(colour, ground.colour)
        if _touch(ground.box, box):
            return False  # a part of it may be seen
    return _alike(colour, _WHITE)


def _alike(one: Colour, other: Colour) -> bool:
    return all(abs(a - b) <= _SAME for a, b in zip(one[:3], other[:3], strict=True))


def _touch(one: Box, other: Box) -> bool:
    return (
        one.left < other.right
        and other.left < one.right
        and one.bottom < other.top
        and other.bottom < one.top
    )


def _holds(outer: Box, inner: Box) -> bool:
    """Whether it covers it, but for an edge as thin as the glyphs' own bearings."""
    slack = 0.2 * (inner.top - inner.bottom)
    return (
        outer.left - slack <= inner.left
        and inner.right <= outer.right + slack
        and outer.bottom - slack <= inner.bottom
        and inner.top <= outer.top + slack
    )


def _shared(one: Box, other: Box) -> float:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.top, other.top) - max(one.bottom, other.bottom)
    return max(width, 0) * max(height, 0)
