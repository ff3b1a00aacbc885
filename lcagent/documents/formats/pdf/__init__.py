"""PDF: text and pages by pdfium; pypdf where pdfium gives up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lcagent.documents.formats.body import PAGE_BREAK, Body, paged
from lcagent.documents.formats.pdf.cleaning import unbroken
from lcagent.documents.formats.pdf.naming import GlyphNames
from lcagent.documents.formats.pdf.opening import opened
from lcagent.documents.formats.pdf.repairing import by_pypdf, encrypted, second_look
from lcagent.documents.health import Health, named
from lcagent.errors import DocumentEmpty, DocumentEncrypted

if TYPE_CHECKING:
    from lcagent.documents.formats.pdf.document import Read

_MOST_NAMES = 5
"""Attached files that are named."""


def parse_pdf(data: bytes, name: str, password: str | None) -> Body:
    """Read a PDF.

    Args:
        data: its bytes.
        name: as shown to people.
        password: where it is encrypted.

    Raises:
        DocumentEncrypted: it needs a password, or another one.
        DocumentDamaged: neither parser can open it.
        DocumentEmpty: it has no pages.
    """
    read = None
    try:
        read = _by_pdfium(data, name, password)
        texts = [page.text for page in read.pages]
    except DocumentEncrypted:
        raise
    except Exception as refusal:  # noqa: BLE001 - whatever pdfium refuses, pypdf may repair
        texts = by_pypdf(data, name, password, refusal)
    if not texts:
        raise DocumentEmpty(f"{name} has no pages", hint="the file is a PDF without content")
    is_empty = read is None or not any(
        page.text.strip() or page.hidden or page.garbled for page in read.pages
    )
    if is_empty and not any(text.strip() for text in texts):
        texts = second_look(data, name, password, texts)
    texts = unbroken(texts)
    text, pages = paged(texts, read.labels if read else (), between=PAGE_BREAK)
    return Body(text, pages, "page", _health(texts, read))


def _by_pdfium(data: bytes, name: str, password: str | None) -> Read:
    try:
        with opened(data, password) as pdf:
            from lcagent.documents.formats.pdf.document import read_document  # initialises pdfium
            from lcagent.documents.formats.pdf.layers import switched_off
            from lcagent.documents.formats.pdf.page import Aside

            return read_document(pdf, Aside(GlyphNames(data, password), switched_off(data, password)))
    except RuntimeError as error:  # pdfium's own errors; its name is not known before the lock is taken
        if "password" in str(error).lower():
            raise encrypted(name, password) from error
        raise


def _health(texts: list[str], read: Read | None) -> Health:
    pages = read.pages if read else []
    garbled = tuple(number for number, page in enumerate(pages, start=1) if page.garbled)
    hidden = tuple(number for number, page in enumerate(pages, start=1) if page.hidden)
    empty = (number for number, text in enumerate(texts, start=1) if not text.strip())
    left_out: list[str] = []
    if hidden:
        left_out.append(f"hidden text on {named('page', hidden)}")
    if read and read.files:
        kind = "of the portfolio" if read.is_portfolio else "attached"
        listed = ", ".join(map(repr, read.files[:_MOST_NAMES])) + ", …" * (len(read.files) > _MOST_NAMES)
        left_out.append(f"{len(read.files)} file{'s' * (len(read.files) > 1)} {kind} ({listed})")
    notes: list[str] = []
    if read and read.is_xfa:
        left_out.append("the data of its XFA form")
        notes.append("is an XFA form, which only Adobe's programs show: print it to a new PDF there")
    return Health(
        empty=tuple(number for number in empty if number not in set(garbled)),
        garbled=garbled,
        left_out=tuple(left_out),
        notes=tuple(notes),
    )
