"""A table over many documents in this process: several at once, each kept when it is done."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from lcagent.documents.named import File
from lcagent.errors import BudgetReached, EndpointUnavailable, LcagentError, UsageError
from lcagent.events import DocumentNotice, Event, Notice, RowKept
from lcagent.many.columns import Column, table_key
from lcagent.many.document import Source, failed_row, read_row
from lcagent.many.rows import KeptRows, Row
from lcagent.many.sources import Sources, bytes_of, listed
from lcagent.many.tables import Table, check_out, rows_in, write_table
from lcagent.memory.locks import locked
from lcagent.memory.opening import open_store
from lcagent.models.budget import Budget
from lcagent.models.serving.session import ModelSession, OpenModel
from lcagent.runs.records import Runs
from lcagent.settings import Settings

Emit = Callable[[Event], None]
_LOG = logging.getLogger(__name__)
_MOST_UNANSWERED = 8
"""Documents one after the other that a server which is there does not answer, before that concerns all."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a table is made of.

    Args:
        sources: its documents.
        columns: what each is asked.
        out: the file, whose ending says its kind.
        limit: the first so many documents; None: all.
        concurrency: documents that are read at once; None: as many as requests are in flight.
        password: for encrypted PDFs.
        retry_failed: documents that failed before are read again.
    """

    sources: Sources
    columns: tuple[Column, ...]
    out: Path
    limit: int | None = None
    concurrency: int | None = None
    password: str | None = None
    retry_failed: bool = False


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
    name = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]
    busy = UsageError(f"{wanted.out} is being written by another process", hint="wait for it to end")
    with locked(settings.data_dir, f"table-{name}", busy):
        # Open throughout: SQLite puts its files in order when the last who has them open closes them, which
        # would be after every document.
        with (
            closing(open_store(settings.place)) as store,
            await asyncio.to_thread(KeptRows, path, table_key(wanted.columns)) as kept,
        ):
            batch = _Batch(wanted, settings, session, emit, _Keeping(kept, Runs(store), len(files)))
            await batch.work(files)
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


class _Batch:
    """The work on one table."""

    def __init__(
        self,
        wanted: Wanted,
        settings: Settings,
        session: ModelSession,
        emit: Emit,
        keeping: _Keeping,
    ) -> None:
        self._wanted, self._settings, self._session = wanted, settings, session
        self._emit, self._kept, self._runs, self._total = emit, keeping.rows, keeping.runs, keeping.total
        self._budget = Budget(settings.max_calls, settings.max_tokens, settings.max_seconds)
        self._model: OpenModel | None = None
        self._slots = asyncio.Semaphore()
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
        spent = self._budget
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

    async def work(self, files: Sequence[File]) -> None:
        """Read all that has no row yet, or as far as the budget goes.

        Raises:
            LcagentError: what concerns all documents.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for file in files:
                    if self._out_of_budget:
                        break
                    await self._take(file, group)
        except ExceptionGroup as errors:  # the first one has ended the others
            raise errors.exceptions[0] from None

    async def _take(self, file: File, group: asyncio.TaskGroup) -> None:
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
            await self._open()
            await self._slots.acquire()
            if source.sha256:
                self._working[content] = asyncio.get_running_loop().create_future()
            group.create_task(self._read(source, content))

    async def _open(self) -> OpenModel:
        if self._model is None:
            self._model = await self._session.wait_open(lambda text: self._emit(Notice(text)))
            self._slots = asyncio.Semaphore(self._wanted.concurrency or self._model.at_once(self._settings))
        return self._model

    async def _copy(self, source: Source, same: asyncio.Future[Row]) -> None:
        with suppress(asyncio.CancelledError):  # the budget was reached before it was read
            await self._keep((await asyncio.shield(same)).copied(source.file.name))

    async def _read(self, source: Source, content: tuple[str, str]) -> None:
        working = self._working.get(content)
        try:
            row = await self._row(source)
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
            self._slots.release()

    async def _row(self, source: Source) -> Row:
        """A document's row.

        Raises:
            LcagentError: what concerns all documents.
        """
        name, columns = source.file.name, self._wanted.columns

        def tell(event: Event) -> None:
            if isinstance(event, Notice):
                self._emit(DocumentNotice(name, event.text))

        try:
            row = await read_row(self._settings, source, columns, self._session, self._budget, tell)
        except EndpointUnavailable as error:
            if await self._is_of_all(error):
                raise
            return failed_row(source, columns, error)
        except LcagentError:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours costs one row
            _LOG.exception("a document could not be read")
            return failed_row(source, columns, error)
        self._unanswered = 0
        return row

    async def _is_of_all(self, error: EndpointUnavailable) -> bool:
        """Whether the server has gone, or takes nothing, and not just these requests."""
        self._session.look_again()
        model = await self._open()
        self._unanswered += 1
        if type(error) is not EndpointUnavailable or self._unanswered > _MOST_UNANSWERED:
            return True
        return not await asyncio.to_thread(model.alive)

    async def _keep(self, row: Row) -> None:
        await self._kept.add(row)
        self._finished += 1
        self._failed += row.status == "failed"
        told = (self._finished, self._total, self._failed, self._budget.calls, self._budget.tokens)
        self._emit(RowKept(row.document, row.status, *told))


def _content(name: str, sha256: str) -> tuple[str, str]:
    """Equal for documents that are read alike: the ending says what a file is, where its bytes do not."""
    return sha256, Path(name).suffix.lower()
