"""Rows of the ledger: evidence, and what code decides that it does to what stands already."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from rapidfuzz import fuzz

from lcagent.documents import Segment, figures, query_words

Operation = Literal["add", "merge", "supersede", "claim"]

SAME = 94.0
"""Similarity (0-100) from which two quotes with the same figures and words say the same thing."""
ALIKE = 72.0
"""Similarity from which a sentence that corrects something is about an earlier quote."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sentence of a document, found to bear on the question.

    Args:
        document: its index in the run.
        segment: the segment it was read in.
        start: character offset in the document's text.
        end: offset after its last character.
        quote: the text between, verbatim.
        note: what the reader made of it, in the model's words; may be empty.
        score: how much it bears on the question, from 0 to 1.
    """

    document: int
    segment: int
    start: int
    end: int
    quote: str
    note: str = ""
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Entry(Evidence):
    """A row of the ledger: evidence, and what it does to an earlier row.

    Args:
        seq: its place among the segment's rows.
        op: add; merge (says what `target` says); supersede (`target` no longer holds); claim (the reader
            says that the segment bears on the question, in a note that no sentence of it holds).
        target: id of the earlier row.
        tokens: length of the quote in tokens of the served model.
    """

    seq: int = 0
    op: Operation = "add"
    target: str | None = None
    tokens: int = 0

    @property
    def id(self) -> str:
        """Names this row within its run."""
        return f"{self.document}.{self.segment}.{self.seq}"

    @property
    def stands(self) -> bool:
        """Whether it stands on its own, unless another row supersedes it."""
        return self.op in {"add", "supersede"}


def claim(document: int, segment: Segment, note: str, *, seq: int) -> Entry:
    """The row of a reader's claim that stands nowhere in its segment: it is no evidence, but it is told of
    the reader. The quote is empty.
    """
    return Entry(document, segment.index, segment.start, segment.start, "", note, seq=seq, op="claim")


def integrate(found: Iterable[Evidence], live: Sequence[Entry], *, first: int = 0) -> list[Entry]:
    """Decide what each new piece of evidence does to the ledger.

    The model is not asked: a repetition is a merge, a sentence that says it corrects something and
    is about an earlier quote supersedes it, everything else is added. `tokens` is left at 0.

    Args:
        found: in reading order.
        live: what stands already, or as much of it as can be alike (`Standing.near`).
        first: `seq` of the first new row.
    """
    standing = list(live)
    entries: list[Entry] = []
    for seq, evidence in enumerate(found, first):
        op, target = _operation(evidence, standing)
        entry = Entry(**asdict(evidence), seq=seq, op=op, target=target.id if target else None)
        entries.append(entry)
        if op == "supersede" and target:
            standing.remove(target)
        if entry.stands:
            standing.append(entry)
    return entries


def _operation(evidence: Evidence, standing: Sequence[Entry]) -> tuple[Operation, Entry | None]:
    correction = corrects(evidence.quote)
    quote, numbers = evidence.quote.casefold(), figures(evidence.quote)
    said: tuple[set[str], int] | None = None
    best: Entry | None = None
    best_score = ALIKE
    for entry in standing:
        if entry.document == evidence.document and (entry.start, entry.end) == (
            evidence.start,
            evidence.end,
        ):
            return "merge", entry
        held = figures(entry.quote)
        if held == numbers and fuzz.ratio(entry.quote.casefold(), quote, score_cutoff=SAME):
            said = said or _said(quote)
            if _said(entry.quote) == said:
                return "merge", entry
        # A correction names what it corrects: of several figures (a year, a sum) it shares one.
        if correction and held != numbers and (len(held) < 2 or held & numbers):
            score = fuzz.token_set_ratio(entry.quote.casefold(), quote)
            if score > best_score:
                best, best_score = entry, score
    return ("supersede", best) if best else ("add", None)


_DENIAL = re.compile(r"\b(?:not?|nor|never|none|without|cannot)\b|n['’]t\b", re.I)


def _said(text: str) -> tuple[set[str], int]:
    """The words that make two sentences differ however alike they look: "north" and "south", a "not"."""
    return set(query_words(text)), len(_DENIAL.findall(text))


_CORRECTS = re.compile(
    r"\b(?:erratum|errata|corrigendum|corrected|correction|corrects|supersed(?:e[sd]?|ing)|"
    r"in error|erroneous(?:ly)?|misprint(?:ed)?|should (?:have )?read|instead of|amended|"
    r"withdrawn|retracted|no longer (?:valid|applies|holds)|previously (?:stated|reported|given))\b",
    re.I,
)


def corrects(text: str) -> bool:
    """Whether a sentence says that it corrects another one."""
    return bool(_CORRECTS.search(text))
