"""A page as a picture, for who recognises its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lcagent.documents.formats.pdf.opening import opened

if TYPE_CHECKING:
    import numpy

_MOST_PIXELS = 40_000_000
"""Of a picture: an A4 page at 600 dots an inch. A page may claim to be as large as a house."""


def render(data: bytes, page_index: int, password: str | None, scale: float) -> numpy.ndarray:
    """A page's picture: rows of pixels, each three bytes (blue, green, red).

    Args:
        data: the PDF.
        page_index: of the page, from 0.
        password: where it is encrypted.
        scale: pixels a point (1/72 inch); less where the picture would be too large for memory.

    Raises:
        pypdfium2.PdfiumError: the document or the page cannot be opened.
    """
    with opened(data, password) as pdf:
        page = pdf[page_index]
        width, height = page.get_size()
        fitting = (_MOST_PIXELS / max(width * height, 1)) ** 0.5
        bitmap = page.render(scale=min(scale, fitting), may_draw_forms=False, no_smoothtext=False)
        try:
            return bitmap.to_numpy()[:, :, :3].copy()  # pdfium frees the bitmap's own memory
        finally:
            bitmap.close()
            page.close()
