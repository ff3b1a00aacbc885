"""Texts that are members of an archive: the chapters of an EPUB, the parts of a DOCX."""

from __future__ import annotations

import io
import zipfile
import zlib

from lcagent.documents.formats.encodings import decode

BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)
"""What reading a member of a damaged archive raises."""


def decoded(data: bytes) -> str:
    """A text, by the encoding that it says it is in."""
    return decode(io.BytesIO(data), declares=True).text.removeprefix("\ufeff")
