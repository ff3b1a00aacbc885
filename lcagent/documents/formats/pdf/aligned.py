"""Where the letters and figures of a page's text come from in the text that pdfium gives.

A page's text is pdfium's with changes (`Edit`), and each change says which characters it stands for. So each
letter is followed back to its own character, and a sentence that stands twice on a page is never mistaken.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from lcagent.documents.formats.pdf.characters import Characters, Edit

Origin = tuple[int, int] | None
"""Characters `start:end` of pdfium's text; None: on the page it is no character, or not known which."""
_MOST_JOINED = 8
"""Characters that may have become one letter: a letter, its accent, and what pdfium put between."""
_MOST_MARKS = 8
"""Marks around a word."""
_LINE = re.compile(r"\S(?:[^\r\n]*\S)?")
_CELLS = " | "


class Aligned:
    """The text of a page beside pdfium's.

    Args:
        text: the page's text as a reader was given it.
        characters: of the page.
        edits: what made the one of the other.
        others: letters in place of characters, by their codes.

    Raises:
        ValueError: they did not: it was made in another way (OCR, another parser, an earlier version).
    """

    def __init__(
        self, text: str, characters: Characters, edits: list[Edit], others: Mapping[int, str]
    ) -> None:
        found = _letters(characters, edits)
        if (
            others
        ):  # a character that is no letter may stand for one: then nothing is certain, and no letter fits
            found = ((one, origin) for letter, origin in found for one in letter.translate(others))
        letters = [(letter, origin) for letter, origin in found if letter.isalnum()]
        self._text = text
        self._raw = characters.text
        self._at = [at for at, character in enumerate(text) if character.isalnum()]
        self._origins = [origin for _, origin in letters]
        if [text[at] for at in self._at] != [letter for letter, _ in letters]:
            raise ValueError("the page's text was made in another way")

    @property
    def read(self) -> list[int]:
        """The offsets, in pdfium's text, of all letters and figures that the page's text has."""
        return [at for origin in self._origins if origin is not None for at in range(*origin)]

    def origins(self, start: int, end: int) -> list[tuple[int, int]]:
        """Where the letters and figures of a stretch of the page's text come from; none where that is not
        known of all of them.

        Args:
            start: its first character.
            end: behind its last one.
        """
        first, last = bisect_left(self._at, start), bisect_left(self._at, end)
        found = [origin for origin in self._origins[first:last] if origin is not None]
        return found if len(found) == last - first else []

    def marks(self, start: int, end: int) -> Iterator[int]:
        """The offsets, in pdfium's text, of the marks within a stretch, right before and right after it."""
        origins = self.origins(start, end)
        for (_, before), (after, _) in pairwise(origins):
            between = self._raw[before:after]
            if len(between) <= _MOST_MARKS and not any(map(str.isalnum, between)):
                yield from (before + at for at, mark in enumerate(between) if not mark.isspace())
        if not origins:
            return
        first = self._at[bisect_left(self._at, start)]
        last = self._at[bisect_left(self._at, end) - 1]
        yield from self._beside(reversed(self._text[start:first]), origins[0][0] - 1, -1)
        yield from self._beside(iter(self._text[last + 1 : end]), origins[-1][1], 1)

    def _beside(self, marks: Iterator[str], at: int, step: int) -> Iterator[int]:
        for mark in marks:
            if mark.isspace() or self._raw[at : at + 1] != mark or at < 0:
                return
            yield at
            at += step


def _letters(characters: Characters, edits: list[Edit]) -> Iterator[tuple[str, Origin]]:
    """The letters and figures of the changed text, in order, and where each comes from."""
    done = 0
    for start, end, put in characters.made(edits):
        yield from _plain(characters.text, done, start)
        yield from _changed(characters.text, start, end, put)
        done = end
    yield from _plain(characters.text, done, len(characters.text))


def _plain(text: str, start: int, end: int) -> Iterator[tuple[str, Origin]]:
    for at in range(start, end):
        if text[at].isalnum():
            yield text[at], (at, at + 1)


def _changed(text: str, start: int, end: int, put: str) -> Iterator[tuple[str, Origin]]:
    """Those of what a change puts in the place of `start:end`."""
    before = list(_plain(text, start, end))
    after = [letter for letter in put if letter.isalnum()]
    if [letter for letter, _ in before] == after:
        yield from before
    elif cells := _cells(text, start, end, put):
        for cell in cells:
            yield from _plain(text, *cell)
    else:
        whole = (start, end) if start < end <= start + _MOST_JOINED else None
        yield from ((letter, whole) for letter in after)


def _cells(text: str, start: int, end: int, put: str) -> Sequence[tuple[int, int]]:
    """The cells of a table, row by row, where `start:end` holds it column by column; else none."""
    rows = [row.split(_CELLS) for row in put.split("\n")]
    lines = [match.span() for match in _LINE.finditer(text, start, end)]
    columns, height = len(rows[0]), len(rows)
    if any(len(row) != columns for row in rows) or len(lines) != columns * height:
        return []
    ordered = [lines[column * height + row] for row in range(height) for column in range(columns)]
    told = [cell for row in rows for cell in row]
    is_so = all(text[slice(*line)] == cell for line, cell in zip(ordered, told, strict=True))
    return ordered if is_so else []
