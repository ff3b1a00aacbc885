"""Building: the facts of every segment that no earlier question has extracted, side by side.

They are true of the document, whatever is asked, and are kept as a work of it: a build that is killed goes
on, and a second question builds nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from lcagent.agents import extractor
from lcagent.documents import Segment
from lcagent.documents.corpus import Place
from lcagent.errors import WorkBusy
from lcagent.graphs.shared.reading import Reading, read_each
from lcagent.graphs.shared.task import Task
from lcagent.memory.facts import Facts
from lcagent.memory.graph import FactGraph
from lcagent.memory.works import Work, Works

_AGAIN = 1.0
"""Seconds after which a work that another process is building is looked at again."""


@dataclass(frozen=True, slots=True)
class Built:
    """The facts of the documents.

    Args:
        works: ids of each document's, in the documents' order.
        reading: ids of what was extracted now, and what could not be.
        before: segments that were extracted before.
    """

    works: list[int]
    reading: Reading[range]
    before: list[Place]


async def build(task: Task) -> Built:
    """Extract what is new, and bring the elements together.

    Args:
        task: its question plays no part.

    Raises:
        EndpointUnavailable: the server does not answer at all any more; what was extracted is kept.
    """
    kept_works = Works(task.store, run=task.run)
    works = await asyncio.to_thread(opened, task, kept_works)
    kept = [Facts(task.store, work.id) for work in works]
    models = [replace(task.model, journal=kept_works.journal(work)) for work in works]
    places = set(task.corpus.places)

    async def read(place: Place) -> range:
        text, segment = task.corpus.documents[place[0]].text, task.corpus.segment(place)
        facts = await extractor.extract(models[place[0]], text, segment, brief=task.trust.brief)
        rows = [(fact.text, fact.spans, fact.elements) for fact in facts]
        return await asyncio.to_thread(kept[place[0]].put, place[1], rows)

    ids = [work.id for work in works]
    async with _alone(task, kept_works, works):
        done = {(at, index) for at, facts in enumerate(kept) for index in facts.segments()} & places
        if done and done != places:
            task.progress.notice(f"{len(done)} of {len(places)} segments were extracted before")
        got = await read_each(task, sorted(places - done), read)
        for work, facts, segments in zip(works, kept, task.corpus.segments, strict=True):
            if work.status != "done" and len(facts.segments()) == len(segments):
                kept_works.done(work)
        await _prepared(task, ids)
    return Built(ids, got, sorted(done))


async def _prepared(task: Task, works: Sequence[int]) -> None:
    """The elements brought together, by this process or by one that is at it just now."""
    while True:
        try:
            return await asyncio.to_thread(graph_of(task, works).prepare)
        except WorkBusy:
            await asyncio.sleep(_AGAIN)


def graph_of(task: Task, works: Sequence[int]) -> FactGraph:
    """The graph over extracted facts, with the embedding model that the run has."""
    return FactGraph(Works(task.store, run=task.run), works, task.embedder)


def opened(task: Task, kept: Works) -> Sequence[Work]:
    """The extraction of each document: named by all that decides what it holds."""
    model, window = task.model, task.model.window
    works: list[Work] = []
    for document, segments in zip(task.corpus.documents, task.corpus.segments, strict=True):
        exact = {
            "document": document.sha256,
            "segments": segments_key(segments),
            "model": model.name,
            "prompt": extractor.PROMPT.version,
            "window": str(window.size),
            "brief": str(task.trust.brief),
            "sampling": json.dumps([model.temperature, model.top_p]),
        }
        works.append(kept.open("facts", name=document.name, document=document.sha256, exact=exact))
    return works


def segments_key(segments: Iterable[Segment]) -> str:
    """Names where the segments of a document begin and end."""
    spans = json.dumps([(segment.start, segment.end) for segment in segments])
    return hashlib.sha256(spans.encode()).hexdigest()


@asynccontextmanager
async def _alone(task: Task, kept: Works, works: Sequence[Work]) -> AsyncGenerator[None]:
    """Be the one who builds; another question about the same documents waits, and finds all of it done."""
    with ExitStack() as stack:
        for work in sorted(works, key=lambda work: work.id):
            told = False
            while work.status != "done":
                try:
                    stack.enter_context(kept.building(work))
                    break
                except WorkBusy as busy:
                    if not told:
                        task.progress.notice(f"{busy.message}: it is waited for")
                    told = True
                    await asyncio.sleep(_AGAIN)
        yield
