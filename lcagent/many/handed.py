"""A table's documents read by workers: handed out as jobs, and collected by one look at all of them."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lcagent.errors import EndpointUnavailable, LcagentError, StoreError, error_of
from lcagent.events import DocumentNotice, Emit
from lcagent.many.asked import RowAsk, RowDone
from lcagent.many.columns import Column, table_key
from lcagent.many.document import Source, failed_row
from lcagent.many.here import Here
from lcagent.many.rows import Row
from lcagent.many.wanted import Wanted
from lcagent.memory.rows import Rows
from lcagent.memory.served.jobs import UNFINISHED, Standing, StoredJobs
from lcagent.memory.served.keys import OWN
from lcagent.memory.served.spending import drop_budget, set_budget
from lcagent.memory.served.uploads import Uploads
from lcagent.models.budget import Budget
from lcagent.settings import Settings
from lcagent.work.following import LOOK, shared
from lcagent.work.missing import Missing

if TYPE_CHECKING:
    from lcagent.work.engine import Engine

_LEAST = 16
"""Documents that are handed out at first; then twice as many as are being read or were since the last look,
so that no worker waits for one."""
_MOST_REFUSED = 8
"""Documents one after the other for which workers found no model, before that concerns all."""


def jobs_of(path: Path, columns: tuple[Column, ...]) -> str:
    """How the ids of a table's jobs begin.

    Args:
        path: of the file of its rows.
        columns: what is asked.
    """
    named = os.fsencode(path.absolute()) + table_key(columns).encode()
    return f"row_{hashlib.sha256(named).hexdigest()[:20]}_"


class Handed:
    """What is handed out of one table.

    Args:
        begins: how the ids of its jobs begin.
        store: of what is served.
    """

    def __init__(self, begins: str, store: Rows) -> None:
        self.begins, self._store = begins, store
        self._jobs, self._uploads = StoredJobs(store), Uploads(store)

    def clear(self) -> None:
        """Give up and delete all that is there of it: jobs, bytes, budget."""
        self._jobs.drop([*self._jobs.asked(self.begins)])
        self._uploads.discard(self._uploads.passing(self.begins))
        drop_budget(self._store, self.begins)

    def put(self, job: str, source: Source, ask: RowAsk) -> str:
        """Keep a job and the bytes that it reads; one of that name goes.

        Returns:
            The upload that holds them.
        """
        assert source.file.path is not None
        upload = self._uploads.pass_on(source.file.path, job)
        told = ask.model_copy(update={"file": upload}).kept()
        with self._store.transaction():
            self._jobs.drop([job])
            self._jobs.put(job, told, ask.kind)
        return upload

    def there(self) -> dict[str, str]:
        """The jobs of an earlier command that can be gone on with, and their uploads; others are deleted."""
        uploads = {job: ask["file"] for job, ask in self._jobs.asked(self.begins).items()}
        stands = self._jobs.standing(self.begins)
        gone = [one.id for one in stands if one.status not in {*UNFINISHED, "finished"}]
        self.drop({job: uploads.pop(job) for job in gone})
        return uploads

    def drop(self, uploads: dict[str, str]) -> None:
        """Delete jobs with what they read."""
        self._jobs.drop([*uploads])
        self._uploads.discard([*uploads.values()])

    def look(self) -> dict[str, Standing]:
        """How far all of them are."""
        return {one.id: one for one in self._jobs.standing(self.begins)}


class Workers:
    """Has workers read documents.

    Args:
        engine: hands out, open.
        handed: what is handed out.
        ask: what is asked of each document, but for the document.
        here: tells why a document is none that can be handed out.
        budget: of all together, as far as it is spent.
        emit: gets what happens meanwhile.
        most: documents that are handed out at once; None: as many as keep the workers busy.
    """

    def __init__(
        self,
        engine: Engine,
        handed: Handed,
        ask: RowAsk,
        here: Here,
        budget: Budget,
        emit: Emit,
        most: int | None,
    ) -> None:
        self._engine, self._handed, self._ask, self._here = engine, handed, ask, here
        self._budget, self._emit, self._fixed = budget, emit, most
        self._most = most or _LEAST
        self._uploads: dict[str, str] = {}
        self._before: set[str] = set()
        self._waiting: dict[str, asyncio.Future[Standing | None]] = {}
        self._over: dict[str, str] = {}
        self._out = self._refused = 0
        self._missing = Missing(engine, emit)
        self._room = asyncio.Event()

    async def find(self) -> None:
        """Find what an earlier command has handed out."""
        self._uploads = await asyncio.to_thread(self._handed.there)
        self._before = {*self._uploads}

    async def begin(self) -> None:
        """Wait until one more document may be handed out."""
        while self._out >= self._most:
            self._room.clear()
            await self._room.wait()
        self._out += 1

    async def row(self, source: Source) -> Row:
        """A document's row.

        Raises:
            LcagentError: what concerns all documents.
        """
        left = self._budget.seconds_left()
        if left is not None and left <= 0:
            raise self._budget.time_is_up()
        clock = asyncio.timeout(left)
        try:
            async with clock:
                return await self._row(self._named(source), source)
        except OSError:  # it is no file, or cannot be opened
            if clock.expired():
                raise self._budget.time_is_up() from None
            return await self._here.row(source)

    async def _row(self, job: str, source: Source) -> Row:
        while True:
            stands = await self._ended(job, source)
            if stands is not None and stands.outcome is not None:
                self._refused = 0
                done = RowDone.model_validate(stands.outcome)
                for text in done.notices:
                    self._emit(DocumentNotice(source.file.name, text))
                self._budget.spend(done.row.tokens, 0, done.row.calls)
                return done.row
            if stands is not None:
                assert stands.error is not None
                error = error_of(stands.error)
                if type(error) is LcagentError:  # it took its workers down, or the worker is at fault
                    return failed_row(source, self._ask.columns, error)
                self._refused += 1
                if not isinstance(error, EndpointUnavailable) or self._refused > _MOST_REFUSED:
                    raise error
            del self._uploads[job]  # it is handed out again: another worker may have a model

    async def _ended(self, job: str, source: Source) -> Standing | None:
        """How a job has ended that is handed out here, or was before; None: it is not there any more."""
        if job not in self._uploads:
            ask = self._ask.model_copy(update={"document": source.file.name, "sha256": source.sha256})
            putting = asyncio.create_task(asyncio.to_thread(self._handed.put, job, source, ask))
            try:
                self._uploads[job] = await asyncio.shield(putting)
            finally:
                await asyncio.wait([putting])  # nothing is put after all was given up
            await self._engine.hand_out(OWN, job, party=self._handed.begins)
        elif job in self._before:
            await self._engine.hand_out(OWN, job, party=self._handed.begins, anew=True)
        self._before.discard(job)
        ended = self._waiting[job] = asyncio.get_running_loop().create_future()
        try:
            return await ended
        finally:
            del self._waiting[job]

    def end(self, source: Source) -> None:
        """A document's row is kept, or there is none: its job goes with the next look."""
        job = self._named(source)
        if (upload := self._uploads.pop(job, None)) is not None:
            self._over[job] = upload
        self._out -= 1
        self._room.set()

    async def look(self) -> None:
        """Look at all that is handed out, until this is cancelled.

        Raises:
            StoreError: the database is away.
        """
        while True:
            await asyncio.sleep(LOOK)
            waiting, over, self._over = dict(self._waiting), self._over, {}
            stands = await asyncio.to_thread(self._looked, over)
            ended = running = 0
            for job, future in waiting.items():
                one = stands.get(job)
                if one is not None and one.status in UNFINISHED:
                    running += one.status == "running"
                elif not future.done():
                    ended += 1
                    future.set_result(None if one is None or one.status == "cancelled" else one)
            if waiting and not ended:
                await self._missing.look(
                    "1 document waits" if len(waiting) == 1 else f"{len(waiting):,} documents wait"
                )
            self._most = self._fixed or max(_LEAST, 2 * (running + ended))
            self._room.set()

    def _looked(self, over: dict[str, str]) -> dict[str, Standing]:
        if over:
            self._handed.drop(over)
        return self._handed.look()

    def _named(self, source: Source) -> str:
        named = f"{source.file.name}\0{source.sha256}".encode()
        return self._handed.begins + hashlib.sha256(named).hexdigest()[:32]


