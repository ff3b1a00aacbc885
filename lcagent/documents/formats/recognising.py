"""What a file is: by its first bytes, then by its ending."""

from __future__ import annotations

import codecs
import hashlib
import os
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from lcagent.documents.formats.encodings import decode, known_encoding, narrow, parts, wide
from lcagent.documents.formats.members import BROKEN
from lcagent.documents.formats.not_read import ENCRYPTED, INSTEAD, OLE, PICTURES, ZIPPED, ole_kind, other_kind
from lcagent.documents.formats.ocr import available
from lcagent.errors import (
    DocumentDamaged,
    DocumentEmpty,
    DocumentEncrypted,
    DocumentError,
    DocumentTooLarge,
    UnsupportedFormat,
)

Kind = Literal[
    "pdf", "docx", "epub", "html", "markdown", "text", "rtf", "mail", "mhtml", "mbox", "odt", "ods", "odp",
    "xlsx", "pptx", "picture",
]  # fmt: skip
"""The formats that are read."""
_ARCHIVES = set(
    ".docx .docm .dotx .dotm .xlsx .xlsm .xltx .xltm .pptx .pptm .potx .potm .ppsx .ppsm"
    " .epub .odt .ods .odp".split()
)
_ZIPPED = frozenset({"docx", "epub", "odt", "ods", "odp", "xlsx", "pptx"})
_MOST_IN_MEMORY = 4 << 20
"""Bytes of an archive that is read as a whole: a larger one is mostly pictures, which are not read."""
_TEXTS = set(
    ".txt .text .md .markdown .rst .org .adoc .log .tex .bib .csv .tsv .json .jsonl .ndjson .xml .yaml .yml"
    " .toml .ini .cfg .conf .srt .vtt .ics .vcf .diff .patch".split()
)
_CODE = set(
    ".py .js .mjs .ts .jsx .tsx .java .scala .c .h .cc .cpp .hpp .cs .go .rs .rb .php .pl .lua .swift .m .r"
    " .jl .kt .sql .sh .bash .ps1 .bat .css .scss .vue .proto .cmake".split()
)
SUFFIXES = (
    {".pdf", ".html", ".htm", ".xhtml", ".rtf", ".eml", ".mht", ".mhtml", ".mbox", *_ARCHIVES}
    | _TEXTS
    | _CODE
)
"""Endings looked for in a folder. A file named directly is read whatever its ending."""
MAX_UNPACKED = 512 * 1024 * 1024
"""Most bytes that a DOCX or EPUB may unpack to."""
_READS = "read are PDF, DOCX, EPUB, HTML, Markdown, text, RTF, mail, ODT, ODS, ODP, XLSX and PPTX"
_HEAD = 8192
"""Bytes by which a file is recognised."""
_MOST_TYPES = 1 << 20
"""Bytes of the list of an Office file's parts."""
_BLANK = b"\0 \t\r\n\f"


