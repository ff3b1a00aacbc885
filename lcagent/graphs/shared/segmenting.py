"""Segmenting: the segments of a run's documents, found or cut."""

from __future__ import annotations

from lcagent.documents import Segment
from lcagent.documents.segments import split_again
from lcagent.graphs.shared.task import Task
from lcagent.memory.parsed import StoredSegments
from lcagent.models.prompt import as_data


def segmented(task: Task, budget: int, kept: StoredSegments) -> tuple[tuple[Segment, ...], ...]:
    """The segments of every document, found or cut.

    Args:
        task: the run.
        budget: most tokens of a segment.
        kept: where they are kept.
    """
    counter = task.model.window.counter
    exact = {"tokens": str(budget), "tokenizer": counter.source}
    every: list[tuple[Segment, ...]] = []
    for document in task.corpus.documents:
        segments = kept.get(document, exact)
        if segments is None:
            before = kept.before(document, exact)
            segments = split_again(document.text, before, budget, lambda text: counter.count(as_data(text)))
            kept.put(document, exact, segments)
        every.append(tuple(segments))
    return tuple(every)
