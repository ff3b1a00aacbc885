"""Work that a command hands out, and waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from lcagent.errors import LcagentError, RunNotFound, StoreError, error_of
from lcagent.events import Emit, Notice, event_of
from lcagent.memory.rows import Rows
from lcagent.memory.served.jobs import UNFINISHED, JobRow, StoredJobs
from lcagent.memory.served.keys import OWN
from lcagent.memory.served.tables import open_served
from lcagent.memory.served.uploads import Uploads
from lcagent.place import Place
from lcagent.work.asked import Asked
from lcagent.work.missing import Missing

if TYPE_CHECKING:
    from lcagent.work.engine import Engine

LOOK = 0.5
"""Seconds between two looks at what another process does or wants."""


class Shared(NamedTuple):
    """Where work is handed out.

    Args:
        store: of what is served.
        engine: open; None where no worker gives signs of life.
    """

    store: Rows
    engine: Engine | None


@asynccontextmanager
async def shared(place: Place, emit: Emit) -> AsyncGenerator[Shared | None]:
    """Where the work of a place is handed out; None where it is files. Whether a worker is there is told.

    Args:
        place: where all is kept.
        emit: gets what there is to say.

    Raises:
        StoreError: the database cannot be reached.
    """
    if not place.url:
        yield None
        return
    from lcagent.work.engine import Engine

    engine = Engine.of(place)
    with closing(open_served(place)) as store:
        if await engine.silent_since() is not None:
            emit(Notice("no worker gives signs of life (lcagent worker): it is done in this process"))
            yield Shared(store, None)
            return
        emit(Notice("it is done by workers"))
        async with engine.open():
            yield Shared(store, engine)


async def by_worker(
    place: Place, job: str, make: Callable[[Uploads], Asked], emit: Emit
) -> dict[str, Any] | None:
    """Have a job done by a worker, and follow it; one of this id that is at work already is gone on with.

    Broken off, it is given up.

    Args:
        place: where all is kept.
        job: its id, the same for the same work.
        make: what is asked; what it uploads is named by the job's id.
        emit: gets what happens meanwhile.

    Returns:
        What came of it, as plain data; None where there is nobody who would do it.

    Raises:
        LcagentError: why nothing came of it.
    """
    async with shared(place, emit) as there:
        if there is None or there.engine is None:
            return None
        jobs, uploads = StoredJobs(there.store), Uploads(there.store)

        def begin() -> bool:
            """Keep the job; whether it was at work before."""
            with suppress(RunNotFound):
                if jobs.get(job).status in UNFINISHED:
                    return True
            ask = make(uploads).kept()
            with there.store.transaction():
                jobs.drop([job])
                jobs.put(job, ask, ask["kind"])
            return False

        def clear() -> None:
            jobs.drop([job])
            uploads.discard(uploads.passing(job))

        beginning = asyncio.create_task(asyncio.to_thread(begin))
        try:
            anew = await asyncio.shield(beginning)
            await there.engine.hand_out(OWN, job, anew=anew)
            row = await _followed(jobs, job, emit, Missing(there.engine, emit))
        finally:
            await asyncio.wait([beginning])  # nothing is put after it was given up
            with suppress(StoreError):  # the same command finds it
                await asyncio.to_thread(clear)
    if row.error is not None:
        raise error_of(row.error)
    if row.outcome is None:
        raise LcagentError("it was given up elsewhere", hint="the same command goes on from there")
    return row.outcome


async def _followed(jobs: StoredJobs, job: str, emit: Emit, missing: Missing) -> JobRow:
    """A job at its end; its events are told meanwhile, and that nobody is there who would go on with it."""
    after = 0
    while True:
        row = await asyncio.to_thread(jobs.get, job)  # before its last event
        events = await asyncio.to_thread(jobs.events, job, after)
        for seq, data in events:
            after = seq
            if (event := event_of(data)) is not None:
                emit(event)
        if row.status not in UNFINISHED:
            return row
        if not events:
            await missing.look("it waits")
        await asyncio.sleep(LOOK)
