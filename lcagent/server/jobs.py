"""Jobs: what is asked is worked on apart from who asked, within what a tenant may use."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import AsyncExitStack, aclosing, contextmanager, suppress
from functools import partial
from typing import Any

from lcagent.errors import LcagentError, LimitReached, NewerVersion, RunBusy, StoreAway, StoreError
from lcagent.memory.aside import within
from lcagent.memory.served.jobs import UNFINISHED, JobRow, StoredJobs, waiting_in
from lcagent.server.asks import AnyAsk, Ask, ask_of
from lcagent.server.came import Came
from lcagent.server.crew import Crew
from lcagent.server.job import AnyJob, Elsewhere, Question
from lcagent.server.life import Life, owned
from lcagent.server.opened import Opened
from lcagent.server.options import Limits
from lcagent.server.tenants import Tenant, Tenants
from lcagent.server.told import waiting
from lcagent.server.unwanted import Unwanted
from lcagent.work.asked import Asked
from lcagent.work.following import LOOK

LOG = logging.getLogger("lcagent.server")
_PATIENCE = 10.0
"""Seconds for which another process is waited for that is to give a run up."""


class Jobs:
    """All jobs of a server, within its limits; tenants take turns.

    Args:
        tenants: whose they are.
        opened: their documents.
        running: at once.
        limits: of one tenant.
        crew: does what is kept; None: it is done here.
        ended: called with the status of a job that ended, and what came of it.
    """

    def __init__(
        self,
        tenants: Tenants,
        opened: Opened,
        running: int,
        limits: Limits,
        *,
        crew: Crew | None = None,
        ended: Callable[[str, Came | None], None] = lambda _status, _outcome: None,
    ) -> None:
        self._tenants, self._limits, self._crew = tenants, limits, crew
        self._life = Life(tenants, opened, running, limits.running, ended)
        self._live: dict[tuple[str, str], AnyJob] = {}
        self._unwanted = Unwanted(self._live)
        self._counts: Counter[str] = Counter()
        self._followers: Counter[str] = Counter()
        self._leaving: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def live(self) -> int:
        """How many are worked on or wait here."""
        return len(self._live)

    async def handed(self) -> int:
        """How many are worked on or wait at workers.

        Raises:
            StoreError: they cannot be counted.
        """
        if self._crew is None:
            return 0
        every = await self._tenants.every()
        return await every[0].aside(waiting_in, [one.store for one in every])

    @property
    def no_worker_since(self) -> float | None:
        """Since when there is none of the workers that do what is kept (`Crew.silent_since`); None: one is
        there, or none is needed."""
        return None if self._crew is None else self._crew.silent_since

    async def start(self, tenant: Tenant, ask: Ask, *, kept: bool) -> Question:
        """Begin with what is asked.

        Args:
            tenant: who asks.
            ask: what.
            kept: go on whoever leaves.

        Raises:
            LimitReached: as many wait already as may, or today's tokens are used up.
            NotFound: a file is not there.
        """
        handed = await tenant.aside(self._looked, tenant, ask)
        self._check(tenant, handed)
        id = f"run_{secrets.token_hex(12)}"
        if not kept:
            return self._begin(Question(id, tenant, ask, kept))
        with self._coming(tenant):
            if self._crew is not None:
                await tenant.aside(tenant.jobs.put, id, ask.kept())
                await self._hand_out(tenant, id, ask)
                return Elsewhere(id, tenant, ask, kept, looked=partial(self._followed, tenant, id))
            async with AsyncExitStack() as held:  # first, so that no other process takes it for left
                rows = await held.enter_async_context(within(tenant.store.place, owned(tenant, id)))
                await tenant.aside(rows.put, id, ask.kept())
                return self._begin(Question(id, tenant, ask, kept, rows), held.pop_all())

    async def resume(self, tenants: Iterable[Tenant]) -> int:
        """Go on with what a process left that is no more; how many there are.

        What this version does not know is left to a newer one.
        """
        left = [(one, row) for one in tenants for row in await one.aside(one.jobs.unfinished)]
        resumed = 0
        for tenant, row in left:
            try:
                if self._crew is None:
                    resumed += await self._take_up(tenant, row.id) is not None
                else:
                    await self._hand_out(tenant, row.id, ask_of(row), anew=True)
                    resumed += 1
            except NewerVersion as error:
                LOG.warning("%s", error.message)
        return resumed

    async def _hand_out(self, tenant: Tenant, job: str, ask: AnyAsk, *, anew: bool = False) -> None:
        assert self._crew is not None
        turn = None if ask.turn is None else f"{tenant.name}/{ask.turn}"
        await self._crew.engine.hand_out(tenant.name, job, turn=turn, anew=anew, format=ask.format)

    async def take(self, tenant: Tenant, id: str) -> None:
        """Do a job that was handed out, to its end; one that somebody still holds is waited for.

        Cancelled, it is left to whoever takes it next.

        Raises:
            RunNotFound: this tenant has none of this id.
            NewerVersion: this version does not know how.
        """
        while True:
            try:
                if (await tenant.aside(tenant.jobs.get, id)).status not in UNFINISHED:
                    return
                job = await self._take_up(tenant, id)
            except StoreError as error:  # a server that is gone comes back
                LOG.warning("run %s: %s", id, error.message)
                job = None
            if job is None or job.task is None:
                await asyncio.sleep(LOOK)
                continue
            try:
                await asyncio.wait([job.task])
            except asyncio.CancelledError:
                job.left = True
                job.task.cancel()
                await asyncio.wait([job.task])
                raise
            if isinstance(job.error, NewerVersion) and job.left:
                raise job.error

    async def lose(self, tenant: Tenant, id: str) -> None:
        """Give up a job whose workers died of it, or so it seems.

        Raises:
            RunNotFound: this tenant has none of this id.
        """
        row = await tenant.aside(tenant.jobs.get, id)
        if row.status in UNFINISHED:
            error = LcagentError("the workers that took it ended without a word", hint="their log says why")
            # Whatever was asked.
            job = AnyJob(id, tenant, Asked(), kept=True, rows=tenant.jobs, error=error)
            job.events = await tenant.aside(tenant.jobs.events, id)
            await self._life.end(job, "failed")

    def find(self, tenant: Tenant, job: str) -> AnyJob | None:
        """One that is worked on."""
        return self._live.get((tenant.name, job))

    async def follow(
        self, tenant: Tenant, job: str, after: int = 0
    ) -> AsyncGenerator[tuple[int, dict[str, Any]]]:
        """Events of one after a number, to the last.

        That it waits for a worker, and none is there, is told among them and kept nowhere: with the number of
        the event before it.

        Raises:
            RunNotFound: this tenant has none of this id.
        """
        self._followers[tenant.name] += 1
        try:
            async with aclosing(self._followed(tenant, job, after)) as events:
                async for event in events:
                    yield event
        finally:
            self._followers[tenant.name] -= 1

    async def _followed(
        self, tenant: Tenant, job: str, after: int
    ) -> AsyncGenerator[tuple[int, dict[str, Any]]]:
        away, missed = False, None
        while True:
            ended, told = False, list[tuple[int, dict[str, Any]]]()
            try:
                live = self.find(tenant, job)
                if live is None and self._crew is None:
                    live = await self._take_up(tenant, job)
                if live is not None:
                    async with aclosing(live.follow(after)) as events:
                        async for event in events:
                            after = event[0]
                            yield event
                    if not live.left:
                        return
                    if isinstance(live.error, NewerVersion):
                        raise live.error
                ended, told = await tenant.aside(self._stands, tenant, job, after)
                away = False
            except StoreAway as error:  # it is followed on when it can be seen again
                if not away:
                    LOG.warning("run %s cannot be followed now: %s", job, error.message)
                away = True
            for event in told:
                after = event[0]
                yield event
            if ended or self._closing:
                return
            if (now := self.no_worker_since) != missed:
                missed = now
                yield after, waiting(now)
            await asyncio.sleep(LOOK)

    @staticmethod
    def _stands(tenant: Tenant, job: str, after: int) -> tuple[bool, list[tuple[int, dict[str, Any]]]]:
        """Whether a job has ended, and its events after a number."""
        ended = tenant.jobs.get(job).status not in UNFINISHED  # before its last event
        return ended, tenant.jobs.events(job, after)

    def check_followers(self, tenant: Tenant) -> None:
        """Whether one more may look on.

        Raises:
            LimitReached: as many do as may.
        """
        if self._followers[tenant.name] >= self._limits.followers:
            raise LimitReached(
                f"{self._limits.followers:,} connections look on already", hint="close some of them"
            )

    async def cancel(self, tenant: Tenant, job: str) -> None:
        """Give one up: its model calls are cancelled when this returns; one that has ended stays as it is.

        Of one that another process works on that process is told, and waited for; if it does not stir for
        10 s, this returns all the same.

        Raises:
            RunNotFound: this tenant has none of this id.
        """
        live = self.find(tenant, job)
        if live is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await self._given_up_elsewhere(tenant, job)
            return
        assert live.task is not None
        live.task.cancel()
        await asyncio.gather(live.task, return_exceptions=True)

    async def _given_up_elsewhere(self, tenant: Tenant, job: str) -> None:
        """Have one given up by whoever works on it, and wait until it is.

        Raises:
            RunNotFound: this tenant has none of this id.
        """
        await tenant.aside(tenant.jobs.give_up, job)
        while True:
            await self._take_up(tenant, job)  # where nobody works on it, it ends there
            if (await tenant.aside(tenant.jobs.get, job)).status not in UNFINISHED:
                return
            await asyncio.sleep(LOOK)

    async def close(self) -> None:
        """Stop; what is kept is gone on with by the next server."""
        self._closing = True
        await self._unwanted.close()
        tasks = [job.task for job in self._live.values() if job.task is not None]
        for job in self._live.values():
            job.left = job.left or job.kept
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*self._leaving, return_exceptions=True)

    def _looked(self, tenant: Tenant, ask: Ask) -> int:
        """How many wait at workers; files are there, and today's tokens are not used up."""
        for file in ask.files:
            tenant.uploads.get(file)
        self._check_spent(tenant)
        return 0 if self._crew is None else tenant.runs.waiting()

    def _check(self, tenant: Tenant, handed: int) -> None:
        limits = self._limits
        if self._counts[tenant.name] + handed >= limits.running + limits.waiting:
            raise LimitReached(
                f"{limits.waiting:,} questions wait already", hint="ask again when some are answered"
            )

    def _check_spent(self, tenant: Tenant) -> None:
        limits = self._limits
        if limits.tokens_a_day is not None and self._tenants.keys.spent(tenant.name) >= limits.tokens_a_day:
            error = LimitReached(
                f"today's {limits.tokens_a_day:,} tokens are used up", hint="the day ends at midnight, UTC"
            )
            error.retry_after = 86_400 - time.time() % 86_400
            raise error

    @contextmanager
    def _coming(self, tenant: Tenant) -> Generator[None]:
        """One more counts, before it is begun: others come while it is kept."""
        self._counts[tenant.name] += 1
        try:
            yield
        finally:
            self._counts[tenant.name] -= 1

    async def _take_up(self, tenant: Tenant, id: str) -> AnyJob | None:
        """Go on with one that is left; None where it has ended, is given up, or somebody works on it.

        Raises:
            RunNotFound: this tenant has none of this id.
        """
        if self._closing or (await tenant.aside(tenant.jobs.get, id)).status not in UNFINISHED:
            return None
        async with AsyncExitStack() as held:
            try:
                rows = await held.enter_async_context(within(tenant.store.place, owned(tenant, id)))
            except RunBusy:
                return None
            row, events = await tenant.aside(_left, rows, id)
            if row is None or self._closing:
                return None
            ask = ask_of(row).again()
            job = AnyJob(row.id, tenant, ask, kept=True, rows=rows, created=row.created, run=row.run)
            job.events = events
            return self._begin(job, held.pop_all())

    def _begin(self, job: AnyJob, held: AsyncExitStack | None = None) -> AnyJob:
        self._live[job.tenant.name, job.id] = job
        self._counts[job.tenant.name] += 1
        if job.kept:
            self._unwanted.watch()
        job.task = asyncio.create_task(self._lived(job), name=job.id)
        if held is not None:
            job.task.add_done_callback(lambda _: self._leave(held))
        return job

    def _leave(self, held: AsyncExitStack) -> None:
        """Give the right to work on a job back."""
        leaving = asyncio.create_task(held.aclose())
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _lived(self, job: AnyJob) -> None:
        try:
            await self._life.of(job)
        finally:
            del self._live[job.tenant.name, job.id]
            self._counts[job.tenant.name] -= 1
            job.wake()


def _left(rows: StoredJobs, id: str) -> tuple[JobRow | None, list[tuple[int, dict[str, Any]]]]:
    """A job that nobody works on, and what was told of it; none where it has ended, or is to be given up, and
    then it ends here."""
    row, events = rows.get(id), rows.events(id)
    if row.status not in UNFINISHED:  # it may have ended meanwhile
        return None, events
    if row.unwanted:
        last = max((seq for seq, _ in events), default=0)
        rows.end(id, "cancelled", (last + 1, {"type": "cancelled"}), outcome=None, error=None)
        return None, events
    return row, events
