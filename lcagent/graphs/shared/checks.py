"""Checks: the sentences that each statement of an answer rests on, how they carry it, and what speaks
against it.

They prove and warn; what a model said is carried. Only `Trust.ruled` withholds, of a model known to be weak.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property

from lcagent.documents import Span, figures, names, query_words, sentences
from lcagent.documents.conflicts import rival
from lcagent.documents.reckoning import reckon
from lcagent.documents.support import support
from lcagent.graphs.shared.evidence import Evidence
from lcagent.graphs.shared.task import Region, Task
from lcagent.graphs.shared.verdict import Statement, Verdict

_MARK = re.compile(r"\s*\[(\d{1,4}(?:\s*[,;–-]\s*\d{1,4})*)\]")
_NUMBER = re.compile(r"\d+")
_LINE = re.compile(r"[^\n]+")
_BULLET = re.compile(r"^(?:[-*•‣–]|\d{1,3}[.)])\s+")
MOST_TELLING = 3
"""Sentences that are cited for the words of one statement …"""
LISTED = 4
"""Parts between commas from which a statement is a list."""
MOST_LINKS = 6
"""… and for what leads to it."""
CARRIED = 0.5
"""Added to the score of a sentence that carries a finding: a model pointed at it."""
TELLS = 0.12
"""Share of a statement, or of the question, that a further sentence must add."""


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
        task: the run.
        evidence: what the answering call was shown.
    """

    def __init__(self, task: Task, evidence: Evidence) -> None:
        self._asked = set(query_words(task.question))
        self.all = list(_sources(task, evidence))
        often = Counter(word for source in self.all for word in source.words)
        self._weight = {word: 1 / (1 + count) ** 0.5 for word, count in often.items()}
        self._led = frozenset(word for source in self.all for word in source.names) - self._asked

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

    def _telling(self, statement: str, pool: Sequence[Source]) -> list[Source]:
        """Sentences that together say a statement, the most telling first."""
        left = set(query_words(statement))
        whole = self._sum(left)
        if not whole:
            return self._stating(statement, pool)
        chosen: list[Source] = []
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
        return chosen

    def _stating(self, statement: str, pool: Sequence[Source]) -> list[Source]:
        """The sentence that states a statement none of whose words stands anywhere, such as "3" for "three";
        else the one that is most about the question."""
        ranked = sorted(pool, key=lambda s: (-self._score(s, frozenset(), 0.0), s.region))
        stating = (s for s in ranked if support(statement, [s.text]) != "inferred")
        best = next(stating, next((s for s in ranked if self._about(s, "")), None))
        return [best] if best else []

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


def _sources(task: Task, evidence: Evidence) -> Iterable[Source]:
    carriers = set(evidence.carriers)
    seen: set[Region] = set()
    for number, block in enumerate(evidence.citable, 1):
        for document, start, end in block.regions:
            text = task.corpus.documents[document].text
            within = [c for c in carriers if c[0] == document and c[1] < end and start < c[2]]
            spans = [(document, s.start, s.end) for s in sentences(text, start, end)]
            spans = [s for s in spans if not any(c[1] < s[2] and s[1] < c[2] for c in within)] + within
            for region in sorted(spans):
                if region not in seen:
                    seen.add(region)
                    carries = region in carriers
                    passages = task.retrieval.passages_at(*region) if carries else []
                    around = " ".join(map(task.corpus.text, passages))
                    yield Source(region, text[region[1] : region[2]], number, carries, around)


def citable(task: Task, evidence: Evidence) -> Set[int]:
    """Numbers of the blocks of some evidence that an answer's marks may lead to."""
    return Sources(task, evidence).blocks


