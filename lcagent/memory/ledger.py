"""The evidence ledger: append-only, one row a finding, each with the sentences that code found for it.

MemAgent's memory is rewritten whole at each step, and an untrained model loses facts that way. Here a step
only ever appends; what a model sees is a bounded view. Nothing that was recorded can be lost.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from lcagent.documents import Span
from lcagent.memory.findings import Finding, Known
from lcagent.memory.rows import Rows

STRIDE = 1000
"""Each round's findings of a segment are numbered from a multiple of this: rounds cannot collide."""
_COLUMNS = "document, segment, text, spans, role, answer, detail, quote, seq, op, target, tokens"


class Ledger:
    """The ledger of one run; its rows are read once, since only who holds the run's lock writes any.

    Args:
        store: where it lives; None: nowhere, for a part of a run that begins anew with it.
        run: the run's id.
    """

    def __init__(self, store: Rows | None, run: str) -> None:
        self._store, self._run = store, run
        self._rows: dict[tuple[int, int], list[Finding]] | None = {} if store is None else None
        self._known: dict[int, tuple[int, Known]] = {}

    def record(self, findings: Sequence[Finding]) -> None:
        """Append findings of steps in one transaction; a step recorded before stays as it was."""
        known = self._read()
        kept = {row.id for one in findings for row in known.get(one.place, ())}
        fresh = [finding for finding in findings if finding.id not in kept]
        if self._store is not None:
            self._store.insert_many("findings", [self._as_row(finding) for finding in fresh])
        for finding in fresh:
            known.setdefault(finding.place, []).append(finding)

    def _as_row(self, f: Finding) -> dict[str, object]:
        spans = json.dumps([[span.start, span.end] for span in f.spans])
        row = {name: getattr(f, name) for name in _COLUMNS.split(", ")}
        return {"run": self._run, **row, "spans": spans}

    def findings(self, *, below: int | None = None) -> list[Finding]:
        """All findings in reading order, repetitions too.

        Args:
            below: only those whose `seq` is smaller, where each round of reading has its own.
        """
        rows = self._read()
        found = [row for place in sorted(rows) for row in sorted(rows[place], key=lambda row: row.seq)]
        return found if below is None else [row for row in found if row.seq < below]

    def before(self, document: int, segment: int) -> Known:
        """What the segments of a document before one gave; it grows with them, step by step."""
        read, known = self._known.get(document, (0, Known()))
        if segment < read:
            read, known = 0, Known()
        for index in range(read, segment):
            known.add(self._read().get((document, index), []))
        self._known[document] = (segment, known)
        return known

    def _read(self) -> dict[tuple[int, int], list[Finding]]:
        if self._rows is None:
            assert self._store is not None
            self._rows = {}
            sql = f"SELECT {_COLUMNS} FROM findings WHERE run = ? ORDER BY document, segment, seq"  # noqa: S608 - ours
            for document, segment, text, spans, *rest in self._store.execute(sql, (self._run,)):
                places = tuple(Span(start, end) for start, end in json.loads(spans))
                finding = Finding(document, segment, text, places, *rest)
                self._rows.setdefault((document, segment), []).append(finding)
        return self._rows
