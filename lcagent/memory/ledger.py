"""The evidence ledger: append-only, one row an operation, each with a quote that code has checked.

MemAgent's memory is rewritten whole at each step, and an untrained model loses facts that way. Here
a step only ever appends (add, merge, supersede); what the model sees is a bounded view of what is
live. Nothing that was recorded can be lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import ceil, floor
from typing import Literal

from lcagent.memory.store import Store

Operation = Literal["add", "merge", "supersede"]

SAME = 94.0
"""Similarity (0-100) from which two quotes with the same figures say the same thing."""
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
        op: add; merge (says what `target` says); supersede (`target` no longer holds).
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


class Ledger:
    """The ledger of one run; its rows are read once, since only who holds the run's lock writes any.

    Args:
        store: the SQLite store it lives in.
        run: the run's id.
    """

    def __init__(self, store: Store, run: str) -> None:
        self._store = store
        self._run = run
        self._documents: dict[int, list[Entry]] | None = None

    def record(self, document: int, segment: int, entries: Sequence[Entry]) -> None:
        """Append one step's rows in one transaction; a step recorded before stays as it was."""
        known = self._read().setdefault(document, [])
        kept = {row.seq for row in known if row.segment == segment}
        fresh = [e for e in entries if e.seq not in kept]
        rows = [
            {
                "run": self._run,
                "document": document,
                "segment": segment,
                "seq": e.seq,
                "op": e.op,
                "target": e.target,
                "char_start": e.start,
                "char_end": e.end,
                "quote": e.quote,
                "note": e.note,
                "score": e.score,
                "tokens": e.tokens,
            }
            for e in fresh
        ]
        self._store.insert_many("entries", rows)
        known.extend(fresh)
        known.sort(key=lambda row: (row.segment, row.seq))

    def rows(
        self, document: int | None = None, before: int | None = None, below: int | None = None
    ) -> list[Entry]:
        """All rows in reading order.

        Args:
            document: only this document's.
            before: only those of segments before this one.
            below: only those whose `seq` is smaller, where each round of reading has its own.
        """
        documents = self._read()
        which = sorted(documents) if document is None else [document]
        rows = [row for index in which for row in documents.get(index, [])]
        if before is not None:
            rows = [row for row in rows if row.segment < before]
        return rows if below is None else [row for row in rows if row.seq < below]

    def live(
        self, document: int | None = None, before: int | None = None, below: int | None = None
    ) -> list[Entry]:
        """Rows that still stand on their own: added or superseding, and not superseded."""
        rows = self.rows(document, before, below)
        gone = {row.target for row in rows if row.op == "supersede"}
        return [row for row in rows if row.op != "merge" and not (gone and row.id in gone)]

    def _read(self) -> dict[int, list[Entry]]:
        if self._documents is None:
            self._documents = {}
            sql = (
                "SELECT document, segment, char_start, char_end, quote, note, score, seq, op, target,"
                " tokens FROM entries WHERE run = ? ORDER BY document, segment, seq"
            )
            for row in self._store.execute(sql, (self._run,)):
                self._documents.setdefault(row[0], []).append(Entry(*row))
        return self._documents


def integrate(found: Iterable[Evidence], live: Sequence[Entry], *, first: int = 0) -> list[Entry]:
    """Decide what each new piece of evidence does to the ledger.

    The model is not asked: a repetition is a merge, a sentence that says it corrects something and
    is about an earlier quote supersedes it, everything else is added. `tokens` is left at 0.

    Args:
        found: in reading order.
        live: what stands already.
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
        if op != "merge":
            standing.append(entry)
    return entries


def _operation(evidence: Evidence, standing: Sequence[Entry]) -> tuple[Operation, Entry | None]:
    from rapidfuzz import fuzz

    correction = corrects(evidence.quote)
    quote, numbers = evidence.quote.casefold(), figures(evidence.quote)
    if not correction:  # a step compares with every row that stands: the cheapest check comes first
        lengths = same_lengths(evidence.quote)
        standing = [entry for entry in standing if len(entry.quote) in lengths]
    best: Entry | None = None
    best_score = ALIKE
    for entry in standing:
        if entry.document == evidence.document and (entry.start, entry.end) == (
            evidence.start,
            evidence.end,
        ):
            return "merge", entry
        same_figures = figures(entry.quote) == numbers
        if same_figures and fuzz.ratio(entry.quote.casefold(), quote, score_cutoff=SAME):
            return "merge", entry
        if correction and not same_figures:
            score = fuzz.token_set_ratio(entry.quote.casefold(), quote)
            if score > best_score:
                best, best_score = entry, score
    return ("supersede", best) if best else ("add", None)


def same_lengths(quote: str) -> range:
    """Lengths in characters that a quote may have to be as alike to this one as `SAME` asks."""
    # The ratio of two texts is at most 200 x the shorter / both together.
    least, most = SAME, 200 - SAME
    return range(ceil(len(quote) * least / most), floor(len(quote) * most / least) + 1)


_CORRECTS = re.compile(
    r"\b(?:erratum|errata|corrigendum|corrected|correction|corrects|supersed(?:e[sd]?|ing)|"
    r"in error|erroneous(?:ly)?|misprint(?:ed)?|should (?:have )?read|instead of|amended|"
    r"withdrawn|retracted|no longer (?:valid|applies|holds)|previously (?:stated|reported|given))\b",
    re.I,
)


def corrects(text: str) -> bool:
    """Whether a sentence says that it corrects another one."""
    return bool(_CORRECTS.search(text))


_FIGURE = re.compile(r"\d+(?:[.,:/-]\d+)*")


@lru_cache(maxsize=4096)  # each step compares with every quote of the ledger
def figures(text: str) -> frozenset[str]:
    """Numbers, dates and times in a text, thousands separators removed."""
    return frozenset(m.group().replace(",", "") for m in _FIGURE.finditer(text))


def pack(entries: Sequence[Entry], tokens: int, *, joint: int = 4) -> list[Entry]:
    """The best entries that fit a number of tokens, in reading order.

    Args:
        entries: live rows.
        tokens: room for their quotes.
        joint: tokens for each entry's mark and line break.
    """
    chosen: list[Entry] = []
    for entry in sorted(entries, key=lambda e: (-e.score, e.document, e.segment, e.seq)):
        if entry.tokens + joint <= tokens:
            chosen.append(entry)
            tokens -= entry.tokens + joint
    return sorted(chosen, key=lambda e: (e.document, e.start))