@dataclass(frozen=True, slots=True)
class OnDisk:
    """A file that is read where it lies.

    Args:
        path: of it, absolute.
        size: bytes of it.
        changed: when it was last changed, in nanoseconds.
    """

    path: Path
    size: int
    changed: int

    def is_as_it_was(self) -> bool:
        """Whether it has not been changed since."""
        status = self.path.stat()
        return (status.st_size, status.st_mtime_ns) == (self.size, self.changed)


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds before it is parsed.

    Args:
        kind: its format.
        data: its characters where it is made of them, else its bytes; or where it lies, if it is a large
            archive.
        sha256: of its bytes, in hexadecimal.
        encoding: what its characters were taken for where that had to be guessed.
        notes: sentences on bytes that are no characters.
    """

    kind: Kind
    data: str | bytes | OnDisk
    sha256: str
    encoding: str = ""
    notes: tuple[str, ...] = ()


def read(file: BinaryIO, suffix: str, name: str, encoding: str = "", path: Path | None = None) -> Content:
    """Recognise a file and read it.

    Args:
        file: open at its beginning; it can seek.
        suffix: its ending in small letters, with the dot.
        name: as shown to people.
        encoding: of a text file, where the user has said it.
        path: where it lies, if it can be opened again.

    Raises:
        DocumentEmpty: no bytes, or only white space.
        UnsupportedFormat: binary, and none of the formats read, or in an encoding that is not recognised.
        UsageError: there is no such encoding.
        DocumentDamaged: not what its ending says, or a broken archive.
        DocumentTooLarge: an archive that unpacks to too much.
    """
    encoding = known_encoding(encoding) if encoding else ""
    head = file.read(_HEAD)
    if not head.strip(_BLANK) and not any(part.strip(_BLANK) for part in parts(file)):
        raise DocumentEmpty(f"{name} is empty", hint="it holds no text at all")
    kind = _sniff(head, file, suffix, name, encoding)
    file.seek(0)
    if kind in {"text", "markdown", "html"}:
        found = decode(file, said=encoding, declares=kind == "html", name=name)
        return Content(kind, found.text, found.sha256, found.encoding, found.notes)
    if path is not None and kind in _ZIPPED:
        status = os.fstat(file.fileno())  # before its bytes are looked at: what is changed later shows
        if status.st_size > _MOST_IN_MEMORY:
            digest = hashlib.sha256()
            for part in parts(file):
                digest.update(part)
            there = OnDisk(path.absolute(), status.st_size, status.st_mtime_ns)
            return Content(kind, there, digest.hexdigest())
    data = file.read()
    return Content(kind, data, hashlib.sha256(data).hexdigest())


_FIELD = re.compile(rb"(?:[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*){2}")
_BOX_LINE = re.compile(rb"From [^\n]+\n(?=[!-9;-~]+:)")
_MAIL_FIELD = re.compile(
    rb"^(?:Received|Return-Path|Delivered-To|Message-ID|MIME-Version|From|Date):", re.I | re.M
)


def _mail_kind(data: bytes, suffix: str) -> Kind | None:
    """Whether a file is a message, a saved page or a box of messages."""
    head = narrow(data).replace(b"\r\n", b"\n").lstrip()
    if boxed := _BOX_LINE.match(head):  # of a box, or what a program left in a message that was in one
        if suffix != ".eml" and suffix not in SUFFIXES - {".mbox"}:
            return "mbox"
        head = head[boxed.end() :]
    if not _FIELD.match(head):
        return None
    fields = head.partition(b"\n\n")[0]
    marks = {field.lower() for field in _MAIL_FIELD.findall(fields)}
    if suffix in {".mht", ".mhtml"} or (b"mime-version:" in marks and b"multipart/related" in fields.lower()):
        return "mhtml" if suffix != ".eml" else "mail"
    return "mail" if suffix == ".eml" or (suffix not in SUFFIXES and len(marks) >= 3) else None


_PAGE = re.compile(
    r"(?:\ufeff|ï»¿)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.I | re.S
)


def _sniff(data: bytes, file: BinaryIO, suffix: str, name: str, encoding: str) -> Kind:
    """What a file is: by its first bytes, then by its ending."""
    kind = _marked_kind(data, file, suffix, name) if not encoding else None
    if kind is not None:
        return kind
    units = encoding or wide(data)
    if suffix in {".html", ".htm", ".xhtml"} or _PAGE.match(data[:4096].decode(units or "latin-1", "ignore")):
        return "html"
    if not units and _is_binary(data):
        raise UnsupportedFormat(f"{name} is a binary file of a kind that is not read", hint=_READS)
    return "markdown" if suffix in {".md", ".markdown"} else "text"


def _marked_kind(data: bytes, file: BinaryIO, suffix: str, name: str) -> Kind | None:
    """The kind of a file that says by its first bytes what it is; None of one that may be text.

    Raises:
        UnsupportedFormat: of a kind that is not read.
        DocumentDamaged: its ending says another kind.
    """
    kind: Kind | None = None
    if _is_pdf(data, suffix) or (suffix == ".pdf" and data[:4] != b"PK\x03\x04"):
        kind = "pdf"  # also where it is damaged at its beginning: its parser has the last word
    elif data[:4] == b"PK\x03\x04":
        kind = _zip_kind(file, name)
    elif data.startswith(b"{\\rtf"):
        kind = "rtf"
    elif data.startswith(OLE):
        raise _refused(ole_kind(file, suffix), name)
    elif what := other_kind(data):
        if what not in PICTURES or not available():
            raise _refused(what, name)
        kind = "picture"
    elif suffix in _ARCHIVES:
        raise DocumentDamaged(f"{name} is no {suffix[1:].upper()} file: it is not a ZIP archive")
    return kind or _mail_kind(data, suffix)


def _refused(what: str, name: str) -> DocumentError:
    """Why a file is not read that is known for what it is."""
    if what == ENCRYPTED:
        return DocumentEncrypted(
            f"{name} is protected by a password, and Office files are read only without one",
            hint="open it, save it without its password, then ask again",
        )
    return UnsupportedFormat(f"{name} is {what}, which is not read", hint=INSTEAD.get(what, _READS))


def _zip_kind(file: BinaryIO, name: str) -> Kind:
    try:
        with zipfile.ZipFile(file) as archive:
            names = {member.replace("\\", "/") for member in archive.namelist()}
            unpacked = sum(info.file_size for info in archive.infolist())
            kind = _open_document(archive, names) or _open_xml(archive, names)
    except BROKEN as error:
        raise DocumentDamaged(f"{name} is a damaged ZIP archive", hint=_READS) from error
    if "META-INF/container.xml" in names:
        kind = "epub"
    if kind is None:
        what = next((what for member, what in ZIPPED.items() if member in names), "")
        if what:
            raise _refused(what, name)
        raise UnsupportedFormat(f"{name} is a ZIP archive of no kind that is read", hint=_READS)
    if unpacked > MAX_UNPACKED:
        raise DocumentTooLarge(f"{name} unpacks to {unpacked / 2**20:,.0f} MiB", hint="split it")
    return kind


_OPEN_DOCUMENT: dict[bytes, Kind] = {b"text": "odt", b"spreadsheet": "ods", b"presentation": "odp"}


def _open_document(archive: zipfile.ZipFile, names: set[str]) -> Kind | None:
    """The kind of an OpenDocument file, by what it says of itself first."""
    if "mimetype" not in names or "content.xml" not in names:
        return None
    with archive.open("mimetype") as file:
        said = file.read(100).strip()
    return _OPEN_DOCUMENT.get(said.removeprefix(b"application/vnd.oasis.opendocument.").partition(b"-")[0])


_OPEN_XML: dict[bytes, Kind] = {
    b"wordprocessingml.": "docx", b"ms-word.": "docx", b"spreadsheetml.": "xlsx", b"ms-excel.sheet": "xlsx",
    b"presentationml.": "pptx", b"ms-powerpoint.": "pptx",
}  # fmt: skip
_MAIN_PART = re.compile(
    rb"(wordprocessingml\.|ms-word\.|spreadsheetml\.|ms-excel\.sheet|presentationml\.|ms-powerpoint\.)"
    rb"(?:document|template|sheet|presentation|slideshow|macroEnabled|addin)[\w.]*main\+xml"
)


def _open_xml(archive: zipfile.ZipFile, names: set[str]) -> Kind | None:
    """The kind of an Office file: by its usual main part, or by the types that it says its parts are of."""
    usual: dict[str, Kind] = {
        "word/document.xml": "docx",
        "xl/workbook.xml": "xlsx",
        "ppt/presentation.xml": "pptx",
    }
    for part, kind in usual.items():
        if part in names:
            return kind
    if "[Content_Types].xml" not in names:
        return None
    with archive.open("[Content_Types].xml") as file:
        said = _MAIN_PART.search(file.read(_MOST_TYPES))
    return _OPEN_XML[said[1]] if said else None


_BEFORE_PDF = _BLANK + codecs.BOM_UTF8
_PDF_LINE = re.compile(rb"(?:^|[\r\n])%PDF-\d")


def _is_pdf(data: bytes, suffix: str) -> bool:
    """Whether a PDF's mark stands where it makes a PDF of the file.

    Readers look for it in the first 1,024 bytes, since mailers and printers put lines before it. So may a
    note that speaks of PDF: a mark further on counts only if what stands before it is binary, or if it
    begins a line of what is no text.
    """
    at = data[:1024].find(b"%PDF-")
    if at < 0:
        return False
    if suffix == ".pdf" or not data[:at].strip(_BEFORE_PDF) or _is_binary(data[:at]):
        return True
    return _PDF_LINE.search(data, 0, 1024) is not None and not _is_utf8(data)


def _is_utf8(data: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)  # a character may be cut at the end
    except UnicodeDecodeError:
        return False
    return not _is_binary(data)


def is_text(path: Path) -> bool:
    """Whether a file begins with characters in UTF-8; one that cannot be opened does not.

    Args:
        path: of the file.
    """
    try:
        with path.open("rb") as file:
            return _is_utf8(file.read(_HEAD))
    except OSError:
        return False


def _is_binary(data: bytes) -> bool:
    controls = len(data) - len(data.translate(None, _CONTROLS))
    return b"\0" in data or controls > len(data) // 20


_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\r\f\b\x1b")
