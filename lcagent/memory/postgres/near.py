"""Vectors compared by the server where it has pgvector, exactly: none is sent for it.

They are kept as bytes all the same, in files and here; beside them the server keeps what it makes of these.
No approximate index is used: it would find others than files do (docs/design/0039-pgvector.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.errors import InsufficientPrivilege

from lcagent.memory.postgres.dialect import Dialect
from lcagent.memory.tiers.bitmaps import CHUNK, Ids

if TYPE_CHECKING:
    from lcagent.memory.postgres.store import PostgresStore
    from lcagent.models.vectors import Vectors

_TABLES: Mapping[str, str] = {"runs": "vectors", "memory": "embedded"}
"""Which table of a kind of store holds vectors."""
_LOOK = """
SELECT (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
        WHERE e.extname = 'vector'),
    (SELECT count(*) > 0 FROM pg_available_extensions WHERE name = 'vector'),
    (SELECT count(*) > 0 FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = 'near')
"""
_MAKE = (
    # A number of four bytes, the least one first: its sign, its power of two, its part of that.
    "CREATE OR REPLACE FUNCTION {schema}.near_of(bytes BYTEA) RETURNS {home}.vector LANGUAGE sql IMMUTABLE"
    " PARALLEL SAFE AS $$ SELECT array_agg((CASE WHEN power = 0 THEN 0"
    " ELSE sign(word) * (1 + part / 8388608::float8) * (2::float8 ^ (power - 127)) END)::real ORDER BY at)"
    "::{home}.vector FROM (SELECT at, word, (word >> 23) & 255 AS power, word & 8388607 AS part FROM"
    " (SELECT at, get_byte(bytes, 4 * at) | (get_byte(bytes, 4 * at + 1) << 8)"
    " | (get_byte(bytes, 4 * at + 2) << 16) | (get_byte(bytes, 4 * at + 3) << 24) AS word"
    " FROM generate_series(0, length(bytes) / 4 - 1) AS at) AS words) AS numbers $$",
    "ALTER TABLE {table} ADD COLUMN near {home}.vector GENERATED ALWAYS AS ({schema}.near_of(vector)) STORED",
    "ALTER TABLE {table} ALTER COLUMN near SET STORAGE MAIN",  # in the row, which is what is gone through
)
_BY_TENANT = "CREATE INDEX IF NOT EXISTS embedded_tenant ON {table} (tenant, model)"
_ENTRIES = """
SELECT e.entry, 1 - (e.near OPERATOR({home}.<=>) asked.near) AS cosine
FROM (SELECT CAST(:asked AS {home}.vector) AS near) AS asked
    CROSS JOIN unnest(CAST(:chunks AS bigint[]), CAST(:among AS bytea[])) AS wanted (chunk, bits)
    JOIN embedded e ON e.entry / {chunk} = wanted.chunk
WHERE e.tenant = :tenant AND e.model = :model
    AND get_bit(wanted.bits, CAST(e.entry % {chunk} AS int)) = 1
ORDER BY e.near OPERATOR({home}.<=>) asked.near, e.entry LIMIT :most
"""
_ITEMS = """
SELECT v.item, 1 - (v.near OPERATOR({home}.<=>) asked.near) AS cosine
FROM (SELECT CAST(:asked AS {home}.vector) AS near) AS asked CROSS JOIN vectors v
WHERE v.work = :work AND v.owner = :owner AND v.model = :model
    AND (CAST(:among AS bigint[]) IS NULL OR v.item = ANY(:among))
ORDER BY v.near OPERATOR({home}.<=>) asked.near, v.item LIMIT :most
"""


def made(connection: psycopg.Connection[Any], kind: str, dialect: Dialect) -> str:
    """Have the server keep vectors as such beside their bytes, where it can.

    What lies there is taken over once, in 0.5 ms a vector, while nobody else writes or reads the table.

    Returns:
        The schema of pgvector; "" where the server has none, or may not make it.
    """
    if kind not in _TABLES:
        return ""
    table = dialect.table(_TABLES[kind])
    home, available, there = _look(connection, table)
    if there or not (home or available):
        return home or ""
    try:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtext('pgvector'))")
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            home, _, there = _look(connection, table)  # of two that come at once one makes it
            more = (_BY_TENANT,) if kind == "memory" else ()
            for statement in () if there else (*_MAKE, *more):
                names = {"schema": f'"{dialect.schema}"', "table": table, "home": f'"{home}"'}
                connection.execute(_raw(statement.format(**names)))
    except InsufficientPrivilege:
        return ""
    return home


def _look(connection: psycopg.Connection[Any], table: str) -> Any:
    return connection.execute(_LOOK, (table,)).fetchone()


def _raw(sql: str) -> Any:
    """A statement that code alone has written."""
    return sql


class Near:
    """The vectors of a store, as the server compares them (`lcagent.memory.rows.Near`).

    Args:
        store: whose.
        home: the schema of pgvector.
    """

    def __init__(self, store: PostgresStore, home: str) -> None:
        self._store, self._home = store, f'"{home}"'

    def entries(self, tenant: str, model: str, query: Vectors, among: Ids, limit: int) -> dict[int, float]:
        """See there."""
        chunks = [chunk for chunk, bits in among.items() if bits]
        values = {
            "asked": _text(query),
            "chunks": chunks,
            "among": [among[chunk].to_bytes(CHUNK // 8, "little") for chunk in chunks],
            "tenant": tenant,
            "model": model,
            "most": limit,
        }
        rows = self._store.rows(_ENTRIES.format(home=self._home, chunk=CHUNK), values)
        return {row["entry"]: row["cosine"] for row in rows}

    def items(
        self,
        work: int,
        owner: str,
        model: str,
        query: Vectors,
        *,
        limit: int | None = None,
        among: Sequence[int] | None = None,
    ) -> list[tuple[int, float]]:
        """See there."""
        held = None if among is None else list(among)
        values = {"asked": _text(query), "work": work, "owner": owner, "model": model}
        rows = self._store.rows(_ITEMS.format(home=self._home), {**values, "among": held, "most": limit})
        return [(row["item"], row["cosine"]) for row in rows]


def _text(vector: Vectors) -> str:
    """A vector as the server reads it; nine figures tell a number of four bytes."""
    return f"[{','.join(f'{number:.9g}' for number in vector.tolist())}]"
