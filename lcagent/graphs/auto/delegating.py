"""Delegating: a question that another strategy is made for is answered by its graph, through the registry."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lcagent import graphs
from lcagent.documents.corpus import Corpus, Place
from lcagent.errors import QuestionTooLong
from lcagent.graphs.interface import Strategy
from lcagent.graphs.shared.reading import Run
from lcagent.graphs.shared.segmenting import segmented
from lcagent.graphs.shared.task import Task
from lcagent.memory.parsed import StoredSegments
from lcagent.models.prompt import Prompt

DELEGATED: Mapping[str, tuple[str, dict[str, Any]]] = {
    "summary": ("mapreduce", {"mode": "summary"}),
    "aggregate": ("tally", {}),
}
"""By kind of question the strategy that is made for it, and how it is set."""
PASSED_ON = ("built", "hops", "table")
"""What the runner tells of a strategy's last state, besides what all of them have."""


def prompts() -> list[Prompt]:
    """Of all strategies that questions are handed to."""
    return [p for name, _ in DELEGATED.values() for p in graphs.strategy(name).prompts(options(name))]


def handed_over(task: Task, kind: str) -> bool:
    """Whether another strategy is made for such questions, and the window is large enough for it."""
    if kind not in DELEGATED:
        return False
    name, _ = DELEGATED[kind]
    try:
        graphs.strategy(name).segment_tokens(replace(task, options=options(name)))
    except QuestionTooLong:
        return False
    return True


async def answered_by(task: Task, kind: str) -> dict[str, Any]:
    """The last state of the strategy that is made for such questions. Its calls are the run's, so that the
    run goes on like any other.

    Args:
        task: the run.
        kind: of question, one of `DELEGATED`.

    Raises:
        LcagentError: any that the strategy raises.
    """
    name, _ = DELEGATED[kind]
    task = replace(task, options=options(name))
    strategy = graphs.strategy(name)
    corpus = await asyncio.to_thread(_cut_anew, task, strategy)
    whole = replace(task, corpus=corpus, retrieval=task.retrieval.over(corpus))
    task.progress.notice(f"read by {name}, as questions of this kind are")
    done = await strategy.graph(whole).compile().ainvoke(strategy.start(whole), context=whole)
    kept = {name: done[name] for name in (*Run.__annotations__, *PASSED_ON) if name in done}
    places = places_in(task.corpus, corpus, kept["read"], kept["unread"])
    return {**kept, **places}


def options(name: str) -> Any:
    """How a strategy is set that a question is handed to."""
    kind, set_so = graphs.options(name), next(values for other, values in DELEGATED.values() if other == name)
    return kind(**set_so) if kind else None


def _cut_anew(task: Task, strategy: Strategy) -> Corpus:
    """The documents in a strategy's own segments, so that it finds its works again."""
    segments = segmented(task, strategy.segment_tokens(task), StoredSegments(task.store))
    return Corpus(task.corpus.documents, segments)


def places_in(
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
