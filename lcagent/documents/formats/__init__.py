"""The formats that are read: what a file is (`recognising`), and how each becomes text with pages."""

from __future__ import annotations

from lcagent.documents.document import Document
from lcagent.documents.formats.body import Body
from lcagent.documents.formats.members import Archived
from lcagent.documents.formats.recognising import SUFFIXES, Content, OnDisk, is_text, read
from lcagent.documents.health import Health
from lcagent.errors import DocumentDamaged

__all__ = ["SUFFIXES", "Content", "OnDisk", "is_text", "parse", "read"]


def parse(content: Content, *, name: str, password: str | None) -> Document:
    """Turn what a file holds into a document.

    Args:
        content: of the file.
        name: as shown to people.
        password: for an encrypted PDF.

    Raises:
        DocumentError: as the format's parser finds it.
    """
    data = content.data
    body = _body(content, name, password)
    if isinstance(data, OnDisk) and not data.is_as_it_was():
        raise DocumentDamaged(f"{name} was changed while it was read", hint="ask again")
    return Document(name, body.text, body.pages, body.unit, content.sha256, content.kind, body.health)


def _body(content: Content, name: str, password: str | None) -> Body:
    kind, data = content.kind, content.data
    if isinstance(data, OnDisk):
        return _archived(kind, data.path, name)
    if isinstance(data, bytes):
        return _of_bytes(kind, data, name, password)
    health = Health(encoding=content.encoding, notes=content.notes)
    if kind == "html":
        from lcagent.documents.formats.html import parse_html

        return parse_html(data.removeprefix("\ufeff"), name, health)
    return Body(data, health=health)


def _of_bytes(kind: str, data: bytes, name: str, password: str | None) -> Body:
    if kind == "pdf":
        from lcagent.documents.formats.pdf import parse_pdf

        return parse_pdf(data, name, password)
    if kind in {"mail", "mhtml", "mbox"}:
        from lcagent.documents.formats.mail import parse_mail, parse_mbox, parse_mhtml

        return {"mail": parse_mail, "mhtml": parse_mhtml, "mbox": parse_mbox}[kind](data)
    if kind == "picture":
        from lcagent.documents.formats.ocr import parse_picture

        return parse_picture(data, name)
    if kind == "rtf":
        from lcagent.documents.formats.rtf import parse_rtf

        return parse_rtf(data)
    return _archived(kind, data, name)


def _archived(kind: str, data: Archived, name: str) -> Body:
    """What is kept in a ZIP archive."""
    if kind == "epub":
        from lcagent.documents.formats.epub import parse_epub

        return parse_epub(data, name)
    if kind == "docx":
        from lcagent.documents.formats.docx import parse_docx

        return parse_docx(data)
    if kind == "xlsx":
        from lcagent.documents.formats.sheets import parse_xlsx

        return parse_xlsx(data, name)
    if kind == "pptx":
        from lcagent.documents.formats.slides import parse_pptx

        return parse_pptx(data, name)
    from lcagent.documents.formats.odf import parse_odf

    return parse_odf(data, kind, name)
