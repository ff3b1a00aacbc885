"""The file of what is served, `server.db`: one in each tenant's folder: nothing is read across two."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from lcagent.memory.migrations import Steps
from lcagent.memory.opening import opened
from lcagent.memory.rows import Rows
from lcagent.place import Place

FILE = "server.db"
"""Its name within its folder."""

_FIRST = (
    # The bytes of a file lie beside, under its id.
    "CREATE TABLE files (id TEXT PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL,"
    " bytes INTEGER NOT NULL, purpose TEXT NOT NULL, created REAL NOT NULL)",
    "CREATE INDEX files_sha256 ON files (sha256, name)",
    "CREATE TABLE collections (id TEXT PRIMARY KEY, name TEXT NOT NULL, created REAL NOT NULL)",
    "CREATE TABLE collected (collection TEXT NOT NULL REFERENCES collections ON DELETE CASCADE,"
    " file TEXT NOT NULL REFERENCES files ON DELETE CASCADE, PRIMARY KEY (collection, file)) WITHOUT ROWID",
    # Documents of a conversation, by the names under which it cites them.
    "CREATE TABLE attached (session TEXT NOT NULL, file TEXT NOT NULL REFERENCES files ON DELETE CASCADE,"
    " name TEXT NOT NULL, PRIMARY KEY (session, file)) WITHOUT ROWID",
    "CREATE TABLE jobs (id TEXT PRIMARY KEY, status TEXT NOT NULL, created REAL NOT NULL,"
    " updated REAL NOT NULL, ask TEXT NOT NULL, run TEXT NOT NULL DEFAULT '', outcome TEXT, error TEXT)",
    "CREATE INDEX jobs_created ON jobs (created)",
    "CREATE TABLE events (job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE, seq INTEGER NOT NULL,"
    " event TEXT NOT NULL, PRIMARY KEY (job, seq)) WITHOUT ROWID",
    # Only in the first folder: a key is known by its hash alone.
    "CREATE TABLE keys (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL,"
    " hash TEXT NOT NULL UNIQUE, created REAL NOT NULL, revoked REAL)",
    "CREATE TABLE spent (tenant TEXT NOT NULL, day TEXT NOT NULL, tokens INTEGER NOT NULL,"
    " PRIMARY KEY (tenant, day)) WITHOUT ROWID",
)


def _first(connection: sqlite3.Connection) -> None:
    for statement in _FIRST:
        connection.execute(statement)


def _unwanted(connection: sqlite3.Connection) -> None:
    """Whether somebody wants a job given up, whichever process works on it."""
    connection.execute("ALTER TABLE jobs ADD COLUMN unwanted INTEGER NOT NULL DEFAULT 0")


_SPENDINGS = (
    # By what it was spent on: written twice, it is counted once.
    "CREATE TABLE spendings (tenant TEXT NOT NULL, day TEXT NOT NULL, job TEXT NOT NULL,"
    " tokens INTEGER NOT NULL, PRIMARY KEY (tenant, day, job)) WITHOUT ROWID",
    "INSERT INTO spendings SELECT tenant, day, '', tokens FROM spent",
    "DROP TABLE spent",
)


def _spendings(connection: sqlite3.Connection) -> None:
    for statement in _SPENDINGS:
        connection.execute(statement)


_KINDS = (
    "ALTER TABLE jobs ADD COLUMN kind TEXT NOT NULL DEFAULT 'question'",
    "CREATE TABLE budgets (id TEXT PRIMARY KEY, most_calls INTEGER, most_tokens INTEGER,"
    " calls INTEGER NOT NULL, tokens INTEGER NOT NULL) WITHOUT ROWID",
)


def _kinds(connection: sqlite3.Connection) -> None:
    """Jobs of several kinds; and what several workers may spend together."""
    for statement in _KINDS:
        connection.execute(statement)


STEPS: Steps = (_first, _unwanted, _spendings, _kinds)


def open_served(where: Path | Place) -> Rows:
    """Open what is served from a place, or make it.

    Raises:
        StoreError: it cannot be read or written there.
        NewerVersion: a newer version made it.
    """
    return opened(where, FILE, STEPS)
