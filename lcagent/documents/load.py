"""From files to documents: what is named, what it is, and whether it can be read."""

from __future__ import annotations

import errno
import hashlib
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from lcagent.documents.document import Document
from lcagent.documents.formats import SUFFIXES, Content, parse, read
from lcagent.errors import (
    DocumentDamaged,
    DocumentEmpty,
    DocumentError,
    DocumentNotFound,
    DocumentTooLarge,
)
from lcagent.text import whole_characters

DEFAULT_MAX_BYTES = 512 * 1024 * 1024
"""Files over this are refused (they would not fit in memory as text and more)."""
PARSER_VERSION = 4
"""Part of the cache's key: a better parser parses anew."""


class ParseCache(Protocol):
    """Keeps parsed documents, so that a second question parses nothing."""

    def get(self, key: str) -> Document | None:
        """The document of this key, if it is kept."""
        ...

    def put(self, key: str, document: Document) -> None:
        """Keep a document."""
        ...


@dataclass(slots=True)
class Loaded:
    """Documents to read, and files of a folder that could not be read, each with its error."""

    documents: list[Document] = field(default_factory=list)
    skipped: list[tuple[str, DocumentError]] = field(default_factory=list)


def load_all(
    sources: Sequence[str | Path],
    *,
    password: str | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    cache: ParseCache | None = None,
) -> Loaded:
    """Read files, folders and `-` (standard input).

    A file named directly must be readable; one found in a folder may not be, and is then listed.

    Raises:
        DocumentError: a named file cannot be read, or a folder holds nothing that can.
    """
    loaded = Loaded()
    for source in sources:
        path = Path(source)
        if str(source) == "-" or not _is_folder(path):
            loaded.documents.append(load(source, password=password, max_bytes=max_bytes, cache=cache))
            continue
        before = len(loaded.documents)
        for file in _files(path):
            name = whole_characters(str(file.relative_to(path)))
            try:
                document = load(file, password=password, max_bytes=max_bytes, cache=cache, name=name)
            except DocumentError as error:
                loaded.skipped.append((name, error))
            else:
                loaded.documents.append(document)
        if len(loaded.documents) == before:
            reasons = "; ".join(f"{name}: {error.message}" for name, error in loaded.skipped[:3])
            raise DocumentNotFound(
                f"nothing in {whole_characters(str(path))} can be read"
                + (f" ({reasons})" if reasons else ""),
                hint="read are: " + ", ".join(sorted(SUFFIXES)),
            )
    _tell_apart(loaded.documents)
    return loaded


def load(
    source: str | Path,
    *,
    password: str | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    cache: ParseCache | None = None,
    name: str | None = None,
) -> Document:
    """Read one file, or standard input (`-`).

    Args:
        source: a path, or `-`.
        password: for an encrypted PDF.
        max_bytes: size limit.
        cache: parsed documents.
        name: as shown to people; default: the file's name.

    Raises:
        DocumentError: missing, unreadable, encrypted, damaged, empty, binary, or too large.
    """
    path = None if str(source) == "-" else Path(source)
    name = whole_characters(name or (path.name if path else "standard input"))
    try:
        content = read(_stdin(max_bytes), "", name) if path is None else _content(path, name, max_bytes)
    except MemoryError as error:
        raise DocumentTooLarge(f"{name} needs more memory than there is") from error
    kind, digest = content.kind, content.sha256
    # An encrypted file is served from the cache only to who gives the same password.
    secret = hashlib.sha256(f"{digest}{password or ''}".encode()).hexdigest()[:16]
    key = f"{digest}-{kind}-{PARSER_VERSION}-{secret}"
    if cache is not None and kind not in {"text", "markdown"} and (kept := cache.get(key)):
        return _renamed(kept, name)
    try:
        document = parse(content, name=name, password=password)
    except DocumentError:
        raise
    except MemoryError as error:
        raise DocumentTooLarge(f"{name} needs more memory than there is") from error
    except Exception as error:
        raise DocumentDamaged(
            f"{name} cannot be parsed as {kind}: {type(error).__name__}",
            hint="open and save it again with the program that made it",
        ) from error
    if not document.text or document.text.isspace():
        raise _no_text(document)
    if cache is not None and kind not in {"text", "markdown"}:
        cache.put(key, document)
    return document


def _no_text(document: Document) -> DocumentEmpty:
    if document.format == "pdf":
        pages = len(document.pages)
        return DocumentEmpty(
            f"{document.name} holds no text on its {pages} page{'s' * (pages != 1)}",
            hint="it may be a scan: recognise its text first (OCR), for example with ocrmypdf",
        )
    return DocumentEmpty(f"{document.name} holds no text")


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # it says so again, and why, where it is read


def _files(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and file.is_file()
    )


def _content(path: Path, name: str, max_bytes: int) -> Content:
    shown = whole_characters(str(path))
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise DocumentNotFound(f"{shown} is not a file", hint="name a file, a folder, or -")
        if size > max_bytes:
            raise _too_large(name, size, max_bytes)
        with path.open("rb") as file:
            return read(file, path.suffix.lower(), name)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENAMETOOLONG}:
            hint = "check the path; documents are named before the question"
            raise DocumentNotFound(f"{shown} does not exist", hint=hint) from error
        raise DocumentNotFound(
            f"{shown} cannot be read: {error.strerror or error}", hint="check its permissions"
        ) from error


def _stdin(max_bytes: int) -> BinaryIO:
    data = sys.stdin.buffer.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise _too_large("standard input", len(data), max_bytes)
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
