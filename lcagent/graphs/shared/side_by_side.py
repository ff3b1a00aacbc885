"""What segments read side by side have found, put together into the ledger by code.

A step that reads after others sees their entries and says at once what it adds. Steps that run side by
side see nothing of each other, so that this is decided when all of them have ended, in reading order,
and does not depend on which of them ended first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lcagent.graphs.shared.retrieval import hint_entries
from lcagent.graphs.shared.task import Task, counted
from lcagent.memory.entries import Entry, Evidence, claim, integrate
from lcagent.memory.standing import Standing

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
    claims: Mapping[tuple[int, int], str] | None = None,
    *,
    number: int = 1,
) -> list[Entry]:
    """Record what one round found; done again after a kill it gives the same rows.

    Args:
        task: the run.
        read: (document, segment) pairs that the round has read.
        found: evidence of those in which there was any.
        claims: what was said of others that stands nowhere in them.
        number: of the round, from 1; the first one also records what retrieval finds.

    Returns:
        What the readers of this round found that no row said before.
    """
    first = STRIDE * (number - 1)
    live = task.ledger.live(below=first)
    # A reading is not a repetition of what retrieval found: it is a witness of its own.
    noted, every = Standing([e for e in live if e.note]), Standing(live)
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
        if note := (claims or {}).get((document, index)):
            entries.append(claim(document, task.segments[document][index], note, seq=first + len(entries)))
        rows = [counted(task, entry) for entry in entries]
        task.ledger.record(document, index, rows)
        fresh += [entry for entry in rows if entry.note and entry.stands]
    return fresh