@asynccontextmanager
async def workers(
    wanted: Wanted, settings: Settings, here: Here, budget: Budget, emit: Emit
) -> AsyncGenerator[Workers | None]:
    """Those who read a table's documents; None where the store is not shared, or nobody gives signs of life.

    Left, all is given up that is handed out.

    Args:
        wanted: the table.
        settings: how documents are read, and where all is kept.
        here: how they would be read in this process.
        budget: of all together.
        emit: gets what happens meanwhile.

    Raises:
        StoreError: the database cannot be reached.
    """
    async with shared(settings.place, emit) as there:
        if there is None:
            yield None
            return
        handed = Handed(jobs_of(wanted.out, wanted.columns), there.store)
        if there.engine is None:
            await asyncio.to_thread(handed.clear)
            yield None
            return
        limited = budget.max_calls is not None or budget.max_tokens is not None
        if limited:
            set_budget(there.store, handed.begins, budget)
        ask = RowAsk(
            document="",
            file="",
            sha256="",
            password=wanted.password,
            columns=wanted.columns,
            how=settings.how(),
            budget=(handed.begins, budget.max_tokens) if limited else None,
        )
        try:
            async with asyncio.TaskGroup() as group:
                made = Workers(there.engine, handed, ask, here, budget, emit, wanted.concurrency)
                await made.find()
                looking = group.create_task(made.look())
                yield made
                looking.cancel()
        except ExceptionGroup as errors:  # the first one has ended the others
            raise errors.exceptions[0] from None
        finally:
            with suppress(StoreError):  # the same command finds it, and goes on with it or deletes it
                await asyncio.to_thread(handed.clear)
