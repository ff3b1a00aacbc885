"""The SQLite store (`lcagent.memory.rows.Rows`); its tables are in `lcagent.memory.migrations`."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lcagent.errors import LcagentError, StoreDamaged
from lcagent.memory.locks import locked
from lcagent.memory.migrations import STEPS, Steps, check, migrate, version
from lcagent.memory.sqlite import PRIMARY, WAIT, Cursor, connect, damaged, discard, told
from lcagent.place import Place

if TYPE_CHECKING:
    from lcagent.memory.checkpoints import LoopSaver
    from lcagent.memory.fts5 import Fts5

FILE, CHECKPOINTS = "lcagent.db", "checkpoints.db"
"""Its name within its folder, and that of the steps of its runs."""
_brought: set[tuple[Path, int]] = set()
"""Files that this process has opened at its own version. It goes on with one that a newer version has brought
up meanwhile, whose steps only add (docs/design/0042-side-by-side.md)."""


class Store:
    """One SQLite file: of runs and works, or of memory (`lcagent.memory.tiers.tables`).

    Write-ahead logging: what a method wrote survives a SIGKILL right after it returned.

    Args:
        path: the file; its folder is made.
        steps: make its tables.

    Raises:
        StoreError: it cannot be read or written there.
        NewerVersion: a newer version made it.
    """

    def __init__(self, path: Path, steps: Steps = STEPS) -> None:
        # Threads of a run share the connection: while one is in a transaction, what another writes would
        # be part of that, and lost with it.
        self._alone = threading.RLock()
        self.place, self.folder, self._path = Place(path.parent), path.parent, path
        try:
            self._conn = _opened(path, steps)
        except StoreDamaged:
            if path.name == FILE:  # they may be ahead of what is left: runs go on from their finished calls
                discard(path.parent / CHECKPOINTS)
            raise

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the store of a folder; the folder and the file are made.

        Raises:
            StoreError: it cannot be read or written there.
            NewerVersion: a newer version made it.
        """
        return cls(folder / FILE)

    def close(self) -> None:
        """Close the file; a thread that is still at it, as of a run that was given up, ends what it does."""
        with self._alone:  # Python closes a connection under a statement that runs, and dies of it
            self._conn.close()

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Run one statement; outside a transaction it is committed when this returns.

        Raises:
            StoreError: the disk is full, the file is locked or damaged, or nothing may be written there.
        """
        with told(self._path), self._alone:
            cursor = self._conn.cursor(Cursor)
            cursor.path, cursor.alone = self._path, self._alone
            return cursor.execute(sql, values)

    def execute_many(self, sql: str, values: Iterable[tuple[Any, ...] | dict[str, Any]]) -> None:
        """Run one statement for each of some values, within a transaction.

        Raises:
            StoreError: as `execute`.
        """
        with told(self._path), self._alone:
            self._conn.executemany(sql, values)

    def rows(self, sql: str, values: tuple[Any, ...] | dict[str, Any] = ()) -> list[dict[str, Any]]:
        """Run one query."""
        with told(self._path), self._alone:
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
            with told(self._path):
                self._conn.execute("BEGIN IMMEDIATE")
            try:
                yield
                with told(self._path):
                    self._conn.execute("COMMIT")
            except BaseException:
                if self._conn.in_transaction:  # SQLite itself has undone it where the disk is full
                    self._conn.execute("ROLLBACK")
                raise

    def insert_many(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Insert rows in one transaction; a row that stands there already stays as it is."""
        if not rows:
            return
        names, values = ",".join(rows[0]), ",".join(f":{name}" for name in rows[0])
        sql = f"INSERT INTO {table} ({names}) VALUES ({values}) ON CONFLICT DO NOTHING"  # noqa: S608 - ours
        with self.transaction():
            self.execute_many(sql, rows)

    def table(self, name: str) -> str:
        """A table's name: a file has no other one."""
        return name

    def given(self, table: str, at_least: int = 0) -> int:
        """The last id that a table has given; see `lcagent.memory.rows.Rows`."""
        row = self.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        if row is None and at_least:
            self.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, at_least))
        elif row and row[0] < at_least:
            self.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (at_least, table))
        return max(row[0] if row else 0, at_least)

    def size(self, scope: str = "") -> int:
        """Bytes that are in use, of the whole file."""
        with told(self._path), self._alone:
            (pages,), (free,), (size,) = (
                self._conn.execute(f"PRAGMA {name}").fetchone()
                for name in ("page_count", "freelist_count", "page_size")
            )
        return (pages - free) * size

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def engine(self) -> str:
        """What keeps it, and its version."""
        return f"SQLite {sqlite3.sqlite_version}"

    def release(self) -> None:
        """Give the space of what was deleted back to the file system."""
        with self._alone, told(self._path):
            release(self._conn)

    def locked(self, name: str, busy: LcagentError) -> AbstractContextManager[None]:
        """Be the one who writes something (`lcagent.memory.locks`)."""
        return locked(self.folder, name, busy)

    @property
    def near(self) -> None:
        """None: vectors are read, and compared here."""

    @property
    def full_text(self) -> Fts5:
        """What finds facts by their words."""
        from lcagent.memory.fts5 import Fts5

        return Fts5(self)

    @contextmanager
    def checkpoints(self) -> Generator[LoopSaver]:
        """The steps of runs, in a file beside it.

        Raises:
            StoreDamaged: some of them cannot be read.
            StoreError: they cannot be read or written.
        """
        from lcagent.memory.checkpoints import open_checkpoints

        with open_checkpoints(self.folder / CHECKPOINTS) as saver:
            yield saver

    def drop_steps(self, run: str) -> None:
        """Delete the steps of a run, and give their space back; errors as for `checkpoints`."""
        if not (self.folder / CHECKPOINTS).is_file():
            return
        with self.checkpoints() as saver:
            saver.delete_thread(run)
            release(saver.conn)

    def rewrite(self) -> bool:
        """Write everything that is kept anew, so that what was deleted stands nowhere any more.

        Deleted rows are overwritten where they lay (`secure_delete`), but not the copies that stay in unused
        parts of pages when these were divided: of 3,000 words two were found again. It takes 2.6 s for a
        million messages.
        """
        with self._alone, told(self._path):
            self._conn.execute("VACUUM")
            busy, *_ = self._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy


def _opened(path: Path, steps: Steps) -> sqlite3.Connection:
    connection = connect(path, isolation_level=None)
    try:
        with told(path):
            goes_on = (path, len(steps)) in _brought and version(connection) >= len(steps)
            if not goes_on:
                check(connection, steps)  # before anything is changed
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous=NORMAL")
            if not goes_on:
                _migrated(connection, path, steps)
            connection.execute("PRAGMA foreign_keys=ON")
            _brought.add((path, len(steps)))
    except (LcagentError, sqlite3.Error):
        connection.close()
        raise
    return connection


def _migrated(connection: sqlite3.Connection, path: Path, steps: Steps) -> None:
    """Bring the tables up to date; a file whose version is not that of its tables is damaged."""
    try:
        migrate(connection, steps)
    except (sqlite3.IntegrityError, sqlite3.OperationalError) as error:
        if error.sqlite_errorcode & PRIMARY not in {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT}:
            raise
        raise damaged(path, f"its tables are not those of its version: {error}") from error


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Have a file written ahead; SQLite does not wait for another process that does the same just now."""
    until = time.monotonic() + WAIT
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


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
