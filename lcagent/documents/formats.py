"""The formats that are read: how each is recognised, and how it becomes text with pages."""

from __future__ import annotations

import codecs
import hashlib
import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Literal
from urllib.parse import unquote

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
        return Content(kind, *_decode(file, head, _declared(head) if kind == "html" else ""))
    data = file.read()
    return Content(kind, data, hashlib.sha256(data).hexdigest())


def _parts(file: BinaryIO) -> Iterator[bytes]:
    while part := file.read(_PART):
        yield part


def _sniff(data: bytes, file: BinaryIO, suffix: str, name: str) -> Kind:
    """What a file is: by its first bytes, then by its ending."""
    if _is_pdf(data, suffix):
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
        text = html_text(data, xml=_is_xhtml(data, name)) if kind == "html" else data
        return Document(name, text, (), "", sha256, kind, content.warnings)
    if kind == "pdf":
        from lcagent.documents.pdf import parse_pdf

        return parse_pdf(data, name=name, sha256=sha256, password=password)
    if kind == "epub":
        return _epub(data, name, sha256)
    import mammoth

    text = html_text(mammoth.convert_to_html(io.BytesIO(data)).value)
    return Document(name, text, (), "", sha256, kind)


_ENCODING = re.compile(
    rb"<meta\b[^>]*?\bcharset\s*=\s*[\"']?\s*([\w.:-]+)|<\?xml\b[^>]*?\bencoding\s*=\s*[\"']([\w.:-]+)", re.I
)
_FOR_TEXT = re.compile(r"cp|iso8859|iso2022|koi8|mac-|gb|hz|big5|euc_|shift_jis|tis-620")
# What pages say, and the larger set of characters that they use: as browsers read them.
_LARGER = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "gb2312": "gb18030", "gbk": "gb18030",
    "shift_jis": "cp932", "euc_kr": "cp949",
}  # fmt: skip


def _declared(head: bytes) -> str:
    """The encoding other than UTF-8 that an HTML page says it is in; "" if it says none that is known."""
    match = _ENCODING.search(head)
    if match is None:
        return ""
    try:
        encoding = codecs.lookup((match[1] or match[2]).decode("ascii")).name
    except LookupError:
        return ""
    return _LARGER.get(encoding, encoding) if _FOR_TEXT.match(encoding) or encoding in _LARGER else ""


def _decode(file: BinaryIO, head: bytes, declared: str) -> tuple[str, str, tuple[str, ...]]:
    """A text file's own characters, its SHA-256, and a warning where its encoding had to be guessed.

    A byte order mark stays in the text and newlines are not translated, so that offsets are the
    file's own. What reads as UTF-8 is UTF-8, whatever is declared: saved pages keep old declarations.
    """
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        order = "utf-16-le" if head[:2] == codecs.BOM_UTF16_LE else "utf-16-be"
        return *_decoded(file, order, "replace"), ()
    try:
        return *_decoded(file, "utf-8", "strict"), ()
    except UnicodeDecodeError:
        file.seek(0)
        if declared:
            return *_decoded(file, declared, "replace"), ()
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
_ROWS = _LINES - {"br"}
"""Lines that follow each other without a blank one between."""
_CELLS = {"td", "th"}
_UNSEEN = {"script", "style", "template", "noscript", "svg", "head"}


# Written as XML an element may close itself, which HTML knows of no other elements than these.
_SELF_CLOSED = re.compile(
    r"<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)\b)"
    r"([a-z][\w:.-]*)((?:\s+[^\s=<>\"'/]+(?:\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'))?)*)\s*/>",
    re.I,
)


def _is_xhtml(html: str, name: str) -> bool:
    head = html[:1024]
    return name.lower().endswith(".xhtml") or "<?xml" in head or "http://www.w3.org/1999/xhtml" in head


