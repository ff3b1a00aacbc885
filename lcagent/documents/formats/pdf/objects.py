"""The objects that a page is drawn of, in the order of drawing."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

from lcagent.documents.formats.pdf import raw
from lcagent.documents.formats.pdf.characters import Box

Matrix = tuple[float, float, float, float, float, float]
_UPRIGHT: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_DEEPEST = 6
"""Forms in forms that are looked into."""
_MOST = 100_000
"""Objects of a page that are looked at: forms may name each other again and again."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One object: pdfium's handle, its type, and the matrix of the forms around it."""

    handle: int
    type: int
    around: Matrix


class Objects:
    """What a page is drawn of.

    Args:
        page: pdfium's handle.
    """

    def __init__(self, page: int) -> None:
        self._page = page
        self.count = max(raw.count_objects(page), 0)
        self._floats = (ctypes.c_float * 6)()
        self._at = ctypes.addressof(self._floats)
        self._bytes = (ctypes.c_uint * 4)()
        self._colour = ctypes.addressof(self._bytes)

    def drawn(self, step: int = 1) -> Iterator[Drawn]:
        """All objects, those of forms in the form's place; of the page's own only each `step`-th."""
        handles = map(raw.get_object, repeat(self._page), range(0, self.count, step))
        left = _MOST
        for drawn in self._with_inner(handles, _UPRIGHT, 0):
            yield drawn
            if (left := left - 1) <= 0:
                return

    def _with_inner(self, handles: Iterator[int], around: Matrix, depth: int) -> Iterator[Drawn]:
        for handle in handles:
            if not handle:
                continue
            kind = raw.object_type(handle)
            if kind != raw.FORM:
                yield Drawn(handle, kind, around)
            elif depth < _DEEPEST:
                inner = map(raw.get_inner, repeat(handle), range(max(raw.count_inner(handle), 0)))
                yield from self._with_inner(inner, _times(self.matrix(handle), around), depth + 1)

    def matrix(self, handle: int) -> Matrix:
        """Of an object itself."""
        raw.object_matrix(handle, self._at)
        a, b, c, d, e, f = self._floats
        return a, b, c, d, e, f

    def placed(self, drawn: Drawn) -> Matrix:
        """From the object's own space to the page's."""
        own = self.matrix(drawn.handle)
        return own if drawn.around is _UPRIGHT else _times(own, drawn.around)

    def size(self, drawn: Drawn) -> float:
        """A text's font size as set, before its matrix."""
        raw.object_font_size(drawn.handle, self._at)
        return self._floats[0]

    def colour(self, handle: int) -> tuple[int, int, int, int] | None:
        """Red, green, blue and opacity of what fills it, 0 to 255; None where that is a pattern."""
        at = self._colour
        if not raw.fill_colour(handle, at, at + 4, at + 8, at + 12):
            return None
        red, green, blue, opacity = self._bytes
        return red, green, blue, opacity

    def is_filled(self, drawn: Drawn) -> bool:
        """Whether a path is filled, not only drawn as lines."""
        raw.draw_mode(drawn.handle, self._colour, self._colour + 4)
        return self._bytes[0] != 0

    def bounds(self, drawn: Drawn) -> Box:
        """What it covers of the page."""
        at = self._at
        raw.object_bounds(drawn.handle, at, at + 4, at + 8, at + 12)
        left, bottom, right, top, _, _ = self._floats
        if drawn.around is _UPRIGHT:
            return Box(left, bottom, right, top)
        a, b, c, d, e, f = drawn.around
        xs = [a * x + c * y + e for x in (left, right) for y in (bottom, top)]
        ys = [b * x + d * y + f for x in (left, right) for y in (bottom, top)]
        return Box(min(xs), min(ys), max(xs), max(ys))


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
