"""Retrieval as a second witness: passages that match the question's words, beside what was read.

A small model overlooks facts that the question names outright, and a second hop that the question
does not name at all. Both are found by a scan of the same text, at no model's cost.
"""

from __future__ import annotations

from collections.abc import Sequence

from lcagent.documents import Layout, Segment, lay_out, query_words, search, sentences
from lcagent.graphs.task import Task
from lcagent.memory.evidence import View
from lcagent.memory.ledger import Entry, Evidence, pack

FIRST_HOP = 24
"""Passages kept for the question's own words."""
SECOND_HOP = 8
"""Passages kept for the words of what was found first."""
HOP_WEIGHT = 0.6
SEED_VIEWS = 2
"""Passages whose words make up the second query."""


def hint_entries(task: Task, document: int, segment: Segment) -> list[Evidence]:
    """Sentences of one segment in passages that match the question's words."""
    found: list[Evidence] = []
    for start, end, score in _first_hop(task, document):
        if segment.start <= start < segment.end:
            found.extend(_best_sentence(task, document, segment.index, start, min(end, segment.end), score))
    return found


def _first_hop(task: Task, document: int) -> list[tuple[int, int, float]]:
    """(start, end, score from 0 to 1) of the passages that match best, one scan a document."""
    known = task.hints.get(document)
    if known is None:
        text = task.documents[document].text
        hits = search(text, task.question, limit=FIRST_HOP, layout=_layout(task, document))
        best = hits[0].score if hits else 1.0
        known = task.hints[document] = [(h.start, h.end, h.score / best) for h in hits]
    return known


def _layout(task: Task, document: int) -> Layout:
    """No passage crosses the end of a segment, so that each belongs to one."""
    if document not in task.layouts:
        spans = [(s.start, s.end) for s in task.segments[document]]
        task.layouts[document] = lay_out(task.documents[document].text, spans)
    return task.layouts[document]


def _best_sentence(
    task: Task, document: int, segment: int, start: int, end: int, score: float
) -> list[Evidence]:
    """The sentence of a passage that holds most of the question's words stands for it."""
    text = task.documents[document].text
    words = set(query_words(task.question))
    spans = sentences(text, start, end)
    if not spans:
        return []
    best = max(spans, key=lambda s: len(words & set(query_words(text[s.start : s.end]))))
    quote = text[best.start : best.end]
    return [Evidence(document, segment, best.start, best.end, quote, "", score)]


def second_hop(task: Task, seeds: Sequence[View]) -> list[Entry]:
    """Passages that match what was found first: the names a question leads to but does not say."""
    entries: list[Entry] = []
    words = set(query_words(task.question))
    for number, seed in enumerate(seeds[:SEED_VIEWS]):
        text = task.documents[seed.document].text[seed.start : seed.end]
        fresh = [w for w in query_words(text) if w not in words]
        query = " ".join([*words, *fresh])
        for document in range(len(task.documents)):
            entries.extend(_hop(task, document, query, seed, number))
    return entries


def _hop(task: Task, document: int, query: str, seed: View, number: int) -> list[Entry]:
    text = task.documents[document].text
    hits = [
        hit
        for hit in search(text, query, limit=SECOND_HOP + 1, layout=_layout(task, document))
        if (document, hit.start) != (seed.document, seed.start)
    ]
    best = hits[0].score if hits else 1.0
    entries: list[Entry] = []
    for hit in hits[:SECOND_HOP]:
        segment = next(s for s in task.segments[document] if s.start <= hit.start < s.end)
        score = HOP_WEIGHT * seed.score * hit.score / best / (1 + number)
        for evidence in _best_sentence(task, document, segment.index, hit.start, hit.end, score):
            entries.append(
                Entry(
                    evidence.document,
                    evidence.segment,
                    evidence.start,
                    evidence.end,
                    evidence.quote,
                    "",
                    evidence.score,
                    tokens=task.token_estimate(evidence.quote),
                )
            )
    return entries


def memory_view(task: Task, live: Sequence[Entry], tokens: int) -> str:
    """What a reading call sees of the ledger: the best quotes that fit, in reading order."""
    chosen = pack([entry for entry in live if entry.note], tokens)
    return "\n".join(f"- {' '.join(entry.quote.split())}" for entry in chosen)
