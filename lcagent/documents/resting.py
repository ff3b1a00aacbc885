"""Resting: which sentences of the evidence a statement rests on, and which of them says something else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from functools import cached_property

from lcagent.documents.conflicts import rival
from lcagent.documents.corpus import Corpus, Region, overlap
from lcagent.documents.placing import LISTED
from lcagent.documents.quotes import figures, sentences
from lcagent.documents.retrieval import Retrieval
from lcagent.documents.shown import Evidence
from lcagent.documents.support import support
from lcagent.documents.words import names, query_words

MOST_TELLING = 3
"""Sentences that are cited for the words of one statement …"""
MOST_LINKS = 6
"""… and for what leads to it."""
CARRIED = 0.5
"""Added to the score of a sentence that carries a finding: a model pointed at it."""
TELLS = 0.12
"""Share of a statement, or of the question, that a further sentence must add."""
DIGIT = re.compile(r"\d")
SUPPORTS, HELD = 0.3, 0.5
"""Share of a summary's sentence that must stand in a source of it, or of the source in the sentence."""


@dataclass(frozen=True)
class Source:
    """A sentence of the evidence.

    Args:
        region: where it stands.
        text: itself.
        block: the number of the block that it stands in, from 1.
        carries: whether it carries a finding.
        around: of one that does, the passage that it stands in, which names what "it" and "she" are.
    """

    region: Region
    text: str
    block: int
    carries: bool
    around: str = ""

    @cached_property
    def words(self) -> frozenset[str]:
        """Stems of its content words."""
        return frozenset(query_words(self.text))

    @cached_property
    def names(self) -> frozenset[str]:
        """Stems of its names and of those around it, and its figures."""
        return frozenset(names(f"{self.around} {self.text}")) | figures(self.text)

    @cached_property
    def about(self) -> frozenset[str]:
        """Stems of the content words around it."""
        return frozenset(query_words(f"{self.around} {self.text}"))


class Sources:
    """The sentences of what an answer was made from, and which of them it rests on.

    Args:
        evidence: what the answering call was shown.
        question: what is asked.
        retrieval: knows the passages that a sentence stands in.
    """

    def __init__(self, evidence: Evidence, question: str, retrieval: Retrieval) -> None:
        self.evidence, self._retrieval = evidence, retrieval
        self._question, self._asked = question, set(query_words(question))

    @cached_property
    def all(self) -> list[Source]:
        """In the order in which they are shown; found when first asked for."""
        return list(_sources(self.evidence, self._retrieval))

    @cached_property
    def _weight(self) -> dict[str, float]:
        """Of each word, less where many of them hold it."""
        often = Counter(word for source in self.all for word in source.words)
        return {word: 1 / (1 + count) ** 0.5 for word, count in often.items()}

    @cached_property
    def _led(self) -> frozenset[str]:
        """Names and figures that lead from one to another."""
        return frozenset(word for source in self.all for word in source.names) - self._asked

    @property
    def blocks(self) -> Set[int]:
        """Numbers of the blocks in which there is a sentence to cite."""
        return {source.block for source in self.all}

    def cited(self, statement: str, blocks: Sequence[int]) -> list[Source]:
        """The sentences that a statement rests on: those that say it, those named, and those that lead to it.

        Args:
            statement: without marks.
            blocks: numbers of the blocks that the model named for it; none: it did not say.
        """
        pool = [source for source in self.all if source.block in blocks] or self.all
        parts = statement.split(", ")
        if len(parts) >= LISTED:  # of a list in one sentence each thing has a source of its own
            told = [source for part in parts for source in self._telling(part, pool)[:1]]
            chosen = list(dict.fromkeys(told))
        else:
            chosen = self._telling(statement, pool)
        held = {source.block for source in chosen}
        for number in (number for number in blocks if number not in held):
            if within := [source for source in pool if source.block == number]:
                best = max(within, key=lambda s: (s.carries, self._about(s, statement), -s.region[1]))
                known = best.carries or self._about(best, statement)
                chosen += [best] if known else within  # in another language any of them may be meant
        return self._linked(chosen, blocks)

    def against(self, told: str, source: Source) -> Source | None:
        """The sentence that says something else of the same thing than one that is cited; None: none does.

        What the answer tells itself is no contradiction to it: both sides may be told.

        Args:
            told: the whole answer.
            source: a sentence that is cited for a statement of it.
        """
        others = [(s.region, s.text) for s in self.all if s.region != source.region]
        region = rival(source.text, self._question, others)
        found = next((s for s in self.all if s.region == region), None)
        if found is None:
            return None
        differs = _called(found.text) - _called(source.text)
        return None if differs and differs <= _called(told) else found

    def _telling(self, statement: str, pool: Sequence[Source]) -> list[Source]:
        """Sentences that together say a statement, the most telling first."""
        left = set(query_words(statement))
        whole = self._sum(left)
        if not whole:
            return self._stating(statement, pool)
        all_of, chosen = pool, list[Source]()
        while len(chosen) < MOST_TELLING and pool:
            best = max(pool, key=lambda s: (self._score(s, left, whole), -s.region[0], -s.region[1]))
            gain = self._sum(best.words & left) / whole
            if gain <= (TELLS if chosen else 0.0):
                break
            chosen.append(best)
            if support(statement, [source.text for source in chosen]) != "inferred":
                break  # so "three" carries "3", and no other sentence with a 3 is cited for it
            left -= best.words
            pool = [source for source in pool if source is not best]
            if not left:
                break
        if DIGIT.search(statement) and support(statement, [source.text for source in chosen]) == "inferred":
            # Its figure may stand there in another notation: "17:00" for "5 pm".
            ranked = self._ranked([source for source in all_of if DIGIT.search(source.text)])
            return next(([s] for s in ranked if support(statement, [s.text]) != "inferred"), chosen)
        return chosen

    def _stating(self, statement: str, pool: Sequence[Source]) -> list[Source]:
        """The sentence that states a statement none of whose words stands anywhere, such as "3" for "three";
        else the one that is most about the question."""
        ranked = self._ranked(pool)
        stating = (s for s in ranked if support(statement, [s.text]) != "inferred")
        best = next(stating, next((s for s in ranked if self._about(s, "")), None))
        return [best] if best else []

    def _ranked(self, pool: Sequence[Source]) -> list[Source]:
        """Sentences by how much they are about the question."""
        return sorted(pool, key=lambda s: (-self._score(s, frozenset(), 0.0), s.region))

    def _score(self, source: Source, left: Set[str], whole: float) -> float:
        says = self._sum(source.words & left) / whole if whole else 0.0
        asked = len(source.words & self._asked) / max(len(self._asked), 1)
        return 2 * says + asked + CARRIED * source.carries

    def _about(self, source: Source, statement: str) -> float:
        return self._sum(source.words & (self._asked | set(query_words(statement))))

    def _sum(self, words: Iterable[str]) -> float:
        return sum(self._weight.get(word, 0.0) for word in words)

    def _linked(self, chosen: list[Source], blocks: Sequence[int]) -> list[Source]:
        """Those chosen, and carriers that lead to them: they say what is asked beyond them, or share a
        name."""
        linked = list(chosen)
        bare = set(blocks) - {source.block for source in self.all if source.carries}
        while len(linked) < len(chosen) + MOST_LINKS:
            said = frozenset[str]().union(*(source.about for source in linked))
            called = frozenset[str]().union(*(source.names for source in linked)) & self._led
            missing = self._asked - said
            most = self._sum(self._asked) or 1.0

            def worth(source: Source) -> float:
                asked = self._sum(source.about & missing) / most  # noqa: B023 - used in this round alone
                return asked + 0.5 * (source.carries and bool(source.names & called))  # noqa: B023

            further = [s for s in self.all if (s.carries or s.block in bare) and s not in linked]
            best = max(further, key=lambda s: (worth(s), -s.region[0], -s.region[1]), default=None)
            if best is None or worth(best) < TELLS:
                break
            linked.append(best)
        return linked


