"""Retrieval as a second witness: passages that match the question's words, beside what was read.

A small model overlooks facts that the question names outright, and a second hop that the question
does not name at all. Both are found by a scan of the same text, at no model's cost.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import replace

from lcagent.documents import (
    Document,
    Passage,
    Segment,
    linked,
    names,
    opening,
    query_words,
    search,
    sentences,
)
from lcagent.graphs.shared.evidence import View
from lcagent.graphs.shared.task import Task
from lcagent.memory.entries import Evidence
from lcagent.memory.standing import Standing

FIRST_HOP = 24
"""Passages kept for the question's own words …"""
LOOKED_AT = 2000
"""… of so many that match best; the others are not looked at closely."""
BEGINS = 0.2
"""Added to a passage's score, from 0 to 1, for each word of the question that it begins with, up to two."""
SEED_VIEWS = 2
"""Passages whose names are followed."""
MOST_LINKS = 24
"""Passages that one of them may lead to."""
HOP_WEIGHT, HOP_FADE = 0.5, 0.3
ABOUT_IT = 1.0
"""Added to the strength of a link, from 0 to 1, where the passage begins with one of those names."""
REST_ASKED = 0.5
"""Added for a passage that holds all words of the question; less for a share of those that the seed lacks."""
ANSWER_WEIGHT = 1.2
"""What a first answer leads to weighs more than what was found first: the model has chosen it."""


def hint_entries(task: Task, document: int, segment: Segment) -> list[Evidence]:
    """Sentences of one segment in passages that match the question's words."""
    found: list[Evidence] = []
    for start, end, score in _first_hop(task)[document]:
        if segment.start <= start < segment.end:
            found.extend(_best_sentence(task, document, segment.index, start, min(end, segment.end), score))
    return found


def _first_hop(task: Task) -> list[list[tuple[int, int, float]]]:
    """(start, end, score) of each document's passages that match best: by their words the best of all has 1.

    A document that only mentions a word of the question does not stand beside one that is about it.
    """
    if task.hints is None:
        asked = set(query_words(task.question))
        found = [
            search(document.text, task.question, limit=LOOKED_AT, layout=task.layout(index))
            for index, document in enumerate(task.documents)
        ]
        best = max((hits[0].score for hits in found if hits), default=1.0)
        task.hints = [
            _best(document, hits, best, asked) for document, hits in zip(task.documents, found, strict=True)
        ]
    return task.hints


def _best(
    document: Document, hits: Sequence[Passage], best: float, asked: Set[str]
) -> list[tuple[int, int, float]]:
    """The best passages, with what speaks for those that begin with what is asked about."""
    begins = _beginnings(document, hits)
    scored = [
        (hit.start, hit.end, hit.score / best + BEGINS * min(len(begin), 2) * share * (begin <= asked))
        for hit, (begin, share) in zip(hits, begins, strict=True)
    ]
    return heapq.nsmallest(FIRST_HOP, scored, key=lambda passage: (-passage[2], passage[0]))


def _beginnings(document: Document, hits: Sequence[Passage]) -> list[tuple[frozenset[str], float]]:
    """What each passage begins with, and how much that says, to 1: less where many do, as with speakers."""
    begins = [frozenset(opening(document.text[hit.start : hit.end])) for hit in hits]
    often = Counter(begins)
    return [(begin, 1 / often[begin]) for begin in begins]


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


def follow(task: Task, views: Sequence[View]) -> list[View]:
    """The views and what they lead to, best first: passages that share rare names with the best views.

    What a question of two hops needs second shares few words with the question, but a name with what
    was found first: mostly the one that it begins with, and with words of the question that are left.
    """
    known = set(query_words(task.question))
    places = {(view.document, view.start): view for view in views}
    for rank, seed in enumerate(views[:SEED_VIEWS]):
        text = task.documents[seed.document].text[seed.start : seed.end]
        wanted = names(text)
        fresh, left = set(wanted) - known, known - set(query_words(text))
        weight = HOP_WEIGHT * seed.score / (1 + HOP_FADE * rank)
        for index, document in enumerate(task.documents):
            own = (seed.start, seed.end) if index == seed.document else None
            layout = task.layout(index)
            hits = linked(document.text, wanted, known=known, layout=layout, outside=own)[:LOOKED_AT]
            for hit, (begin, share) in zip(hits[:MOST_LINKS], _beginnings(document, hits), strict=False):
                view = places.setdefault((index, hit.start), View(index, hit.start, hit.end, []))
                rest = left & set(query_words(document.text[hit.start : hit.end]))
                about = share * (begin <= known | fresh and not begin.isdisjoint(fresh))
                view.lead += weight * (
                    hit.score + ABOUT_IT * about + REST_ASKED * len(rest) / max(len(known), 1)
                )
    return sorted(places.values(), key=lambda v: (-v.score, v.document, v.start))


def led_by(task: Task, views: Sequence[View], answer: str) -> list[View]:
    """The views and what an answer's words lead to, best first.

    A small model asked a question of two hops answers with what stands between them; the passages
    about that are then what it should have been shown (forward look-up, as in FB-RAG).
    """
    known, wanted = set(query_words(task.question)), query_words(answer)
    places = {(view.document, view.start): replace(view) for view in views}
    for index, document in enumerate(task.documents):
        for hit in linked(document.text, wanted, known=known, layout=task.layout(index))[:MOST_LINKS]:
            view = places.setdefault((index, hit.start), View(index, hit.start, hit.end, []))
            view.lead += ANSWER_WEIGHT * hit.score
    return sorted(places.values(), key=lambda v: (-v.score, v.document, v.start))


def memory_tokens(task: Task) -> int:
    """Most tokens of memory: the setting, but at most an eighth of the window."""
    return min(task.settings.memagent.memory_tokens, task.model.window.size // 8)


def memory_view(standing: Standing, tokens: int) -> str:
    """What a reading call sees of the ledger: the best quotes that fit, in reading order."""
    return "\n".join(f"- {' '.join(entry.quote.split())}" for entry in standing.best(tokens))
