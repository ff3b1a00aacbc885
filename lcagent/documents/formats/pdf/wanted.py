"""What else than its text is wanted of a PDF's pages: asked and answered as JSON and bytes, in the child."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lcagent.documents.formats.pdf.opening import opened
from lcagent.documents.formats.pdf.rendering import pixels, png
from lcagent.documents.formats.pdf.repairing import encrypted

_SCALE = 1.6
"""Pixels a point of a page that a person looks at."""


def of_pages(data: bytes, password: str | None, wanted: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """What is wanted of the pages of a PDF.

    Args:
        data: the PDF.
        password: where it is encrypted.
        wanted: `boxes` (for each page its index, its text, and pairs of offsets), a `picture` (the index of
            a page), or `marked` pages of several PDFs, whose bytes follow each other (`marked_pages.Marked`).

    Returns:
        The boxes, or the picture (PNG) or PDF as bytes.

    Raises:
        DocumentEncrypted: it needs a password, or another one.
        pypdfium2.PdfiumError: the document cannot be opened.
    """
    try:
        return _of_pages(data, password, wanted)
    except RuntimeError as error:  # pdfium's own errors; its name is not known before the lock is taken
        if "password" in str(error).lower():
            raise encrypted("a PDF that is cited", password) from error
        raise


def _of_pages(data: bytes, password: str | None, wanted: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    if "boxes" in wanted:
        from lcagent.documents.formats.pdf.boxes import Wanted, quote_boxes

        return {"boxes": quote_boxes(data, password, [Wanted(*one) for one in wanted["boxes"]])}, b""
    if "marked" in wanted:
        from lcagent.documents.formats.pdf.marked_pages import marked

        return {}, marked(data, wanted["marked"])
    with opened(data, password) as pdf:
        from lcagent.documents.formats.pdf.document import with_forms  # initialises pdfium

        with_forms(pdf)
        page = pdf[wanted["picture"]]
        try:
            return {"size": page.get_size()}, png(pixels(page, _SCALE, forms=True))
        finally:
            page.close()
