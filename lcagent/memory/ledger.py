"""The evidence ledger: append-only, one row an operation, each with a quote that code has checked.

MemAgent's memory is rewritten whole at each step, and an untrained model loses facts that way. Here
a step only ever appends (add, merge, supersede, claim); what the model sees is a bounded view of what is
live. Nothing that was recorded can be lost.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from lcagent.memory.entries import Entry
from lcagent.memory.standing import Standing
from lcagent.memory.store import Store


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
        self._standing: dict[int, tuple[int, Standing]] = {}

    def record(self, document: int, segment: int, entries: Sequence[Entry]) -> None:
        """Append one step's rows in one transaction; a step recorded before stays as it was."""
        known = self._read().setdefault(document, [])
        first, end = _segments(known, segment, segment + 1)
        kept = {row.seq for row in known[first:end]}
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
        known[end:end] = fresh
        known[first : end + len(fresh)] = sorted(known[first : end + len(fresh)], key=lambda row: row.seq)
        if segment < self._standing.get(document, (0,))[0]:
            del self._standing[document]

    def rows(
        self, document: int | None = None, segment: int | None = None, below: int | None = None
    ) -> list[Entry]:
        """All rows in reading order.

        Args:
            document: only this document's.
            segment: only those of the segment of this number.
            below: only those whose `seq` is smaller, where each round of reading has its own.
        """
        documents = self._read()
        which = sorted(documents) if document is None else [document]
        rows: list[Entry] = []
        for known in (documents.get(index, []) for index in which):
            first, end = (0, len(known)) if segment is None else _segments(known, segment, segment + 1)
            rows += known[first:end]
        return rows if below is None else [row for row in rows if row.seq < below]

    def live(
        self, document: int | None = None, segment: int | None = None, below: int | None = None
    ) -> list[Entry]:
        """Rows that still stand on their own: added or superseding, and not superseded."""
        rows = self.rows(document, segment, below)
        gone = {row.target for row in rows if row.op == "supersede"}
        return [row for row in rows if row.stands and not (gone and row.id in gone)]

    def repeated(self) -> list[Entry]:
        """What repeats a row that stands, laid over that row: who says it again is a witness of its own."""
        live = {row.id: row for row in self.live()}
        merged = [(row, live[row.target]) for row in self.rows() if row.op == "merge" and row.target in live]
        return [
            replace(
                row,
                document=target.document,
                segment=target.segment,
                start=target.start,
                end=target.end,
                quote=target.quote,
            )
            for row, target in merged
        ]

    def standing(self, document: int, before: int) -> Standing:
        """What `live` gives of the segments before one, in a form that grows with them step by step."""
        read, standing = self._standing.get(document, (0, Standing()))
        if before < read:
            read, standing = 0, Standing()
        rows = self._read().get(document, [])
        first, end = _segments(rows, read, before)
        standing.add(rows[first:end])
        self._standing[document] = (before, standing)
        return standing

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


def _segments(rows: Sequence[Entry], first: int, end: int) -> tuple[int, int]:
    """Where the rows of the segments from `first` to before `end` stand among rows in reading order."""
    return (
        bisect_left(rows, first, key=lambda row: row.segment),
        bisect_left(rows, end, key=lambda row: row.segment),
    )
