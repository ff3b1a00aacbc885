"""Bytes as characters: what a text file or a page is written in (record 23)."""

from __future__ import annotations

import codecs
import hashlib
import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from lcagent.errors import UnsupportedFormat, UsageError

_PART = 4 * 1024 * 1024
"""Bytes that are decoded at a time: a file's bytes and its text are never both held whole."""
_SAMPLE = 256 * 1024
"""Bytes that an encoding is recognised by, and in which a page may declare it."""
_FEW = 24
"""Bytes beyond ASCII: of fewer only the encodings of the web are thought of."""
_WELL = 3
"""Sound characters beyond ASCII for each byte that is none, in what is UTF-8 with faults."""
_LOST = 0.01
"""Share of characters that an encoding may leave without meaning before it is another one."""
_ODD = 0.1
_SIGNS = frozenset({"So", "Sm", "Sk", "Cc", "Co", "Cn"})
_ASCII = bytes(range(128))
_NAME_IT = "name it with --encoding, such as --encoding cp1251"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text file's own characters.

    A byte order mark stays in the text and newlines are not translated, so that offsets are the file's own.

    Args:
        text: all of them.
        sha256: of its bytes, in hexadecimal.
        encoding: what it was taken for, where that is neither said nor UTF-8.
        notes: sentences on bytes that are no characters.
    """

    text: str
    sha256: str
    encoding: str = ""
    notes: tuple[str, ...] = ()


def parts(file: BinaryIO) -> Iterator[bytes]:
    """A file's bytes, some at a time."""
    while part := file.read(_PART):
        yield part


def known_encoding(name: str) -> str:
    """The codec of an encoding's name.

    Raises:
        UsageError: there is none of that name that makes text of bytes.
    """
    try:
        "".encode(name)  # a codec that makes no text, such as zip, refuses
        return codecs.lookup(name).name
    except (LookupError, ValueError, UnicodeError) as error:
        raise UsageError(
            f"there is no encoding {name!r}", hint="such as utf-8, cp1251, shift_jis, gb18030, big5, euc-kr"
        ) from error


_ENCODING = re.compile(
    rb"<meta\b[^>]*?\bcharset\s*=\s*[\"']?\s*([\w.:-]+)|<\?xml\b[^>]*?\bencoding\s*=\s*[\"']([\w.:-]+)", re.I
)
_FOR_TEXT = re.compile(r"cp|iso8859|iso2022|koi8|mac-|gb|hz|big5|euc_|shift_jis|tis-620")
# What pages say, and the larger set of characters that they use: as browsers read them.
_LARGER = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "gb2312": "gb18030", "gbk": "gb18030",
    "shift_jis": "cp932", "euc_kr": "cp949",
}  # fmt: skip
_TOLD = {f"cp125{n}": f"Windows-125{n}" for n in range(9)} | {
    "cp932": "Shift-JIS", "cp949": "EUC-KR", "big5": "Big5", "gb18030": "GB18030", "euc_jp": "EUC-JP",
    "koi8-r": "KOI8-R", "koi8-u": "KOI8-U",
}  # fmt: skip
"""Encodings as people call them."""


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


