"""Jobs that any worker may take: handed out, taken by turns of tenants, given to another when a worker dies.

All of it is procrastinate's (docs/design/0035-work-engine.md), on the PostgreSQL that the store lies in. Ours
are three things that it leaves open: a worker that was thought dead cannot end its successor's job, somebody
looks for jobs of dead workers, and it is said whose job comes next.
"""

from __future__ import annotations

import asyncio
import importlib.resources
import logging
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, cast

from procrastinate import App, PsycopgConnector, RetryStrategy
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from psycopg import OperationalError
from psycopg.types.json import Jsonb

from lcagent.errors import LcagentError, StoreError
from lcagent.memory.postgres.silence import LIVELY, AsyncConnection
from lcagent.place import Place

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
    """

    every: float = 10.0
    dead: float = 30.0
    poll: float = 5.0
    attempts: int = 20


class _Fenced(JobManager):
    """Whoever lost a job cannot end it: the library's own statements ask for its status alone."""

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
    " (SELECT coalesce(-min(priority), 0) FROM procrastinate_jobs WHERE queue_name = %(queue)s"
    "  AND status = 'doing'),"
    " (SELECT coalesce(-min(priority), 0) FROM procrastinate_jobs WHERE queue_name = %(queue)s"
    "  AND status IN ('todo', 'doing') AND args->>'party' = %(party)s)) AS tag"
)
"""Start-time fair queueing (Goyal, Vin and Cheng 1996): a job's tag is one more than that of what runs, and
than its party's own last. Lower tags go first, so that parties take turns, whoever has more waiting."""
_SIGNS = (
    "SELECT extract(epoch FROM served)::float8,"
    " EXISTS (SELECT 1 FROM procrastinate_workers"
    "  WHERE least(served, last_heartbeat) > now() - make_interval(secs => %(dead)s))"
    " FROM lcagent_work_queues WHERE name = %(queue)s"
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
        connector = PsycopgConnector(
            conninfo=url,
            connection_class=_Brief,
            kwargs=_options(),
            min_size=1,
            max_size=4,
            reconnect_timeout=self._beats.dead,  # its pauses between attempts double for as long as this
        )
        self._app = App(connector=connector)
        self._app.job_manager = _Fenced(self._app.connector)
        self._handler: Handler | None = None
        # A job whose worker is told to end is put back as one that failed is.
        retry = RetryStrategy(max_attempts=self._beats.attempts, wait=1)
        self._app.task(name=TASK, queue=queue, retry=retry)(self._done)

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
                await self._migrate()
                yield
        except (ConnectorException, OperationalError) as error:
            raise _away(error) from error

    @property
    def pause(self) -> float:
        """Seconds between two looks for signs of life."""
        return self._beats.dead / 3

    async def silent_since(self) -> float | None:
        """Since when no worker has given a sign of life; nothing has to be open for it.

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
                values = {"queue": self._queue, "dead": self._beats.dead}
                last, served = await (await database.execute(_SIGNS, values)).fetchone() or (0.0, False)
                return None if served else last
        except OperationalError as error:
            raise _away(error) from error

    async def hand_out(
        self, tenant: str, job: str, *, turn: str | None = None, anew: bool = False, party: str = ""
    ) -> None:
        """Have a job done by whichever worker is free; one that waits already is not handed out twice.

        Args:
            tenant: whose it is.
            job: its id.
            turn: names what is done one job after the other, in the order in which they are handed out.
            anew: it may be at a worker already, and is then left there.
            party: among whom workers' places are shared out; else tenants.

        Raises:
            StoreError: the database cannot be reached.
        """
        named = f"{self._queue}/{tenant}/{job}"
        try:
            if anew and await self._app.connector.execute_query_all_async(_THERE, named=named):
                return
            party = party or tenant
            (row,) = await self._app.connector.execute_query_all_async(_NEXT, queue=self._queue, party=party)
            deferrer = self._app.configure_task(
                TASK,
                queue=self._queue,
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
                        queues=[self._queue],
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
                "INSERT INTO lcagent_work_queues VALUES (%(queue)s, now())"
                " ON CONFLICT (name) DO UPDATE SET served = now()",
                queue=self._queue,
            )
            for job in await manager.get_stalled_jobs(
                queue=self._queue, seconds_since_heartbeat=self._beats.dead
            ):
                if job.attempts < self._beats.attempts:
                    await manager.retry_job(job)
                else:
                    await lost(str(job.task_kwargs["tenant"]), str(job.task_kwargs["job"]))
                    await manager.finish_job(job, Status.FAILED, True)
            await asyncio.sleep(self.pause)

    async def _migrate(self) -> None:
        """Make or renew the engine's tables: its migrations are files that are run in their order, by one
        process, all or none."""
        folder = importlib.resources.files("procrastinate.sql") / "migrations"
        files = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
        async with await self._connected() as database:
            await database.execute("SELECT pg_advisory_xact_lock(hashtext('lcagent work'))")
            await database.execute(
                "CREATE TABLE IF NOT EXISTS lcagent_work_migrations (names jsonb NOT NULL)"
            )
            await database.execute(
                "CREATE TABLE IF NOT EXISTS lcagent_work_queues (name text PRIMARY KEY, served timestamptz)"
            )
            row = await (await database.execute("SELECT names FROM lcagent_work_migrations")).fetchone()
            done = row[0] if row else []
            if row is None:
                await database.execute(self._app.schema_manager.get_schema())
                await database.execute("INSERT INTO lcagent_work_migrations VALUES ('[]')")
            elif new := [name for name in files if name not in done]:
                for name in new:
                    await database.execute(cast(LiteralString, (folder / name).read_text("utf-8")))
            if done != files:
                await database.execute("UPDATE lcagent_work_migrations SET names = %s", (Jsonb(files),))


async def _cancelled(tasks: set[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended: a cancellation is lost that comes as a library's wait ends."""
    while pending := {task for task in tasks if not task.done()}:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=_AGAIN)


def _away(error: Exception) -> LcagentError:
    return StoreError(
        f"the database cannot be reached: {error.__cause__ or error}",
        hint="is it up, and does --store name it? what is finished is kept",
    )
