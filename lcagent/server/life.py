"""The life of a job in this process: its turn, its places, what it tells, how it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, aclosing, closing, contextmanager, nullcontext
from weakref import WeakValueDictionary

from lcagent.answer import Answer
from lcagent.errors import LcagentError, NewerVersion, RunBusy, StoreDamaged, StoreError
from lcagent.events import Event, Finished, Replied, RunStarted, as_data
from lcagent.memory.aside import unbroken
from lcagent.memory.served.jobs import JobStatus, StoredJobs
from lcagent.memory.served.tables import open_served
from lcagent.models.limit import ON_BEHALF, Limit
from lcagent.server.came import Came, tokens_of
from lcagent.server.faults import said_of
from lcagent.server.job import AnyJob
from lcagent.server.opened import Opened
from lcagent.server.tenants import Tenant, Tenants
from lcagent.server.working import work
from lcagent.work.following import LOOK

LOG = logging.getLogger("lcagent.server")


class Lost(RunBusy):
    """Another process works on a job by now: this one was thought dead."""


@contextmanager
def owned(tenant: Tenant, job: str) -> Generator[StoredJobs]:
    """The right to work on a kept job, and where it is kept: several processes may serve one folder.

    A store of its own, as the tenant's is everybody's: what is written in it by who has lost the right fails.

    Raises:
        RunBusy: another process has it.
    """
    busy = Lost(f"run {job} is worked on elsewhere", hint="ask how far it is")
    with closing(open_served(tenant.settings.place)) as store, store.locked(job, busy):
        yield StoredJobs(store)


class Life:
    """What becomes of jobs that are worked on here.

    Args:
        tenants: whose they are.
        opened: their documents.
        running: at once.
        of_one: at once of one tenant.
        ended: called with the status of a job that ended, and what came of it.
    """

    def __init__(
        self,
        tenants: Tenants,
        opened: Opened,
        running: int,
        of_one: int,
        ended: Callable[[str, Came | None], None],
    ) -> None:
        self._tenants, self._opened, self._of_one, self._ended = tenants, opened, of_one, ended
        self._places = Limit(running)
        self._own_places: dict[str, Limit] = {}
        self._turns: WeakValueDictionary[tuple[str, str], Limit] = WeakValueDictionary()

    async def of(self, job: AnyJob) -> None:
        """A job's life, to its end; or until it is left to another process."""
        ON_BEHALF.set(job.tenant.name)
        try:
            await self._worked(job)
        except Lost:
            LOG.warning("run %s was taken over by another process", job.id)
            job.left = True
        except StoreError as error:  # of a server that was away: nothing more can be written of it now
            LOG.warning("run %s is left for now: %s", job.id, error.message)
            job.left = True
        except NewerVersion as error:
            job.left, job.error = True, error

    async def _worked(self, job: AnyJob) -> None:
        own = self._own_places.setdefault(job.tenant.name, Limit(self._of_one))
        try:
            async with self._turn(job), own, self._places:
                job.status = "running"
                if job.rows is not None:
                    await job.tenant.aside(job.rows.set, job.id, "running")
                await self._opened.ensure(job.tenant, job.ask.opens)
                while not await self._done(job):  # noqa: ASYNC110 - another process is waited for
                    await asyncio.sleep(LOOK)
            await self.end(job, "finished")
        except Lost:
            raise
        except LcagentError as error:
            # A server that is gone comes back, and the reading then goes on; a full disk here does not.
            away = isinstance(error, StoreError) and not isinstance(error, StoreDamaged)
            if away and job.kept and job.tenant.settings.place.url:
                raise
            if isinstance(error, NewerVersion) and job.kept:  # others know how to do it
                raise
            job.error = error
            await self.end(job, "failed")
        except asyncio.CancelledError:
            if not job.left:
                await self.end(job, "cancelled")
            raise
        except Exception:
            LOG.exception("run %s failed", job.id)
            job.error = LcagentError("something went wrong in the server", hint="its log says what")
            await self.end(job, "failed")

    async def _done(self, job: AnyJob) -> bool:
        """Do it; not while somebody holds its run who was at it before, and is thought dead.

        Raises:
            LcagentError: any of the tree.
        """
        try:
            async with aclosing(work(job.ask, job.tenant, job.id, job.created)) as events:
                async for event in events:
                    await self._tell(job, event)
        except Lost:
            raise
        except RunBusy:
            if not job.kept:
                raise
            return False
        return True

    def _turn(self, job: AnyJob) -> AbstractAsyncContextManager[None]:
        """The turn of what is done one after the other, in the order in which it came; it takes no place."""
        if job.ask.turn is None:
            return nullcontext()
        return self._turns.setdefault((job.tenant.name, job.ask.turn), Limit(1))

    async def _tell(self, job: AnyJob, event: Event | Came) -> None:
        if not isinstance(event, Event):
            job.outcome = event
            job.run = event.run_id if isinstance(event, Answer) else job.run
            return
        if isinstance(event, RunStarted):
            job.run = event.run_id
            if job.rows is not None:
                await job.tenant.aside(job.rows.reads, job.id, event.run_id)
        if isinstance(event, Finished | Replied):
            job.last = as_data(event)
            return
        await job.tell(as_data(event))

    async def end(self, job: AnyJob, status: JobStatus) -> None:
        """Note that a job has ended, however often this is cancelled meanwhile.

        Args:
            job: which.
            status: how.
        """
        await unbroken(self._end(job, status))

    async def _end(self, job: AnyJob, status: JobStatus) -> None:
        error, last = None, job.last
        if job.error is not None:
            message, hint = said_of(job.error, str(job.tenant.folder))
            error = {"code": job.error.code, "message": message, "hint": hint}
            last = {"type": "error", "error": error}
        elif status == "cancelled":
            last = {"type": "cancelled"}
        await job.end(status, last, error)
        self._ended(status, job.outcome)
        if job.outcome is not None:
            await self._tenants.spend(job.tenant.name, job.id, tokens_of(job.outcome))
