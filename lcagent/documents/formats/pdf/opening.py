"""pdfium's documents: one thread at a time, closed whatever happens."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_PDFIUM = threading.Lock()
"""pdfium keeps state of its own: two threads within it, even with a document each, crash the process."""


@contextmanager
def quiet(package: str) -> Generator[None]:
    """What a package tells its logger, such as each repair, is not told: a user sees one outcome."""
    logger = logging.getLogger(package)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def opened(data: bytes, password: str | None) -> Generator[PdfDocument]:
    """A document of pdfium's, and pdfium to oneself while it is open.

    Raises:
        pypdfium2.PdfiumError: it is none, or encrypted.
    """
    with _PDFIUM, quiet("pypdfium2"):  # the first import too: it initialises the library
        import pypdfium2 as pdfium

        pdf = pdfium.PdfDocument(data, password=password)
        try:
            yield pdf
        finally:
            pdf.close()
