"""A page as a picture."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from lcagent.documents.formats.pdf.opening import opened

if TYPE_CHECKING:
    import numpy
    from pypdfium2 import PdfPage

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
        try:
            return pixels(page, scale)
        finally:
            page.close()


def pixels(page: PdfPage, scale: float, *, forms: bool = False) -> numpy.ndarray:
    """`render` of a page that is open; `forms`: with what is filled into it."""
    width, height = page.get_size()
    fitting = (_MOST_PIXELS / max(width * height, 1)) ** 0.5
    bitmap = page.render(scale=min(scale, fitting), may_draw_forms=forms, no_smoothtext=False)
    try:
        return bitmap.to_numpy()[:, :, :3].copy()  # pdfium frees the bitmap's own memory
    finally:
        bitmap.close()


def png(pixels: numpy.ndarray) -> bytes:
    """A picture, as `render` gives it, as a PNG."""
    rows = pixels[:, :, ::-1]
    height, width = rows.shape[:2]
    filtered = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # eight bits each of red, green, blue
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(filtered)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
