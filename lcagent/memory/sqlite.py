"""SQLite files: made, opened, and their faults told as our errors (docs/design/0028-storage-faults.md)."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from lcagent.errors import LcagentError, StoreBusy, StoreDamaged, StoreError
from lcagent.memory import wal
from lcagent.private import private_file, private_folder

WAIT = 30.0
"""Most seconds that one process waits for another's writing."""
REPAIR = "`lcagent doctor --repair` keeps it beside, and saves what can be read"
LEAST_BYTES = 512
"""Of a file that holds a database: the smallest page."""
_SETTLED = 1.0
"""Seconds within which what another process has just written is seen here."""
PRIMARY = 0xFF
"""Of an error's code, without the detail."""
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_UNWRITABLE = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
}
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_MISMATCH}
_STRANGE = ("no such table", "no such column", "no such index", "has no column named", "Could not decode")
"""Errors that our own statements do not cause: the file's tables are not those it had."""
_looked_at: set[Path] = set()
_looking = threading.Lock()


class Cursor(sqlite3.Cursor):
    """Rows of one statement; a fault while they are read is told as an error of ours, too."""

    path: Path
    alone: threading.RLock
    """Held while the connection is used, and while it is closed."""

    def fetchone(self) -> Any:
        """The next row; None after the last."""
        with told(self.path), self.alone:
            return super().fetchone()

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        while True:
            with told(self.path), self.alone:
                rows = self.fetchmany(256)
            if not rows:
                return
            yield from rows


@contextmanager
def told(path: Path) -> Generator[None]:
    """Tell a fault of a file in words of our own; an error in a statement stays as it is.

    Args:
        path: the file.

    Raises:
        StoreBusy: another program keeps it locked.
        StoreDamaged: it does not hold what was written.
        StoreError: it cannot be read or written.
    """
    try:
        yield
    except UnicodeDecodeError as error:  # Python reads SQLite's complaint of a name that is no text
        raise damaged(path, str(error)) from error
    except sqlite3.Error as error:
        fault = _fault(path, error)
        if fault is None:
            raise
        raise fault from error


def _fault(path: Path, error: sqlite3.Error) -> StoreError | None:
    code = getattr(error, "sqlite_errorcode", None)  # Python's own complaints have none
    primary = None if code is None else code & PRIMARY
    if primary in _LOCKED:
        return StoreBusy(
            f"{path} is locked by another program",
            hint="what is finished is kept: the same command goes on once that program has ended",
        )
    if primary in _BROKEN or any(strange in str(error) for strange in _STRANGE):
        return damaged(path, str(error))
    if primary in _UNWRITABLE:
        return unkept(path.parent, str(error))
    return None


def damaged(path: Path, why: str, hint: str = REPAIR) -> StoreDamaged:
    """The error of a file that does not hold what was written."""
    error = StoreDamaged(f"{path} is damaged: {why}", hint=hint)
    error.file = path
    return error


def unkept(folder: Path, why: str) -> StoreError:
    """The error of a folder in which nothing can be written."""
    return StoreError(
        f"nothing can be kept in {folder}: {why}",
        hint="LCAGENT_HOME or --home names a folder with room that may be written, or made",
    )


def discard(path: Path) -> None:
    """Delete a database that can be made again, with the files beside it."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)


def connect(path: Path, isolation_level: Literal["DEFERRED"] | None) -> sqlite3.Connection:
    """Open an SQLite file that its owner alone may read; SQLite makes the files beside it with its mode.

    What is deleted is overwritten.

    Args:
        path: the file; its folder is made.
        isolation_level: as for `sqlite3.connect`.

    Raises:
        StoreDamaged: the file is cut, or its write-ahead log can be read in part alone.
        StoreError: it cannot be made, or be opened.
    """
    expected, own = _made(path)
    with told(path):
        connection = sqlite3.connect(
            path, timeout=WAIT, check_same_thread=False, isolation_level=isolation_level
        )
        try:
            if expected:
                _check_log(connection, path, expected, own)
            connection.execute("PRAGMA secure_delete=ON")
        except (sqlite3.Error, LcagentError):
            connection.close()
            raise
    return connection


def _made(path: Path) -> tuple[int, bytes]:
    """Make what is missing.

    Returns:
        Frames that the write-ahead log should hold, and what they are known by.
    """
    log = path.with_name(f"{path.name}-wal")
    try:
        if path not in _looked_at or not path.exists():  # each command opens its files again and again
            _made_folder(path.parent)
        if not path.exists():
            _made_file(path)
        else:
            _check_size(path, log)
        for file in (path, log, path.with_name(f"{path.name}-shm")):
            if file.exists():
                private_file(file)
        with _looking:
            if path in _looked_at:
                return 0, b""
            _looked_at.add(path)
            return wal.committed(log), wal.salt(log)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise unkept(path.parent, str(why)) from error


def _check_size(path: Path, log: Path) -> None:
    """Complain of a file that is cut where SQLite would take what is missing for zeros, or for a new file."""
    size = path.stat().st_size
    if size < LEAST_BYTES:
        raise damaged(path, "it is empty" if not size else "almost all of it is cut off")
    # What a full disk has cut while the log was copied stands in the log yet.
    if size % LEAST_BYTES and not (log.exists() and log.stat().st_size):
        raise damaged(path, "its end is cut off")


def _made_folder(folder: Path) -> None:
    for one in (folder, *folder.parents):
        if one.is_file():
            raise NotADirectoryError(0, f"{one} is a file, and no folder")
    private_folder(folder)


def _made_file(path: Path) -> None:
    """Make a database all at once: a file without any bytes was cut, and is not taken for a new one."""
    fresh = path.with_name(f".{path.name}-{os.getpid()}-{threading.get_ident()}")
    try:
        private_file(fresh)
        with told(path):
            connection = sqlite3.connect(fresh, isolation_level=None)
            try:
                # Before the first table is made: space can then be given back piece by piece.
                connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
                connection.execute("PRAGMA journal_mode=WAL")
            finally:
                connection.close()
        with suppress(FileExistsError):  # another process was first
            try:
                os.link(fresh, path)
            except FileExistsError:
                raise
            except OSError:  # a file system without links
                if not path.exists():
                    fresh.replace(path)
    finally:
        for left in path.parent.glob(f"{fresh.name}*"):
            left.unlink(missing_ok=True)


def _check_log(connection: sqlite3.Connection, path: Path, expected: int, own: bytes) -> None:
    """Complain where SQLite has taken less of a write-ahead log than was committed to it."""
    log, until = path.with_name(f"{path.name}-wal"), time.monotonic() + _SETTLED
    before = log.read_bytes() if log.exists() else b""
    while True:
        connection.execute("PRAGMA user_version").fetchone()
        _, taken, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if taken < 0 or taken >= expected or wal.salt(log) != own:
            return
        if time.monotonic() > until:
            break
        time.sleep(0.05)
    aside = log.with_name(f"{log.name}.damaged-{own.hex() or 'cut'}")
    private_file(aside).write_bytes(before)
    raise damaged(
        log,
        f"the last {expected - taken} of {expected} pages of changes cannot be read",
        hint=f"it is kept as {aside.name}; the same command again goes on with what was kept before them",
    )
