"""Text that nobody sees on a page: in the background's colour, off the page, invisible, or too small.

Invisible text over a picture or a drawing of it is what OCR programs and some editors write. It stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lcagent.documents.formats.pdf import raw
from lcagent.documents.formats.pdf.characters import Box, Characters, Edit
from lcagent.documents.formats.pdf.objects import Colour, Objects, colours

_SAME = 15
"""Two colours that differ by no more in red, green and blue (0 to 255) look the same."""
_FAINT = 5
"""An opacity (0 to 255) at which nothing is seen."""
_SMALLEST = 1.0
"""Points: text below this size is not read by people."""
_SCAN = 0.5
"""A page of which pictures cover this part is a scan."""
_DRAWING = 6.0
"""Times a text's own area that a drawing of it covers at most."""
_MOST_GROUNDS = 400
"""Areas of a page that text is compared with: beyond, the page is a drawing, and its text stays."""
_INVISIBLE = frozenset({3, 7})
_FILLING = frozenset({0, 4})
"""Render modes: neither filled nor drawn; filled alone."""
_WHITE: Colour = (255, 255, 255, 255)


class _Ground(NamedTuple):
    """Something that covers a part of the page; `colour` None: of many, or of one that is not known."""

    order: int
    box: Box
    colour: Colour | None


def is_suspect(objects: Objects, page: Box) -> bool:
    """Whether some text of the page may be hidden.

    Args:
        objects: of the page, or some of them.
        page: what is shown of it.
    """
    texts = objects.texts
    if not texts.handles:
        return False
    xs, ys = zip(*texts.places, strict=True)
    if (
        min(texts.sizes) < _SMALLEST
        or (min(xs) < page.left or max(xs) > page.right or min(ys) < page.bottom or max(ys) > page.top)
        or (not _INVISIBLE.isdisjoint(texts.modes) and not _is_scan(objects, page))
    ):
        return True
    fills = set(texts.colours)
    if any(min(fill[:3]) >= 255 - _SAME or fill[3] <= _FAINT for fill in fills):
        return True
    return raw.PATH in objects.types and any(g.colour in fills for g in _grounds(objects, fills) if g.colour)


def without(handles: set[int], characters: Characters) -> list[Edit]:
    """What leaves the text of some objects out.

    Args:
        handles: of the objects.
        characters: of the page.
    """
    if not handles:
        return []
    edits: list[Edit] = []
    seen = run = -1  # the last character that is seen, and the first that is not
    end = 0
    for index, handle in enumerate([*characters.objects, -1]):
        if handle in handles:
            run = index if run < 0 else run
            end = index + 1
        elif handle:  # what pdfium put between, such as a line's end, belongs to no object
            if run >= 0:
                edits.append(_without(characters, (seen + 1, run), (end, index)))
            seen, run = index, -1
    return edits


def _without(characters: Characters, before: tuple[int, int], after: tuple[int, int]) -> Edit:
    """What takes a run away with the white space on one side of it, such that lines stay lines.

    Args:
        characters: of the page.
        before: the white space before it.
        after: and after it.
    """
    ends_line = any(characters.code(index) in "\r\n" for index in range(*after))
    begins_line = any(characters.code(index) in "\r\n" for index in range(*before))
    if after[1] >= characters.count or (ends_line and not begins_line and before[0] > 0):
        return Edit(before[0], after[0], "")
    return Edit(before[1], after[1], "")


def hidden(objects: Objects, page: Box) -> Iterator[int]:
    """The handles of the text objects that are not seen.

    Args:
        objects: all of the page.
        page: what is shown of it.
    """
    texts = objects.texts
    grounds = list(_grounds(objects, None))
    plain = {ground.colour for ground in grounds if ground.colour} | {_WHITE}
    invisible: list[int] = []
    columns = zip(
        texts.handles, texts.order, texts.modes, texts.colours, texts.sizes, texts.places, strict=True
    )
    for handle, order, mode, colour, size, (x, y) in columns:
        if size < _SMALLEST:
            yield handle
            continue
        inside = page.left <= x <= page.right and page.bottom <= y <= page.top
        if not inside and not _touch(objects.bounds(order), page):
            yield handle
        elif mode in _INVISIBLE or (mode in _FILLING and colour[3] <= _FAINT):
            if not _is_pictured(objects, objects.bounds(order), grounds):
                invisible.append(handle)
        elif (
            mode in _FILLING
            and (colour in plain or _alike(colour, _WHITE))
            and _is_lost(objects.bounds(order), order, colour, grounds)
        ):
            yield handle
    if invisible and not _is_scan(objects, page):
        yield from invisible


def _is_pictured(objects: Objects, box: Box, grounds: list[_Ground]) -> bool:
    """Whether a picture, or a drawing about as large as the text, shows what the text says."""
    x, y = (box.left + box.right) / 2, (box.bottom + box.top) / 2
    return any(
        objects.types[order] == raw.IMAGE or _area(under) <= _DRAWING * _area(box)
        for order, under, colour in grounds
        if colour is None and under.left <= x <= under.right and under.bottom <= y <= under.top
    )


def _is_scan(objects: Objects, page: Box) -> bool:
    """Whether pictures cover most of the page."""
    images = (number for number, kind in enumerate(objects.types) if kind == raw.IMAGE)
    pictured = sum(_shared(objects.bounds(number), page) for number in images)
    return pictured >= _SCAN * _area(page)


def _grounds(objects: Objects, of: set[Colour] | None) -> Iterator[_Ground]:
    """What is drawn of the page but text, in order; given some colours, only areas filled with them."""
    others = [number for number, kind in enumerate(objects.types) if kind != raw.TEXT]
    if len(others) > _MOST_GROUNDS and of is not None:
        return
    coloured = zip(others, colours([objects.handles[number] for number in others]), strict=True)
    taken = [(n, fill) for n, fill in coloured if of is None or (fill in of and objects.types[n] == raw.PATH)]
    for (number, fill), box in zip(taken, objects.all_bounds([n for n, _ in taken]), strict=True):
        if objects.types[number] != raw.PATH:
            yield _Ground(number, box, None)
        else:
            if box.right - box.left < 2 or box.top - box.bottom < 2:
                continue  # a rule
            if not objects.is_filled(number):
                line = objects.broad_line(number) if of is None else None
                if line:
                    yield _Ground(number, box, line)
                continue  # an outline
            is_plain = fill[3] > 255 - _SAME and raw.count_segments(objects.handles[number]) <= 6
            yield _Ground(number, box, fill if is_plain else None)


def _is_lost(box: Box, order: int, colour: Colour, grounds: list[_Ground]) -> bool:
    """Whether text of this colour stands on the same colour; the page itself is white."""
    if len(grounds) > _MOST_GROUNDS:
        return False
    left, bottom, right, top = box
    for at, under, of in reversed(grounds):
        if under[1] < top and bottom < under[3] and under[0] < right and left < under[2] and at < order:
            # Where it covers a part, the other may be seen.
            return _holds(under, box) and of is not None and _alike(colour, of)
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


def _area(box: Box) -> float:
    return (box.right - box.left) * (box.top - box.bottom)


def _shared(one: Box, other: Box) -> float:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.top, other.top) - max(one.bottom, other.bottom)
    return max(width, 0) * max(height, 0)
