"""Jobs that any worker may take: handed out, taken by turns of tenants, given to another when a worker dies.

All of it is procrastinate's (docs/design/0035-work-engine.md), on the PostgreSQL that the store lies in. Ours
are four things that it leaves open: a worker that was thought dead cannot end its successor's job, somebody
looks for jobs of dead workers, it is said whose job comes next, and no worker takes what only newer ones can
do (docs/design/0042-side-by-side.md).
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

from procrastinate import App, BaseConnector, PsycopgConnector, RetryStrategy
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from procrastinate.retry import RetryDecision
from psycopg import OperationalError

from lcagent.errors import LcagentError, NewerVersion, StoreAway
from lcagent.memory.postgres.silence import LIVELY, AsyncConnection
from lcagent.place import Place
from lcagent.work.asked import FORMATS
from lcagent.work.tables import made, queue_of

LOG = logging.getLogger("lcagent.work")
TASK = "lcagent"
_AGAIN = 5.0
"""Seconds that what is cancelled has to put its jobs back, before it is cancelled once more."""
Handler = Callable[[str, str], Awaitable[None]]
"""Does a job of a tenant; both by name."""


@dataclass(frozen=True, slots=True)
class Beats:
    """How it is told that a worker is dead.

    Args:
        every: seconds between two signs of life.
        dead: seconds without one after which its jobs are given to others.
        poll: seconds between two looks for work where nobody is woken (behind PgBouncer nobody is).
        attempts: times that a job is begun, as its workers die or are told to end, before it is given up.
        later: seconds for which a job is left to others that a worker does not know how to do.
    """

    every: float = 10.0
    dead: float = 30.0
    poll: float = 5.0
    attempts: int = 20
    later: float = 60.0


class _Retry(RetryStrategy):
    """As the library has it; but what a worker does not know how to do is left to others for a while.

    Args:
        beats: how long, and how often else.
        unknown: gets the ids of such jobs.
    """

    def __init__(self, beats: Beats, unknown: set[int]) -> None:
        # A job whose worker is told to end is put back as one that failed is.
        super().__init__(max_attempts=beats.attempts, wait=1)
        self._later, self._unknown = beats.later, unknown

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """See there."""
        if isinstance(exception, NewerVersion) and job.id is not None:
            self._unknown.add(job.id)
            return RetryDecision(retry_at=datetime.now(UTC) + timedelta(seconds=self._later))
        return super().get_retry_decision(exception=exception, job=job)


class _Fenced(JobManager):
    """Whoever lost a job cannot end it: the library's own statements ask for its status alone.

    Args:
        connector: to its database.
        unknown: the ids of jobs that are not begun by who puts them back.
    """

    def __init__(self, connector: BaseConnector, unknown: set[int]) -> None:
        super().__init__(connector)
        self._unknown = unknown

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """End a job, if this worker holds it."""
        await self._own(
            job,
            "procrastinate_finish_job_v1(id, %(status)s::procrastinate_job_status, %(delete)s)",
            status=status.value,
            delete=delete_job,
        )

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Put a job back, if this worker holds it."""
        try:
            await self._own(
                job,
                "procrastinate_retry_job_v2(id, coalesce(%(retry_at)s::timestamptz, now()),"
                " %(priority)s::int, %(queue)s::varchar, %(lock)s::varchar)",
                retry_at=retry_at,
                priority=priority,
                queue=queue,
                lock=lock,
            )
            if job.id in self._unknown:
                self._unknown.discard(job.id)
                await self.connector.execute_query_async(
                    "UPDATE procrastinate_jobs SET attempts = %(attempts)s"
                    " WHERE id = %(id)s AND status = 'todo'",
                    id=job.id,
                    attempts=job.attempts,
                )
        except UniqueViolation:  # it was handed out anew meanwhile, and waits
            await self.finish_job(job, Status.ABORTED, True)

    async def _own(self, job: Job, call: LiteralString, **values: Any) -> None:
        # Pruning a worker that gave no sign takes its id out of its jobs: those, too, are nobody's else.
        rows = await self.connector.execute_query_all_async(
            f"SELECT {call} FROM (SELECT id FROM procrastinate_jobs WHERE id = %(id)s AND status = 'doing'"  # noqa: S608 - ours
            " AND worker_id IS NOT DISTINCT FROM %(worker)s::bigint AND attempts = %(attempts)s"
            " FOR UPDATE) held",
            id=job.id,
            worker=job.worker_id,
            attempts=job.attempts,
            **values,
        )
        if not rows:
            LOG.warning("job %s was given to another worker meanwhile", job.id)


