"""Retrieval: the passages of a corpus that bear on a question, ranked by words and by the names that lead on.

A scan of the text, at no model's cost: BM25 for the question's words, more for a passage that begins with
what is asked about, and a second hop that follows rare names of the best passages
(docs/design/0004-plan-and-hops.md). Where an embedding model is at hand, how alike it finds passage and
question is one more term of the score (docs/design/0013-embeddings.md).
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from functools import cached_property

from lcagent.documents.corpus import Corpus, Region
from lcagent.documents.document import Document
from lcagent.documents.headings import headings_text
from lcagent.documents.lexical import Layout, Passage, lay_out, linked, search
from lcagent.documents.mentions import unmentioned
from lcagent.documents.words import names, opening, query_words

Similarity = Callable[[str, Sequence[str]], Sequence[float]]
"""How alike each of some texts is to a question, from -1 to 1."""

FIRST_HOP = 24
"""Passages kept for the question's own words …"""
LOOKED_AT = 2000
"""… of so many that match best; the others are not looked at closely."""
BEGINS = 0.2
"""Added to a passage's score, from 0 to 1, for each word of the question that it begins with, up to two."""
HEADED = 0.5
"""Added for a passage whose headings (section, session, table header) hold all words of the question;
less for a share of those that it lacks itself."""
SEEDS = 2
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
FOUND, FOUND_ABOUT, FOUND_TOO = 0.2, 0.5, 0.15
"""Weight of a finding, of its share of the question's words, and of reader and retrieval agreeing."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A passage and how strongly it bears on the question."""

    region: Region
    score: float


@dataclass(frozen=True, slots=True)
class Found:
    """What a reader found: the sentences that carry it, and all that is said there."""

    regions: tuple[Region, ...]
    text: str


