"""Workers and servers of two versions over one PostgreSQL: nobody takes what it cannot do, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from lcagent.errors import NewerVersion
from lcagent.events import Notice, event_of
from lcagent.memory.described import statements
from lcagent.memory.migrations import STEPS, Steps
from lcagent.memory.served.jobs import JobRow, StoredJobs
from lcagent.memory.served.tables import STEPS as SERVED
from lcagent.memory.served.tables import open_served
from lcagent.memory.tiers.tables import STEPS as MEMORY
from lcagent.place import Place
from lcagent.server.asks import Ask, ask_of
from lcagent.server.options import Limits
from lcagent.settings import load_settings
from lcagent.work.engine import Beats, Engine
from tests.handing import QUICK, Workers
from tests.helpers import QUESTION, haystack
from tests.server.serving import Served, able

psycopg = pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
OLDER = "lcagent"
"""The queue of versions before formats of jobs had numbers."""
GIVEN = (
    "INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, status)"
    " VALUES (%s, 'lcagent', 0, NULL, %s, %s, %s)"
)
FETCH = "SELECT (procrastinate_fetch_job_v2(ARRAY[%s], NULL)).id"


def queue(database: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as looked:
        sql = "SELECT args->>'job', queue_name, status::text, attempts FROM procrastinate_jobs ORDER BY id"
        return looked.execute(sql).fetchall()


async def seen(*engines: Engine) -> None:
    """Wait until each knows of a worker."""
    for engine in engines:
        while await engine.silent_since() is not None:  # noqa: ASYNC110 - another process notes it
            await asyncio.sleep(0.05)


async def done_by(
    engine: Engine, wanted: Sequence[str], unknown: Sequence[str] = (), served: Sequence[Engine] = ()
) -> list[str]:
    """What a worker takes until it has done what is wanted, and is seen by some."""
    took: list[str] = []
    enough = asyncio.Event()

    async def handle(_: str, job: str) -> None:
        took.append(job)
        if job in unknown:
            raise NewerVersion("of a newer one")
        if {*wanted} <= {*took}:
            enough.set()

    async def lost(_: str, job: str) -> None:
        raise AssertionError(job)

    working = asyncio.create_task(engine.work(handle, lost, places=2))
    async with asyncio.timeout(60):
        await enough.wait()
        await seen(*served)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    return took


async def test_what_older_servers_and_workers_leave_is_done_by_workers_of_now(database: str) -> None:
    """What waited before, what a server gives meanwhile, what a worker puts back, what it dies of."""
    async with Engine(database, QUICK).open():
        pass
    with psycopg.connect(database, autocommit=True) as older:
        # As it was before this version had been there.
        older.execute("DROP TABLE lcagent_work_renamed")
        older.execute("DROP FUNCTION lcagent_work_rename CASCADE")
        for job, status in (("waits", "todo"), ("begun", "doing"), ("died", "doing")):
            named = f"{OLDER}/anna/{job}"
            older.execute(GIVEN, (OLDER, named, f'{{"tenant": "anna", "job": "{job}"}}', status))
        async with (engine := Engine(database, QUICK)).open():
            given = '{"tenant": "anna", "job": "given"}'
            older.execute(GIVEN, (OLDER, f"{OLDER}/anna/given", given, "todo"))
            (begun,) = older.execute(
                "SELECT id FROM procrastinate_jobs WHERE args->>'job' = 'begun'"
            ).fetchone() or (0,)
            older.execute("SELECT procrastinate_retry_job_v2(%s, now(), NULL, NULL, NULL)", (begun,))
            assert older.execute(FETCH, (OLDER,)).fetchone() == (None,)  # none is there for a worker of then
            await engine.hand_out("anna", "given")  # it waits already, by whichever of the two
            took = await done_by(engine, ["waits", "begun", "died", "given"])
    assert sorted(took) == ["begun", "died", "given", "waits"] and queue(database) == []


async def test_a_worker_takes_nothing_of_a_format_that_it_does_not_know(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = Engine(database, QUICK)
    monkeypatch.setattr("lcagent.work.engine.FORMATS", (2, 3))
    newer = Engine(database, QUICK)
    async with AsyncExitStack() as stack:
        for engine in (today, newer):
            await stack.enter_async_context(engine.open())
        await newer.hand_out("anna", "new", format=3)
        await newer.hand_out("anna", "plain")
        await today.hand_out("anna", "old")
        assert sorted(await done_by(today, ["plain", "old"], served=[today])) == ["old", "plain"]
        assert [job for job, *_ in queue(database)] == ["new"]
        assert await done_by(newer, ["new"], served=[newer, today]) == ["new"]


async def test_workers_of_an_older_version_are_none_for_what_only_newer_ones_do(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command then does it itself, in place of waiting for somebody who may never come."""
    today = Engine(database, QUICK)
    monkeypatch.setattr("lcagent.work.engine.FORMATS", (2, 3))
    newer = Engine(database, QUICK)
    async with today.open():
        working = asyncio.create_task(today.work(_nothing, _nothing, places=1))
        async with asyncio.timeout(60):
            await seen(today)
        assert await newer.silent_since() is not None
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def _nothing(_tenant: str, _job: str) -> None:
    pass


