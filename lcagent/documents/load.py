"""From files to documents: what is named, what it is, and whether it can be read."""

from __future__ import annotations

import errno
import hashlib
import io
import stat
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

from lcagent.documents.document import Document
from lcagent.documents.formats import SUFFIXES, Content, is_text, parse, read
from lcagent.documents.formats.ocr import available
from lcagent.documents.parsing import PARSER
from lcagent.documents.recognised import Watch, recognised, unreadable
from lcagent.errors import (
    DocumentEmpty,
    DocumentError,
    DocumentNotFound,
    DocumentTooLarge,
)
from lcagent.text import whole_characters

DEFAULT_MAX_BYTES = 512 * 1024 * 1024
"""Files over this are refused (they would not fit in memory as text and more)."""
PARSER_VERSION = 6
"""Part of the cache's key: a better parser parses anew."""
_MOST_KINDS = 6


class ParseCache(Protocol):
    """Keeps parsed documents, so that a second question parses nothing."""

    def get(self, key: str) -> Document | None:
        """The document of this key, if it is kept."""
        ...

    def put(self, key: str, document: Document) -> None:
        """Keep a document."""
        ...


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that is shown to people under another name than its own, such as one that was uploaded.

    Args:
        path: of it.
        name: as shown; its ending says what the file is, where its bytes do not.
    """

    path: Path
    name: str


Source = str | Path | NamedFile
"""A file, a folder, `-` (standard input), or a file under another name."""


@dataclass(slots=True)
class Loaded:
    """What there is to read.

    Args:
        documents: to read.
        skipped: files of a folder that could not be read, each with its error.
        unread: names of a folder's files that are of kinds that are not read.
        files: where each document's bytes are; None: they came from standard input.
    """

    documents: list[Document] = field(default_factory=list)
    skipped: list[tuple[str, DocumentError]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    files: list[Path | None] = field(default_factory=list)

    def add(self, document: Document, file: Path | None) -> None:
        """Add a document, and where its bytes are."""
        self.documents.append(document)
        self.files.append(file and file.absolute())

    @property
    def paths(self) -> dict[str, Path]:
        """Where the bytes of documents are, by the documents' names."""
        pairs = zip(self.documents, self.files, strict=False)  # documents that were given have no files
        return {document.name: file for document, file in pairs if file is not None}

    def left_out(self) -> list[str]:
        """What was named and is not read, sentences for people."""
        told = [f"{name}: {error.message}" for name, error in self.skipped]
        if self.unread:
            kinds = Counter(Path(name).suffix.lower().lstrip(".") or "no ending" for name in self.unread)
            listed = ", ".join(kind for kind, _ in kinds.most_common(_MOST_KINDS))
            more = ", …" if len(kinds) > _MOST_KINDS else ""
            one = len(self.unread) == 1
            told.append(
                f"{len(self.unread):,} file{'' if one else 's'} of {'a kind' if one else 'kinds'}"
                f" that {'is' if one else 'are'} not read ({listed}{more})"
            )
        return told


def load_all(
    sources: Sequence[Source],
    *,
    password: str | None = None,
    encoding: str | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    cache: ParseCache | None = None,
    watch: Watch | None = None,
) -> Loaded:
    """Read files, folders and `-` (standard input).

    A file named directly must be readable; one found in a folder may not be, and is then listed.

    Args:
        sources: paths, or `-`.
        password: for encrypted PDFs.
        encoding: of text files; default: UTF-8, or what their bytes look like.
        max_bytes: size limit of each.
        cache: parsed documents.
        watch: whoever waits; told of what takes long, and free to give up.

    Raises:
        DocumentError: a named file cannot be read, or a folder holds nothing that can.
    """
    one = partial(load, password=password, encoding=encoding, max_bytes=max_bytes, cache=cache, watch=watch)
    loaded = Loaded()
    for source in sources:
        if isinstance(source, NamedFile):
            loaded.add(one(source.path, name=source.name), source.path)
            continue
        path = Path(source)
        if str(source) == "-" or not _is_folder(path):
            loaded.add(one(source), None if str(source) == "-" else path)
            continue
        _load_folder(path, loaded, one)
    _tell_apart(loaded.documents)
    return loaded


def _load_folder(folder: Path, loaded: Loaded, one: Callable[..., Document]) -> None:
    """Add what a folder holds.

    Raises:
        DocumentNotFound: nothing of it can be read.
    """
    before = len(loaded.documents)
    files, unread = _files(folder)
    loaded.unread += unread
    for file in files:
        name = whole_characters(str(file.relative_to(folder)))
        try:
            loaded.add(one(file, name=name), file)
        except DocumentError as error:
            loaded.skipped.append((name, error))
    if len(loaded.documents) == before:
        reasons = "; ".join(loaded.left_out()[:3])
        raise DocumentNotFound(
            f"nothing in {whole_characters(str(folder))} can be read" + (f" ({reasons})" if reasons else ""),
            hint="read are: " + ", ".join(sorted(SUFFIXES)),
        )


