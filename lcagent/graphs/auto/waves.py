"""Where to look next: passages that kept facts lead to, that other words find, and the segments that were not
read yet, the most promising first."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from lcagent.documents.corpus import Place, Region
from lcagent.documents.retrieval import Retrieval
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


def best_first(task: Task, queries: Iterable[str]) -> list[Place]:
    """All segments: those that hold the best passages of any search first, then the others in order.

    Args:
        task: the run.
        queries: what was searched for, besides the question.
    """
    rank: dict[Place, int] = {}
    for regions in [_best(task.retrieval), *searched(task, queries)]:
        for number, (document, start, _) in enumerate(regions):
            place = (document, task.corpus.segment_at(document, start))
            rank[place] = min(number, rank.get(place, number))
    return sorted(task.corpus.places, key=lambda place: (rank.get(place, _LOOKED_AT), place))


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
    """The best passages for each of some searches."""
    return [_best(task.retrieval.about(query)) for query in queries]


def _best(retrieval: Retrieval) -> list[Region]:
    return [one.region for one in retrieval.ranked()[:_LOOKED_AT]]


def wider(task: Task, queries: Sequence[str], seen: Iterable[Region]) -> list[Region]:
    """Passages that other searches find, in turn, and those around what was found first (MacRAG: fine, then
    coarse); none that was shown.

    Args:
        task: the run.
        queries: the question in other words.
        seen: passages that were shown.
    """
    shown = set(seen)
    ranks = searched(task, queries)
    turns = [region for turn in range(_LOOKED_AT) for one in ranks for region in one[turn : turn + 1]]
    around = [near for region in seen for near in _around(task, region)]
    return [region for region in dict.fromkeys([*turns, *around]) if region not in shown]


def _around(task: Task, region: Region) -> list[Region]:
    """The passages beside one, and those that its section begins with."""
    document, start, end = region
    layout = task.retrieval.layouts[document]
    at = bisect_left(layout.starts, start)
    beside = range(max(0, at - BESIDE), min(len(layout.starts), at + BESIDE + 1))
    headings = task.corpus.documents[document].outline.above(start)
    heads = [near for one in headings[-1:] for near in task.retrieval.passages_at(document, one.start, end)]
    return [*((document, layout.starts[n], layout.ends[n]) for n in beside), *heads[:BESIDE]]