_MARKS = (  # the longer ones first: UTF-32's little-endian mark begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def wide(head: bytes) -> str:
    """The encoding of two or four bytes a character that a file begins in; "" if it is in none of them.

    Args:
        head: its first bytes, some thousands.
    """
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if b"\0" not in head:
        return ""
    for encoding, width in (("utf-32-le", 4), ("utf-32-be", 4), ("utf-16-le", 2), ("utf-16-be", 2)):
        whole = head[: len(head) - len(head) % width]
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(whole)
        except UnicodeDecodeError:
            continue
        # Read in another order or width, text becomes characters of no script in particular, and no spaces.
        if text and _plain(text):
            return encoding
    return ""


def _plain(text: str) -> bool:
    """Whether characters are those of a text: letters, figures, and the marks and spaces between them."""
    sound = sum(character.isalnum() or character.isspace() or character.isprintable() for character in text)
    usual = sum(character in _USUAL or "a" <= character.lower() <= "z" for character in text)
    return "\0" not in text and sound >= len(text) * 0.98 and usual >= max(1, len(text) // 50)


_USUAL = frozenset(" \n\r\t.,;:!?()<>/=\"'-0123456789　。、，！？「」：；")


def decode(file: BinaryIO, *, said: str = "", declares: bool = False, name: str = "") -> Decoded:
    """A text file's characters.

    What reads as UTF-8 is UTF-8, whatever a page declares: saved pages keep old declarations. So is what is
    UTF-8 but for a few bytes, which become U+FFFD.

    Args:
        file: at its beginning; it can seek.
        said: its codec, where the user has said its encoding.
        declares: it may say its encoding itself, as HTML and XML do.
        name: as shown to people.

    Raises:
        UnsupportedFormat: its encoding is none that is recognised.
    """
    head = file.read(_SAMPLE)
    file.seek(0)
    encoding = said or wide(head[:8192])
    if encoding:
        return _faulty(*_decoded(file, encoding, "replace"), encoding if said else encoding.upper(), told="")
    try:
        return Decoded(*_decoded(file, "utf-8", "strict"))
    except UnicodeDecodeError:
        file.seek(0)
    text, sha256 = _decoded(file, "utf-8", "replace")
    lost = text.count("\ufffd")
    if _beyond_ascii(text) - lost >= (_WELL * lost if lost > 1 else 1):
        return _faulty(text, sha256, "UTF-8", told="")
    if declares and (encoding := declared(head)):
        file.seek(0)
        return _faulty(*_decoded(file, encoding, "replace"), encoding, told="")
    found = _recognised(file, head)
    if not found:
        raise UnsupportedFormat(f"the encoding of {name or 'the file'} is not recognised", hint=_NAME_IT)
    file.seek(0)
    text, sha256 = _decoded(file, found, "replace")
    if text.count("\ufffd") > _LOST * len(text) or _odd(text[:_SAMPLE]) > _ODD:
        raise UnsupportedFormat(
            f"{name or 'the file'} is neither UTF-8 nor {_TOLD.get(found, found)}, which it looks like",
            hint=_NAME_IT,
        )
    return _faulty(text, sha256, found, told=_TOLD.get(found, found))


def narrow(data: bytes) -> bytes:
    """Bytes in which ASCII stands as it is, in place of UTF-16 and UTF-32, and without their mark."""
    encoding = wide(data[:8192])
    text = data.decode(encoding, "replace").encode() if encoding else data
    return text.removeprefix(codecs.BOM_UTF8)


_RUN = re.compile(rb"[\x80-\xff]{3}")
_WESTERN = frozenset({"", "cp1252", "iso8859-15", "mac-roman"})


def said_text(data: bytes, said: str, *, declares: bool = False) -> str:
    """Characters of bytes that come with the name of their encoding, which may be wrong.

    What reads as UTF-8 is UTF-8 where it is said to be of Western Europe, or nothing is said: programs name
    that by default.

    Args:
        data: of a part of a message.
        said: the encoding's name as it stands there; "" where none does.
        declares: the text may say its encoding itself.
    """
    try:
        encoding = codecs.lookup(said).name if said else ""
        "".encode(encoding or "ascii")  # a codec that makes no text, such as zip, refuses
    except (LookupError, ValueError, UnicodeError):
        encoding = ""
    encoding = _LARGER.get(encoding, encoding)
    for one in ("utf-8" if encoding in _WESTERN else encoding, encoding):
        try:
            if one:
                return data.decode(one)
        except UnicodeError:
            continue
    if not declares and not _RUN.search(data):  # single letters and marks among those of ASCII
        return data.decode("cp1252", "replace")
    try:
        return decode(io.BytesIO(data), declares=declares).text
    except UnsupportedFormat:
        return data.decode(encoding or "cp1252", "replace")


def _odd(text: str) -> float:
    """Share of the characters beyond ASCII that are signs and controls: read wrongly, letters become such."""
    beyond = [character for character in text if character > "\x7f"]
    return sum(unicodedata.category(one) in _SIGNS for one in beyond) / max(1, len(beyond))


def _beyond_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


def _faulty(text: str, sha256: str, encoding: str, *, told: str) -> Decoded:
    """With a note on what could not be decoded."""
    lost = text.count("\ufffd")
    if not lost:
        return Decoded(text, sha256, told)
    line = text.count("\n", 0, text.index("\ufffd")) + 1
    what = f"{lost:,} bytes are no characters" if lost > 1 else "one byte is no character"
    return Decoded(text, sha256, told, (f"{what} of {encoding} (first on line {line:,}); read as \ufffd",))


_AROUND = re.compile(rb"[\x00-\x7f]{0,40}[\x80-\xff](?:[\x00-\x7f]{0,40}[\x80-\xff]){0,200}[\x00-\x7f]{0,40}")


def _recognised(file: BinaryIO, head: bytes) -> str:
    """The encoding that a file's bytes look like; "" if like none."""
    from chardet import EncodingEra, detect

    sample = head
    file.seek(len(head))
    while len(sample.translate(None, _ASCII)) < _FEW and (more := file.read(_SAMPLE)):
        sample = more  # a long text may be plain ASCII in its first part
    eras = EncodingEra.MODERN_WEB | EncodingEra.LEGACY_ISO
    if len(sample.translate(None, _ASCII)) >= _FEW:
        eras |= EncodingEra.LEGACY_REGIONAL | EncodingEra.DOS
    if len(sample.translate(None, _ASCII)) * 20 < len(sample):  # mostly ASCII, which tells nothing
        sample = b"\n".join(_AROUND.findall(sample))
    found = detect(sample, encoding_era=eras, max_bytes=len(sample))["encoding"]
    try:
        encoding = codecs.lookup(found or "").name
    except LookupError:
        return ""
    if encoding.startswith("utf"):
        return ""
    western = sample.decode("cp1252", "replace") == sample.decode(encoding, "replace")
    return "cp1252" if western else _LARGER.get(encoding, encoding)


def _decoded(file: BinaryIO, encoding: str, errors: str) -> tuple[str, str]:
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    digest = hashlib.sha256()
    text = ""
    for part in parts(file):
        digest.update(part)
        text += decoder.decode(part)  # in place; a list of parts to join would need the room twice
    text += decoder.decode(b"", final=True)
    return text, digest.hexdigest()
