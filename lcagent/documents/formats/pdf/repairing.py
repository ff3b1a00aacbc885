"""PDFs that pdfium refuses, by pypdf."""

from __future__ import annotations

import io

from lcagent.documents.formats.pdf.cleaning import clean
from lcagent.documents.formats.pdf.opening import quiet
from lcagent.errors import DocumentDamaged, DocumentEncrypted


def by_pypdf(data: bytes, name: str, password: str | None, refusal: Exception) -> list[str]:
    """The text of each page.

    Raises:
        DocumentEncrypted: it needs a password, or another one.
        DocumentDamaged: pypdf cannot open it either.
    """
    import pypdf

    try:
        with quiet("pypdf"):
            reader = pypdf.PdfReader(io.BytesIO(data), password=password)
            if reader.is_encrypted and not reader.decrypt(password or ""):
                raise encrypted(name, password)  # noqa: TRY301 - it passes below as it is
            return [clean(page.extract_text() or "") for page in reader.pages]
    except DocumentEncrypted:
        raise
    except Exception as error:
        raise DocumentDamaged(
            f"{name} is damaged: neither parser can open it ({refusal})",
            hint="open and save it again with the program that made it, or print it to a new PDF",
        ) from error


def second_look(data: bytes, name: str, password: str | None, texts: list[str]) -> list[str]:
    """pdfium opened it and found no text at all: pypdf may."""
    try:
        again = by_pypdf(data, name, password, ValueError("no text"))
    except (DocumentDamaged, DocumentEncrypted):
        return texts
    return again if len(again) == len(texts) else texts


def encrypted(name: str, password: str | None) -> DocumentEncrypted:
    """That it needs a password, or another one than this."""
    if password:
        return DocumentEncrypted(f"the password for {name} is wrong", hint="check --password")
    return DocumentEncrypted(f"{name} is encrypted", hint="give its password with --password")
