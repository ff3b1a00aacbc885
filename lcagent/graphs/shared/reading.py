"""Reading segments: what every strategy does around its own calls, whatever fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypedDict, TypeVar

from lcagent.documents.corpus import Place
from lcagent.documents.quotes import Span
from lcagent.errors import (
    AccessRefused,
    BudgetReached,
    CutReply,
    EndpointUnavailable,
    MalformedReply,
    NotServed,
    QuestionTooLong,
    RequestRefused,
    TruncatedPrompt,
    WindowExceeded,
)
from lcagent.graphs.shared.task import Task
from lcagent.memory.findings import Finding, Known

T = TypeVar("T")

LEAST_SEGMENT = 128
"""Fewer tokens of document in a call are not worth the call."""


def first_reason(old: str, new: str) -> str:
    """Of several steps that stopped the first one says why (a reducer)."""
    return old or new


def together(old: list[list[Any]], new: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Both, without repetitions (a reducer)."""
    rows = dict.fromkeys(tuple(row) for row in [*old, *new])
    return [list(row) for row in rows]


class Run(TypedDict):
    """What every strategy's state holds in the end."""

    read: Annotated[list[list[int]], together]
    """(document, segment) of each segment that a model has read."""
    unread: Annotated[list[list[Any]], together]
    """(document, segment, reason) of each that it could not."""
    stop: Annotated[str, first_reason]
    """Why reading ended before its end, a sentence for people; "" if it did not."""
    verdict: dict[str, Any]


NOTHING_YET: Run = {"read": [], "unread": [], "stop": "", "verdict": {}}


@dataclass(slots=True)
class Reading(Generic[T]):
    """What was read side by side, by place.

    Args:
        replies: of the segments that were read.
        unread: why the others were not, where their calls failed.
        stop: the budget's words where it ended the reading.
    """

    replies: dict[Place, T] = field(default_factory=dict)
    unread: dict[Place, str] = field(default_factory=dict)
    stop: str = ""

    def as_update(self) -> dict[str, Any]:
        """For a graph's state (`Run`)."""
        rows = [[*place, reason] for place, reason in sorted(self.unread.items())]
        return {"read": sorted(self.replies), "unread": rows, "stop": self.stop}


async def read_each(
    task: Task, places: Iterable[Place], read: Callable[[Place], Coroutine[Any, Any, T]]
) -> Reading[T]:
    """Read segments side by side, as many at once as the endpoint takes.

    Each finished call is journalled, so that a killed run repeats none; what one segment cannot give costs
    that segment alone, and a budget that is used up ends the reading with what there is.

    Args:
        task: the run.
        places: which segments.
        read: reads one.

    Raises:
        EndpointUnavailable: the server does not answer at all any more.
    """
    done: Reading[T] = Reading()

    async def one(place: Place) -> None:
        if done.stop:
            return
        got = await attempt(task, read(place))
        if isinstance(got, Unread):
            done.unread[place] = got.reason
            if got.budget:
                del done.unread[place]
                done.stop = done.stop or got.reason
                return
        else:
            done.replies[place] = got
        task.progress.read(task.corpus, place, kept=len(got) if isinstance(got, Sized) else 0)

    await gathered([one(place) for place in places])
    return done


async def gathered(works: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of several works at once; where one fails the others are ended before the error goes on."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Unread:
    """A call that gave nothing, and why; `budget`: it was not sent."""

    reason: str
    budget: bool = False


def over_budget(results: Iterable[object]) -> str:
    """The budget's words where it kept back any of several calls; else empty."""
    return next((one.reason for one in results if isinstance(one, Unread) and one.budget), "")


async def attempt(task: Task, work: Coroutine[Any, Any, T]) -> T | Unread:
    """One call's result, or why there is none.

    Many are begun at once; each waits here for its turn before it makes its prompt, so that thousands of them
    take no memory and reserve no budget. A reply that is malformed or cut after its retry costs this one
    call, and so does a request that the server refuses (a content filter), would not answer, or finds over
    its window however small it is made. A server that has gone, refuses every request or has no such model
    stops the run, which goes on from there later.

    Raises:
        EndpointUnavailable: the server does not answer at all any more, or nothing of ours.
    """
    try:
        async with task.progress.gate:
            return await work
    except BudgetReached as reached:
        return Unread(f"budget: {reached.message}", budget=True)
    except (MalformedReply, CutReply):
        return Unread("the model gave no usable reply, tried again")
    except (RequestRefused, WindowExceeded) as error:  # such as a content filter
        return Unread(error.message)
    except (AccessRefused, NotServed, TruncatedPrompt):
        raise
    except EndpointUnavailable as error:
        if await asyncio.to_thread(task.progress.alive):
            return Unread(error.message)
        raise
    finally:
        work.close()  # cancelled before its turn, it was never begun


def segment_budget(task: Task, room: int, most: int) -> int:
    """Most tokens of a segment, in steps of 32, so that questions of about the same length share segments.

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
    return min(task.trust.segment_tokens(most), room // 32 * 32)


def found(task: Task, place: Place, fact: str, spans: tuple[Span, ...], role: str) -> Finding:
    """What a role said of a segment, with the text of the sentences that carry it."""
    text = task.corpus.documents[place[0]].text
    quote = " ".join(text[span.start : span.end] for span in spans)
    return Finding(*place, fact, spans, role, quote=quote, tokens=task.corpus.token_estimate(fact))


def record(task: Task, said: Mapping[Place, Sequence[Finding]], first: int = 0) -> list[Finding]:
    """Put what segments gave side by side into the ledger, in reading order.

    What repeats and what corrects another segment is decided when all have ended, so that it does not depend
    on which call ended first.

    Args:
        task: the run.
        said: by segment.
        first: number of a round's first finding of each segment; what has smaller ones was known before.
    """
    known = Known()
    known.add(task.ledger.findings(below=first))
    kept: list[Finding] = []
    for place in sorted(said):
        findings = known.tried(said[place], first=first)
        known.add(findings)
        kept += findings
    task.ledger.record(kept)
    return kept
