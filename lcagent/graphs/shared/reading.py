"""Reading one segment: what every strategy that reads segment by segment does around its own call."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from lcagent.errors import (
    AccessRefused,
    CutReply,
    EndpointUnavailable,
    LcagentError,
    MalformedReply,
    NotServed,
    QuestionTooLong,
    RequestRefused,
    SettingsError,
    UsageError,
    WindowExceeded,
)
from lcagent.events import Notice, SegmentRead
from lcagent.graphs.shared.task import Strategy, Task

T = TypeVar("T")

READING_NODES = frozenset({"read", "note", "map", "ask"})
"""Names of the graphs' nodes that read one segment each; those that had finished are not run again."""
LEAST_SEGMENT = 128
"""Fewer tokens of document in a call are not worth the call."""
_MOST_WINDOW = 1 << 20
"""No larger window is looked for."""


def segment_tokens(task: Task, strategy: Strategy) -> int:
    """Most tokens of a segment, as the strategy reckons them.

    Args:
        task: the run.
        strategy: how it is read.

    Raises:
        SettingsError: the window is too small for any question; it names the least that is not.
        QuestionTooLong: the question is what does not fit.
        UsageError: the documents do not fit a strategy that reads them in one call.
    """
    try:
        return strategy.segment_tokens(task)
    except QuestionTooLong as error:
        window = task.model.window
        shortest = replace(task, question="?")
        if _works(shortest, strategy, window.size):
            least = _least_window(task, strategy)
            raise QuestionTooLong(
                f"the question takes {window.count(task.question)} tokens, more than a window of"
                f" {window.size} holds beside the prompt, the document and the reply",
                hint=f"ask a shorter question, or use --window {least} or more",
            ) from error
        least = _least_window(shortest, strategy)
        served = window.size < task.settings.window
        raise SettingsError(
            f"a window of {window.size} tokens is too small: {strategy.name} needs {least} or more with"
            " these prompts and replies, whatever is asked",
            hint="start the server with a larger context" if served else f"--window {least} or more",
        ) from error


def _least_window(task: Task, strategy: Strategy) -> int:
    """The smallest window in which the strategy can read, larger than the task's own."""
    low = high = task.model.window.size
    while high < _MOST_WINDOW and not _works(task, strategy, high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _works(task, strategy, middle) else (middle, high)
    return high


def _works(task: Task, strategy: Strategy, size: int) -> bool:
    """Whether a window of this size leaves room to read in."""
    model = replace(task.model, window=task.model.window.resized(size))
    try:
        strategy.segment_tokens(replace(task, model=model))
    except QuestionTooLong:
        return False
    except UsageError:  # it does, but not for all documents at once
        return True
    return True


def segment_budget(task: Task, room: int, most: int) -> int:
    """Most tokens of a segment.

    Args:
        task: the run.
        room: what the window leaves beside everything else.
        most: what the settings allow.

    Raises:
        QuestionTooLong: the room is too small to read in.
    """
    if room < LEAST_SEGMENT:
        question = task.model.window.count(task.question)
        raise QuestionTooLong(
            f"the window of {task.model.window.size} tokens leaves {max(room, 0)} for the document beside"
            f" the prompt, the memory, the reply and the question, which takes {question}",
            hint="use a larger --window, or ask a shorter question",
        )
    # Steps of 32, so that questions of about the same length share one segmentation.
    return min(most, room // 32 * 32)


async def attempt(task: Task, work: Coroutine[Any, Any, T]) -> T | None:
    """One segment's result; None where its call failed for good, so that the segment counts as not read.

    A fan-out starts all its nodes at once; each waits here for its turn before it makes its prompt, so
    that thousands of them take no memory and reserve no budget.

    A reply that is malformed or cut after its retry costs this one segment, and so does a request that
    the server refuses (a content filter), would not answer, or finds over its window however small it is
    made. A server that has gone, refuses every request or has no such model stops the run, which goes on
    from there later.

    Raises:
        BudgetReached: nothing was sent, or the time was up meanwhile.
        EndpointUnavailable: the server does not answer at all any more, or nothing of ours.
    """
    try:
        async with task.gate:
            return await work
    except (MalformedReply, CutReply):
        return None
    except (RequestRefused, WindowExceeded) as error:
        task.emit(Notice(f"part of the text is not read: {unread_reason(error)}"))
        return None
    except (AccessRefused, NotServed):
        raise
    except EndpointUnavailable as error:
        if await asyncio.to_thread(task.alive):
            task.emit(Notice(f"part of the text is not read: {unread_reason(error)}"))
            return None
        raise
    finally:
        work.close()  # cancelled before its turn, it was never begun


def unread_reason(error: LcagentError) -> str:
    """Why a segment is unread, in the server's own words where it said any."""
    if isinstance(error, MalformedReply):
        return f"the reply could not be used ({error.message})"
    return error.message


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
