"""The SQLite store: runs, their finished calls, their evidence, and parsed documents.

Parsed documents and segmentations are kept under keys of their own, since several runs use one; `uses` says
which run used which, so that what no run uses any more can go.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import zlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from lcagent.documents import Document, Page, Segment
from lcagent.errors import SettingsError
from lcagent.models.transport import RawReply
from lcagent.private import private_file, private_folder

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
  id TEXT PRIMARY KEY, key TEXT NOT NULL, status TEXT NOT NULL, created REAL NOT NULL,
  updated REAL NOT NULL, question TEXT NOT NULL, sources TEXT NOT NULL, strategy TEXT NOT NULL,
  model TEXT NOT NULL, settings TEXT NOT NULL, answer TEXT, error TEXT, seconds REAL NOT NULL DEFAULT 0,
  told INTEGER NOT NULL DEFAULT 1, version TEXT);
CREATE INDEX IF NOT EXISTS runs_key ON runs (key, created);
CREATE TABLE IF NOT EXISTS calls (
  run TEXT NOT NULL, key TEXT NOT NULL, role TEXT NOT NULL, text TEXT NOT NULL, reasoning TEXT NOT NULL,
  finish_reason TEXT NOT NULL, prompt_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL, seconds REAL NOT NULL, created REAL NOT NULL, certainty REAL,
  PRIMARY KEY (run, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS findings (
  run TEXT NOT NULL, document INTEGER NOT NULL, segment INTEGER NOT NULL, seq INTEGER NOT NULL,
  op TEXT NOT NULL, target TEXT, text TEXT NOT NULL, spans TEXT NOT NULL, role TEXT NOT NULL,
  answer TEXT NOT NULL, detail TEXT NOT NULL, quote TEXT NOT NULL, tokens INTEGER NOT NULL,
  PRIMARY KEY (run, document, segment, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (key TEXT PRIMARY KEY, meta TEXT NOT NULL, text BLOB NOT NULL,
  used REAL NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS segmentations (key TEXT PRIMARY KEY, spans BLOB NOT NULL,
  used REAL NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS uses (run TEXT NOT NULL, kept TEXT NOT NULL, key TEXT NOT NULL,
  PRIMARY KEY (run, kept, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS uses_key ON uses (kept, key);
"""
_LATER = (
    ("calls", "certainty", "REAL"),
    ("runs", "told", "INTEGER NOT NULL DEFAULT 1"),
    ("runs", "version", "TEXT"),
    ("documents", "used", "REAL NOT NULL DEFAULT 0"),
    ("segmentations", "used", "REAL NOT NULL DEFAULT 0"),
)
"""Columns that a file which an earlier version made may lack."""

UNUSABLE = "unusable-"
"""Begins the key of a call whose reply was of no use: no request has such a key."""


