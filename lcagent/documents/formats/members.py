"""Texts that are members of an archive: the chapters of an EPUB, the parts of a DOCX."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path

from lcagent.documents.formats.encodings import decode

BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)
"""What reading a member of a damaged archive raises."""


Archived = bytes | Path
"""A ZIP archive: its bytes, or the file that holds it."""


def opened(archive: Archived) -> zipfile.ZipFile:
    """An archive, to be read.

    Raises:
        zipfile.BadZipFile: it is none.
    """
    return zipfile.ZipFile(io.BytesIO(archive) if isinstance(archive, bytes) else archive)


def decoded(data: bytes) -> str:
    """A text, by the encoding that it says it is in."""
    return decode(io.BytesIO(data), declares=True).text.removeprefix("\ufeff")
