"""The objects that a page is drawn of, in the order of drawing; asked about in bulk, as they may be many."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress, repeat
from operator import mul
from typing import Any

from lcagent.documents.formats.pdf import raw
from lcagent.documents.formats.pdf.characters import Box

Matrix = tuple[float, float, float, float, float, float]
Colour = tuple[int, int, int, int]
"""Red, green, blue and opacity, 0 to 255."""
_UPRIGHT: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_DEEPEST = 6
"""Forms in forms that are looked into."""
_MOST = 100_000
"""Objects of a page that are looked at: forms may name each other again and again."""
_NO_TEXT = -1
"""The render mode of what is no text."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The text objects of a page, a column for each thing that is asked of them.

    Args:
        handles: pdfium's.
        order: which objects of the page they are.
        modes: how they are rendered.
        colours: what fills them; where that is a pattern, the colour of the text before it.
        sizes: of the font, as shown, in points.
        places: the points where they begin.
    """

    handles: list[int]
    order: list[int]
    modes: list[int]
    colours: list[Colour]
    sizes: list[float]
    places: list[tuple[float, float]]


class Objects:
    """What a page is drawn of; the objects of a form stand in the form's place.

    Args:
        page: pdfium's handle.
        step: of the page's own objects only each so many-th is taken.
    """

    def __init__(self, page: int, step: int = 1) -> None:
        self.handles: list[int] = []
        self.types: list[int] = []
        self._modes: list[int] = []
        self._around: dict[int, Matrix] = {}
        self._floats = (ctypes.c_float * 6)()
        self._at = ctypes.addressof(self._floats)
        self._words = (ctypes.c_uint * 4)()
        self._words_at = ctypes.addressof(self._words)
        count = max(raw.count_objects(page), 0)
        taken = [
            *range(0, count, step),
            *range(count - 1, count if step > 1 else 0),
        ]  # a picture may be the last
        self._take(list(map(raw.get_object, repeat(page), taken)), _UPRIGHT, 0)

    def _take(self, handles: list[int], around: Matrix, depth: int) -> None:
        modes = list(map(raw.render_mode, handles))
        kinds = [raw.TEXT] * len(handles)
        if _NO_TEXT in modes:
            asked = zip(handles, modes, strict=True)
            kinds = [raw.object_type(one) if mode == _NO_TEXT else raw.TEXT for one, mode in asked]
        if raw.FORM not in kinds and around is _UPRIGHT:
            self.handles += handles
            self._modes += modes
            self.types += kinds
            return
        for handle, mode, kind in zip(handles, modes, kinds, strict=True):
            if kind == raw.FORM:
                if depth < _DEEPEST:
                    inner = range(max(raw.count_inner(handle), 0))
                    taken = list(map(raw.get_inner, repeat(handle), inner))
                    self._take(taken, _times(self._matrix(handle), around), depth + 1)
            elif len(self.handles) < _MOST:
                if around is not _UPRIGHT:
                    self._around[len(self.handles)] = around
                self.handles.append(handle)
                self._modes.append(mode)
                self.types.append(kind)

    @cached_property
    def texts(self) -> Texts:
        """Those that are text."""
        are_text = [mode != _NO_TEXT for mode in self._modes]
        handles = list(compress(self.handles, are_text))
        order = list(compress(range(len(self.handles)), are_text))
        matrices = _floats(raw.object_matrix, handles, 6)
        b, d, e, f = (matrices[at::6] for at in (1, 3, 4, 5))
        for number, at in enumerate(order) if self._around else ():
            own: Any = tuple(matrices[6 * number : 6 * number + 6])
            _, b[number], _, d[number], e[number], f[number] = _times(own, self._around.get(at, _UPRIGHT))
        scales = map(max, map(abs, b), map(abs, d))
        sizes = list(map(mul, _floats(raw.object_font_size, handles, 1), scales))
        modes = list(compress(self._modes, are_text))
        return Texts(handles, order, modes, colours(handles), sizes, list(zip(e, f, strict=True)))

    def _matrix(self, handle: int) -> Matrix:
        raw.object_matrix(handle, self._at)
        a, b, c, d, e, f = self._floats
        return a, b, c, d, e, f

    def is_filled(self, number: int) -> bool:
        """Whether a path is filled, not only drawn as lines."""
        raw.draw_mode(self.handles[number], self._words_at, self._words_at + 4)
        return self._words[0] != 0

    def broad_line(self, number: int) -> Colour | None:
        """The colour of a path that is one broad line, and covers all of its bounds; None for any other."""
        handle, at = self.handles[number], self._words_at
        box = self.bounds(number)
        if not raw.stroke_width(handle, self._at):
            return None
        if min(box.right - box.left, box.top - box.bottom) > 2.1 * self._floats[0]:
            return None
        return tuple(self._words) if raw.stroke_colour(handle, at, at + 4, at + 8, at + 12) else None  # type: ignore[return-value]

    def bounds(self, number: int) -> Box:
        """What an object covers of the page."""
        at = self._at
        raw.object_bounds(self.handles[number], at, at + 4, at + 8, at + 12)
        left, bottom, right, top, _, _ = self._floats
        return self._placed(number, Box(left, bottom, right, top))

    def all_bounds(self, numbers: Sequence[int]) -> list[Box]:
        """What each of these objects covers of the page."""
        sides = array("f", bytes(16 * len(numbers)))
        at = sides.buffer_info()[0]
        end = at + 16 * len(numbers)
        addresses = (range(at + side, end + side, 16) for side in (0, 4, 8, 12))
        for _ in map(raw.object_bounds, [self.handles[number] for number in numbers], *addresses):
            pass
        boxes = map(Box, sides[::4], sides[1::4], sides[2::4], sides[3::4])
        return list(map(self._placed, numbers, boxes))

    def _placed(self, number: int, box: Box) -> Box:
        """What an object covers of the page, from what it covers of the form that it stands in."""
        if number not in self._around:
            return box
        left, bottom, right, top = box
        a, b, c, d, e, f = self._around[number]
        xs = [a * x + c * y + e for x in (left, right) for y in (bottom, top)]
        ys = [b * x + d * y + f for x in (left, right) for y in (bottom, top)]
        return Box(min(xs), min(ys), max(xs), max(ys))


def colours(handles: Sequence[int]) -> list[Colour]:
    """What fills each object; where that is a pattern, the colour of the object before it."""
    words = array("I", bytes(16 * len(handles)))
    at = words.buffer_info()[0]
    end = at + 16 * len(handles)
    places = (range(at + word, end + word, 16) for word in (0, 4, 8, 12))
    known = list(map(raw.fill_colour, handles, *places))
    found = list(zip(words[::4], words[1::4], words[2::4], words[3::4], strict=True))
    if all(known):
        return found
    last: Colour = (0, 0, 0, 255)
    for number, is_known in enumerate(known):
        last = found[number] = found[number] if is_known else last
    return found


def _floats(call: Callable[..., int], handles: Sequence[int], each: int) -> list[float]:
    """What a function of pdfium writes for each object, one after the other."""
    floats = array("f", bytes(4 * each * len(handles)))
    at = floats.buffer_info()[0]
    for _ in map(call, handles, range(at, at + 4 * each * len(handles), 4 * each)):
        pass
    return floats.tolist()


def _times(first: Matrix, second: Matrix) -> Matrix:
    """What both do, one after the other."""
    a, b, c, d, e, f = first
    g, h, i, j, k, m = second
    return (
        a * g + b * i,
        a * h + b * j,
        c * g + d * i,
        c * h + d * j,
        e * g + f * i + k,
        e * h + f * j + m,
    )
