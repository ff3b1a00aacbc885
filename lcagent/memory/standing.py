"""What stands of a ledger, so held that each step can compare with thousands of rows and show the best."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from math import ceil, floor

from lcagent.documents import figures
from lcagent.memory.entries import SAME, Entry, Evidence, corrects

JOINT = 4
"""Tokens for the mark and the line break of each entry that is shown."""


class Standing:
    """Rows that stand on their own: added or superseding, and not superseded.

    Args:
        rows: the first ones, in the order in which they were recorded.
    """

    def __init__(self, rows: Iterable[Entry] = ()) -> None:
        self._by_id: dict[str, Entry] = {}
        self._by_kind: dict[tuple[frozenset[str], int], dict[str, Entry]] = {}
        self._best_first: list[Entry] = []
        self._least_tokens = 0
        self.add(rows)

    def add(self, rows: Iterable[Entry]) -> None:
        """Rows recorded since, in order: a superseding one takes the place of its target."""
        for row in rows:
            if row.op == "supersede" and row.target in self._by_id:
                self._remove(self._by_id.pop(row.target))
            if not row.stands:
                continue
            self._by_id[row.id] = row
            self._by_kind.setdefault(_kind(row), {})[row.id] = row
            if row.note:
                least = min(self._least_tokens, row.tokens) if self._best_first else row.tokens
                self._least_tokens = least
                insort(self._best_first, row, key=_rank)

    def _remove(self, row: Entry) -> None:
        del self._by_kind[_kind(row)][row.id]
        if row.note:
            del self._best_first[bisect_left(self._best_first, _rank(row), key=_rank)]

    def __contains__(self, name: str) -> bool:
        """Whether the row of an id stands."""
        return name in self._by_id

    def near(self, evidence: Sequence[Evidence]) -> list[Entry]:
        """Rows that some evidence may repeat (`SAME`), in order; all of them if it corrects something."""
        if any(corrects(item.quote) for item in evidence):
            near = list(self._by_id.values())
        else:
            kinds = {(figures(e.quote), length) for e in evidence for length in _same_lengths(e.quote)}
            near = [row for kind in kinds for row in self._by_kind.get(kind, {}).values()]
        return sorted(near, key=lambda row: (row.document, row.segment, row.seq))

    def best(self, tokens: int) -> list[Entry]:
        """The best rows that a reader noted and that fit a number of tokens, in reading order."""
        chosen: list[Entry] = []
        for row in self._best_first:
            if tokens < self._least_tokens + JOINT:
                break
            if row.tokens + JOINT <= tokens:
                chosen.append(row)
                tokens -= row.tokens + JOINT
        return sorted(chosen, key=lambda row: (row.document, row.start))


def _rank(row: Entry) -> tuple[float, int, int, int]:
    return (-row.score, row.document, row.segment, row.seq)


def _kind(row: Entry) -> tuple[frozenset[str], int]:
    return (figures(row.quote), len(row.quote))


def _same_lengths(quote: str) -> range:
    """Lengths in characters that a quote may have to be as alike to this one as `SAME` asks."""
    # The ratio of two texts is at most 200 x the shorter / both together.
    least, most = SAME, 200 - SAME
    return range(ceil(len(quote) * least / most), floor(len(quote) * most / least) + 1)