def _sources(evidence: Evidence, retrieval: Retrieval) -> Iterable[Source]:
    corpus = retrieval.corpus
    carriers = set(evidence.carriers)
    seen: set[Region] = set()
    for number, block in enumerate(evidence.citable, 1):
        regions = [region for shown in block.regions for region in _parted(corpus, shown, carriers)]
        for region in regions:
            if region not in seen:
                seen.add(region)
                carries = region in carriers
                passages = retrieval.passages_at(*region) if carries else []
                around = " ".join(map(corpus.text, passages))
                yield Source(region, corpus.text(region), number, carries, around)


def _parted(corpus: Corpus, shown: Region, carriers: Set[Region]) -> list[Region]:
    """The sentences of a region in order; those that carry a finding as they were found."""
    if shown in carriers:
        return [shown]
    document, start, end = shown
    within = [carrier for carrier in carriers if overlap(carrier, shown)]
    found = [(document, s.start, s.end) for s in sentences(corpus.documents[document].text, start, end)]
    return sorted([*within, *(s for s in found if not any(overlap(s, carrier) for carrier in within))])


def _called(text: str) -> frozenset[str]:
    """Its figures and names."""
    return figures(text) | frozenset(names(text))


def accounted(text: str, sources: Sequence[tuple[str, str]]) -> list[tuple[str, str, list[int]]]:
    """Each sentence of a summary, what stands after it, and which sources hold its words; each takes away
    those that it accounts for.

    Args:
        text: the summary.
        sources: text of a document, and what was made of it.
    """
    held = [set(query_words(" ".join(source))) for source in sources]
    spans = sentences(text)
    found: list[tuple[str, str, list[int]]] = []
    for span, following in zip(spans, [*spans[1:], None], strict=True):
        said = set(query_words(text[span.start : span.end]))
        left, chosen = set(said), list[int]()
        while left and held:
            best = max(range(len(held)), key=lambda i: len(left & held[i]))
            shared = len(left & held[best])
            if not shared or shared < min(SUPPORTS * len(said), HELD * len(held[best])):
                break
            chosen.append(best)
            left -= held[best]
        glue = text[span.end : following.start] if following else ""
        found.append((text[span.start : span.end], glue, chosen))
    return found
