"""What segments read side by side have found, put together into the ledger by code.

A step that reads after others sees their entries and says at once what it adds. Steps that run side by
side see nothing of each other, so that this is decided when all of them have ended, in reading order,
and does not depend on which of them ended first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from lcagent.graphs.task import Task
from lcagent.graphs.witness import hint_entries
from lcagent.memory.ledger import Entry, Evidence, corrects, figures, integrate, same_lengths

STRIDE = 1000
"""Each round's rows of a segment are numbered from a multiple of this: rounds cannot collide."""
_MOST = STRIDE // 2
"""Most sentences of one reading that are kept; retrieval's come after them."""


def first_reason(old: str, new: str) -> str:
    """Of several steps that stopped the first one says why (a reducer)."""
    return old or new


def gather(
    task: Task,
    read: Iterable[tuple[int, int]],
    found: Mapping[tuple[int, int], Sequence[Evidence]],
    *,
    number: int = 1,
) -> list[Entry]:
    """Record what one round found; done again after a kill it gives the same rows.

    Args:
        task: the run.
        read: (document, segment) pairs that the round has read.
        found: evidence of those in which there was any.
        number: of the round, from 1; the first one also records what retrieval finds.

    Returns:
        What the readers of this round found that no row said before.
    """
    first = STRIDE * (number - 1)
    live = task.ledger.live(below=first)
    # A reading is not a repetition of what retrieval found: it is a witness of its own.
    noted, every = _Standing([e for e in live if e.note]), _Standing(live)
    fresh: list[Entry] = []
    for document, index in sorted(read):
        evidence = list(found.get((document, index), ()))[:_MOST]
        entries = integrate(evidence, noted.near(evidence), first=first)
        noted.add(entries)
        every.add(entries)
        if number == 1:
            hints = hint_entries(task, document, task.segments[document][index])
            found_too = integrate(hints, every.near(hints), first=first + len(entries))
            every.add(found_too)
            entries += found_too
        counted = [replace(entry, tokens=task.token_estimate(entry.quote)) for entry in entries]
        task.ledger.record(document, index, counted)
        fresh += [entry for entry in counted if entry.note and entry.op != "merge"]
    return fresh


class _Standing:
    """Live entries, found by what could make another one repeat them, so that thousands can be compared."""

    def __init__(self, live: Sequence[Entry]) -> None:
        self._by_id: dict[str, Entry] = {}
        self._by_kind: dict[tuple[frozenset[str], int], dict[str, Entry]] = {}
        self.add(live)

    def add(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.op == "supersede" and entry.target in self._by_id:
                gone = self._by_id.pop(entry.target)
                del self._by_kind[figures(gone.quote), len(gone.quote)][gone.id]
            if entry.op != "merge":
                self._by_id[entry.id] = entry
                self._by_kind.setdefault((figures(entry.quote), len(entry.quote)), {})[entry.id] = entry

    def near(self, evidence: Sequence[Evidence]) -> list[Entry]:
        """Entries with the figures and about the length of some evidence; all of them for a correction."""
        if any(corrects(item.quote) for item in evidence):
            near = list(self._by_id.values())
        else:
            kinds = {(figures(e.quote), length) for e in evidence for length in same_lengths(e.quote)}
            near = [entry for kind in kinds for entry in self._by_kind.get(kind, {}).values()]
        return sorted(near, key=lambda e: (e.document, e.segment, e.seq))