class Retrieval:
    """Ranks the passages of a corpus for one question; everything is looked for once, when it is first asked.

    Args:
        corpus: what is searched.
        question: what is asked.
        similarity: weighs in where passages are ranked; None: words and names alone.
    """

    def __init__(self, corpus: Corpus, question: str, similarity: Similarity | None = None) -> None:
        self.corpus, self._question, self._similarity = corpus, question, similarity
        self._asked = set(query_words(question))

    def about(self, question: str) -> Retrieval:
        """Retrieval for another question about the same corpus, whose passages are known already."""
        other = Retrieval(self.corpus, question, self._similarity)
        other.layouts = self.layouts
        return other

    def over(self, corpus: Corpus) -> Retrieval:
        """Retrieval for the same question over the same documents in other segments."""
        return Retrieval(corpus, self._question, self._similarity)

    @cached_property
    def layouts(self) -> list[Layout]:
        """For each document where its passages are; none crosses the end of a segment."""
        documents, segments = self.corpus.documents, self.corpus.segments
        # Before there are segments, whether all of it fits one call is asked of the whole text.
        spans = [[(s.start, s.end) for s in some] for some in segments] or [
            [(0, len(d.text))] for d in documents
        ]
        return [lay_out(d.text, some) for d, some in zip(documents, spans, strict=True)]

    def passages_at(self, document: int, start: int, end: int) -> list[Region]:
        """The passages that a stretch of a document stands in."""
        layout = self.layouts[document]
        at = max(0, bisect_right(layout.starts, start) - 1)
        found: list[Region] = []
        while at < len(layout.starts) and (layout.starts[at] < end or not found):
            found.append((document, layout.starts[at], layout.ends[at]))
            at += 1
        return found

    def headings(self, region: Region) -> str:
        """The headings above a region as a prompt shows them, outermost first."""
        document, start, end = region
        outline = self.corpus.documents[document].outline
        text = self.corpus.text(region)
        # A passage that begins with its own heading says it itself.
        above = headings_text(outline, min(end, start + len(text) - len(text.lstrip()) + 1))
        return "" if above and text.lstrip().startswith(above) else above

    def search(self, query: str, *, limit: int, within: Region | None = None) -> list[Ranked]:
        """The passages that match a query best, best first.

        Args:
            query: words; order and endings do not matter.
            limit: most passages.
            within: only passages that begin in this region.
        """
        found: list[Ranked] = []
        for index, document in enumerate(self.corpus.documents):
            if within is not None and within[0] != index:
                continue
            layout = self.layouts[index]
            if within is not None:
                layout = lay_out(document.text, [within[1:]], layout)
            for hit in search(document.text, query, limit=limit, layout=layout):
                found.append(Ranked((index, hit.start, hit.end), hit.score))
        return sorted(found, key=lambda one: (-one.score, one.region))[:limit]

    @cached_property
    def unmentioned(self) -> list[str]:
        """Names in the question that no document mentions."""
        return unmentioned(self._question, [document.text for document in self.corpus.documents])

    def ranked(self, findings: Sequence[Found] = (), *, answer: str = "") -> list[Ranked]:
        """All passages that bear on the question, best first: its words, findings, and what these lead to.

        Args:
            findings: what a reader found weighs in, by how much it is about the question.
            answer: a first answer, whose words lead on too.
        """
        scores = {one.region: one.score for one in self._first_hop}
        for region, score in self._found(findings).items():
            both = FOUND_TOO if region in scores else 0.0
            scores[region] = max(score, scores.get(region, 0.0)) + both
        best = heapq.nsmallest(SEEDS, scores.items(), key=lambda one: (-one[1], one[0]))
        lead: dict[Region, float] = {}
        for rank, (region, score) in enumerate(best):
            self._follow(region, HOP_WEIGHT * score / (1 + HOP_FADE * rank), lead)
        if answer:
            self._lead_by(query_words(answer), lead)
        for region, strength in lead.items():
            scores[region] = scores.get(region, 0.0) + strength
        if self._similarity is not None:
            self._compare(scores, self._similarity)
        return [Ranked(r, s) for r, s in sorted(scores.items(), key=lambda one: (-one[1], one[0]))]

    def _compare(self, scores: dict[Region, float], similarity: Similarity) -> None:
        """Add how alike passages are to the question, for the best of those that words and names led to:
        vectors of a whole text take minutes. Which passages lead on is decided by words alone."""
        best = heapq.nsmallest(LOOKED_AT, scores, key=lambda region: (-scores[region], region))
        for region, alike in zip(
            best, similarity(self._question, [self.corpus.text(r) for r in best]), strict=True
        ):
            scores[region] += alike

    def _found(self, findings: Sequence[Found]) -> dict[Region, float]:
        scores: dict[Region, float] = {}
        for finding in findings:
            held = self._asked & set(query_words(finding.text))
            score = FOUND + FOUND_ABOUT * len(held) / max(len(self._asked), 1)
            for carrier in finding.regions:
                for region in self.passages_at(*carrier)[:1]:
                    scores[region] = max(score, scores.get(region, 0.0))
        return scores

    @cached_property
    def _first_hop(self) -> list[Ranked]:
        """The passages that match best by their words; of all documents the best has 1."""
        documents = self.corpus.documents
        found = [
            search(document.text, self._question, limit=LOOKED_AT, layout=self.layouts[index])
            for index, document in enumerate(documents)
        ]
        best = max((hits[0].score for hits in found if hits), default=1.0)
        ranked: list[Ranked] = []
        for index, (document, hits) in enumerate(zip(documents, found, strict=True)):
            scored = [
                (
                    hit,
                    hit.score / best
                    + BEGINS * min(len(begin), 2) * share * (begin <= self._asked)
                    + HEADED * self._headed((index, hit.start, hit.end)),
                )
                for hit, (begin, share) in zip(hits, _beginnings(document, hits), strict=True)
            ]
            chosen = heapq.nsmallest(FIRST_HOP, scored, key=lambda one: (-one[1], one[0].start))
            ranked += [Ranked((index, hit.start, hit.end), score) for hit, score in chosen]
        return ranked

    def _headed(self, region: Region) -> float:
        """Share of the question's words that the headings above a passage hold and it does not."""
        above = set(query_words(self.headings(region))) & self._asked
        lacking = above and above - set(query_words(self.corpus.text(region)))
        return len(lacking) / len(self._asked) if lacking else 0.0

    def _follow(self, seed: Region, weight: float, lead: dict[Region, float]) -> None:
        """Passages that share rare names with one: what a question of two hops needs second shares few
        words with the question, but a name with what was found first, mostly the one that it begins
        with."""
        text = self.corpus.text(seed)
        wanted = names(text)
        fresh, left = set(wanted) - self._asked, self._asked - set(query_words(text))
        for index, document in enumerate(self.corpus.documents):
            own = seed[1:] if index == seed[0] else None
            hits = linked(document.text, wanted, known=self._asked, layout=self.layouts[index], outside=own)
            for hit, (begin, share) in zip(
                hits[:MOST_LINKS], _beginnings(document, hits[:LOOKED_AT]), strict=False
            ):
                rest = left & set(query_words(document.text[hit.start : hit.end]))
                about = share * (begin <= self._asked | fresh and not begin.isdisjoint(fresh))
                strength = hit.score + ABOUT_IT * about + REST_ASKED * len(rest) / max(len(self._asked), 1)
                region = (index, hit.start, hit.end)
                lead[region] = lead.get(region, 0.0) + weight * strength

    def _lead_by(self, words: Iterable[str], lead: dict[Region, float]) -> None:
        """What an answer's words lead to (forward look-up, as in FB-RAG)."""
        wanted = list(words)
        for index, document in enumerate(self.corpus.documents):
            hits = linked(document.text, wanted, known=self._asked, layout=self.layouts[index])
            for hit in hits[:MOST_LINKS]:
                region = (index, hit.start, hit.end)
                lead[region] = lead.get(region, 0.0) + ANSWER_WEIGHT * hit.score


def _beginnings(document: Document, hits: Sequence[Passage]) -> list[tuple[Set[str], float]]:
    """What each passage begins with, and how much that says, to 1: less where many do, as with speakers."""
    begins = [frozenset(opening(document.text[hit.start : hit.end])) for hit in hits]
    often = Counter(begins)
    return [(begin, 1 / often[begin]) for begin in begins]
