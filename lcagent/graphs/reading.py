"""Reading one segment: what every strategy that reads segment by segment does around its own call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from lcagent.errors import CutReply, EndpointUnavailable, MalformedReply
from lcagent.graphs.events import SegmentRead
from lcagent.graphs.task import Task

T = TypeVar("T")


async def attempt(task: Task, work: Awaitable[T]) -> T | None:
    """One segment's result; None where its call failed for good, so that the segment counts as not read.

    A reply that is malformed or cut after its retry costs this one segment, and so does a request that
    the server would not answer. A server that has gone stops the run, which goes on from there later.

    Raises:
        BudgetReached: nothing was sent.
        EndpointUnavailable: the server does not answer at all any more.
    """
    try:
        return await work
    except (MalformedReply, CutReply):
        return None
    except EndpointUnavailable:
        if await asyncio.to_thread(task.alive):
            return None
        raise


def tell(task: Task, document: int, index: int, *, kept: int) -> None:
    """Count one more segment and say so."""
    task.done += 1
    segment, source = task.segments[document][index], task.documents[document]
    task.emit(
        SegmentRead(
            document=source.name,
            index=index,
            page=source.page_at(segment.start),
            kept=kept,
            done=task.done,
            total=task.total,
        )
    )
