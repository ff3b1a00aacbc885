"""Choosing what a model sees: passages around the evidence, ranked, within a number of tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lcagent.documents import Document, passages
from lcagent.memory.entries import Entry

BOTH_WITNESSES = 0.15
"""Added where reader and retrieval point at the same passage."""


@dataclass(slots=True)
class View:
    """A passage of a document, the ledger entries that stand in it, and how strongly others lead to it."""

    document: int
    start: int
    end: int
    entries: list[Entry]
    lead: float = 0.0

    @property
    def score(self) -> float:
        """How much it bears on the question: its best entry, both witnesses together more, and its lead."""
        both = any(e.note for e in self.entries) and not all(e.note for e in self.entries)
        best = max((e.score for e in self.entries), default=0.0)
        return best + (BOTH_WITNESSES if both else 0.0) + self.lead


def widen(
    entries: Sequence[Entry],
    documents: Sequence[Document],
    segments: Callable[[int, int], tuple[int, int]],
) -> list[View]:
    """The passages that entries stand in, best first; entries of one passage come together.

    Args:
        entries: live entries of the ledger.
        documents: of the run.
        segments: the span of segment (document, index): passages are looked for within it.
    """
    views: dict[tuple[int, int], View] = {}
    layout: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for entry in entries:
        where = (entry.document, entry.segment)
        if where not in layout:
            start, end = segments(*where)
            text = documents[entry.document].text
            layout[where] = [(p.start, p.end) for p in passages(text, start, end)]
        for start, end in layout[where]:
            if start < entry.end and entry.start < end:
                view = views.setdefault((entry.document, start), View(entry.document, start, end, []))
                view.entries.append(entry)
                break
    return sorted(views.values(), key=lambda v: (-v.score, v.document, v.start))


def fill(views: Sequence[View], tokens: int, size: Callable[[View], int]) -> list[View]:
    """The best views that fit a number of tokens, in reading order.

    Args:
        views: best first.
        tokens: room.
        size: tokens of one view.
    """
    chosen: list[View] = []
    for view in views:
        needed = size(view)
        if needed <= tokens:
            chosen.append(view)
            tokens -= needed
    return sorted(chosen, key=lambda v: (v.document, v.start))
