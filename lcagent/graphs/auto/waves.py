"""Where to look next: passages that kept facts lead to, that other words find, and the segments that were not
read yet, the most promising first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lcagent.documents.corpus import Place, Region
from lcagent.graphs.shared.task import Task
from lcagent.memory.facts import search_facts
from lcagent.memory.works import Works

WAVE = 8
"""Segments of the first wave; each later one has twice as many."""
_LOOKED_AT = 24
"""Best passages of each search."""
MOST_FACTS = 4
"""Passages that kept facts lead to, of those that a look is shown."""
BESIDE = 2
"""Passages before and after one that was found, and at most so many of its section's beginning."""


def unread(task: Task, read: Iterable[Sequence[int]], queries: Iterable[str]) -> list[Place]:
    """Segments not read yet: those that hold the best passages of any search first, then the others in order.

    Args:
        task: the run.
        read: (document, segment) of those that are.
        queries: what was searched for, besides the question.
    """
    done = {(place[0], place[1]) for place in read}
    rank: dict[Place, int] = {}
    for regions in searched(task, queries):
        for number, (document, start, _) in enumerate(regions):
            place = (document, task.corpus.segment_at(document, start))
            rank[place] = min(number, rank.get(place, number))
    left = [place for place in task.corpus.places if place not in done]
    return sorted(left, key=lambda place: (rank.get(place, _LOOKED_AT), place))


def kept_facts(task: Task) -> list[Region]:
    """The passages of facts that were extracted of these documents for another question, nearest to this one
    first; none where there are no such facts."""
    works = Works(task.store, run=task.run)
    found: list[Region] = []
    for number, document in enumerate(task.corpus.documents):
        work = works.latest("facts", document.sha256)
        if work is None:
            continue
        facts = search_facts(task.store, [work.id], task.question, MOST_FACTS)
        spans = [span for fact in facts for span in fact.spans[:1]]
        found += [p for span in spans for p in task.retrieval.passages_at(number, span.start, span.end)]
    return list(dict.fromkeys(found))[:MOST_FACTS]


def searched(task: Task, queries: Iterable[str]) -> list[list[Region]]:
    """The best passages for the question and for each of some further searches."""
    ways = [task.retrieval, *(task.retrieval.about(query) for query in queries)]
    return [[one.region for one in way.ranked()[:_LOOKED_AT]] for way in ways]


def wider(task: Task, queries: Sequence[str], seen: Iterable[Region]) -> list[Region]:
    """Passages that other searches find, in turn, and those around what was found first (MacRAG: fine, then
    coarse); none that was shown.

    Args:
        task: the run.
        queries: the question in other words.
        seen: passages that were shown.
    """
    shown = set(seen)
    ranks = searched(task, queries)[1:]
    turns = [region for turn in range(_LOOKED_AT) for one in ranks for region in one[turn : turn + 1]]
    around = [near for region in seen for near in _around(task, region)]
    return [region for region in dict.fromkeys([*turns, *around]) if region not in shown]


def _around(task: Task, region: Region) -> list[Region]:
    """The passages beside one, and those that its section begins with."""
    document, start, end = region
    layout = task.retrieval.layouts[document]
    at = next((n for n, first in enumerate(layout.starts) if first >= start), len(layout.starts))
    beside = range(max(0, at - BESIDE), min(len(layout.starts), at + BESIDE + 1))
    headings = task.corpus.documents[document].outline.above(start)
    heads = [near for one in headings[-1:] for near in task.retrieval.passages_at(document, one.start, end)]
    return [*((document, layout.starts[n], layout.ends[n]) for n in beside), *heads[:BESIDE]]
