"""Segmenting: the segments of a run's documents, found or cut."""

from __future__ import annotations

import time
from collections.abc import Callable

from lcagent.documents import Segment
from lcagent.documents.segments import split_again
from lcagent.graphs.shared.task import Task
from lcagent.memory.parsed import StoredSegments
from lcagent.models.prompt import as_data

_EVERY = 1.0
"""Seconds between two tellings of how far counting is."""


def segmented(
    task: Task, budget: int, kept: StoredSegments, tell: Callable[[int, int], None] = lambda _done, _all: None
) -> tuple[tuple[Segment, ...], ...]:
    """The segments of every document, found or cut.

    Args:
        task: the run.
        budget: most tokens of a segment.
        kept: where they are kept.
        tell: gets how many characters of how many are counted, once a second where it takes longer.
    """
    counter = task.model.window.counter
    exact = {"tokens": str(budget), "tokenizer": counter.source}
    every: list[tuple[Segment, ...]] = []
    for document in task.corpus.documents:
        segments = kept.get(document, exact)
        if segments is None:
            before = kept.before(document, exact)
            count = _telling(lambda text: counter.count(as_data(text)), len(document.text), tell)
            segments = split_again(document.text, before, budget, count)
            kept.put(document, exact, segments)
        every.append(tuple(segments))
    return tuple(every)


def _telling(
    count: Callable[[str], int], total: int, tell: Callable[[int, int], None]
) -> Callable[[str], int]:
    """Count, and tell how far that is."""
    done, told = 0, time.monotonic()

    def counted(text: str) -> int:
        nonlocal done, told
        tokens = count(text)
        done += len(text)  # what is counted twice is less than is left to be told
        if time.monotonic() - told > _EVERY:
            told = time.monotonic()
            tell(min(done, total), total)
        return tokens

    return counted
