"""Where quotes stand on a page: a box around each of their lines, or nothing where that is not certain.

Certain is: the page's text is made again and is the one that the quote was cut from; every letter is followed
back to a character of pdfium's; each of these stands where its font says; no box holds another letter of the
page's text; and there is something to be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import hypot

import numpy
import pypdfium2 as pdfium

from lcagent.documents.formats.pdf import raw
from lcagent.documents.formats.pdf.aligned import Aligned
from lcagent.documents.formats.pdf.annotations import read_annotations
from lcagent.documents.formats.pdf.cleaning import lacks_map
from lcagent.documents.formats.pdf.document import with_forms
from lcagent.documents.formats.pdf.layers import switched_off
from lcagent.documents.formats.pdf.naming import GlyphNames
from lcagent.documents.formats.pdf.opening import opened
from lcagent.documents.formats.pdf.page import Aside, characters_of, page_edits
from lcagent.documents.formats.pdf.rendering import pixels
from lcagent.documents.formats.pdf.shown import Shown

Rectangle = tuple[float, float, float, float]
"""Left, top, right and bottom in points, from the upper left corner of the page as it is shown."""
_SAME_LINE = 0.6
"""Of the font's size: baselines that differ by no more are of one line, as those of superscripts are."""
_BESIDE = 0.3
"""Of a letter's height: beside the line's other letters at least. A line in small letters may stand close
below one in large ones."""
_GAP = 1.5
"""Of the font's size: white space that parts a line into two boxes, as between the cells of a table."""
_MARK_GAP = 0.3
"""Of the font's size: white space between a word and its marks."""
_STRAY = 3.0
"""Of the font's size: a glyph whose box reaches further from its place has a broken font."""
_STRAIGHT = 0.05
"""Part by which a line may slope."""
_SCALE = 1.5
"""Pixels a point of the picture in which is looked whether there is something in a box."""
_CONTRAST = 16
"""Steps of 255 between the darkest and the lightest pixel where something is to be seen."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Quotes of one page.

    Args:
        page: its number, from 0.
        text: of the page, as the quotes were cut from it.
        spans: characters of the text, one pair for each quote.
    """

    page: int
    text: str
    spans: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Glyph:
    """A character as it is shown: its box; along and across its line, its place and its font's size."""

    box: Rectangle
    place: tuple[float, float]
    size: float
    upright: bool
    """Its line runs along the page, not up or down."""


def quote_boxes(data: bytes, password: str | None, wanted: Iterable[Wanted]) -> list[list[list[Rectangle]]]:
    """For each page and each of its quotes the boxes of its lines; none where that is not certain.

    Args:
        data: the PDF.
        password: where it is encrypted.
        wanted: quotes, by pages.

    Raises:
        pypdfium2.PdfiumError: the document cannot be opened.
    """
    with opened(data, password) as pdf:
        with_forms(pdf)
        aside = Aside(GlyphNames(data, password), switched_off(data, password))
        return [_on_page(pdf, one, aside) for one in wanted]


def _on_page(pdf: pdfium.PdfDocument, wanted: Wanted, aside: Aside) -> list[list[Rectangle]]:
    nothing: list[list[Rectangle]] = [[] for _ in wanted.spans]
    try:
        page = pdf[wanted.page]
        try:
            textpage = page.get_textpage()
            try:
                placed = _Placed(pdf, page, textpage, wanted, aside)
                return [placed.boxes(*span) for span in wanted.spans]
            finally:
                textpage.close()
        finally:
            page.close()
    except (pdfium.PdfiumError, ValueError, IndexError):
        return nothing


