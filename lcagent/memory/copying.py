"""All that is kept in one place, taken to another: from files to a PostgreSQL, from there to files, or alike.

Rows go in the order of their keys, some at a time, so that a copy that was broken off goes on after the last
one that arrived. In the end each table has to hold as many rows on both sides, and the same ones, by a hash
that does not depend on their order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lcagent.errors import StoreError
from lcagent.memory.described import Table, tables
from lcagent.memory.migrations import STEPS, Steps
from lcagent.memory.opening import opened
from lcagent.memory.rows import Rows, marks
from lcagent.memory.served import tables as served
from lcagent.memory.served.keys import Keys
from lcagent.memory.served.uploads import Uploads
from lcagent.memory.store import CHECKPOINTS, FILE
from lcagent.memory.tiers import tables as memory
from lcagent.place import Place

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple

_AT_ONCE = 500
"""Rows that are read and written together."""
_KINDS: tuple[tuple[str, Steps], ...] = (
    (FILE, STEPS),
    (memory.FILE, memory.STEPS),
    (served.FILE, served.STEPS),
)


@dataclass(frozen=True, slots=True)
class Copied:
    """What was taken along.

    Args:
        rows: of all tables.
        fresh: of these how many were not there before.
        digest: of all rows, the same on both sides.
    """

    rows: int
    fresh: int
    digest: str


def copied(source: Place, target: Place, say: Callable[[str], None]) -> Copied:
    """Take everything from one place to another; the same again goes on where it was broken off.

    Nothing else may write either of them meanwhile.

    Args:
        source: what is taken, and stays.
        target: it holds nothing but what an earlier copy has brought.
        say: gets a line for each table that holds something.

    Raises:
        StoreError: one of them cannot be read or written, or in the end they do not hold the same.
    """
    rows = fresh = 0
    whole = hashlib.sha256()
    for name, own, other in _tenants(source, target):
        for file, steps in _KINDS:
            if not own.url and not (own.folder / file).is_file():
                continue
            with closing(opened(own, file, steps)) as old, closing(opened(other, file, steps)) as new:
                for table in tables(steps):
                    fresh += _copy(old, new, table)
                    count, digest = _same(old, new, table)
                    rows += count
                    if count:
                        whole.update(f"{name}{file}{table.name}{digest}".encode())
                        say(f"{name}{table.name}: {count} rows")
                if file == FILE:
                    _copy_steps(old, new, say)
                if file == served.FILE:
                    Uploads(new).take(Uploads(old))
    return Copied(rows, fresh, whole.hexdigest())


def _same(old: Rows, new: Rows, table: Table) -> tuple[int, str]:
    """The rows of a table and their hash, the same in both."""
    here, there = _digest(old, table), _digest(new, table)
    if here != there:
        raise StoreError(
            f"{table.name} is not the same in both: {here[0]} rows and {there[0]}",
            hint="nothing may write while it is copied, and nothing else may be in the target",
        )
    return here


def _tenants(source: Place, target: Place) -> Iterator[tuple[str, Place, Place]]:
    """Each of those who are served, beginning with who asks without a key: a word for it, and both places."""
    yield "", source, target
    folder = source.folder / "tenants"
    names = {path.name for path in folder.iterdir() if path.is_dir()} if folder.is_dir() else set[str]()
    if source.url:
        with closing(served.open_served(source)) as store:
            names = {key.tenant for key in Keys(store).all()}
    for name in sorted(names - {"default"}):
        yield f"{name}: ", source.within(name), target.within(name)


def _copy(old: Rows, new: Rows, table: Table) -> int:
    """Copy what is missing of a table; how many rows."""
    after, fresh, size = _last(old, new, table), 0, len(table.order)
    put = (
        f"INSERT INTO {table.name} ({_quoted(table.columns)})"  # noqa: S608 - ours
        f" VALUES ({marks(table.columns)}) ON CONFLICT DO NOTHING"
    )
    while some := _after(old, table, after):
        with new.transaction():
            new.execute_many(put, [row[size:] for row in some])
        after, fresh = some[-1][:size], fresh + len(some)
    if table.numbered:
        new.given(table.name, old.given(table.name))
    return fresh


def _last(old: Rows, new: Rows, table: Table) -> tuple[Any, ...] | None:
    """Where in the order of the source the last row stands that has arrived; None: none has."""
    descending = ",".join(f'"{name}" DESC' for name in table.order)
    sql = f"SELECT {_quoted(table.key)} FROM {table.name} ORDER BY {descending} LIMIT 1"  # noqa: S608 - ours
    last = new.execute(sql).fetchone()
    if last is None or table.order == table.key:
        return last
    there = " AND ".join(f'"{name}" = ?' for name in table.key)
    return old.execute(f"SELECT rowid FROM {table.name} WHERE {there}", tuple(last)).fetchone()  # noqa: S608 - ours


def _after(store: Rows, table: Table, after: tuple[Any, ...] | None) -> list[tuple[Any, ...]]:
    """Some rows behind a place in the order, each after that place of its own."""
    order = _quoted(table.order)
    behind = f" WHERE ({order}) > ({','.join('?' * len(table.order))})" if after is not None else ""
    sql = (
        f"SELECT {order},{_quoted(table.columns)} FROM {table.name}{behind}"  # noqa: S608 - ours
        f" ORDER BY {order} LIMIT {_AT_ONCE}"
    )
    columns = (*table.order, *table.columns)
    blobs = [at for at, name in enumerate(columns) if name in table.blobs]
    rows = [list(row) for row in store.execute(sql, tuple(after or ()))]
    for row in rows:
        for at in blobs:
            if isinstance(row[at], str):  # SQLite has let it pass
                row[at] = row[at].encode()
    return [tuple(row) for row in rows]


def _digest(store: Rows, table: Table) -> tuple[int, str]:
    """How many rows there are, and a hash of them whatever their order."""
    count = total = 0
    after: tuple[Any, ...] | None = None
    while some := _after(store, table, after):
        after = some[-1][: len(table.order)]
        count += len(some)
        for row in some:
            said = repr(row[len(table.order) :]).encode()
            total += int.from_bytes(hashlib.sha256(said).digest(), "big")
    return count, f"{total % (1 << 256):064x}"


def _quoted(names: Sequence[str]) -> str:
    return ",".join(f'"{name}"' for name in names)


def _copy_steps(old: Rows, new: Rows, say: Callable[[str], None]) -> None:
    """The steps of runs that have not finished."""
    if not old.place.url and not (old.place.folder / CHECKPOINTS).is_file():
        return
    runs = [row["id"] for row in old.rows("SELECT id FROM runs WHERE status != 'finished'")]
    with old.checkpoints() as source, new.checkpoints() as target:
        for run in runs:
            try:
                steps = [*source.list({"configurable": {"thread_id": run}})]
            except ValueError:  # damaged, or of a version that wrote them in another way
                say(f"run {run}: its steps cannot be read, it goes on from its finished calls")
            else:
                _put_steps(steps, target)


def _put_steps(steps: Sequence[CheckpointTuple], target: BaseCheckpointSaver[Any]) -> None:
    """Keep the steps of a run.

    Args:
        steps: the last one first.
        target: keeps them.
    """
    for one in reversed(steps):
        own = one.config.get("configurable", {})
        begins: Any = {"configurable": {name: own[name] for name in ("thread_id", "checkpoint_ns")}}
        versions = one.checkpoint["channel_versions"]
        target.put(one.parent_config or begins, one.checkpoint, one.metadata, versions)
        writes: dict[str, list[tuple[str, Any]]] = {}
        for task, channel, value in one.pending_writes or ():
            writes.setdefault(task, []).append((channel, value))
        for task, some in writes.items():
            target.put_writes(one.config, some, task)