class Store:
    """One SQLite file for everything but the checkpoints.

    Write-ahead logging: what a method wrote survives a SIGKILL right after it returned.

    Args:
        path: the file; its folder is made.

    Raises:
        SettingsError: it cannot be written there.
    """

    def __init__(self, path: Path) -> None:
        self._writing = threading.Lock()  # two threads of a run may record at once, over one connection
        try:
            self._conn = connect(path, isolation_level=None)
            self._conn.execute("PRAGMA journal_mode=WAL")
            self._conn.execute("PRAGMA synchronous=NORMAL")
            self._conn.executescript(_SCHEMA)
            for table, name, kind in _LATER:
                self._add_column(table, name, kind)
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(
                f"runs cannot be kept in {path.parent}: {error}",
                hint="LCAGENT_HOME or --home names a folder that may be written, or made",
            ) from error

    def _add_column(self, table: str, name: str, kind: str) -> None:
        """A file that an earlier version made lacks the column."""

        def lacks() -> bool:
            return name not in {row[1] for row in self._conn.execute(f"PRAGMA table_info({table})")}

        if lacks():
            with self.transaction():
                if lacks():  # another process may have been first
                    self._conn.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")

    def close(self) -> None:
        """Close the file."""
        self._conn.close()

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Run one statement, committed when it returns."""
        return self._conn.execute(sql, values)

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        """Run one query."""
        cursor = self._conn.execute(sql, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Everything in it, or nothing; no other process writes meanwhile."""
        with self._writing:
            self._conn.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._conn.execute("ROLLBACK")
                raise
            self._conn.execute("COMMIT")

    def insert_many(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Insert rows in one transaction; a row that stands there already stays as it is."""
        if not rows:
            return
        names = list(rows[0])
        sql = f"INSERT OR IGNORE INTO {table} ({','.join(names)}) VALUES ({','.join('?' * len(names))})"  # noqa: S608 - names are ours
        with self.transaction():
            self._conn.executemany(sql, [tuple(row[n] for n in names) for row in rows])

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
    connection = sqlite3.connect(path, timeout=30.0, check_same_thread=False, isolation_level=isolation_level)
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


class RunJournal:
    """Finished calls of one run (`lcagent.models.chat.Journal`)."""

    def __init__(self, store: Store, run: str) -> None:
        self._store = store
        self._run = run

    def get(self, key: str) -> RawReply | None:
        """The reply to a finished call, if there is one."""
        row = self._store.execute(
            "SELECT text, reasoning, finish_reason, prompt_tokens, cached_tokens, completion_tokens,"
            " seconds, certainty FROM calls WHERE run = ? AND key = ?",
            (self._run, key),
        ).fetchone()
        return RawReply(*row) if row else None

    def put(self, key: str, role: str, reply: RawReply) -> None:
        """Keep a reply."""
        self._store.execute(
            "INSERT OR IGNORE INTO calls VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                self._run,
                key,
                role,
                reply.text,
                reply.reasoning,
                reply.finish_reason,
                reply.prompt_tokens,
                reply.cached_tokens,
                reply.completion_tokens,
                reply.seconds,
                time.time(),
                reply.certainty,
            ),
        )

    def forget(self, keys: Sequence[str]) -> None:
        """Replies that were of no use are not given again; their rows stay, for what they cost."""
        several = ",".join("?" * len(keys))
        self._store.execute(
            f"UPDATE calls SET key = '{UNUSABLE}' || hex(randomblob(8)) WHERE run = ? AND key IN ({several})",  # noqa: S608 - ours
            (self._run, *keys),
        )


class StoredDocuments:
    """Parsed documents, so that a second question parses nothing (`documents.ParseCache`)."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.keys: set[str] = set()
        """Of those that were got or put."""

    def get(self, key: str) -> Document | None:
        """The parsed document, if it stands here."""
        row = self._store.execute("SELECT meta, text FROM documents WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        self.keys.add(key)
        meta = json.loads(row[0])
        meta["pages"] = tuple(Page(*page) for page in meta["pages"])
        meta["warnings"] = tuple(meta["warnings"])
        text = zlib.decompress(row[1]).decode("utf-8", "surrogatepass")
        return Document(text=text, **meta)

    def put(self, key: str, document: Document) -> None:
        """Keep a parsed document."""
        meta = asdict(document)
        text = meta.pop("text")
        meta["pages"] = [[p.number, p.start, p.end, p.label] for p in document.pages]
        self._store.execute(
            "INSERT OR REPLACE INTO documents (key, meta, text, used) VALUES (?,?,?,?)",
            (key, json.dumps(meta), zlib.compress(text.encode("utf-8", "surrogatepass"), 1), time.time()),
        )
        self.keys.add(key)


class StoredSegments:
    """Segmentations, keyed by text, budget and tokenizer."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.keys: set[str] = set()
        """Of those that were got or put."""

    def get(self, key: str) -> list[Segment] | None:
        """The segments, if they stand here."""
        row = self._store.execute("SELECT spans FROM segmentations WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        self.keys.add(key)
        spans = json.loads(row[0])
        return [Segment(i, start, end, tokens) for i, (start, end, tokens) in enumerate(spans)]

    def put(self, key: str, segments: list[Segment]) -> None:
        """Keep a segmentation."""
        spans = [[s.start, s.end, s.tokens] for s in segments]
        self._store.execute(
            "INSERT OR REPLACE INTO segmentations (key, spans, used) VALUES (?,?,?)",
            (key, json.dumps(spans), time.time()),
        )
        self.keys.add(key)
