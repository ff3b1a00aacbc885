"""Texts that are members of an archive: the chapters of an EPUB, the parts of a DOCX."""

from __future__ import annotations

import io

from lcagent.documents.formats.encodings import declared, decode

_HEAD = 8192
"""Bytes in which a page may say its encoding."""


def decoded(data: bytes) -> str:
    """A text, by the encoding that it says it is in."""
    head = data[:_HEAD]
    return decode(io.BytesIO(data), head, declared(head))[0].removeprefix("\ufeff")
