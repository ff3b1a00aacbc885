"""The queue: the newest entries of a session, under a summary of those that were evicted.

Source: "MemGPT: Towards LLMs as Operating Systems", section 2.2 (queue manager). Evicting moves no row:
everything is in recall memory from the moment it is written. A summary says up to which entry it stands for
the session, and the queue is what comes after.
"""

from __future__ import annotations

from collections.abc import Sequence

from lcagent.memory.tiers.entries import Entries, Entry, Kind, New, Source

QUEUED: tuple[Kind, ...] = ("message", "call", "result", "event")


class Queue:
    """The queue of a session."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries

    def summary(self) -> Entry | None:
        """The newest summary; None where nothing was evicted yet."""
        found = self._entries.newest(["summary"], limit=1)
        return found[0] if found else None

    @property
    def begins(self) -> int:
        """The number of the last entry that is not in the queue; 0 where all are."""
        summary = self.summary()
        return int(summary.data["span"][1]) if summary else 0

    def newest(self, limit: int) -> list[Entry]:
        """The last entries of the queue, in order.

        Args:
            limit: most of them.
        """
        return self._entries.newest(QUEUED, limit=limit, after=self.begins)[::-1]

    def oldest(self, limit: int) -> list[Entry]:
        """The first entries of the queue, in order: those that are evicted next."""
        return self._entries.oldest(QUEUED, limit=limit, after=self.begins)

    def count(self) -> int:
        """How many entries are in the queue."""
        return self._entries.count(QUEUED, after=self.begins)

    def evicted(self) -> int:
        """How many messages are behind the summary."""
        return self._entries.count(["message"], before=self.begins + 1)

    def swap(self, text: str, evicted: Sequence[Entry], *, source: Source, key: str | None = None) -> Entry:
        """Put a summary in the place of entries, in one transaction.

        Args:
            text: stands for them and for the summary before.
            evicted: the first ones of the queue.
            source: the worst of what it was made of.
            key: names the swap.
        """
        before = self.summary()
        first = int(before.data["span"][0]) if before else evicted[0].id
        data = {"span": [first, evicted[-1].id]}
        return self._entries.append(New("summary", text, source=source, data=data, key=key))
