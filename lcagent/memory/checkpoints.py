"""LangGraph's SQLite checkpointer for an event loop, without a thread.

The library's async saver hands each statement to another thread and waits for it; for the small
states of our graphs the hand-over costs several times the write (docs/design/0003-checkpoints.md).
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from lcagent.memory.store import connect


class LoopSaver(SqliteSaver):
    """The synchronous saver, called from the event loop: a write takes a fraction of a millisecond."""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """See `get_tuple`."""
        return self.get_tuple(config)

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
        for item in [*self.list(config, filter=filter, before=before, limit=limit)]:
            yield item

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """See `put`."""
        return self.put(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """See `put_writes`."""
        self.put_writes(config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """See `delete_thread`."""
        self.delete_thread(thread_id)


@contextmanager
def open_checkpoints(path: Path) -> Generator[LoopSaver]:
    """Open the checkpoints' file; what was written survives a SIGKILL.

    A file that is no database any more is begun anew: the journal has the finished calls.
    """
    try:
        saver = _open(path)
    except sqlite3.OperationalError:  # locked, or a full disk: it says nothing about the file
        raise
    except sqlite3.DatabaseError:
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()
        saver = _open(path)
    with closing(saver.conn):
        yield saver


def _open(path: Path) -> LoopSaver:
    connection = connect(path, "DEFERRED")
    try:
        # States are plain data; nothing else may be read back from the file.
        saver = LoopSaver(connection, serde=JsonPlusSerializer(allowed_msgpack_modules=None))
        saver.setup()
        connection.execute("PRAGMA synchronous=NORMAL")
    except sqlite3.Error:
        connection.close()
        raise
    return saver