def checked(task: Task, answer: str, evidence: Evidence, *, items: Sequence[str] = ()) -> Verdict:
    """An answer as statements, each with the sentences that it rests on and how they carry it.

    Args:
        task: the run.
        answer: the model's, with marks where it named passages.
        evidence: what it was shown.
        items: the answer as a list, where it came as one.
    """
    sources = Sources(task, evidence)
    statements: list[Statement] = []
    warnings: list[str] = []
    named: dict[int, Region] = {}
    for text, glue, blocks in _listed(items) if items else _parted(answer, len(evidence.citable)):
        said = _BULLET.sub("", text)
        cited = sources.cited(said, blocks)
        quotes = [source.text for source in cited]
        wrong = reckon(said, quotes, task.question)
        if wrong is not None and not wrong.right:
            warnings.append(wrong.told)
        regions = tuple(source.region for source in cited)
        for number in blocks:
            if within := [source.region for source in cited if source.block == number]:
                named.setdefault(number, within[0])
        statements.append(Statement(text, support(said, quotes), regions, glue))
    warnings = [*evidence.warnings, *warnings]
    verdict = Verdict(tuple(statements), warnings=tuple(warnings), named=tuple(named.values()))
    return _confronted(task, verdict, sources)


def _parted(answer: str, most: int) -> list[tuple[str, str, list[int]]]:
    """Statements of an answer: their text, what stands after each, and the passages named for it."""
    plain, at, marks = "", 0, list[tuple[int, int]]()
    for match in _MARK.finditer(answer):
        numbers = [int(number) for number in _NUMBER.findall(match[1])]
        if not all(1 <= number <= most for number in numbers):
            continue  # the text's own brackets
        plain += answer[at : match.start()]
        at = match.end()
        marks += [(len(plain.rstrip()), number) for number in numbers]
    plain += answer[at:]
    # Things that are listed stand one a line, and each is a statement of its own.
    spans = [span for line in _LINE.finditer(plain) for span in _statements(plain, *line.span())]
    parted: list[tuple[str, str, list[int]]] = []
    for span, following in zip(spans, [*spans[1:], None], strict=True):
        end = following.start if following else len(plain)
        named = dict.fromkeys(
            number for offset, number in marks if span.start < offset <= end or (not parted and not offset)
        )
        parted.append((plain[span.start : span.end], plain[span.end : end], list(named)))
    return parted


def _statements(text: str, start: int, end: int) -> list[Span]:
    """The sentences of a line; a list's number or bullet belongs to what follows it."""
    spans = sentences(text, start, end)
    if len(spans) > 1 and _BULLET.fullmatch(f"{text[spans[0].start : spans[0].end].strip()} "):
        return [Span(spans[0].start, spans[1].end), *spans[2:]]
    return spans


def _listed(items: Sequence[str]) -> list[tuple[str, str, list[int]]]:
    """A list as statements, each item once."""
    kept = list(dict.fromkeys(filter(None, (item.strip() for item in items))))
    return [(item, ", " if item is not kept[-1] else "", []) for item in kept]


def _confronted(task: Task, verdict: Verdict, sources: Sources) -> Verdict:
    """The verdict with the other side where another sentence says something else of the same thing.

    What the answer tells itself is no contradiction to it: both sides may be told.
    """
    told = figures(verdict.text) | frozenset(names(verdict.text))
    statements = list(verdict.statements)
    for at, statement in enumerate(statements):
        for region in statement.regions[:MOST_TELLING]:
            quote = task.corpus.text(region)
            others = [(s.region, s.text) for s in sources.all if s.region != region]
            against = rival(quote, task.question, others)
            if against is None or _tells(task, told, quote, against):
                continue
            # Right behind the sentence it contradicts, so that the two stand beside one another.
            regions = dict.fromkeys([region, against, *statement.regions])
            statements[at] = replace(statement, regions=tuple(regions))
            return replace(verdict, statements=tuple(statements), conflict=True)
    return verdict


def _tells(task: Task, told: Set[str], quote: str, against: Region) -> bool:
    """Whether the answer itself names what the other side says and this one does not."""
    other = task.corpus.text(against)
    differs = (figures(other) | frozenset(names(other))) - figures(quote) - frozenset(names(quote))
    return bool(differs) and differs <= told
