"""Uploaded files and collections of them."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lcagent.documents import File
from lcagent.errors import DocumentTooLarge, NotFound, StoreError
from lcagent.memory.rows import Rows, marks, parts
from lcagent.private import private_file, private_folder
from lcagent.text import whole_characters

_FILES = "SELECT id, name, sha256, bytes, purpose, created FROM files"
"""Its columns are named, since a newer version may have added some."""
_PIECE = 1 << 20
_MOST_NAME = 255
"""Characters of a file's name."""
_ANY = 1 << 60
"""Bytes: as many as there are."""
_COMING = 3600.0
"""Seconds for which a file may be on its way here."""
PASSING = "passing"
"""The purpose of bytes that are on their way to a worker: they are no file of a tenant's, and take no room of
its files."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was uploaded; `name` is what its owner calls it, and names nothing on this disk."""

    id: str
    name: str
    sha256: str
    bytes: int
    purpose: str
    created: float


@dataclass(frozen=True, slots=True)
class Collection:
    """Files that are asked together."""

    id: str
    name: str
    created: float
    files: tuple[str, ...]


class Uploads:
    """The files of a tenant.

    Args:
        store: of what is served.
    """

    def __init__(self, store: Rows) -> None:
        self._store = store
        self._folder = store.place.folder / "files"

    def put(self, file: BinaryIO, name: str, *, purpose: str, most: int, room: int) -> Upload:
        """Keep a file; the same bytes under the same name are kept once. When this returns, nothing loses it.

        Args:
            file: open at its beginning.
            name: as its owner calls it.
            purpose: as its owner says.
            most: bytes.
            room: bytes of all files together.

        Raises:
            DocumentTooLarge: it is larger, or there is no room for it.
            StoreError: the disk is full.
        """
        name = _plain(name)
        new = f"file-{secrets.token_hex(12)}"
        path = private_folder(self._folder) / new
        try:
            digest, size = _written(file, path, most)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise StoreError(f"the file cannot be kept: {error.strerror or error}") from error
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        with self._store.transaction():
            same = self._store.rows(f"{_FILES} WHERE sha256 = ? AND name = ?", (digest, name))
            if not same and self.bytes() + size <= room:
                one = Upload(new, name, digest, size, purpose, time.time())
                self._store.execute(
                    "INSERT INTO files (id, name, sha256, bytes, purpose, created) VALUES (?,?,?,?,?,?)",
                    (one.id, one.name, one.sha256, one.bytes, one.purpose, one.created),
                )
                if self._store.place.url:
                    self._share(path, one.id)
                return one
        path.unlink(missing_ok=True)
        if not same:
            raise DocumentTooLarge(
                f"all files together would be larger than {room / 2**20:,.0f} MiB",
                hint="delete some; `lcagent serve --max-storage` raises it",
            )
        return Upload(**same[0])

    def pass_on(self, path: Path, name: str) -> str:
        """Keep a file that a job reads and that goes with it, of whatever size; here no copy of it is left.

        Args:
            path: of it.
            name: its own among all.

        Returns:
            Its id.

        Raises:
            OSError: it cannot be read.
            StoreError: the disk is full.
        """
        with path.open("rb") as file:
            upload = self.put(file, name, purpose=PASSING, most=_ANY, room=_ANY)
        self.leave([upload.id])
        return upload.id

    def bytes(self) -> int:
        """Bytes of all files."""
        sql = "SELECT coalesce(sum(bytes), 0) AS sum FROM files WHERE purpose != ?"
        return self._store.rows(sql, (PASSING,))[0]["sum"]

    def get(self, file: str) -> Upload:
        """One file.

        Raises:
            NotFound: there is none of this id.
        """
        rows = self._store.rows(f"{_FILES} WHERE id = ?", (file,))
        if not rows:
            raise NotFound(f"no file {file!r}", hint="GET /v1/files lists them")
        return Upload(**rows[0])

    def all(self, *, limit: int, after: str = "") -> list[Upload]:
        """The newest files.

        Args:
            limit: most of them.
            after: those that were uploaded before this one.
        """
        before = self.get(after).created if after else float("inf")
        rows = self._store.rows(
            f"{_FILES} WHERE purpose != ? AND created < ? ORDER BY created DESC LIMIT ?",
            (PASSING, min(before, 1e12), limit),
        )
        return [Upload(**row) for row in rows]

    def path(self, upload: Upload) -> Path:
        """Where its bytes lie; of a store that machines share they are fetched where they are missing.

        Raises:
            StoreError: there is no room for them.
        """
        path = self._folder / upload.id
        if self._store.place.url and not path.is_file():
            rows = self._store.execute("SELECT bytes FROM pieces WHERE file = ? ORDER BY seq", (upload.id,))
            coming = private_folder(self._folder) / f".{upload.id}-{secrets.token_hex(4)}"
            try:
                private_file(coming).write_bytes(b"".join(piece for (piece,) in rows))
                coming.replace(path)
            except OSError as error:
                coming.unlink(missing_ok=True)
                raise StoreError(f"the file cannot be kept: {error.strerror or error}") from error
        return path

    def take(self, other: Uploads) -> None:
        """Take the bytes of files along from where the same ones are kept.

        Args:
            other: has rows of all of them.

        Raises:
            StoreError: there is no room for them.
        """
        for upload in (Upload(**row) for row in self._store.rows(_FILES)):
            if self._store.place.url:
                with self._store.transaction():
                    self._store.execute("DELETE FROM pieces WHERE file = ?", (upload.id,))
                    self._share(other.path(upload), upload.id)
            elif not (path := self.path(upload)).is_file():
                private_folder(self._folder)
                with other.path(upload).open("rb") as file:
                    _written(file, path, upload.bytes)

    def _share(self, path: Path, file: str) -> None:
        """Put the bytes of a file beside its row, where other machines read it too."""
        with path.open("rb") as whole:
            for seq, piece in enumerate(iter(lambda: whole.read(_PIECE), b"")):
                self._store.execute(
                    "INSERT INTO pieces (file, seq, bytes) VALUES (?,?,?)", (file, seq, piece)
                )

    def named(self, files: Iterable[str]) -> list[File]:
        """Files as sources to read, each under a name of its own.

        Raises:
            NotFound: there is none of an id.
        """
        taken: dict[str, int] = {}
        sources: list[File] = []
        for upload in map(self.get, files):
            count = taken[upload.name] = taken.get(upload.name, 0) + 1
            name = upload.name if count == 1 else f"{upload.name} ({count})"
            sources.append(File(self.path(upload), name))
        return sources

    def delete(self, file: str) -> None:
        """Delete a file.

        Raises:
            NotFound: there is none of this id.
        """
        self.get(file)
        self.discard([file])

    def discard(self, files: Sequence[str]) -> None:
        """Delete files, whether or not they are there.

        Args:
            files: their ids.
        """
        for some in parts(files):
            self._store.execute(f"DELETE FROM files WHERE id IN ({marks(some)})", tuple(some))  # noqa: S608 - marks alone
        self.leave(files)

    def leave(self, files: Sequence[str]) -> None:
        """Delete what lies of files in this folder; of a store that machines share they are fetched again
        where they are asked for.

        Args:
            files: their ids.
        """
        for file in files:
            (self._folder / file).unlink(missing_ok=True)

    def tidy(self) -> None:
        """Delete copies in this folder of files that are no more: of a store that machines share another one
        may have deleted a file, or a process here has died that had it."""
        kept = {row["id"] for row in self._store.rows("SELECT id FROM files")}
        for path in self._folder.glob("*") if self._store.place.url else ():
            with suppress(FileNotFoundError):  # another process here does the same
                if path.name not in kept and path.stat().st_mtime < time.time() - _COMING:
                    path.unlink()

    def passing(self, begins: str) -> list[str]:
        """The ids of what is on its way to a worker, under names that begin alike.

        Args:
            begins: so.
        """
        sql = "SELECT id, name FROM files WHERE purpose = ?"
        return [row["id"] for row in self._store.rows(sql, (PASSING,)) if row["name"].startswith(begins)]

    def attach(self, session: str, named: Iterable[tuple[str, str]]) -> None:
        """Note which files a conversation has, as (id, name under which it cites them)."""
        for file, name in named:
            self._store.execute(
                "INSERT INTO attached (session, file, name) VALUES (?,?,?)"
                " ON CONFLICT (session, file) DO UPDATE SET name = excluded.name",
                (session, file, name),
            )

    def attached(self, session: str) -> dict[str, str]:
        """The files of a conversation: names by ids."""
        rows = self._store.rows("SELECT file, name FROM attached WHERE session = ?", (session,))
        return {row["file"]: row["name"] for row in rows}

    def collect(self, name: str, files: Iterable[str]) -> Collection:
        """Make a collection.

        Raises:
            NotFound: there is no file of an id.
        """
        held = tuple(dict.fromkeys(files))
        new = Collection(f"col_{secrets.token_hex(12)}", _plain(name), time.time(), held)
        with self._store.transaction():
            for file in held:
                self.get(file)
            self._store.execute(
                "INSERT INTO collections (id, name, created) VALUES (?,?,?)", (new.id, new.name, new.created)
            )
            self._add(new.id, held)
        return new

    def add(self, collection: str, files: Iterable[str]) -> Collection:
        """Add files to a collection.

        Raises:
            NotFound: there is no such collection, or file.
        """
        with self._store.transaction():
            self.collection(collection)
            held = list(files)
            for file in held:
                self.get(file)
            self._add(collection, held)
        return self.collection(collection)

    def _add(self, collection: str, files: Iterable[str]) -> None:
        for file in files:
            self._store.execute(
                "INSERT INTO collected (collection, file) VALUES (?,?) ON CONFLICT DO NOTHING",
                (collection, file),
            )

    def remove(self, collection: str, file: str) -> Collection:
        """Take a file out of a collection; the file stays."""
        self._store.execute("DELETE FROM collected WHERE collection = ? AND file = ?", (collection, file))
        return self.collection(collection)

    def collection(self, collection: str) -> Collection:
        """One collection, by its id or, where that is one, its name.

        Raises:
            NotFound: there is none.
        """
        found = self.collections([collection])
        if len(found) != 1:
            raise NotFound(
                f"{'no' if not found else 'more than one'} collection {collection!r}",
                hint="GET /v1/collections lists them",
            )
        return found[0]

    def collections(self, which: list[str] | None = None) -> list[Collection]:
        """Collections, the newest first.

        Args:
            which: ids or names; None: all.
        """
        where = f"WHERE id IN ({marks(which)}) OR name IN ({marks(which)})" if which is not None else ""
        rows = self._store.rows(
            f"SELECT id, name, created FROM collections {where} ORDER BY created DESC",  # noqa: S608 - marks alone
            tuple([*which, *which] if which is not None else []),
        )
        return [
            Collection(
                row["id"],
                row["name"],
                row["created"],
                tuple(
                    file["file"]
                    for file in self._store.rows(
                        "SELECT c.file FROM collected c JOIN files f ON f.id = c.file WHERE c.collection = ?"
                        " ORDER BY f.created, f.id",
                        (row["id"],),
                    )
                ),
            )
            for row in rows
        ]

    def drop(self, collection: str) -> None:
        """Delete a collection; its files stay.

        Raises:
            NotFound: there is none.
        """
        held = self.collection(collection)
        self._store.execute("DELETE FROM collections WHERE id = ?", (held.id,))


def _plain(name: str) -> str:
    """A name as data: its last part, whatever a client's system puts between parts."""
    last = whole_characters(name).replace("\\", "/").rstrip("/").rpartition("/")[2]
    shown = "".join(c for c in last if c.isprintable()).strip()[-_MOST_NAME:]
    return shown if shown.strip(".") else "unnamed"


def _written(file: BinaryIO, path: Path, most: int) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with private_file(path).open("wb") as out:
        while piece := file.read(_PIECE):
            size += len(piece)
            if size > most:
                raise DocumentTooLarge(
                    f"the file is larger than {most / 2**20:,.0f} MiB",
                    hint="`lcagent serve --max-upload` raises it",
                )
            digest.update(piece)
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    with suppress(OSError):  # a folder cannot be synced everywhere
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return digest.hexdigest(), size