async def test_what_a_worker_does_not_know_is_put_back_for_others_and_does_not_spin(database: str) -> None:
    patient = Beats(every=0.3, dead=1.5, poll=0.2, attempts=2, later=60)
    async with (engine := Engine(database, patient)).open():
        await engine.hand_out("anna", "unknown")
        took: list[str] = []
        for number in range(4):
            with psycopg.connect(database, autocommit=True) as clock:  # the while is over
                clock.execute("UPDATE procrastinate_jobs SET scheduled_at = now()")
            await engine.hand_out("anna", f"{number}")
            took += await done_by(engine, [f"{number}", "unknown"], ["unknown"])
        assert sorted(took) == ["0", "1", "2", "3", *["unknown"] * 4]
        ((*waits, attempts),) = queue(database)
        assert (waits, attempts) == (
            ["unknown", "2 lcagent", "todo"],
            0,
        )  # none of the two times it may be begun
        with psycopg.connect(database, autocommit=True) as clock:
            clock.execute("UPDATE procrastinate_jobs SET scheduled_at = now()")
        assert await done_by(engine, ["unknown"]) == ["unknown"]


UNKNOWN: list[tuple[str, dict[str, Any]]] = [
    ("video", {"text": "of another kind"}),
    ("question", {"text": "more is asked", "tongue": "sv"}),
    ("question", {"text": "within", "before": [{"author": "user", "text": "a", "mood": "good"}]}),
    ("question", {"text": "other values", "style": "sung"}),
]


@pytest.mark.parametrize(("kind", "ask"), UNKNOWN)
def test_an_ask_that_is_not_known_whole_is_not_done_by_half(kind: str, ask: dict[str, Any]) -> None:
    row = JobRow("run_1", "queued", 0, 0, ask, "", None, None, kind=kind)
    with pytest.raises(NewerVersion, match=f"job run_1 \\({kind}\\) is of a newer lcagent"):
        ask_of(row)


def test_what_nobody_asks_for_is_not_kept_so_that_older_versions_know_all_of_it() -> None:
    ask = Ask(text=QUESTION, files=("file-1",), max_calls=5)
    assert ask.kept() == {"kind": "question", "text": QUESTION, "files": ["file-1"], "max_calls": 5}
    assert ask_of(JobRow("run_1", "queued", 0, 0, ask.kept(), "", None, None)) == ask
    with pytest.raises(NewerVersion):
        load_settings({}).reading({"tongue": "sv"})
    assert event_of({"type": "notice", "text": "said", "mood": "good"}) == Notice("said")
    assert event_of({"type": "mood.changed"}) is None


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_a_worker_leaves_a_kind_that_it_does_not_know_and_does_the_others(
    home: Path, loopback: Any, place: Place
) -> None:
    model = loopback(reply=able)
    engine, workers = Engine.of(place, QUICK), Workers(home.with_name("worker"), model.url, place.url)
    try:
        with Served(home, model.url, engine=engine, limits=Limits(requests=1_000_000)) as served:
            with closing(open_served(place)) as store:
                for number, (kind, ask) in enumerate(UNKNOWN):
                    StoredJobs(store).put(f"new_{number}", ask, kind)

            async def handed_out() -> None:
                async with (own := Engine.of(place, QUICK)).open():
                    for number in range(len(UNKNOWN)):
                        await own.hand_out("default", f"new_{number}")

            asyncio.run(handed_out())
            workers.start()
            runs = [served.run(f"{QUESTION} {number}", served.upload(haystack(20))) for number in range(2)]
            assert {served.ended(run)["status"] for run in runs} == {"finished"}
            listed = served.http.get("/v1/runs").json()["data"]
            assert {run["status"] for run in listed if run["id"].startswith("new_")} <= {"queued", "running"}
        # A server that begins does not stumble over them either.
        with Served(home, model.url, engine=Engine.of(place, QUICK)) as served:
            assert served.run(QUESTION, served.upload(haystack(20)))
            # One that took down its workers is given up, whatever it is.
            asyncio.run(served.service.jobs.lose(served.service.tenants.of("default"), "new_0"))
        with closing(open_served(place)) as store:
            rows = {row.id: row.status for row in StoredJobs(store).unfinished()}
            assert {f"new_{number}" for number in range(1, len(UNKNOWN))} <= {*rows} and "new_0" not in rows
            assert StoredJobs(store).get("new_0").status == "failed"
    finally:
        workers.end()
    assert workers.warned.count("is put back for newer workers") == len(UNKNOWN)


@pytest.mark.parametrize(
    ("steps", "since"), [(STEPS, 9), (SERVED, 4), (MEMORY, 4)], ids=["runs", "server", "memory"]
)
def test_a_step_takes_nothing_away_that_processes_of_an_older_version_use(steps: Steps, since: int) -> None:
    """They go on while a newer one brings their tables up (docs/design/0042-side-by-side.md)."""
    for number in range(since + 1, len(steps) + 1):
        for said in statements(steps, number):
            words = said.upper()
            assert "DROP " not in words and "RENAME " not in words, said
            if " ADD COLUMN " in words and "NOT NULL" in words:
                assert " DEFAULT " in words, said
