"""The SQLite store (`lcagent.memory.rows.Rows`); its tables are in `lcagent.memory.migrations`."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self

from lcagent.errors import LcagentError, SettingsError
from lcagent.memory.migrations import STEPS, Steps, check, migrate
from lcagent.private import private_file, private_folder

FILE = "lcagent.db"
"""Its name within its folder."""
_UNWRITABLE = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
}
_PRIMARY = 0xFF
"""Of an error's code, without the detail."""
_WAIT = 30.0
"""Most seconds that one process waits for another's writing."""


class Store:
    """One SQLite file: of runs and works, or of memory (`lcagent.memory.tiers.tables`).

    Write-ahead logging: what a method wrote survives a SIGKILL right after it returned.

    Args:
        path: the file; its folder is made.
        steps: make its tables.

    Raises:
        SettingsError: it cannot be written there, or a newer version made it.
    """

    def __init__(self, path: Path, steps: Steps = STEPS) -> None:
        # Threads of a run share the connection: while one is in a transaction, what another writes would
        # be part of that, and lost with it.
        self._alone = threading.RLock()
        self.folder = path.parent
        try:
            self._conn = _opened(path, steps)
        except (OSError, sqlite3.Error) as error:
            raise _unkept(path.parent, error) from error

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the store of a folder; the folder and the file are made.

        Raises:
            SettingsError: it cannot be written there, or a newer version made it.
        """
        return cls(folder / FILE)

    def close(self) -> None:
        """Close the file."""
        self._conn.close()

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Run one statement; outside a transaction it is committed when this returns.

        Raises:
            SettingsError: the disk is full, or nothing may be written there.
        """
        with self._told(), self._alone:
            return self._conn.execute(sql, values)

    def execute_many(self, sql: str, values: Iterable[tuple[Any, ...] | dict[str, Any]]) -> None:
        """Run one statement for each of some values, within a transaction."""
        with self._told(), self._alone:
            self._conn.executemany(sql, values)

    def rows(self, sql: str, values: tuple[Any, ...] | dict[str, Any] = ()) -> list[dict[str, Any]]:
        """Run one query."""
        with self._told(), self._alone:
            cursor = self._conn.execute(sql, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Everything in it, or nothing; no other process writes meanwhile. An inner one is part of it."""
        with self._alone:
            if self._conn.in_transaction:
                yield
                return
            with self._told():
                self._conn.execute("BEGIN IMMEDIATE")
            try:
                yield
                with self._told():
                    self._conn.execute("COMMIT")
            except BaseException:
                if self._conn.in_transaction:  # SQLite itself has undone it where the disk is full
                    self._conn.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Generator[None]:
        """Tell in words of our own that nothing can be written."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY not in _UNWRITABLE:
                raise
            raise _unkept(self.folder, error) from error

    def insert_many(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Insert rows in one transaction; a row that stands there already stays as it is."""
        if not rows:
            return
        names, values = ",".join(rows[0]), ",".join(f":{name}" for name in rows[0])
        sql = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({values})"  # noqa: S608 - names are ours
        with self.transaction():
            self.execute_many(sql, rows)

    def size(self) -> int:
        """Bytes that are in use."""
        (pages,), (free,), (size,) = (
            self._conn.execute(f"PRAGMA {name}").fetchone()
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size

    def release(self) -> None:
        """Give the space of what was deleted back to the file system."""
        release(self._conn)

    def rewrite(self) -> None:
        """Write everything that is kept anew, so that what was deleted stands nowhere any more.

        Deleted rows are overwritten where they lay (`secure_delete`), but not the copies that stay in unused
        parts of pages when these were divided: of 3,000 words two were found again. It takes 2.6 s for a
        million messages.
        """
        with self._alone:
            self._conn.execute("VACUUM")


def _unkept(folder: Path, error: Exception) -> SettingsError:
    return SettingsError(
        f"nothing can be kept in {folder}: {error}",
        hint="LCAGENT_HOME or --home names a folder with room that may be written, or made",
    )


def _opened(path: Path, steps: Steps) -> sqlite3.Connection:
    connection = connect(path, isolation_level=None)
    try:
        check(connection, steps)  # before anything is changed
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous=NORMAL")
        migrate(connection, steps)
        connection.execute("PRAGMA foreign_keys=ON")
    except (LcagentError, sqlite3.Error):
        connection.close()
        raise
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Have a file written ahead; SQLite does not wait for another process that does the same just now."""
    until = time.monotonic() + _WAIT
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def connect(path: Path, isolation_level: Literal["DEFERRED"] | None) -> sqlite3.Connection:
    """Open an SQLite file that its owner alone may read; SQLite makes the files beside it with its mode.

    Args:
        path: the file; its folder is made.
        isolation_level: as for `sqlite3.connect`.

    Raises:
        OSError: it cannot be made.
        sqlite3.Error: it cannot be opened.
    """
    private_folder(path.parent)
    private_file(path)
    for beside in (path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        if beside.exists():
            private_file(beside)
    connection = sqlite3.connect(
        path, timeout=_WAIT, check_same_thread=False, isolation_level=isolation_level
    )
    try:
        # Has an effect before the first table is made: space can then be given back piece by piece.
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def release(connection: sqlite3.Connection) -> None:
    """Give the free pages of a file back to the file system.

    It costs as much as there is to give back; for a file that an earlier version made it once costs a copy
    of all that is kept.
    """
    (kind,) = connection.execute("PRAGMA auto_vacuum").fetchone()
    if kind == _INCREMENTAL:
        connection.executescript("PRAGMA incremental_vacuum")  # `execute` would end after the first page
    else:
        connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


_INCREMENTAL = 2
"""How SQLite calls `auto_vacuum=INCREMENTAL`."""
