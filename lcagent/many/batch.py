"""A table over many documents: several are read at once, each row is kept when it is there."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lcagent.documents.named import File
from lcagent.errors import BudgetReached, EndpointUnavailable, UsageError
from lcagent.events import Emit, Notice, RowKept
from lcagent.many.columns import table_key
from lcagent.many.document import Source
from lcagent.many.handed import workers
from lcagent.many.here import Here
from lcagent.many.rows import KeptRows, Row
from lcagent.many.sources import bytes_of, listed
from lcagent.many.tables import Table, check_out, rows_in, write_table
from lcagent.many.wanted import Wanted
from lcagent.memory.locks import locked
from lcagent.memory.opening import open_store
from lcagent.models.budget import Budget
from lcagent.models.serving.session import ModelSession
from lcagent.runs.records import Runs
from lcagent.settings import Settings

_MOST_UNANSWERED = 8
"""Documents one after the other that a server which is there does not answer, before that concerns all."""


async def make_table(wanted: Wanted, settings: Settings, session: ModelSession, emit: Emit) -> Table:
    """Read all documents that have no row yet, and write the table.

    Args:
        wanted: see `Wanted`.
        settings: how each document is read; its budgets are for all together.
        session: leads to the model.
        emit: gets what happens meanwhile.

    Raises:
        LcagentError: what concerns all documents. What is done is kept, and the same call goes on.
    """
    path = check_out(wanted.out)
    files, unread = await asyncio.to_thread(listed, wanted.sources, wanted.limit, {wanted.out, path})
    if unread:
        one = len(unread) == 1
        emit(Notice(f"not read: {len(unread):,} file{'' if one else 's'} of kinds that are not read"))
    name = f"table-{hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]}"
    shared = bool(settings.place.url)
    hint = "wait for it to end" + "; it may be of another machine, over the same store" * shared
    busy = UsageError(f"{wanted.out} is being written by another process", hint=hint)
    with locked(settings.data_dir, name, busy):
        # Open throughout: SQLite puts its files in order when the last who has them open closes them, which
        # would be after every document.
        with (
            closing(open_store(settings.place)) as store,
            store.locked(name, busy) if shared else nullcontext(),
            await asyncio.to_thread(KeptRows, path, table_key(wanted.columns)) as kept,
        ):
            batch = _Batch(wanted, settings, emit, _Keeping(kept, Runs(store), len(files)))
            here = Here(wanted.columns, settings, session, batch.budget, emit, wanted.concurrency)
            async with workers(wanted, settings, here, batch.budget, emit) as others:
                await batch.work(files, others or here)
            names = kept.in_order(file.name for file in files)
            await asyncio.to_thread(kept.put_in_order, names)
        await asyncio.to_thread(write_table, wanted.out, wanted.columns, rows_in(path, wanted.columns))
    return batch.table(path)


@dataclass(frozen=True, slots=True)
class _Keeping:
    """Where what is done is kept.

    Args:
        rows: of the table.
        runs: which are told of when their row is kept.
        total: documents in all.
    """

    rows: KeptRows
    runs: Runs
    total: int


class Reading(Protocol):
    """Whoever reads a table's documents: this process (`Here`), or workers (`Workers`)."""

    async def begin(self) -> None:
        """Wait until one more document may be begun."""
        ...

    async def row(self, source: Source) -> Row:
        """A document's row.

        Raises:
            LcagentError: what concerns all documents.
        """
        ...

    def end(self, source: Source) -> None:
        """A document's row is kept, or there is none."""
        ...


