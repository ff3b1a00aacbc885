"""The SQLite store: runs, their finished calls, their evidence, and parsed documents."""

from __future__ import annotations

import json
import sqlite3
import time
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lcagent.documents import Document, Page, Segment
from lcagent.errors import SettingsError
from lcagent.models.transport import RawReply

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
  id TEXT PRIMARY KEY, key TEXT NOT NULL, status TEXT NOT NULL, created REAL NOT NULL,
  updated REAL NOT NULL, question TEXT NOT NULL, sources TEXT NOT NULL, strategy TEXT NOT NULL,
  model TEXT NOT NULL, settings TEXT NOT NULL, answer TEXT, error TEXT, seconds REAL NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS runs_key ON runs (key, created);
CREATE TABLE IF NOT EXISTS calls (
  run TEXT NOT NULL, key TEXT NOT NULL, role TEXT NOT NULL, text TEXT NOT NULL, reasoning TEXT NOT NULL,
  finish_reason TEXT NOT NULL, prompt_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL, seconds REAL NOT NULL, created REAL NOT NULL, certainty REAL,
  PRIMARY KEY (run, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries (
  run TEXT NOT NULL, document INTEGER NOT NULL, segment INTEGER NOT NULL, seq INTEGER NOT NULL,
  op TEXT NOT NULL, target TEXT, char_start INTEGER NOT NULL, char_end INTEGER NOT NULL,
  quote TEXT NOT NULL, note TEXT NOT NULL, score REAL NOT NULL, tokens INTEGER NOT NULL,
  PRIMARY KEY (run, document, segment, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (key TEXT PRIMARY KEY, meta TEXT NOT NULL, text BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS segmentations (key TEXT PRIMARY KEY, spans BLOB NOT NULL);
"""

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
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._conn = sqlite3.connect(path, timeout=30.0, check_same_thread=False, isolation_level=None)
            self._conn.execute("PRAGMA journal_mode=WAL")
            self._conn.execute("PRAGMA synchronous=NORMAL")
            self._conn.executescript(_SCHEMA)
            self._add_column("calls", "certainty", "REAL")
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
            self._conn.execute("BEGIN IMMEDIATE")
            if lacks():  # another process may have been first
                self._conn.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
            self._conn.execute("COMMIT")

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

    def insert_many(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Insert rows in one transaction; a row that stands there already stays as it is."""
        if not rows:
            return
        names = list(rows[0])
        sql = f"INSERT OR IGNORE INTO {table} ({','.join(names)}) VALUES ({','.join('?' * len(names))})"  # noqa: S608 - names are ours
        self._conn.execute("BEGIN IMMEDIATE")
        try:
            self._conn.executemany(sql, [tuple(row[n] for n in names) for row in rows])
        except BaseException:
            self._conn.execute("ROLLBACK")
            raise
        self._conn.execute("COMMIT")


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

    def get(self, key: str) -> Document | None:
        """The parsed document, if it stands here."""
        row = self._store.execute("SELECT meta, text FROM documents WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        meta = json.loads(row[0])
        meta["pages"] = tuple(Page(*page) for page in meta["pages"])
        meta["warnings"] = tuple(meta["warnings"])
        text = zlib.decompress(row[1]).decode("utf-8", "surrogatepass")
        return Document(text=text, **meta)

    def put(self, key: str, document: Document) -> None:
        """Keep a parsed document."""
        meta = asdict(document)
        text = meta.pop("text")
        meta["pages"] = [[p.number, p.start, p.end] for p in document.pages]
        self._store.execute(
            "INSERT OR REPLACE INTO documents VALUES (?,?,?)",
            (key, json.dumps(meta), zlib.compress(text.encode("utf-8", "surrogatepass"), 1)),
        )


class StoredSegments:
    """Segmentations, keyed by text, budget and tokenizer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, key: str) -> list[Segment] | None:
        """The segments, if they stand here."""
        row = self._store.execute("SELECT spans FROM segmentations WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        spans = json.loads(row[0])
        return [Segment(i, start, end, tokens) for i, (start, end, tokens) in enumerate(spans)]

    def put(self, key: str, segments: list[Segment]) -> None:
        """Keep a segmentation."""
        spans = [[s.start, s.end, s.tokens] for s in segments]
        self._store.execute("INSERT OR REPLACE INTO segmentations VALUES (?,?)", (key, json.dumps(spans)))
