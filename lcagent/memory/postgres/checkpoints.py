"""LangGraph's own saver for PostgreSQL, over a store's connections and in its schema.

Its statements name no schema; they go through the store's dialect. What it writes is written under the
store's leases.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import dict_row

from lcagent.memory.checkpoints import Checked, OnLoop
from lcagent.memory.postgres.faults import lost, told
from lcagent.memory.postgres.pools import connect

if TYPE_CHECKING:
    from lcagent.memory.postgres.store import PostgresStore

T = TypeVar("T")
_prepared: set[tuple[str, str]] = set()
"""Schemas in which this process has seen LangGraph's tables, by server and name."""


class _Apart:
    """A text that JSON of PostgreSQL cannot hold: it is kept as bytes, as whatever is no plain value."""

    def __init__(self, text: str) -> None:
        self.text = text


class _Unwrapping(Checked):
    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        return super().dumps_typed(obj.text if isinstance(obj, _Apart) else obj)


class _Cursor:
    """A cursor whose statements name the tables of a schema."""

    def __init__(self, cursor: psycopg.Cursor[Any], qualified: Any) -> None:
        self._cursor, self._qualified = cursor, qualified

    def execute(self, query: Any, params: Any = None) -> psycopg.Cursor[Any]:
        """Run one statement."""
        return self._cursor.execute(self._qualified(query), params)

    def executemany(self, query: Any, params: Any) -> None:
        """Run one statement for each of some values."""
        self._cursor.executemany(self._qualified(query), params)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


class PoolSaver(OnLoop, PostgresSaver):
    """The saver of a store's runs.

    Args:
        store: whose they are.
        connection: the one to use; None: one of the store's for each call.
    """

    def __init__(self, store: PostgresStore, connection: psycopg.Connection[Any] | None = None) -> None:
        super().__init__(store.pool if connection is None else connection, serde=_Unwrapping())
        self._store, self._fixed, self.place = store, connection, store.place

    @contextmanager
    def _cursor(self, *, pipeline: bool = False) -> Generator[Any]:
        if self._fixed is not None:
            with self._fixed.cursor(row_factory=dict_row) as cursor:
                yield _Cursor(cursor, self._qualified)
            return
        with self._store.pool.connection() as connection:
            if not pipeline:
                with connection.cursor(binary=True, row_factory=dict_row) as cursor:
                    yield _Cursor(cursor, self._qualified)
                return
            with connection.pipeline(), connection.cursor(binary=True, row_factory=dict_row) as cursor:
                if self._store.held:
                    connection.execute(self._store.fences())
                yield _Cursor(cursor, self._qualified)

    def _qualified(self, sql: str) -> str:
        # Its indices are made with its tables, before anybody could be kept waiting.
        return self._store.dialect.made_there(sql).replace(" CONCURRENTLY", "")

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """See there."""
        return self._again(lambda: super(PoolSaver, self).get_tuple(config))

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """See there."""
        held = checkpoint["channel_values"]
        odd = {name: _Apart(text) for name, text in held.items() if isinstance(text, str) and "\0" in text}
        own: Checkpoint = {**checkpoint, "channel_values": {**held, **odd}} if odd else checkpoint
        return self._again(lambda: super(PoolSaver, self).put(config, own, metadata, new_versions))

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """See there."""
        self._again(lambda: super(PoolSaver, self).put_writes(config, writes, task_id, task_path))

    def delete_thread(self, thread_id: str) -> None:
        """See there."""
        self._again(lambda: super(PoolSaver, self).delete_thread(thread_id))

    def _again(self, work: Callable[[], T]) -> T:
        """Each of its calls may be made twice: where the connection was lost, it is, over another one."""
        with self._store.told():
            try:
                return work()
            except psycopg.Error as error:
                if not lost(error):
                    raise
            self._store.pool.drain()
            return work()


@contextmanager
def open_checkpoints(store: PostgresStore) -> Generator[PoolSaver]:
    """The steps of a store's runs; LangGraph's tables are made where they are missing.

    Raises:
        StoreError: they cannot be read or written.
    """
    if (known := (store.place.server, store.dialect.schema)) not in _prepared:
        with told(store.place), connect(store.place) as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (store.dialect.schema,))
            PoolSaver(store, connection).setup()
        _prepared.add(known)
    yield PoolSaver(store)
