"""The tables of a store as schemas of a PostgreSQL: made once, of those that SQLite has, at the same version.

What is a file of a folder elsewhere, such as `memory.db`, is a schema here, and that of a tenant has its name
in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import psycopg

from lcagent.errors import SettingsError
from lcagent.memory.described import ORDERED, tables
from lcagent.memory.migrations import Steps
from lcagent.memory.postgres.dialect import Dialect
from lcagent.memory.postgres.pools import connect
from lcagent.memory.served.tables import KINDS
from lcagent.place import Place

PREFIX = "lcagent"
_MOST_NAME = 63
"""Bytes of a name in PostgreSQL."""
_ROWID = "rowid BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE"
_LEASES = (
    "CREATE TABLE leases (name TEXT PRIMARY KEY, fence INTEGER NOT NULL, holder TEXT NOT NULL,"
    " until REAL NOT NULL)"
)
_WORDS = (
    # Each word at the places it stands at, as many as are kept: no parser of the server's divides it.
    "CREATE FUNCTION {schema}.word_places(words TEXT) RETURNS tsvector LANGUAGE sql IMMUTABLE"
    " PARALLEL SAFE AS $$ SELECT coalesce(string_agg(quoted || ':' || places, ' '), '')::pg_catalog.tsvector"
    " FROM (SELECT"
    " '''' || replace(replace(word, '\\', '\\\\'), '''', '''''') || '''' AS quoted,"
    " string_agg(least(place, 16383)::text, ',') AS places"
    " FROM unnest(string_to_array(words, ' ')) WITH ORDINALITY AS said (word, place)"
    " WHERE word <> '' GROUP BY word) AS each $$",
    "ALTER TABLE {schema}.facts"
    " ADD COLUMN terms tsvector GENERATED ALWAYS AS ({schema}.word_places(words)) STORED,"
    " ADD COLUMN size BIGINT GENERATED ALWAYS AS (coalesce(array_length(string_to_array(words, ' '), 1), 0))"
    " STORED",
    "CREATE INDEX facts_terms ON {schema}.facts USING gin (terms)",
)
"""What finds facts by their words."""
_PIECES = (
    'CREATE TABLE {schema}.pieces (file TEXT COLLATE "C" NOT NULL'
    " REFERENCES {schema}.files ON DELETE CASCADE, seq BIGINT NOT NULL, bytes BYTEA NOT NULL,"
    " PRIMARY KEY (file, seq))",
)
"""The bytes of uploaded files, which lie in a folder as well where one machine does it all."""
_ONLY_HERE: Mapping[str, tuple[str, ...]] = {"runs": _WORDS, "server": _PIECES}
"""What a kind of store has in PostgreSQL alone."""
STEPS_OF_OUR_OWN: Mapping[str, Mapping[int, tuple[str, ...]]] = {"server": {3: KINDS}}
"""By the kind of a store: what brings one that stands there from the version before to each further one."""


def schema_of(place: Place, kind: str) -> str:
    """The name of the schema that holds one kind of a place's rows."""
    name = "_".join(part for part in (PREFIX, kind, place.name) if part)
    if len(name.encode()) <= _MOST_NAME and '"' not in name:
        return name
    return f"{PREFIX}_{kind}_{hashlib.sha256(place.name.encode()).hexdigest()[:24]}"


def dialect_of(place: Place, kind: str, steps: Steps) -> Dialect:
    """How statements name the tables of a store."""
    own = {table.name for table in tables(steps)} | {"leases", "version", "pieces"}
    kept = ("checkpoints", "checkpoint_blobs", "checkpoint_writes", "checkpoint_migrations")
    return Dialect(schema_of(place, kind), own | set(kept))


def prepare(place: Place, kind: str, steps: Steps, dialect: Dialect) -> None:
    """Bring the schema of a store to the version of its steps, or make it.

    Raises:
        StoreError: the server cannot be reached, or refuses.
        SettingsError: a newer lcagent made it.
    """
    with connect(place) as connection:
        if _version(connection, dialect) == len(steps):
            return
        with connection.transaction():
            # Of two that come at once one makes it, and the other finds it made.
            connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (dialect.schema,))
            at = _version(connection, dialect)
            if at > len(steps):
                raise SettingsError(
                    f"a newer lcagent made this store (its version is {at}, this lcagent knows {len(steps)})",
                    hint="upgrade lcagent, or name another store with LCAGENT_STORE or --store",
                )
            if not at:
                _make(connection, kind, steps, dialect)
            for step in range(at + 1, len(steps) + 1) if at else ():
                for statement in STEPS_OF_OUR_OWN[kind][step]:
                    connection.execute(_raw(dialect.made(statement)))
            connection.execute(_raw(f"UPDATE {dialect.table('version')} SET number = {len(steps)}"))  # noqa: S608 - ours


def _raw(sql: str) -> Any:
    """A statement that code alone has written."""
    return sql


def _version(connection: psycopg.Connection[Any], dialect: Dialect) -> int:
    found = connection.execute("SELECT to_regclass(%s)::text", (dialect.table("version"),)).fetchone()
    if found is None or found[0] is None:
        return 0
    row = connection.execute(_raw(f"SELECT number FROM {dialect.table('version')}")).fetchone()  # noqa: S608 - ours
    return int(row[0]) if row else 0


def _make(connection: psycopg.Connection[Any], kind: str, steps: Steps, dialect: Dialect) -> None:
    connection.execute(_raw(f'CREATE SCHEMA IF NOT EXISTS "{dialect.schema}"'))
    for table in tables(steps):
        more = _ROWID if table.name in ORDERED else ""
        for statement in (dialect.made(table.sql, more), *map(dialect.made, table.indices)):
            connection.execute(_raw(statement))
    connection.execute(_raw(dialect.made(_LEASES)))
    connection.execute(_raw(f"CREATE TABLE {dialect.table('version')} (number INT NOT NULL)"))
    connection.execute(_raw(f"INSERT INTO {dialect.table('version')} VALUES ({len(steps)})"))  # noqa: S608 - ours
    for statement in _ONLY_HERE.get(kind, ()):
        connection.execute(_raw(statement.replace("{schema}", f'"{dialect.schema}"')))
