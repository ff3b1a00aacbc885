"""The characters of a page by pdfium's numbers, and changes to its text by those numbers."""

from __future__ import annotations

import ctypes
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import NamedTuple

from lcagent.documents.formats.pdf import raw


class Box(NamedTuple):
    """In points, from the page's lower left corner."""

    left: float
    bottom: float
    right: float
    top: float


@dataclass(frozen=True, slots=True)
class Edit:
    """The characters `start:end` become `put`."""

    start: int
    end: int
    put: str


class Characters:
    """What is asked of single characters; each question is a call of pdfium, so ask about few.

    Args:
        textpage: pdfium's handle.
        text: of the page, as pdfium gives it: in units of UTF-16, which its numbers count.
    """

    def __init__(self, textpage: int, text: str) -> None:
        self._page = textpage
        self.text = text
        self.count = max(raw.count_characters(textpage), 0)
        self._doubles = (ctypes.c_double * 4)()
        self._floats = (ctypes.c_float * 6)()
        self._at = ctypes.addressof(self._doubles)
        self._matrix = ctypes.addressof(self._floats)

    def code(self, index: int) -> str:
        """The character; "" where there is none."""
        if not 0 <= index < self.count:
            return ""
        code = raw.character_code(self._page, index)
        return chr(code) if 0 < code < 0x110000 else "\ufffd"

    def origin(self, index: int) -> tuple[float, float]:
        """Where it stands on its baseline."""
        raw.character_origin(self._page, index, self._at, self._at + 8)
        return self._doubles[0], self._doubles[1]

    def box(self, index: int) -> Box:
        """What its glyph covers."""
        at = self._at
        raw.character_box(self._page, index, at, at + 8, at + 16, at + 24)
        left, right, bottom, top = self._doubles
        return Box(left, bottom, right, top)

    def size(self, index: int) -> float:
        """Its font's size as shown, in points; 0 where it is turned or slanted far."""
        a, b, c, d = self.matrix(index)
        if a <= 0 or d <= 0 or abs(b) > 0.05 * a or abs(c) > 0.5 * d:
            return 0.0
        return raw.font_size(self._page, index) * d

    def matrix(self, index: int) -> tuple[float, float, float, float]:
        """How its glyph is turned and stretched; nothing but zeros where that is not known."""
        if not raw.character_matrix(self._page, index, self._matrix):
            return 0.0, 0.0, 0.0, 0.0
        a, b, c, d, _, _ = self._floats
        return a, b, c, d

    def generated(self, index: int) -> bool:
        """Whether pdfium put it there: a space, a line's end."""
        return raw.is_generated(self._page, index) == 1

    def at(self, x: float, y: float, across: float, along: float) -> int:
        """The number of the character nearest to a point; below 0 where none is within so many points."""
        return raw.character_at(self._page, x, y, across, along)

    def object(self, index: int) -> int:
        """The text object that it belongs to; 0 where it was generated."""
        return raw.object_of(self._page, index) or 0

    @cached_property
    def objects(self) -> list[int]:
        """The text object of every character."""
        return [one or 0 for one in map(raw.object_of, repeat(self._page), range(self.count))]

    def unmapped(self, samples: int) -> float:
        """The part of them, judged by so many, of which their font says no character of Unicode."""
        asked = range(0, self.count, max(self.count // samples, 1))
        return sum(map(raw.has_map_error, repeat(self._page), asked)) / max(len(asked), 1)

    def origins(self, indices: Sequence[int]) -> list[tuple[float, float]]:
        """Where each of these characters stands on its baseline."""
        places = array("d", bytes(16 * len(indices)))
        at = places.buffer_info()[0]
        end = at + 16 * len(indices)
        calls = map(
            raw.character_origin,
            repeat(self._page),
            indices,
            range(at, end, 16),
            range(at + 8, end + 8, 16),
        )
        for _ in calls:
            pass
        return list(zip(places[::2], places[1::2], strict=True))

    def rights(self, indices: Sequence[int]) -> list[float]:
        """Where the glyph of each of these characters ends on the right."""
        sides = array("d", bytes(32 * len(indices)))
        at = sides.buffer_info()[0]
        end = at + 32 * len(indices)
        addresses = (range(at + side, end + side, 32) for side in (0, 8, 16, 24))
        for _ in map(raw.character_box, repeat(self._page), indices, *addresses):
            pass
        return sides[1::4].tolist()

    def offset(self, index: int) -> int:
        """Where in the text a character stands, or the next that stands there."""
        while index < self.count:
            if (found := raw.text_index(self._page, index)) >= 0:
                return min(found, len(self.text))
            index += 1
        return len(self.text)

    def index(self, offset: int) -> int:
        """The number of the character at an offset of the text."""
        return raw.character_index(self._page, offset)

    def indices(self, offsets: Sequence[int]) -> list[int]:
        """The numbers of the characters at these offsets of the text."""
        return list(map(raw.character_index, repeat(self._page), offsets))

    def raised(
        self, pattern: re.Pattern[str]
    ) -> Iterator[tuple[int, tuple[float, float], tuple[float, float]]]:
        """What a pattern finds on another baseline than the character before it.

        Yields:
            the number of its first character, where the one before stands, and where it stands.
        """
        indices = self.indices([match.start() for match in pattern.finditer(self.text)])
        places = self.origins(indices)
        before = self.origins([index - 1 for index in indices])
        for index, one, other in zip(indices, before, places, strict=True):
            if one[1] != other[1] and index > 0:
                yield index, one, other

    def made(self, edits: list[Edit], first: int = 0) -> Iterator[tuple[int, int, str]]:
        """The changes that are made, in order, by offsets of the text: of two that overlap the first.

        Args:
            edits: none that reaches beyond what is asked for.
            first: the first character that is asked for.
        """
        done = self.offset(first) if first else 0
        for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
            start, end = self.offset(edit.start), self.offset(edit.end)
            if start < done or end < start:
                continue
            yield start, end, edit.put
            done = end

    def edited(self, edits: list[Edit], first: int = 0, last: int | None = None) -> str:
        """The text with the changes that are made.

        Args:
            edits: as of `made`.
            first: as of `made`.
            last: the first character that is no longer asked for; default: all to the end.
        """
        pieces: list[str] = []
        done = self.offset(first) if first else 0
        for start, end, put in self.made(edits, first):
            pieces += [self.text[done:start], put]
            done = end
        stop = len(self.text) if last is None else self.offset(last)
        return "".join([*pieces, self.text[done:stop]])
