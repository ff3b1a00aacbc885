"""PDF: text and pages by pdfium; pypdf where pdfium gives up."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable

from lcagent.documents.formats.body import Body, paged
from lcagent.documents.formats.pdf.opening import opened
from lcagent.documents.health import Health
from lcagent.errors import DocumentDamaged, DocumentEmpty, DocumentEncrypted
from lcagent.text import whole_characters

PAGE_BREAK = "\f"
_MOST_LABEL = 20
"""Characters of a page's label."""
# pdfium marks a hyphen at a line's end with U+FFFE or U+0002; pages may hold other control characters.
_HYPHEN = re.compile("[\ufffe\x02](?=[\r\n])\r?\n?|[\ufffe\x02]")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


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
    labels: list[str] = []
    try:
        texts, labels = _by_pdfium(data, name, password)
    except DocumentEncrypted:
        raise
    except Exception as refusal:  # noqa: BLE001 - whatever pdfium refuses, pypdf may repair
        texts = _by_pypdf(data, name, password, refusal)
    if not texts:
        raise DocumentEmpty(f"{name} has no pages", hint="the file is a PDF without content")
    if not any(text.strip() for text in texts):
        texts = _second_look(data, name, password, texts)
    text, pages = paged(texts, labels, between=PAGE_BREAK)
    blank = tuple(number for number, of_page in enumerate(texts, start=1) if not of_page.strip())
    return Body(text, pages, "page", Health(empty=blank))


def _by_pdfium(data: bytes, name: str, password: str | None) -> tuple[list[str], list[str]]:
    """The text of each page, and the label that the file gives it."""
    try:
        with opened(data, password) as pdf:
            pages = range(len(pdf))
            return [_page_text(pdf, index) for index in pages], [_label(pdf, index) for index in pages]
    except RuntimeError as error:  # pdfium's own errors; its name is not known before the lock is taken
        if "password" in str(error).lower():
            raise _encrypted(name, password) from error
        raise


def _page_text(pdf: object, index: int) -> str:
    import pypdfium2 as pdfium

    assert isinstance(pdf, pdfium.PdfDocument)
    try:
        page = pdf[index]
    except pdfium.PdfiumError:
        return ""  # one broken page must not cost the others; it is reported as holding no text
    try:
        textpage = page.get_textpage()
        try:
            return clean(textpage.get_text_range())
        finally:
            textpage.close()
    except pdfium.PdfiumError:
        return ""
    finally:
        page.close()


def _label(pdf: object, index: int) -> str:
    import pypdfium2 as pdfium

    assert isinstance(pdf, pdfium.PdfDocument)
    try:
        return " ".join(clean(pdf.get_page_label(index)).split())[:_MOST_LABEL]
    except (pdfium.PdfiumError, UnicodeDecodeError):
        return ""  # a broken label must not cost the page


def clean(text: str) -> str:
    """Undo what PDF extraction leaves behind: marked hyphens, carriage returns, control characters."""
    text = _HYPHEN.sub("", text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return whole_characters(_CONTROLS.sub("", text))


def _by_pypdf(data: bytes, name: str, password: str | None, refusal: Exception) -> list[str]:
    import pypdf

    def read() -> list[str]:
        reader = pypdf.PdfReader(io.BytesIO(data), password=password)
        if reader.is_encrypted and not reader.decrypt(password or ""):
            raise _encrypted(name, password)
        return [clean(page.extract_text() or "") for page in reader.pages]

    try:
        return _quietly(read)
    except DocumentEncrypted:
        raise
    except Exception as error:
        raise DocumentDamaged(
            f"{name} is damaged: neither parser can open it ({refusal})",
            hint="open and save it again with the program that made it, or print it to a new PDF",
        ) from error


def _second_look(data: bytes, name: str, password: str | None, texts: list[str]) -> list[str]:
    """pdfium opened it and found no text at all: pypdf may."""
    try:
        again = _by_pypdf(data, name, password, ValueError("no text"))
    except (DocumentDamaged, DocumentEncrypted):
        return texts
    return again if len(again) == len(texts) else texts


def _quietly(read: Callable[[], list[str]]) -> list[str]:
    """pypdf reports each repair to its logger; a user sees one outcome instead."""
    logger = logging.getLogger("pypdf")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        return read()
    finally:
        logger.setLevel(level)


def _encrypted(name: str, password: str | None) -> DocumentEncrypted:
    if password:
        return DocumentEncrypted(f"the password for {name} is wrong", hint="check --password")
    return DocumentEncrypted(f"{name} is encrypted", hint="give its password with --password")
