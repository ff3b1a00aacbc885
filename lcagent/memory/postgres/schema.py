"""The tables of a store as schemas of a PostgreSQL: made once, of those that SQLite has, at the same version.

A further step of SQLite's brings them on by its own statements, turned (`docs/design/0036-postgres.md`).

What is a file of a folder elsewhere, such as `memory.db`, is a schema here, and that of a tenant has its name
in it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import psycopg

from lcagent.errors import NewerVersion
from lcagent.memory.described import ORDERED, statements, tables
from lcagent.memory.migrations import Steps
from lcagent.memory.postgres import near
from lcagent.memory.postgres.dialect import Dialect
from lcagent.memory.postgres.pools import connect
from lcagent.memory.postgres.words import MOST_WORD, PLAIN
from lcagent.place import Place

PREFIX = "lcagent"
_MOST_NAME = 63
"""Bytes of a name in PostgreSQL."""
_ROWID = "rowid BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE"
_CREATES = re.compile(r'CREATE TABLE "?(\w+)')
_LEASES = (
    "CREATE TABLE leases (name TEXT PRIMARY KEY, fence INTEGER NOT NULL, holder TEXT NOT NULL,"
    " until REAL NOT NULL)"
)
_WORD = f"left(translate(word, '{''.join(map(chr, PLAIN))}', '{''.join(PLAIN.values())}'), {MOST_WORD})"
_TERMS = (
    # Each word at the places it stands at, as many as are kept: no parser of the server's divides it.
    "CREATE OR REPLACE FUNCTION {schema}.word_places(words TEXT) RETURNS tsvector LANGUAGE sql IMMUTABLE"  # noqa: S608 - ours
    " PARALLEL SAFE AS $$ SELECT coalesce(string_agg(quoted || ':' || places, ' '), '')::pg_catalog.tsvector"
    " FROM (SELECT"
    f" '''' || replace(replace({_WORD}, '\\', '\\\\'), '''', '''''') || '''' AS quoted,"
    " string_agg(least(place, 16383)::text, ',') AS places"
    " FROM unnest(string_to_array(words, ' ')) WITH ORDINALITY AS said (word, place)"
    f" WHERE word <> '' GROUP BY {_WORD}) AS each $$",
    "ALTER TABLE {schema}.facts"
    " ADD COLUMN terms tsvector GENERATED ALWAYS AS ({schema}.word_places(words)) STORED",
    "CREATE INDEX facts_terms ON {schema}.facts USING gin (terms)",
)
"""What finds facts by their words."""
_SIZE = (
    "ALTER TABLE {schema}.facts ADD COLUMN size BIGINT"
    " GENERATED ALWAYS AS (coalesce(array_length(string_to_array(words, ' '), 1), 0)) STORED"
)
_PIECES = (
    'CREATE TABLE {schema}.pieces (file TEXT COLLATE "C" NOT NULL'
    " REFERENCES {schema}.files ON DELETE CASCADE, seq BIGINT NOT NULL, bytes BYTEA NOT NULL,"
    " PRIMARY KEY (file, seq))",
)
"""The bytes of uploaded files, which lie in a folder as well where one machine does it all."""
_ONLY_HERE: Mapping[str, tuple[str, ...]] = {"runs": (*_TERMS, _SIZE), "server": _PIECES}
"""What a kind of store has in PostgreSQL alone."""
STEPS_OF_OUR_OWN: Mapping[tuple[str, int], tuple[str, ...]] = {
    ("runs", 8): ("ALTER TABLE {schema}.facts DROP COLUMN terms", *_TERMS),
    # What was spent before stays there: a worker of then that is at a reading ends it by a row in it.
    ("server", 3): (
        'CREATE TABLE {schema}.spendings (tenant TEXT COLLATE "C" NOT NULL, day TEXT COLLATE "C" NOT NULL,'
        ' job TEXT COLLATE "C" NOT NULL, tokens BIGINT NOT NULL, PRIMARY KEY (tenant, day, job))',
        "INSERT INTO {schema}.spendings SELECT tenant, day, '', tokens FROM {schema}.spent",
    ),
}
"""What a step does here whose statements do not do it: one that looks at rows, that names an index, or that
changes what PostgreSQL alone has. By the kind of a store, and the version that it is brought to."""


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


def prepare(place: Place, kind: str, steps: Steps, dialect: Dialect) -> str:
    """Bring the schema of a store to the version of its steps, or make it.

    Returns:
        Where pgvector is, if the server has it (`lcagent.memory.postgres.near`).

    Raises:
        StoreError: the server cannot be reached, or refuses.
        NewerVersion: a newer lcagent made it.
    """
    with connect(place) as connection:
        if _version(connection, dialect) != len(steps):
            with connection.transaction():
                _brought(connection, kind, steps, dialect)
        return near.made(connection, kind, dialect)


def _brought(connection: psycopg.Connection[Any], kind: str, steps: Steps, dialect: Dialect) -> None:
    # Of two that come at once one makes it, and the other finds it made.
    connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (dialect.schema,))
    at = _version(connection, dialect)
    if at > len(steps):
        raise NewerVersion(
            f"a newer lcagent made this store (its version is {at}, this lcagent knows {len(steps)})",
            hint="upgrade lcagent, or name another store with LCAGENT_STORE or --store",
        )
    if not at:
        _make(connection, kind, steps, dialect)
    for version in range(at + 1, len(steps) + 1) if at else ():
        _bring_to(connection, kind, steps, version, dialect)
    connection.execute(_raw(f"UPDATE {dialect.table('version')} SET number = {len(steps)}"))  # noqa: S608 - ours


def _raw(sql: str) -> Any:
    """A statement that code alone has written."""
    return sql


def _version(connection: psycopg.Connection[Any], dialect: Dialect) -> int:
    # Of a name's number a server process may remember that there was none, until it next opens a table.
    there = "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = 'version'"
    if connection.execute(there, (dialect.schema,)).fetchone() is None:
        return 0
    row = connection.execute(_raw(f"SELECT number FROM {dialect.table('version')}")).fetchone()  # noqa: S608 - ours
    return int(row[0]) if row else 0


def _make(connection: psycopg.Connection[Any], kind: str, steps: Steps, dialect: Dialect) -> None:
    connection.execute(_raw(f'CREATE SCHEMA IF NOT EXISTS "{dialect.schema}"'))
    for table in tables(steps):
        for statement in (table.sql, *table.indices):
            connection.execute(_raw(_made(statement, dialect)))
    connection.execute(_raw(dialect.made(_LEASES)))
    connection.execute(_raw(f"CREATE TABLE {dialect.table('version')} (number INT NOT NULL)"))
    connection.execute(_raw(f"INSERT INTO {dialect.table('version')} VALUES ({len(steps)})"))  # noqa: S608 - ours
    for statement in _ONLY_HERE.get(kind, ()):
        connection.execute(_own(statement, dialect))


def _bring_to(
    connection: psycopg.Connection[Any], kind: str, steps: Steps, version: int, dialect: Dialect
) -> None:
    """Take one step.

    Raises:
        ValueError: it needs statements of its own here, and has none.
    """
    for statement in STEPS_OF_OUR_OWN.get((kind, version), ()):
        connection.execute(_own(statement, dialect))
    if (kind, version) in STEPS_OF_OUR_OWN:
        return
    both = (*tables(steps[: version - 1]), *tables(steps))
    then = Dialect(dialect.schema, {table.name for table in both})
    for statement in statements(steps, version):
        verb = statement.split(None, 1)[0].upper()
        if verb in {"CREATE", "ALTER", "DROP"}:
            connection.execute(_raw(_made(statement, then)))
        elif verb in {"INSERT", "UPDATE", "DELETE"}:
            connection.execute(_raw(then.turned(statement)), ())
        else:  # what it goes on to do depends on rows
            raise ValueError(f"step {version} of {kind} needs statements of PostgreSQL's own: {statement}")


def _made(sql: str, dialect: Dialect) -> str:
    """A statement of SQLite's that makes or changes a table, or an index."""
    made = _CREATES.match(sql)
    return dialect.made(sql, _ROWID if made and made[1] in ORDERED else "")


def _own(sql: str, dialect: Dialect) -> Any:
    """A statement of PostgreSQL's own, in which the schema is left open."""
    return sql.replace("{schema}", f'"{dialect.schema}"')