class _Placed:
    """A page whose text is followed back to its characters; ValueError where it cannot be."""

    def __init__(
        self,
        pdf: pdfium.PdfDocument,
        page: pdfium.PdfPage,
        textpage: pdfium.PdfTextPage,
        wanted: Wanted,
        aside: Aside,
    ) -> None:
        self._page = page
        self._handle = raw.address(textpage.raw)
        self._characters = characters = characters_of(textpage)
        annotations = read_annotations(page.raw, pdf.formenv.raw if pdf.formenv else None, characters)
        edits, _ = page_edits(page, characters, annotations.edits, aside.off)
        others = aside.names.letters(wanted.page) if lacks_map(characters) else {}
        self._aligned = Aligned(wanted.text, characters, edits, others or {})
        self._shown = Shown.of(page)

    @cached_property
    def _middles(self) -> tuple[numpy.ndarray, numpy.ndarray]:
        """All letters and figures that are read of the page: their offsets, and their middles as shown."""
        offsets = self._aligned.read
        boxes = (self._shown.rectangle(self._characters.box(self._characters.index(at))) for at in offsets)
        middles = [((left + right) / 2, (top + bottom) / 2) for left, top, right, bottom in boxes]
        return numpy.array(offsets, dtype=int), numpy.array(middles).reshape(-1, 2)

    @cached_property
    def _picture(self) -> numpy.ndarray:
        return pixels(self._page, _SCALE)

    def boxes(self, start: int, end: int) -> list[Rectangle]:
        """Around each line of the characters `start:end` of the page's text; none where not certain."""
        offsets = sorted({at for origin in self._aligned.origins(start, end) for at in range(*origin)})
        letters = [at for at in offsets if not self._characters.text[at].isspace()]
        glyphs = [self._glyph(at) for at in letters]
        if not glyphs or None in glyphs:
            return []
        marks = (self._glyph(at) for at in self._aligned.marks(start, end))
        lines = list(_lines(filter(None, glyphs), filter(None, marks)))
        inside = [box for line in lines if (box := self._shown.clipped(line))]
        if len(inside) < len(lines) or not self._are_alone(inside, offsets):
            return []
        return inside if all(map(self._is_seen, inside)) else []

    def _glyph(self, offset: int) -> _Glyph | None:
        """The character at an offset of pdfium's text; None where it is not certain where it stands."""
        index = self._characters.index(offset)
        if index < 0 or self._characters.code(index) != self._characters.text[offset]:
            return None
        box = self._characters.box(index)
        a, b, c, d = self._characters.matrix(index)
        size = raw.font_size(self._handle, index) * hypot(c, d)
        x, y = self._characters.origin(index)
        reach = max(x - box.left, box.right - x, y - box.bottom, box.top - y)
        if box.right <= box.left or box.top <= box.bottom or reach > _STRAY * size:
            return None
        along, aside = self._shown.turned(a, b)
        if min(abs(along), abs(aside)) > _STRAIGHT * max(abs(along), abs(aside)):
            return None
        place = self._shown.point(x, y)
        return _Glyph(self._shown.rectangle(box), place, size, abs(along) >= abs(aside))

    def _are_alone(self, boxes: list[Rectangle], own: list[int]) -> bool:
        """Whether the boxes hold no letter of the page's text but those at some offsets of pdfium's."""
        offsets, middles = self._middles
        x, y = middles[:, 0], middles[:, 1]
        others = ~numpy.isin(offsets, own)
        return not any(
            (others & (left < x) & (x < right) & (top < y) & (y < bottom)).any()
            for left, top, right, bottom in boxes
        )

    def _is_seen(self, box: Rectangle) -> bool:
        """Whether anything is drawn within a box: what lies in a layer that is switched off is not."""
        height, width = self._picture.shape[:2]
        across, down = width / self._shown.width, height / self._shown.height
        left, right = int(box[0] * across), max(int(box[2] * across), int(box[0] * across) + 1)
        top, bottom = int(box[1] * down), max(int(box[3] * down), int(box[1] * down) + 1)
        part = self._picture[top:bottom, left:right].reshape(-1, 3)
        return bool(part.size) and int((part.max(axis=0) - part.min(axis=0)).max()) >= _CONTRAST


def _lines(letters: Iterable[_Glyph], marks: Iterable[_Glyph]) -> Iterator[Rectangle]:
    """A box around the letters of each line; marks beside them are taken in, and make none of their own."""
    lines: list[_Line] = []
    for glyph in letters:
        if not lines or not lines[-1].takes(glyph):
            lines.append(_Line(glyph))
    for mark in marks:
        any(line.takes(mark, _MARK_GAP, beside=0) for line in lines)
    return (line.box for line in lines)


class _Line:
    """The letters of one line, as far as they stand together."""

    def __init__(self, first: _Glyph) -> None:
        self.box = first.box
        self._first = first

    def takes(self, glyph: _Glyph, most: float = _GAP, beside: float = _BESIDE) -> bool:
        """Whether a glyph stands on the line; it is then part of it.

        Args:
            glyph: a letter, or a mark.
            most: white space between, in parts of the font's size.
            beside: part of its height that is beside the line at least.
        """
        first, box, other = self._first, self.box, glyph.box
        size = max(first.size, glyph.size)
        along, across = (0, 1) if first.upright else (1, 0)
        gap = max(other[along] - box[along + 2], box[along] - other[along + 2])
        shift = abs(glyph.place[across] - first.place[across])
        if glyph.upright != first.upright or gap > most * size or shift > _SAME_LINE * size:
            return False
        shared = min(box[across + 2], other[across + 2]) - max(box[across], other[across])
        if beside and shared < beside * (other[across + 2] - other[across]):
            return False
        if glyph.size > first.size:  # a superscript came first
            self._first = glyph
        self.box = (
            min(box[0], other[0]),
            min(box[1], other[1]),
            max(box[2], other[2]),
            max(box[3], other[3]),
        )
        return True
