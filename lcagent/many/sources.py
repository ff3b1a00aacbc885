"""What is named to be put into a table: the files, in order, each once, and what their bytes are."""

from __future__ import annotations

import glob
import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from lcagent.documents.named import File, named
from lcagent.errors import DocumentNotFound, UsageError
from lcagent.text import whole_characters

Sources = str | Path | Sequence[str | Path]
"""A file, a folder, a pattern (`papers/**/*.pdf`), or several of these."""


def listed(sources: Sources, limit: int | None, ours: Collection[Path]) -> tuple[list[File], list[str]]:
    """The files of some sources, each named by its path, and those of kinds that are not read.

    Args:
        sources: see `Sources`.
        limit: so many files at most.
        ours: files that are no documents, wherever they lie.

    Raises:
        UsageError: standard input is named.
        DocumentNotFound: a pattern or folder holds no document.
    """
    apart = {path.absolute() for path in ours}
    files: dict[Path, File] = {}
    unread: list[str] = []
    for source in [sources] if isinstance(sources, str | Path) else sources:
        if str(source) == "-":
            raise UsageError(
                "standard input is no part of a table", hint="name a file, a folder or a pattern"
            )
        for path in _matching(Path(source)):
            one = named(path)
            unread += [str(path / name) for name in one.unread]
            if one.folder is not None and not one.files:
                raise DocumentNotFound(
                    f"{_shown(path)} holds no document", hint="name a file or another folder"
                )
            for file in one.files:
                assert file.path is not None
                if (absolute := file.path.absolute()) not in apart:
                    files.setdefault(absolute, File(file.path, _shown(file.path)))
    seen: Counter[str] = Counter()
    for path, file in files.items():  # of names that are no text some are shown alike
        seen[file.name] += 1
        if seen[file.name] > 1:
            files[path] = replace(file, name=f"{file.name} ({seen[file.name]})")
    if not files:
        raise UsageError("no document is named", hint='lcagent map DOC… "question" --out answers.csv')
    return list(files.values())[:limit], unread


def _matching(path: Path) -> list[Path]:
    """A path itself, or where there is none such what it matches as a pattern."""
    try:
        there = path.exists()
    except (OSError, ValueError):
        there = True  # it says why where it is read
    if there or not glob.has_magic(str(path)):
        return [path]
    found = [Path(one) for one in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 - as a shell: no hidden ones
    files = [one for one in found if one.is_file()]
    if not files:
        raise DocumentNotFound(f"nothing matches {_shown(path)}", hint="** stands for folders of any depth")
    return files


def _shown(path: Path) -> str:
    return whole_characters(str(path))


def bytes_of(file: File) -> str:
    """The SHA-256 of a file's bytes; "" where it cannot be read, or is no plain file: reading it says why."""
    try:
        if file.path is None or not file.path.is_file():
            return ""
        with file.path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except (OSError, ValueError):
        return ""
