"""The formats that are read: how each is recognised, and how it becomes text with pages."""

from __future__ import annotations

import codecs
import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Literal

from lcagent.documents.document import Document, Page
from lcagent.errors import DocumentDamaged, DocumentEmpty, DocumentTooLarge, UnsupportedFormat

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

Kind = Literal["pdf", "docx", "epub", "html", "markdown", "text"]

SUFFIXES = {
    ".pdf", ".docx", ".epub", ".html", ".htm", ".xhtml", ".md", ".markdown", ".txt", ".text", ".rst", ".log",
    ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml", ".tex", ".srt", ".vtt",
}  # fmt: skip
"""Endings looked for in a folder. A file named directly is read whatever its ending."""
MAX_UNPACKED = 512 * 1024 * 1024
"""Most bytes that a DOCX or EPUB may unpack to."""
_READS = "read are PDF, plain text, Markdown, HTML, DOCX and EPUB"
_HEAD = 8192
"""Bytes by which a file is recognised."""
_PART = 4 * 1024 * 1024
"""Bytes that are decoded at a time: a file's bytes and its text are never both held whole."""
_BLANK = b"\0 \t\r\n\f"


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds before it is parsed.

    Args:
        kind: its format.
        data: its characters where it is made of them, else its bytes.
        sha256: of its bytes, in hexadecimal.
        warnings: such as an encoding that had to be guessed.
    """

    kind: Kind
    data: str | bytes
    sha256: str
    warnings: tuple[str, ...] = ()


def read(file: BinaryIO, suffix: str, name: str) -> Content:
    """Recognise a file and read it.

    Args:
        file: open at its beginning; it can seek.
        suffix: its ending in small letters, with the dot.
        name: as shown to people.

    Raises:
        DocumentEmpty: no bytes, or only white space.
        UnsupportedFormat: binary, and none of the formats read.
        DocumentDamaged: not what its ending says, or a broken archive.
        DocumentTooLarge: an archive that unpacks to too much.
    """
    head = file.read(_HEAD)
    if not head.strip(_BLANK) and not any(part.strip(_BLANK) for part in _parts(file)):
        raise DocumentEmpty(f"{name} is empty", hint="it holds no text at all")
    kind = _sniff(head, file, suffix, name)
    file.seek(0)
    if kind in {"text", "markdown", "html"}:
        return Content(kind, *_decode(file, head))
    data = file.read()
    return Content(kind, data, hashlib.sha256(data).hexdigest())


def _parts(file: BinaryIO) -> Iterator[bytes]:
    while part := file.read(_PART):
        yield part


def _sniff(data: bytes, file: BinaryIO, suffix: str, name: str) -> Kind:
    """What a file is: by its first bytes, then by its ending."""
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data[:4] == b"PK\x03\x04":
        return _zip_kind(file, name)
    if suffix == ".pdf":
        return "pdf"  # damaged at its beginning; the parser has the last word
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise UnsupportedFormat(
            f"{name} is an old Office file", hint="save it as DOCX or PDF, then ask again"
        )
    if suffix in {".docx", ".epub"}:
        raise DocumentDamaged(f"{name} is no {suffix[1:].upper()} file: it is not a ZIP archive")
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if suffix in {".html", ".htm", ".xhtml"} or head.startswith((b"<!doctype html", b"<html")):
        return "html"
    if _is_binary(data):
        raise UnsupportedFormat(f"{name} is a binary file of a kind that is not read", hint=_READS)
    return "markdown" if suffix in {".md", ".markdown"} else "text"


def _zip_kind(file: BinaryIO, name: str) -> Kind:
    try:
        with zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
            unpacked = sum(info.file_size for info in archive.infolist())
    except zipfile.BadZipFile as error:
        raise DocumentDamaged(f"{name} is a damaged ZIP archive", hint=_READS) from error
    if "META-INF/container.xml" in names:
        kind: Kind = "epub"
    elif "word/document.xml" in names:
        kind = "docx"
    else:
        raise UnsupportedFormat(f"{name} is a ZIP archive, but no DOCX or EPUB", hint=_READS)
    if unpacked > MAX_UNPACKED:
        raise DocumentTooLarge(f"{name} unpacks to {unpacked / 2**20:,.0f} MiB", hint="split it")
    return kind


def _is_binary(data: bytes) -> bool:
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return False
    controls = sum(byte < 32 and byte not in b"\t\n\r\f\b\x1b" for byte in data)
    return b"\0" in data or controls > len(data) // 20


def parse(content: Content, *, name: str, password: str | None) -> Document:
    """Turn what a file holds into a document.

    Raises:
        DocumentError: as the format's parser finds it.
    """
    kind, data, sha256 = content.kind, content.data, content.sha256
    if isinstance(data, str):
        text = html_text(data) if kind == "html" else data
        return Document(name, text, (), "", sha256, kind, content.warnings)
    if kind == "pdf":
        from lcagent.documents.pdf import parse_pdf

        return parse_pdf(data, name=name, sha256=sha256, password=password)
    if kind == "epub":
        text, pages = _epub(data, name)
        return Document(name, text, pages, "chapter", sha256, kind)
    import mammoth

    text = html_text(mammoth.convert_to_html(io.BytesIO(data)).value)
    return Document(name, text, (), "", sha256, kind)


def _decode(file: BinaryIO, head: bytes) -> tuple[str, str, tuple[str, ...]]:
    """A text file's own characters, its SHA-256, and a warning where its encoding had to be guessed.

    A byte order mark stays in the text and newlines are not translated, so that offsets are the
    file's own.
    """
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        order = "utf-16-le" if head[:2] == codecs.BOM_UTF16_LE else "utf-16-be"
        return *_decoded(file, order, "replace"), ()
    try:
        return *_decoded(file, "utf-8", "strict"), ()
    except UnicodeDecodeError:
        file.seek(0)
        return *_decoded(file, "cp1252", "replace"), ("is not UTF-8; read as Windows-1252",)


def _decoded(file: BinaryIO, encoding: str, errors: str) -> tuple[str, str]:
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    digest = hashlib.sha256()
    text = ""
    for part in _parts(file):
        digest.update(part)
        text += decoder.decode(part)  # in place; a list of parts to join would need the room twice
    text += decoder.decode(b"", final=True)
    return text, digest.hexdigest()


_BLOCKS = {
    "address", "article", "aside", "blockquote", "dd", "details", "div", "dl", "dt", "figcaption", "figure",
    "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "main", "nav", "ol", "p", "pre",
    "section", "table", "ul", "body", "title",
}  # fmt: skip
_LINES = {"br", "li", "tr", "caption", "summary", "option"}
_UNSEEN = {"script", "style", "template", "noscript", "svg", "head"}


def html_text(html: str) -> str:
    """The text of an HTML page as a reader sees it: blocks apart, table cells by a bar."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(html)
    root = tree.body or tree.root
    if root is None:
        return ""
    pieces: list[str] = []
    title = tree.css_first("head > title")
    if title is not None and title.text(strip=True):
        pieces.append(title.text(strip=True) + "\n\n")
    _walk(root, pieces)
    text = "".join(pieces)
    text = re.sub(r"[ \t]*\n[ \t]*", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n" if text.strip() else ""


def _walk(root: LexborNode, pieces: list[str]) -> None:
    """Depth first without recursion: hostile pages nest thousands deep."""
    stack: list[tuple[LexborNode | None, str]] = [(root, "")]
    while stack:
        node, closing = stack.pop()
        if node is None:
            pieces.append(closing)
            continue
        tag = node.tag or ""
        if tag == "-text":
            pieces.append(_text_of(node))
            continue
        if tag in _UNSEEN or tag.startswith(("-", "!", "_")):
            continue
        edge = "\n\n" if tag in _BLOCKS else "\n" if tag in _LINES else " | " if tag in {"td", "th"} else ""
        if edge.startswith("\n"):
            pieces.append(edge)
        stack.append((None, "" if tag == "br" else edge))
        stack.extend((child, "") for child in reversed(list(node.iter(include_text=True))))


def _text_of(node: LexborNode) -> str:
    text = node.text(deep=True) or ""
    parent = node.parent
    if parent is not None and parent.tag == "pre":
        return text
    return re.sub(r"\s+", " ", text)


def _epub(data: bytes, name: str) -> tuple[str, tuple[Page, ...]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        pieces: list[str] = []
        pages: list[Page] = []
        offset = 0
        for number, item in enumerate(_spine(archive, name), start=1):
            text = html_text(archive.read(item).decode("utf-8", "replace"))
            text = text + "\n" if text else ""
            pieces.append(text)
            pages.append(Page(number, offset, offset + len(text)))
            offset += len(text)
    return "".join(pieces), tuple(pages)


def _spine(archive: zipfile.ZipFile, name: str) -> list[str]:
    """The files of an EPUB that hold its text, in reading order."""
    from selectolax.lexbor import LexborHTMLParser

    container = archive.read("META-INF/container.xml").decode("utf-8", "replace")
    match = re.search(r"full-path\s*=\s*[\"']([^\"']+)", container)
    if match is None or match.group(1) not in archive.namelist():
        raise DocumentDamaged(f"{name} is an EPUB without its package file")
    package = match.group(1)
    folder = PurePosixPath(package).parent
    tree = LexborHTMLParser(archive.read(package).decode("utf-8", "replace"))
    files = {n.attributes.get("id"): n.attributes.get("href") for n in tree.css("item")}
    members = set(archive.namelist())
    items: list[str] = []
    for node in tree.css("itemref"):
        href = files.get(node.attributes.get("idref"))
        if not href:
            continue
        from urllib.parse import unquote

        member = (
            str(folder / unquote(href.split("#")[0])) if str(folder) != "." else unquote(href.split("#")[0])
        )
        if member in members:
            items.append(member)
    if not items:
        raise DocumentDamaged(f"{name} is an EPUB without chapters")
    return items
