"""LangGraph's SQLite checkpointer for an event loop, without a thread.

The library's async saver hands each statement to another thread and waits for it; for the small
states of our graphs the hand-over costs several times the write (docs/design/0003-checkpoints.md).
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from lcagent.errors import StoreDamaged, StoreError
from lcagent.memory.aside import aside
from lcagent.memory.sqlite import connect, discard, told
from lcagent.place import Place

_CHECKSUM = 4
"""Bytes of it."""


class Checked(JsonPlusSerializer):
    """States with a checksum each: one that is damaged is noticed, whatever it would be read as."""

    def __init__(self) -> None:
        # States are plain data; nothing else may be read back from the file.
        super().__init__(allowed_msgpack_modules=None)

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """See there."""
        kind, data = super().dumps_typed(obj)
        return kind, data + zlib.crc32(data).to_bytes(_CHECKSUM, "big")

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """See there.

        Raises:
            ValueError: the state is not the one that was written.
        """
        kind, kept = data
        own, checksum = kept[:-_CHECKSUM], kept[-_CHECKSUM:]
        if zlib.crc32(own).to_bytes(_CHECKSUM, "big") != checksum:
            raise ValueError("a state is not as it was written")
        return super().loads_typed((kind, own))


class OnLoop(BaseCheckpointSaver[Any]):
    """A synchronous saver, called from the event loop; one of a database's (`place`) in a thread."""

    place = Place(Path())

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """See `get_tuple`."""
        return await aside(self.place, self.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """See `list`."""

        # The library's generator holds its lock until it is gone through: a reader that stops half way, or
        # asks for a checkpoint meanwhile, would wait for itself, and the event loop with it.
        def every() -> Sequence[CheckpointTuple]:
            return [*self.list(config, filter=filter, before=before, limit=limit)]

        for item in await aside(self.place, every):
            yield item

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """See `put`."""
        return await aside(self.place, self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """See `put_writes`."""
        await aside(self.place, self.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """See `delete_thread`."""
        await aside(self.place, self.delete_thread, thread_id)


class LoopSaver(OnLoop, SqliteSaver):
    """The synchronous saver of SQLite on the event loop: a write takes a fraction of a millisecond."""


class LentSaver(OnLoop):
    """A saver of a graph that is invoked synchronously, for a subgraph whose nodes are coroutines.

    Args:
        saver: need have no asynchronous methods.
    """

    def __init__(self, saver: BaseCheckpointSaver[Any]) -> None:
        super().__init__(serde=saver.serde)
        self._saver = saver

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """See there."""
        return self._saver.get_tuple(config)

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """See there."""
        return self._saver.list(config, filter=filter, before=before, limit=limit)

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """See there."""
        return self._saver.put(config, checkpoint, metadata, new_versions)

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """See there."""
        self._saver.put_writes(config, writes, task_id, task_path)

    def get_next_version(self, current: Any, channel: None) -> Any:
        """See there."""
        return self._saver.get_next_version(current, channel)


@contextmanager
def open_checkpoints(path: Path) -> Generator[LoopSaver]:
    """Open the checkpoints' file; what was written survives a SIGKILL.

    A file that is no database any more is begun anew: the journal has the finished calls.

    Raises:
        StoreDamaged: some of it cannot be read: `discard` it, every run goes on from its finished calls.
        StoreError: it cannot be read or written, also while it is used.
    """
    try:
        saver = _open(path)
    except StoreDamaged:
        discard(path)
        saver = _open(path)
    with closing(saver.conn), told(path):
        yield saver


def _open(path: Path) -> LoopSaver:
    connection = connect(path, "DEFERRED")
    try:
        with told(path):
            saver = LoopSaver(connection, serde=Checked())
            saver.setup()
            connection.execute("PRAGMA synchronous=NORMAL")
    except (sqlite3.Error, StoreError):
        connection.close()
        raise
    return saver
