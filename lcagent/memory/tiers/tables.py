"""The file of memory, `memory.db`: apart from runs and works, which come and go while it stays."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from lcagent.memory.migrations import Steps
from lcagent.memory.opening import opened
from lcagent.memory.rows import Rows
from lcagent.place import Place

FILE = "memory.db"
"""Its name within its folder."""

_ENTRIES = (
    # No number is given twice: what rests on an entry that was forgotten does not rest on another one.
    "CREATE TABLE entries (id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, session TEXT NOT NULL,"
    " kind TEXT NOT NULL, name TEXT NOT NULL, author TEXT NOT NULL, source TEXT NOT NULL, text TEXT NOT NULL,"
    " data TEXT NOT NULL, valid REAL NOT NULL, recorded REAL NOT NULL, key TEXT)",
    "CREATE UNIQUE INDEX entries_key ON entries (tenant, session, key) WHERE key IS NOT NULL",
    "CREATE INDEX entries_kind ON entries (tenant, session, kind, id)",
    "CREATE INDEX entries_name ON entries (tenant, session, name, id) WHERE kind = 'block'",
    "CREATE TABLE rests (entry INTEGER NOT NULL REFERENCES entries ON DELETE CASCADE,"
    " source INTEGER NOT NULL REFERENCES entries ON DELETE CASCADE, PRIMARY KEY (entry, source))"
    " WITHOUT ROWID",
    "CREATE INDEX rests_source ON rests (source)",
    # Made of the entries' data, as every index. `gone`: words of it that hold no more; none: all of it.
    "CREATE TABLE closings (entry INTEGER NOT NULL REFERENCES entries ON DELETE CASCADE,"
    ' "by" INTEGER NOT NULL REFERENCES entries ON DELETE CASCADE, at REAL NOT NULL, gone TEXT NOT NULL,'
    ' PRIMARY KEY (entry, "by")) WITHOUT ROWID',
    'CREATE INDEX closings_by ON closings ("by")',
    "CREATE TABLE sessions (tenant TEXT NOT NULL, session TEXT NOT NULL, created REAL NOT NULL,"
    " fence INTEGER NOT NULL, holder TEXT NOT NULL, until REAL NOT NULL, PRIMARY KEY (tenant, session))"
    " WITHOUT ROWID",
    "CREATE TABLE attached (id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL,"
    " session TEXT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL, meta TEXT NOT NULL,"
    " text BLOB NOT NULL, UNIQUE (tenant, session, sha256))",
)


def _entries(connection: sqlite3.Connection) -> None:
    """What was said in sessions, what was made of it, what of it holds no more, who may write it, and the
    documents that were attached."""
    for statement in _ENTRIES:
        connection.execute(statement)


_SEARCH = (
    # Under each term of a tenant its entries. Without a rowid a term is written in one place alone.
    "CREATE TABLE postings (tenant TEXT NOT NULL, term TEXT NOT NULL, chunk INTEGER NOT NULL,"
    " ids BLOB NOT NULL, PRIMARY KEY (tenant, term, chunk)) WITHOUT ROWID",
    "CREATE INDEX entries_valid ON entries (tenant, valid)",
    "CREATE TABLE embedded (entry INTEGER PRIMARY KEY, tenant TEXT NOT NULL, model TEXT NOT NULL,"
    " vector BLOB NOT NULL)",
    "CREATE TABLE codes (tenant TEXT NOT NULL, model TEXT NOT NULL, part INTEGER NOT NULL,"
    " held BLOB NOT NULL, codes BLOB NOT NULL, PRIMARY KEY (tenant, model, part))",
)


def _search(connection: sqlite3.Connection) -> None:
    """What finds entries again: by words, session, kind and day, and by vectors."""
    for statement in _SEARCH:
        connection.execute(statement)


_ITEMS = (
    # What is written last has the highest rowid. `entry` stands in the index for the item's text.
    "CREATE TABLE items (tenant TEXT NOT NULL, namespace TEXT NOT NULL, key TEXT NOT NULL,"
    " value TEXT NOT NULL, created REAL NOT NULL, updated REAL NOT NULL, ttl REAL, expires REAL,"
    " entry INTEGER REFERENCES entries ON DELETE SET NULL, PRIMARY KEY (tenant, namespace, key))",
    "CREATE INDEX items_entry ON items (entry) WHERE entry IS NOT NULL",
    "CREATE INDEX items_expires ON items (tenant, expires) WHERE expires IS NOT NULL",
)


def _items(connection: sqlite3.Connection) -> None:
    """Values that programs keep under a namespace and a key."""
    for statement in _ITEMS:
        connection.execute(statement)


def _files(connection: sqlite3.Connection) -> None:
    """Where the bytes of attached documents were, as far as that is known."""
    connection.execute("ALTER TABLE attached ADD COLUMN file BLOB")


STEPS: Steps = (_entries, _search, _items, _files)


def open_memory(where: Path | Place) -> Rows:
    """Open the memory of a place, or make it; what is deleted there is overwritten.

    Raises:
        StoreError: it cannot be read or written there.
        NewerVersion: a newer version made it.
    """
    return opened(where, FILE, STEPS)