_NEXT = (
    "SELECT 1 + greatest("
    " (SELECT coalesce(-min(priority), 0) FROM procrastinate_jobs WHERE queue_name = ANY(%(queues)s)"
    "  AND status = 'doing'),"
    " (SELECT coalesce(-min(priority), 0) FROM procrastinate_jobs WHERE queue_name = ANY(%(queues)s)"
    "  AND status IN ('todo', 'doing') AND args->>'party' = %(party)s)) AS tag"
)
"""Start-time fair queueing (Goyal, Vin and Cheng 1996): a job's tag is one more than that of what runs, and
than its party's own last. Lower tags go first, so that parties take turns, whoever has more waiting."""
_SIGNS = (
    "SELECT extract(epoch FROM served)::float8,"
    " EXISTS (SELECT 1 FROM procrastinate_workers"
    "  WHERE least(served, last_heartbeat) > now() - make_interval(secs => %(dead)s))"
    " FROM lcagent_work_queues WHERE name = %(newest)s"
)
"""The library notes of its workers that they live, not whose work they take: that is noted beside it."""
_THERE = "SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = %(named)s AND status IN ('todo', 'doing')"


def _options() -> dict[str, Any]:
    # Prepared statements are a session's, and behind PgBouncer a transaction has any session.
    return {"prepare_threshold": None, **LIVELY}


class _Brief(AsyncConnection):
    """Of the engine's statements none takes long, and its signs of life have to be given in time."""

    silent = 10.0


