"""Bytes as characters: what a text file or a page is written in."""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator
from typing import BinaryIO

_PART = 4 * 1024 * 1024
"""Bytes that are decoded at a time: a file's bytes and its text are never both held whole."""
_ENCODING = re.compile(
    rb"<meta\b[^>]*?\bcharset\s*=\s*[\"']?\s*([\w.:-]+)|<\?xml\b[^>]*?\bencoding\s*=\s*[\"']([\w.:-]+)", re.I
)
_FOR_TEXT = re.compile(r"cp|iso8859|iso2022|koi8|mac-|gb|hz|big5|euc_|shift_jis|tis-620")
# What pages say, and the larger set of characters that they use: as browsers read them.
_LARGER = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "gb2312": "gb18030", "gbk": "gb18030",
    "shift_jis": "cp932", "euc_kr": "cp949",
}  # fmt: skip


def parts(file: BinaryIO) -> Iterator[bytes]:
    """A file's bytes, some at a time."""
    while part := file.read(_PART):
        yield part


def declared(head: bytes) -> str:
    """The encoding other than UTF-8 that an HTML page says it is in; "" if it says none that is known."""
    match = _ENCODING.search(head)
    if match is None:
        return ""
    try:
        encoding = codecs.lookup((match[1] or match[2]).decode("ascii")).name
    except LookupError:
        return ""
    return _LARGER.get(encoding, encoding) if _FOR_TEXT.match(encoding) or encoding in _LARGER else ""


def decode(file: BinaryIO, head: bytes, declared: str) -> tuple[str, str, str]:
    """A text file's own characters, its SHA-256, and its encoding where that had to be guessed.

    A byte order mark stays in the text and newlines are not translated, so that offsets are the
    file's own. What reads as UTF-8 is UTF-8, whatever is declared: saved pages keep old declarations.
    """
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        order = "utf-16-le" if head[:2] == codecs.BOM_UTF16_LE else "utf-16-be"
        return *_decoded(file, order, "replace"), ""
    try:
        return *_decoded(file, "utf-8", "strict"), ""
    except UnicodeDecodeError:
        file.seek(0)
        if declared:
            return *_decoded(file, declared, "replace"), ""
        return *_decoded(file, "cp1252", "replace"), "Windows-1252"


def _decoded(file: BinaryIO, encoding: str, errors: str) -> tuple[str, str]:
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    digest = hashlib.sha256()
    text = ""
    for part in parts(file):
        digest.update(part)
        text += decoder.decode(part)  # in place; a list of parts to join would need the room twice
    text += decoder.decode(b"", final=True)
    return text, digest.hexdigest()
