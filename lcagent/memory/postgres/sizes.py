"""How much room the rows of a store take in PostgreSQL: not what was deleted, and lies there still.

The server gives room of deleted rows to later ones, and its files hardly shrink: by their size alone nothing
that is deleted would ever be enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lcagent.memory.postgres.store import PostgresStore

_ROW = 28
"""Bytes of a row beside its values."""
_PAGES = 2000
"""Pages of a table that are looked at: of a larger one these stand for all (16 MB, some 20 ms)."""
_TABLES = """
SELECT c.relname AS name, pg_relation_size(c.oid) / current_setting('block_size')::int AS pages,
    CAST(pg_total_relation_size(c.oid) AS float) / pg_table_size(c.oid) AS indexed,
    (SELECT array_agg(quote_ident(attname)) FROM pg_attribute
     WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ? AND c.relkind = 'r' AND c.relname NOT LIKE 'checkpoint%' AND pg_relation_size(c.oid) > 0
"""
"""Steps of runs are not counted, nor are they in files: they go with their run alone."""


def used(store: PostgresStore, scope: str = "") -> int:
    """About how many bytes of rows and their indices hold.

    Args:
        store: whose.
        scope: only calls of this scope, and rows of the work that it names; "": all there is.
    """
    parts, values = list[str](), list[Any]()
    for table in store.rows(_TABLES, (store.dialect.schema,)):
        most = min(1.0, _PAGES / table["pages"])
        which = f"TABLESAMPLE SYSTEM ({100 * most}) REPEATABLE (1)"
        if scope:
            where, value = _of(scope, table["name"], table["columns"])
            if not where:
                continue
            most, which = 1.0, f"WHERE {where}"
            values.append(value)
        row = " + ".join(f"coalesce(pg_column_size({column}), 0)" for column in table["columns"])
        share = table["indexed"] / most
        parts.append(f"SELECT {share} * sum({_ROW} + {row}) AS bytes FROM {table['name']} {which}")  # noqa: S608 - ours
    if not parts:
        return 0
    every = f"SELECT coalesce(sum(bytes), 0) FROM ({' UNION ALL '.join(parts)}) AS each"  # noqa: S608 - ours
    (size,) = store.execute(every, tuple(values)).fetchone() or (0,)
    return round(size)


def _of(scope: str, table: str, columns: list[str]) -> tuple[str, Any]:
    """Which rows of a table belong to a scope; "" where none do."""
    kind, _, work = scope.partition(":")
    if table == "calls":
        return "scope = ?", scope
    if kind != "work":
        return "", None
    if table == "elements":
        return "fact IN (SELECT id FROM facts WHERE work = ?)", int(work)
    return ("work = ?", int(work)) if "work" in columns else ("", None)