class Engine:
    """Hands jobs out, and takes them.

    Args:
        url: of the database: `postgresql://…`.
        beats: when a worker is dead.
        queue: whose work it is, where several share the database.
    """

    def __init__(self, url: str, beats: Beats | None = None, *, queue: str = TASK) -> None:
        self._url, self._beats, self._queue = url, beats or Beats(), queue
        # That of before formats had numbers is of the name alone, and whoever dies of then left jobs there.
        self._queues = [queue, *(queue_of(queue, format) for format in FORMATS)]
        connector = PsycopgConnector(
            conninfo=url,
            connection_class=_Brief,
            kwargs=_options(),
            min_size=1,
            max_size=4,
            reconnect_timeout=self._beats.dead,  # its pauses between attempts double for as long as this
        )
        self._app = App(connector=connector)
        unknown: set[int] = set()
        self._app.job_manager = _Fenced(self._app.connector, unknown)
        self._handler: Handler | None = None
        self._app.task(name=TASK, queue=queue, retry=_Retry(self._beats, unknown))(self._done)

    @classmethod
    def of(cls, place: Place, beats: Beats | None = None) -> Engine:
        """What hands out the work of a place.

        Args:
            place: in a PostgreSQL.
            beats: when a worker is dead.
        """
        return cls(place.server, beats, queue=f"{TASK} {place.name}".strip())

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Be connected; the engine's tables are made where there are none.

        Raises:
            StoreError: the database cannot be reached.
        """
        try:
            async with self._app.open_async():
                async with await self._connected() as database:
                    await made(database, self._app.schema_manager.get_schema(), self._queues[:2])
                yield
        except (ConnectorException, OperationalError) as error:
            raise _away(error) from error

    @property
    def pause(self) -> float:
        """Seconds between two looks for signs of life."""
        return self._beats.dead / 3

    async def silent_since(self) -> float | None:
        """Since when no worker has given a sign of life; only those count that do all that this version does.

        Nothing has to be open for it.

        Returns:
            Seconds since 1970, 0 where none ever has; None: one gives them.

        Raises:
            StoreError: the database cannot be reached.
        """
        try:
            async with await self._connected() as database:
                there = await database.execute("SELECT to_regclass('lcagent_work_queues') IS NOT NULL")
                if await there.fetchone() != (True,):
                    return 0.0
                values = {"newest": self._queues[-1], "dead": self._beats.dead}
                last, served = await (await database.execute(_SIGNS, values)).fetchone() or (0.0, False)
                return None if served else last
        except OperationalError as error:
            raise _away(error) from error

    async def hand_out(
        self,
        tenant: str,
        job: str,
        *,
        turn: str | None = None,
        anew: bool = False,
        party: str = "",
        format: int = FORMATS[0],
    ) -> None:
        """Have a job done by whichever worker is free; one that waits already is not handed out twice.

        Args:
            tenant: whose it is.
            job: its id.
            turn: names what is done one job after the other, in the order in which they are handed out.
            anew: it may be at a worker already, and is then left there.
            party: among whom workers' places are shared out; else tenants.
            format: the least that a worker has to know (`lcagent.work.asked`).

        Raises:
            StoreError: the database cannot be reached.
        """
        named = f"{self._queue}/{tenant}/{job}"
        try:
            if anew and await self._app.connector.execute_query_all_async(_THERE, named=named):
                return
            party = party or tenant
            (row,) = await self._app.connector.execute_query_all_async(
                _NEXT, queues=self._queues, party=party
            )
            deferrer = self._app.configure_task(
                TASK,
                queue=queue_of(self._queue, format),
                priority=-row["tag"],
                lock=None if turn is None else f"{self._queue}/{turn}",
                queueing_lock=named,
            )
            with suppress(AlreadyEnqueued):
                await deferrer.defer_async(tenant=tenant, job=job, party=party)
        except ConnectorException as error:
            raise _away(error) from error

    async def work(self, handler: Handler, lost: Handler, *, places: int) -> None:
        """Take jobs until this is cancelled; a database that is away is waited for.

        Cancelled, the jobs at hand are cancelled too, and put back at once.

        Args:
            handler: does one.
            lost: told of one that has taken down as many workers as it may.
            places: jobs at once.
        """
        self._handler = handler
        name = f"{socket.gethostname()}:{os.getpid()}"
        this = asyncio.current_task()
        assert this is not None
        while not this.cancelling():
            try:
                async with asyncio.TaskGroup() as beside:
                    taking = self._app.run_worker_async(
                        queues=self._queues[1:],
                        concurrency=places,
                        name=name,
                        fetch_job_polling_interval=self._beats.poll,
                        shutdown_graceful_timeout=0,
                        delete_jobs="always",  # what came of them is kept elsewhere
                        update_heartbeat_interval=self._beats.every,
                        stalled_worker_timeout=self._beats.dead,
                        install_signal_handlers=False,
                    )
                    tasks = {beside.create_task(taking), beside.create_task(self._rescue(lost))}
                    try:
                        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        await _cancelled(tasks)
            except* ConnectorException as gone:
                LOG.warning("the database is away: %s", gone.exceptions[0].__cause__ or gone.exceptions[0])
            await asyncio.sleep(min(1.0, self._beats.poll))
        raise asyncio.CancelledError  # in place of which came that the database is away

    async def _connected(self) -> AsyncConnection:
        return await AsyncConnection.connect(self._url, **_options())

    async def _done(self, tenant: str, job: str, party: str = "") -> None:  # of an older version: no party
        assert self._handler is not None
        await self._handler(tenant, job)

    async def _rescue(self, lost: Handler) -> None:
        """Give the jobs of dead workers to others, and note that this queue has a worker. Beside the worker:
        as a job it would wait for a place."""
        manager = self._app.job_manager
        while True:
            await self._app.connector.execute_query_async(
                "INSERT INTO lcagent_work_queues SELECT name, now() FROM unnest(%(queues)s::text[]) AS name"
                " ON CONFLICT (name) DO UPDATE SET served = now()",
                queues=self._queues,
            )
            dead = self._beats.dead
            for job in [
                job
                for queue in self._queues
                for job in await manager.get_stalled_jobs(queue=queue, seconds_since_heartbeat=dead)
            ]:
                if job.attempts < self._beats.attempts:
                    await manager.retry_job(job)
                else:
                    await lost(str(job.task_kwargs["tenant"]), str(job.task_kwargs["job"]))
                    await manager.finish_job(job, Status.FAILED, True)
            await asyncio.sleep(self.pause)


async def _cancelled(tasks: set[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended: a cancellation is lost that comes as a library's wait ends."""
    while pending := {task for task in tasks if not task.done()}:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=_AGAIN)


def _away(error: Exception) -> LcagentError:
    return StoreAway(
        f"the database cannot be reached: {error.__cause__ or error}",
        hint="is it up, and does --store name it? what is finished is kept",
    )
