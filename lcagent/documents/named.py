"""What is named to be read: files, folders and standard input, and what is in them."""

from __future__ import annotations

import errno
import io
import stat
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from lcagent.documents.formats import SUFFIXES, Content, is_text, read
from lcagent.errors import DocumentNotFound, DocumentTooLarge
from lcagent.text import whole_characters


@dataclass(frozen=True, slots=True)
class File:
    """A file, which may be shown under another name than its own, such as one that was uploaded.

    Args:
        path: None is standard input.
        name: as shown to people; its ending says what the file is, where its bytes do not.
    """

    path: Path | None
    name: str


@dataclass(frozen=True, slots=True)
class Named:
    """What one source stands for.

    Args:
        files: to read, in order.
        folder: that they are in; None where the source is a file.
        unread: names of the folder's files of kinds that are not read.
    """

    files: list[File]
    folder: Path | None = None
    unread: list[str] = field(default_factory=list)


DocumentSource = str | Path | File | Named
"""A file, a folder, `-` (standard input), a file under another name, or files as if a folder held them."""


def named(source: DocumentSource) -> Named:
    """Look for what a source stands for.

    Args:
        source: what is to be read.
    """
    if isinstance(source, Named):
        return source
    if isinstance(source, File):
        return Named([source])
    path = Path(source)
    if str(source) == "-" or not _is_folder(path):
        return Named([file_named(source)])
    return _listed(path)


def file_named(source: str | Path) -> File:
    """A source that is no folder.

    Args:
        source: a path, or `-`.
    """
    if str(source) == "-":
        return File(None, "standard input")
    path = Path(source)
    return File(path, whole_characters(path.name))


_TOGETHER = 1 << 18
"""Bytes of files that are read and parsed together. More would only wait, and take memory."""


@dataclass(frozen=True, slots=True)
class Group:
    """Files that are read together.

    Args:
        files: in order.
        small: whether they take little memory and can be read without waiting.
    """

    files: list[File]
    small: bool


def together(files: Iterable[File]) -> list[Group]:
    """Files in groups of little memory, and all others by themselves.

    Args:
        files: in order.
    """
    groups: list[Group] = []
    room = -1
    for file in files:
        size = _size(file)
        if size is None or size > _TOGETHER:
            groups.append(Group([file], small=False))
            room = -1
        elif size > room:
            groups.append(Group([file], small=True))
            room = _TOGETHER - size
        else:
            groups[-1].files.append(file)
            room -= size
    return groups


def _size(file: File) -> int | None:
    """Bytes of a file; None where that is not known before it is read."""
    try:
        status = file.path.stat() if file.path is not None else None
    except (OSError, ValueError):
        return None
    return status.st_size if status is not None and stat.S_ISREG(status.st_mode) else None


def content(file: File, max_bytes: int, encoding: str) -> Content:
    """Read a file.

    Args:
        file: whose turn it is.
        max_bytes: size limit.
        encoding: of a text file, where the user has said it.

    Raises:
        DocumentError: missing, unreadable, too large, or as `formats.read` finds it.
    """
    if file.path is None:
        return read(_whole(sys.stdin.buffer, file.name, max_bytes), "", file.name, encoding)
    path, suffix = file.path, (Path(file.name).suffix or file.path.suffix).lower()
    shown = whole_characters(str(path))
    try:
        status = path.stat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode)):
            raise DocumentNotFound(f"{shown} is not a file", hint="name a file, a folder, or -")
        if status.st_size > max_bytes:
            raise _too_large(file.name, status.st_size, max_bytes)
        with path.open("rb") as opened:
            if stat.S_ISFIFO(status.st_mode):  # as a shell's <(command)
                return read(_whole(opened, file.name, max_bytes), suffix, file.name, encoding)
            return read(opened, suffix, file.name, encoding, path)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENAMETOOLONG}:
            hint = "check the path; documents are named before the question"
            raise DocumentNotFound(f"{shown} does not exist", hint=hint) from error
        raise DocumentNotFound(
            f"{shown} cannot be read: {error.strerror or error}", hint="check its permissions"
        ) from error


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # it says so again, and why, where it is read


def _listed(folder: Path) -> Named:
    """The files of a folder that may be read, in order, and the names of those whose kind is not.

    Hidden ones are no part of it, nor what Office keeps beside a file that is open.
    """
    files: list[File] = []
    unread: list[str] = []
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        if any(part.startswith(".") for part in parts) or file.name.startswith("~$") or not file.is_file():
            continue
        name = whole_characters(str(file.relative_to(folder)))
        if file.suffix.lower() in SUFFIXES or (not file.suffix and is_text(file)):
            files.append(File(file, name))
        else:
            unread.append(name)
    return Named(files, folder, unread)


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