def html_text(html: str, *, xml: bool = False) -> str:
    """The text of an HTML page as a reader sees it: blocks apart, table cells by a bar.

    Args:
        html: the page.
        xml: it is written as XML, where `<script src="x"/>` is an element without content.
    """
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(_SELF_CLOSED.sub(r"<\1\2></\1>", html) if xml else html)
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
    plain: set[int] = set()
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
        edge = "\n\n" if tag in _BLOCKS else "\n" if tag in _LINES else " | " if tag in _CELLS else ""
        if node.mem_id in plain:
            edge = ""
        children = list(node.iter(include_text=True))
        if tag in _CELLS or tag == "li":
            blocks = [child.mem_id for child in children if child.tag in _BLOCKS]
            # The one paragraph of a cell or an item breaks no line.
            plain.update(blocks if len(blocks) == 1 else ())
        if edge.startswith("\n") and not (tag in _ROWS and _begins_line(pieces)):
            pieces.append(edge)
        stack.append((None, "" if tag == "br" else edge))
        stack.extend((child, "") for child in reversed(children))


def _begins_line(pieces: list[str]) -> bool:
    """Whether nothing but blanks has been written on this line."""
    for piece in reversed(pieces):
        if piece.strip(" "):
            return piece.endswith("\n")
    return True


def _text_of(node: LexborNode) -> str:
    text = node.text(deep=True) or ""
    parent = node.parent
    if parent is not None and parent.tag == "pre":
        return text
    return re.sub(r"\s+", " ", text)


_MOST_NAMED = 12


def _epub(data: bytes, name: str, sha256: str) -> Document:
    pieces: list[str] = []
    pages: list[Page] = []
    missing: list[str] = []
    offset = 0
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = set(archive.namelist())
        for number, item in enumerate(_spine(archive, name), start=1):
            text = ""  # a chapter that is not there keeps its number: those after it are cited by theirs
            if item not in members:
                missing.append(f"{number} ({item})")
            elif text := _chapter(archive.read(item)):
                text += "\n"
            pieces.append(text)
            pages.append(Page(number, offset, offset + len(text)))
            offset += len(text)
    if len(missing) == len(pages):
        raise DocumentDamaged(f"{name} is an EPUB without chapters")
    warnings: tuple[str, ...] = ()
    if missing:
        listed = ", ".join(missing[:_MOST_NAMED]) + (", …" if len(missing) > _MOST_NAMED else "")
        what = f"chapter {listed} is" if len(missing) == 1 else f"chapters {listed} are"
        warnings = (f"{what} missing from the file",)
    return Document(name, "".join(pieces), tuple(pages), "chapter", sha256, "epub", warnings)


def _chapter(data: bytes) -> str:
    head = data[:_HEAD]
    return html_text(_decode(io.BytesIO(data), head, _declared(head))[0], xml=True)


def _spine(archive: zipfile.ZipFile, name: str) -> list[str]:
    """The files that an EPUB names for its text, in reading order, whether they are there or not."""
    from selectolax.lexbor import LexborHTMLParser

    container = archive.read("META-INF/container.xml").decode("utf-8", "replace")
    match = re.search(r"full-path\s*=\s*[\"']([^\"']+)", container)
    if match is None or match.group(1) not in archive.namelist():
        raise DocumentDamaged(f"{name} is an EPUB without its package file")
    package = match.group(1)
    files: dict[str | None, str | None] = {}
    named: list[str | None] = []
    for node in LexborHTMLParser(archive.read(package).decode("utf-8", "replace")).css("*"):
        tag = (node.tag or "").rpartition(":")[2]  # any prefix may stand for the package's namespace
        if tag == "item":
            files[node.attributes.get("id")] = node.attributes.get("href")
        elif tag == "itemref":
            named.append(node.attributes.get("idref"))
    return [_member(posixpath.dirname(package), files.get(one) or one or "") for one in named]


def _member(folder: str, href: str) -> str:
    """The name in the archive of what a package file in some folder refers to."""
    return posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0]))).lstrip("/")
