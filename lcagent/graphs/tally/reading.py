"""Reading: the rows of every segment that no earlier question with this schema has read, side by side.

They are true of the documents, whatever is asked of them, and are kept as works: a reading that is killed
goes on, and a second question reads nothing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lcagent.agents import labeller
from lcagent.agents.designer import WORDS
from lcagent.documents import Span
from lcagent.documents.corpus import Corpus, Place
from lcagent.graphs.shared.reading import Reading, read_each
from lcagent.graphs.shared.task import Task
from lcagent.graphs.shared.works import Adding, alone, close, models_of, opened, places_of
from lcagent.graphs.tally.cells import Cell, Values
from lcagent.graphs.tally.merging import Item, Mention, merged, readers
from lcagent.memory.items import KIND, Items, Told
from lcagent.memory.schema import Schema
from lcagent.memory.works import Works

_WORD = re.compile(r"(?=\w*[^\W\d_])\w+(?:['’-]\w+)*")
"""With a letter in it: no number is a word."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """The rows of the documents.

    Args:
        works: ids of each document's, in the documents' order.
        built: those to which the run has added.
        reading: what was read now, and what could not be.
        before: segments that were read before.
    """

    works: list[int]
    built: list[int]
    reading: Reading[Sequence[Told]]
    before: list[Place]


async def label(task: Task, schema: Schema) -> Labelled:
    """Read what is new.

    Args:
        task: its question plays no part.
        schema: what an item is.

    Raises:
        EndpointUnavailable: the server does not answer at all any more; what was read is kept.
    """
    if schema == WORDS:
        return Labelled([], [], Reading(), list(task.corpus.places))
    kept_works = Works(task.store, run=task.run)
    works = await asyncio.to_thread(opened, task, kept_works, KIND, labeller.PROMPT, schema=schema.as_json())
    kept = [Items(task.store, work.id) for work in works]
    models = await models_of(task, kept_works, works)
    places, adding = set(task.corpus.places), Adding(task, kept_works, works)

    async def read(place: Place) -> Sequence[Told]:
        text, segment = task.corpus.documents[place[0]].text, task.corpus.segment(place)
        told: Sequence[Told] = ()
        if task.corpus.segment_text(place).strip():  # blank pages are read without a call
            told = await labeller.label(models[place[0]], schema, text, segment, brief=task.trust.brief)
        await adding.to(place[0])
        await asyncio.to_thread(kept[place[0]].put, place[1], told)
        return told

    async with alone(task, kept_works, works):
        done = await places_of(task, kept) & places
        if done and done != places:
            task.progress.notice(f"{len(done)} of {len(places)} segments were read before")
        got = await read_each(task, sorted(places - done), read)
        await close(task, kept_works, works, kept)
    built = await adding.added()
    return Labelled([work.id for work in works], built, got, sorted(done))


def items_of(
    task: Task, schema: Schema, works: Sequence[int]
) -> tuple[Mapping[str, Sequence[Item]], Mapping[tuple[str, str], Values]]:
    """The items of each kind, each once, and what reads the values of each field.

    Args:
        task: the run.
        schema: what an item is.
        works: that hold the rows, one a document.
    """
    if schema == WORDS:
        (kind,) = schema.kinds
        (one,) = kind.fields
        read = {(kind.name, one.name): Values(one, ())}
        return {kind.name: list(_words(task.corpus, kind.name, one.name))}, read
    rows = [Items(task.store, work).rows() for work in works]
    read = readers(schema, rows)
    return {kind.name: merged(kind, task.corpus, rows, read) for kind in schema.kinds}, read


def _words(corpus: Corpus, kind: str, name: str) -> Iterator[Item]:
    """Every word of the documents, each time that it stands there."""
    number = 0
    cells: dict[str, Cell] = {}
    for place in corpus.places:
        segment, text = corpus.segment(place), corpus.documents[place[0]].text
        for match in _WORD.finditer(text, segment.start, segment.end):
            word = match.group()
            cell = cells.setdefault(word, Cell(word, (word.casefold(),)))
            yield Item(number, kind, {name: cell}, (Mention(*place, Span(*match.span())),))
            number += 1
