"""Building: the facts of every segment that no earlier question has extracted, side by side.

They are true of the document, whatever is asked, and are kept as a work of it: a build that is killed goes
on, and a second question builds nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from lcagent.agents import extractor
from lcagent.documents.corpus import Place
from lcagent.errors import WorkBusy
from lcagent.graphs.shared.reading import Reading, read_each
from lcagent.graphs.shared.task import Task
from lcagent.graphs.shared.works import AGAIN, Adding, alone, close, models_of, opened, places_of
from lcagent.memory.facts import Facts
from lcagent.memory.graph import FactGraph
from lcagent.memory.works import Works


@dataclass(frozen=True, slots=True)
class Built:
    """The facts of the documents.

    Args:
        works: ids of each document's, in the documents' order.
        added: those to which the run has added.
        reading: ids of what was extracted now, and what could not be.
        before: segments that were extracted before.
    """

    works: list[int]
    added: list[int]
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
    works = await asyncio.to_thread(opened, task, kept_works, "facts", extractor.PROMPT)
    kept = [Facts(task.store, work.id) for work in works]
    models = await models_of(task, kept_works, works)
    places, adding = set(task.corpus.places), Adding(task, kept_works, works)

    async def read(place: Place) -> range:
        text, segment = task.corpus.documents[place[0]].text, task.corpus.segment(place)
        facts = await extractor.extract(models[place[0]], text, segment, brief=task.trust.brief)
        await adding.to(place[0])
        rows = [(fact.text, fact.spans, fact.elements) for fact in facts]
        return await asyncio.to_thread(kept[place[0]].put, place[1], rows)

    ids = [work.id for work in works]

    async with alone(task, kept_works, works):
        done = await places_of(task, kept) & places
        if done and done != places:
            task.progress.notice(f"{len(done)} of {len(places)} segments were extracted before")
        got = await read_each(task, sorted(places - done), read)
        await close(task, kept_works, works, kept)
        await _prepared(task, ids)
    return Built(ids, await adding.added(), got, sorted(done))


async def _prepared(task: Task, works: Sequence[int]) -> None:
    """The elements brought together, by this process or by one that is at it just now."""
    while True:
        try:
            return await asyncio.to_thread(graph_of(task, works).prepare)
        except WorkBusy:
            await asyncio.sleep(AGAIN)


def graph_of(task: Task, works: Sequence[int]) -> FactGraph:
    """The graph over extracted facts, with the embedding model that the run has."""
    return FactGraph(Works(task.store, run=task.run), works, task.embedder)
