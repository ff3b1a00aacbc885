"""Works of a run's documents: what a model says of them, whatever is asked, is kept for every later one."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Protocol

from lcagent.documents import Segment
from lcagent.documents.corpus import Place
from lcagent.errors import WorkBusy
from lcagent.graphs.shared.task import Task
from lcagent.memory.aside import aside, within
from lcagent.memory.journal import StoredJournal
from lcagent.memory.works import Work, Works
from lcagent.models.chat import ChatModel
from lcagent.models.prompt import Prompt

AGAIN = 1.0
"""Seconds after which a work that another process is building is looked at again."""


def opened(task: Task, kept: Works, kind: str, prompt: Prompt, **more: str) -> list[Work]:
    """One work a document: named by all that decides what it holds.

    Args:
        task: the run.
        kept: the store's works.
        kind: what they hold.
        prompt: by which each segment is read.
        more: what else decides it.
    """
    exacts = follows_from(task, prompt, **more)
    documents = zip(task.corpus.documents, exacts, strict=True)
    return [kept.open(kind, name=one.name, document=one.sha256, exact=exact) for one, exact in documents]


def follows_from(task: Task, prompt: Prompt, **more: str) -> list[dict[str, str]]:
    """For each document all that decides what a work of it holds; arguments as of `opened`."""
    model, window = task.model, task.model.window
    return [
        {
            "document": document.sha256,
            "segments": segments_key(segments),
            "model": model.name,
            "prompt": prompt.version,
            "window": str(window.size),
            "brief": str(task.trust.brief),
            "sampling": json.dumps([model.temperature, model.top_p]),
            **more,
        }
        for document, segments in zip(task.corpus.documents, task.corpus.segments, strict=True)
    ]


def segments_key(segments: Iterable[Segment]) -> str:
    """Names where the segments of a document begin and end."""
    spans = json.dumps([(segment.start, segment.end) for segment in segments])
    return hashlib.sha256(spans.encode()).hexdigest()


class Adding:
    """Notes, before a run adds to a work for the first time, that it does.

    Args:
        task: the run.
        kept: the store's works.
        works: of the documents, in their order.
    """

    def __init__(self, task: Task, kept: Works, works: Sequence[Work]) -> None:
        self._place, self._kept, self._works = task.store.place, kept, works
        self._noted = set[int]()

    async def to(self, document: int) -> None:
        """Something is about to be added to a document's work."""
        if document not in self._noted:
            await aside(self._place, self._kept.adding, self._works[document])
            self._noted.add(document)

    async def added(self) -> list[int]:
        """Ids of the works to which the run has added, with whatever command of it."""
        return await aside(self._place, self._kept.added, self._works)


async def models_of(task: Task, kept: Works, works: Sequence[Work]) -> list[ChatModel]:
    """The model for each work, with the work's journal in place of the run's; arguments as for `alone`."""

    def journals() -> list[StoredJournal]:
        return [kept.journal(work) for work in works]

    return [replace(task.model, journal=one) for one in await aside(task.store.place, journals)]


class BySegment(Protocol):
    """What is kept of a work, segment by segment."""

    def segments(self) -> set[int]:
        """Those of which something is kept."""
        ...


async def places_of(task: Task, parts: Sequence[BySegment]) -> set[Place]:
    """The places of which something is kept.

    Args:
        task: the run.
        parts: what is kept of each document's work, in the documents' order.
    """

    def places() -> set[Place]:
        return {(at, index) for at, part in enumerate(parts) for index in part.segments()}

    return await aside(task.store.place, places)


async def close(task: Task, kept: Works, works: Sequence[Work], parts: Sequence[BySegment]) -> None:
    """Note of works of which all segments are kept that they are finished; arguments as for `alone`, and
    `places_of`."""

    def noted() -> None:
        for work, part, segments in zip(works, parts, task.corpus.segments, strict=True):
            if work.status != "done" and len(part.segments()) == len(segments):
                kept.done(work)

    await aside(task.store.place, noted)


@asynccontextmanager
async def alone(task: Task, kept: Works, works: Sequence[Work]) -> AsyncGenerator[None]:
    """Be the one who builds; another question about the same documents waits, and finds all of it done.

    Args:
        task: the run.
        kept: the store's works.
        works: those that are built.
    """
    async with AsyncExitStack() as stack:
        for work in sorted(works, key=lambda work: work.id):
            told = False
            while work.status != "done":
                try:
                    await stack.enter_async_context(within(task.store.place, kept.building(work)))
                    break
                except WorkBusy as busy:
                    if not told:
                        task.progress.notice(f"{busy.message}: it is waited for")
                    told = True
                    await asyncio.sleep(AGAIN)
        yield
