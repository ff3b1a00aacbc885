"""Findings: what a model said of a segment, and the sentences of the document that carry it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from lcagent.documents import Span, query_words
from lcagent.documents.corpus import Place, Region
from lcagent.documents.corrections import corrects, supersedes
from lcagent.documents.statements import saying

_ALIKE = 2
"""Words that a correction shares with what it corrects."""
Operation = Literal["add", "merge", "supersede"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a model said, in its words; the sentences that carry it; who says it.

    Args:
        document: the document's index in the run.
        segment: the segment it was said of.
        text: in the model's words, pronouns resolved as it likes.
        spans: sentences of the document that carry it, found by code; empty: it could not be placed.
        role: who says it: reader, mapper, member, notetaker.
        answer: what the role took for an answer to the question it was asked; may be empty.
        detail: what else the role said of it, such as its confidence; may be empty.
        quote: text of its sentences.
        seq: its place among the segment's findings.
        op: add; merge (says what `target` says); supersede (`target` is corrected by it).
        target: id of the earlier finding.
        tokens: about how long it is, in tokens of the served model.
    """

    document: int
    segment: int
    text: str
    spans: tuple[Span, ...] = ()
    role: str = "reader"
    answer: str = ""
    detail: str = ""
    quote: str = ""
    seq: int = 0
    op: Operation = "add"
    target: str | None = None
    tokens: int = 0

    @property
    def id(self) -> str:
        """Names it within its run."""
        return f"{self.document}.{self.segment}.{self.seq}"

    @property
    def stands_for(self) -> str:
        """Names what it says within its run: of a repetition what it repeats."""
        return self.target if self.op == "merge" and self.target else self.id

    @property
    def place(self) -> Place:
        """The segment it was said of."""
        return self.document, self.segment

    @property
    def placed(self) -> bool:
        """Whether a sentence of the document carries it."""
        return bool(self.spans)

    @property
    def regions(self) -> tuple[Region, ...]:
        """Its sentences as places in the run's documents."""
        return tuple((self.document, span.start, span.end) for span in self.spans)

    @property
    def start(self) -> int:
        """Where its first sentence begins; -1 where it could not be placed."""
        return self.spans[0].start if self.spans else -1


@dataclass(slots=True)
class Known:
    """What was found so far, so held that each new finding is compared with thousands at once."""

    findings: dict[str, Finding] = field(default_factory=dict)
    superseded: set[str] = field(default_factory=set)
    _by_key: dict[object, str] = field(default_factory=dict)
    _words: dict[str, frozenset[str]] = field(default_factory=dict)

    def add(self, findings: Iterable[Finding]) -> None:
        """Take findings in, in reading order."""
        for finding in findings:
            if finding.op == "merge":
                continue
            self.findings[finding.id] = finding
            self._words[finding.id] = frozenset(query_words(_said(finding)))
            self._by_key.setdefault((saying(finding.text), finding.answer), finding.id)
            if finding.op == "supersede" and finding.target:
                self.superseded.add(finding.target)

    def tried(self, found: Iterable[Finding], *, first: int = 0) -> list[Finding]:
        """What new findings do to those before them and to each other; they are not taken in.

        No model is asked: a repetition is a merge, a sentence that says that it corrects something and is
        about the same thing supersedes it, everything else is added.

        Args:
            found: of one segment, in reading order.
            first: `seq` of the first of them.
        """
        own = Known()
        done: list[Finding] = []
        for seq, finding in enumerate(found, first):
            op, target = own._operation(finding)
            if op == "add":
                op, target = self._operation(finding)
            done.append(replace(finding, seq=seq, op=op, target=target))
            own.add(done[-1:])
        return done

    def _operation(self, finding: Finding) -> tuple[Operation, str | None]:
        if (same := self._by_key.get((saying(finding.text), finding.answer))) is not None:
            return "merge", same
        if corrects(said := _said(finding)):
            words = set(query_words(said))
            for name, other in reversed(self.findings.items()):
                alike = len(words & self._words[name]) >= _ALIKE
                if alike and name not in self.superseded and supersedes(said, _said(other)):
                    return "supersede", name
        return "add", None


def _said(finding: Finding) -> str:
    return finding.quote or finding.text
