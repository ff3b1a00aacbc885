"""The tables of a store as its steps make them: their SQL, columns and keys, in an order to fill them in."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache

from lcagent.memory.migrations import Steps, migrate

ORDERED = ("runs", "calls", "items")
"""Tables whose rows are asked for in the order they were written in: by `rowid`."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Args:
        name: its name.
        sql: makes it, in SQLite.
        indices: make its indices, likewise.
        columns: their names.
        key: the columns of its primary key.
        blobs: which of its columns hold bytes.
    """

    name: str
    sql: str
    indices: tuple[str, ...]
    columns: tuple[str, ...]
    key: tuple[str, ...]
    blobs: frozenset[str]

    @property
    def numbered(self) -> bool:
        """Whether it gives its ids itself, none twice."""
        return "AUTOINCREMENT" in self.sql

    @property
    def order(self) -> tuple[str, ...]:
        """The columns by which its rows are gone through."""
        return ("rowid",) if self.name in ORDERED else self.key


@lru_cache
def tables(steps: Steps) -> tuple[Table, ...]:
    """The tables that some steps come to, each after those that it refers to."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, steps)
        made = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        found = [_table(connection, name, sql) for name, sql in made]
    known = {table.name for table in found}
    ordered: list[Table] = []
    while found:
        done = {table.name for table in ordered}
        at = next(i for i, one in enumerate(found) if _refers(one) & known <= done | {one.name})
        ordered.append(found.pop(at))
    return tuple(ordered)


def statements(steps: Steps, number: int) -> tuple[str, ...]:
    """What one of some steps does to tables that hold nothing.

    Args:
        steps: all there are.
        number: which, from 1 on.
    """
    said: list[str] = []
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, steps[: number - 1])
        connection.set_trace_callback(said.append)
        steps[number - 1](connection)
    return tuple(said)


def _table(connection: sqlite3.Connection, name: str, sql: str) -> Table:
    indices = connection.execute(
        "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?", (name,)
    ).fetchall()
    columns = connection.execute("SELECT name, pk, type FROM pragma_table_info(?)", (name,)).fetchall()
    key = [column for column, at, _ in sorted(columns, key=lambda one: one[1]) if at]
    names, blobs = tuple(one[0] for one in columns), frozenset(one[0] for one in columns if one[2] == "BLOB")
    return Table(name, sql, tuple(one for (one,) in indices), names, tuple(key), blobs)


def _refers(table: Table) -> set[str]:
    return set(re.findall(r'REFERENCES "?(\w+)', table.sql))