class _Batch:
    """The work on one table."""

    def __init__(
        self,
        wanted: Wanted,
        settings: Settings,
        emit: Emit,
        keeping: _Keeping,
    ) -> None:
        self._wanted, self._emit = wanted, emit
        self._kept, self._runs, self._total = keeping.rows, keeping.runs, keeping.total
        self.budget = Budget(settings.max_calls, settings.max_tokens, settings.max_seconds)
        self._done = self._kept.known(failed=not wanted.retry_failed)
        self._alike: dict[tuple[str, str], str] = {}
        for name, sha256 in self._done.items():
            if sha256:
                self._alike.setdefault(_content(name, sha256), name)
        self._working: dict[tuple[str, str], asyncio.Future[Row]] = {}
        self._finished = self._failed = self._asked = self._unanswered = 0
        self._out_of_budget = False

    def table(self, path: Path) -> Table:
        """What has come of it."""
        rows, failed, copies = self._kept.counts()
        spent = self.budget
        return Table(
            self._wanted.out,
            path,
            self._wanted.columns,
            rows,
            failed,
            copies,
            self._asked,
            spent.calls,
            spent.tokens,
            not self._out_of_budget,
        )

    async def work(self, files: Sequence[File], reading: Reading) -> None:
        """Read all that has no row yet, or as far as the budget goes.

        Args:
            files: the documents.
            reading: who reads them.

        Raises:
            LcagentError: what concerns all documents.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for file in files:
                    if self._out_of_budget:
                        break
                    await self._take(file, reading, group)
        except ExceptionGroup as errors:  # the first one has ended the others
            raise errors.exceptions[0] from None

    async def _take(self, file: File, reading: Reading, group: asyncio.TaskGroup) -> None:
        """Have a document read, in a task of the group; in the order of the sources, so that of several of
        the same bytes the first is read and the others are copies."""
        source = Source(file, await asyncio.to_thread(bytes_of, file), self._wanted.password)
        before = self._done.get(file.name)
        if before == source.sha256:
            self._finished += 1
            return
        content = _content(file.name, source.sha256)
        if before is not None and self._alike.get(_content(file.name, before)) == file.name:
            del self._alike[_content(file.name, before)]  # it has changed since
        if (same := self._working.get(content)) is not None:
            group.create_task(self._copy(source, same))
        elif (name := self._alike.get(content)) is not None:
            await self._keep(self._kept.get(name).copied(file.name))
        else:
            await reading.begin()
            if source.sha256:
                self._working[content] = asyncio.get_running_loop().create_future()
            group.create_task(self._read(source, content, reading))

    async def _copy(self, source: Source, same: asyncio.Future[Row]) -> None:
        with suppress(asyncio.CancelledError):  # the budget was reached before it was read
            await self._keep((await asyncio.shield(same)).copied(source.file.name))

    async def _read(self, source: Source, content: tuple[str, str], reading: Reading) -> None:
        working = self._working.get(content)
        try:
            row = await reading.row(source)
            self._count(row)
            self._asked += 1
            await self._keep(row)
            if row.status == "read":  # asked again, those of a failed one are given again without a call
                for cell in row.answers.values():
                    self._runs.tell(cell.run)
            if working is not None:
                working.set_result(row)
                self._alike[content] = source.file.name
        except BudgetReached:
            self._out_of_budget = True
        finally:
            if working is not None:
                working.cancel()
                del self._working[content]
            reading.end(source)

    def _count(self, row: Row) -> None:
        """Count rows of documents that the server did not answer, one after the other.

        Raises:
            EndpointUnavailable: there are so many that it concerns all.
        """
        self._unanswered = self._unanswered + 1 if row.code == EndpointUnavailable.__name__ else 0
        if self._unanswered > _MOST_UNANSWERED:
            raise EndpointUnavailable(row.message, hint=row.hint)

    async def _keep(self, row: Row) -> None:
        await self._kept.add(row)
        self._finished += 1
        self._failed += row.status == "failed"
        told = (self._finished, self._total, self._failed, self.budget.calls, self.budget.tokens)
        self._emit(RowKept(row.document, row.status, *told))


def _content(name: str, sha256: str) -> tuple[str, str]:
    """Equal for documents that are read alike: the ending says what a file is, where its bytes do not."""
    return sha256, Path(name).suffix.lower()