def load(
    source: str | Path,
    *,
    password: str | None = None,
    encoding: str | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    cache: ParseCache | None = None,
    name: str | None = None,
    watch: Watch | None = None,
) -> Document:
    """Read one file, or standard input (`-`).

    Args:
        source: a path, or `-`.
        password: for an encrypted PDF.
        encoding: as of `load_all`.
        max_bytes: size limit.
        cache: parsed documents.
        name: as shown to people; default: the file's name.
        watch: as of `load_all`.

    Raises:
        DocumentError: missing, unreadable, encrypted, damaged, empty, binary, or too large.
    """
    watch = watch or Watch()
    if watch.halt.is_set():
        raise DocumentError("given up by whoever asked")
    path = None if str(source) == "-" else Path(source)
    name = whole_characters(name or (path.name if path else "standard input"))
    try:
        content = (
            read(_whole(sys.stdin.buffer, name, max_bytes), "", name, encoding or "")
            if path is None
            else _content(path, name, max_bytes, encoding or "")
        )
    except MemoryError as error:
        raise DocumentTooLarge(f"{name} needs more memory than there is") from error
    try:
        if content.kind in _PLAIN:  # is what it is
            document = parse(content, name=name, password=password)
        else:
            document = _parsed(
                content, name, password, cache=cache, key=_key(content, password, encoding), watch=watch
            )
    except MemoryError as error:
        raise DocumentTooLarge(f"{name} needs more memory than there is") from error
    if _is_blank(document):
        raise _no_text(document)
    return document


_PLAIN = frozenset({"text", "markdown"})


def _key(content: Content, password: str | None, encoding: str | None) -> str:
    """Names a parsed document in the cache: all that it follows from."""
    # An encrypted file is served from the cache only to who gives the same password.
    secret = hashlib.sha256(f"{content.sha256}{password or ''}".encode()).hexdigest()[:16]
    ocr = "ocr" if content.kind == "pdf" and available() else ""
    return "-".join(filter(None, [content.sha256, content.kind, str(PARSER_VERSION), secret, encoding, ocr]))


def _parsed(
    content: Content, name: str, password: str | None, *, cache: ParseCache | None, key: str, watch: Watch
) -> Document:
    """A document that is kept, or parsed where that can do no harm, its pictures read, and kept."""
    if cache is not None and (kept := cache.get(key)):
        return _renamed(kept, name)
    document = PARSER.parse(content, name=name, password=password, halt=watch.halt)
    if isinstance(content.data, bytes) and unreadable(document):
        partial_key = f"{key}-partial"
        document = (cache.get(partial_key) if cache is not None else None) or document
        keep = partial(cache.put, partial_key) if cache is not None else _kept_nowhere
        document = recognised(document, content.data, password, watch, keep)
    if cache is not None and not _is_blank(document):
        cache.put(key, document)
    return document


def _is_blank(document: Document) -> bool:
    return not document.text or document.text.isspace()


def _kept_nowhere(_: Document) -> None:
    """Without a cache what is recognised is not kept."""


def _no_text(document: Document) -> DocumentEmpty:
    if document.format == "pdf":
        pages = len(document.pages)
        return DocumentEmpty(
            f"{document.name} holds no text on its {pages} page{'s' * (pages != 1)}",
            hint="it may be a scan, whose text can be recognised (OCR): pip install 'lcagent[ocr]'"
            if not available()
            else "nothing was recognised in the pictures of its pages either (OCR)",
        )
    return DocumentEmpty(f"{document.name} holds no text")


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # it says so again, and why, where it is read


def _files(folder: Path) -> tuple[list[Path], list[str]]:
    """The files of a folder that may be read, in order, and the names of those whose kind is not.

    Hidden ones are no part of it, nor what Office keeps beside a file that is open.
    """
    files: list[Path] = []
    unread: list[str] = []
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        if any(part.startswith(".") for part in parts) or file.name.startswith("~$") or not file.is_file():
            continue
        if file.suffix.lower() in SUFFIXES or (not file.suffix and is_text(file)):
            files.append(file)
        else:
            unread.append(whole_characters(str(file.relative_to(folder))))
    return files, unread


def _content(path: Path, name: str, max_bytes: int, encoding: str) -> Content:
    shown, suffix = whole_characters(str(path)), Path(name).suffix.lower()
    try:
        status = path.stat()
        if stat.S_ISFIFO(status.st_mode):  # as a shell's <(command)
            with path.open("rb") as file:
                return read(_whole(file, name, max_bytes), suffix, name, encoding)
        size = status.st_size
        if not path.is_file():
            raise DocumentNotFound(f"{shown} is not a file", hint="name a file, a folder, or -")
        if size > max_bytes:
            raise _too_large(name, size, max_bytes)
        with path.open("rb") as file:
            return read(file, suffix, name, encoding)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENAMETOOLONG}:
            hint = "check the path; documents are named before the question"
            raise DocumentNotFound(f"{shown} does not exist", hint=hint) from error
        raise DocumentNotFound(
            f"{shown} cannot be read: {error.strerror or error}", hint="check its permissions"
        ) from error


def _whole(file: BinaryIO, name: str, max_bytes: int) -> BinaryIO:
    """All that comes out of a pipe."""
    data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise _too_large(name, len(data), max_bytes)
    return io.BytesIO(data)


def _too_large(name: str, size: int, limit: int) -> DocumentTooLarge:
    return DocumentTooLarge(
        f"{name} is {size / 2**20:,.0f} MiB or more, the limit is {limit / 2**20:,.0f} MiB",
        hint="split it into several files and name them all",
    )


def _renamed(document: Document, name: str) -> Document:
    from dataclasses import replace

    return document if document.name == name else replace(document, name=name)


def _tell_apart(documents: list[Document]) -> None:
    """Give documents of the same name a number, so that a citation names one of them."""
    seen: dict[str, int] = {}
    for index, document in enumerate(documents):
        count = seen[document.name] = seen.get(document.name, 0) + 1
        if count > 1:
            documents[index] = _renamed(document, f"{document.name} ({count})")
