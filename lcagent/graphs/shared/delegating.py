"""Delegating: a question is answered by another strategy's graph, found through the registry, within the run.

Its calls are the run's: they are journalled, counted and bounded with its own, and a run that was killed goes
on like any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from contextvars import copy_context
from dataclasses import replace
from typing import Any, TypeVar

from langchain_core.runnables.config import var_child_runnable_config

from lcagent import graphs
from lcagent.documents.corpus import Corpus, Place
from lcagent.graphs.interface import Strategy
from lcagent.graphs.shared.segmenting import segmented
from lcagent.graphs.shared.task import Task
from lcagent.memory.parsed import StoredSegments

T = TypeVar("T")


async def answered_by(task: Task, name: str) -> dict[str, Any]:
    """The last state of another strategy's graph; what was read is told by the task's own segments.

    Args:
        task: the question and its services, with that strategy's options.
        name: the strategy's.

    Raises:
        LcagentError: any that the strategy raises.
    """
    strategy = graphs.strategy(name)
    corpus = await asyncio.to_thread(_cut_anew, task, strategy)
    whole = replace(task, corpus=corpus, retrieval=task.retrieval.over(corpus))
    done = await strategy.graph(whole).compile().ainvoke(strategy.start(whole), context=whole)
    return {**done, **_places_in(task.corpus, corpus, done["read"], done["unread"])}


async def apart(work: Coroutine[Any, Any, T]) -> T:
    """Do work of a node that runs graphs of its own, so that nothing of them goes into the run's checkpoints:
    when the run goes on the node begins anew, and they with it, from the calls that are finished."""
    context = copy_context()
    context.run(var_child_runnable_config.set, None)
    return await asyncio.create_task(work, context=context)


def _cut_anew(task: Task, strategy: Strategy) -> Corpus:
    """The documents in a strategy's own segments, so that it finds its works again."""
    segments = segmented(task, strategy.segment_tokens(task), StoredSegments(task.store))
    return Corpus(task.corpus.documents, segments)


def _places_in(
    corpus: Corpus, other: Corpus, read: Iterable[Sequence[int]], unread: Iterable[Sequence[Any]]
) -> dict[str, Any]:
    """What was read of documents in other segments, told by our own: one is read if all of it was."""
    why: dict[Place, str] = {}
    for document, index, reason in unread:
        segment = other.segment((document, index))
        first, last = (corpus.segment_at(document, at) for at in (segment.start, segment.end - 1))
        why |= {(document, at): str(reason) for at in range(first, last + 1)}
    segments = ((document, other.segment((document, index))) for document, index in read)
    seen = corpus.seen((document, one.start, one.end) for document, one in segments)
    done = [place for place in seen if place not in why]
    return {"read": done, "unread": [[*place, reason] for place, reason in sorted(why.items())]}
