"""Work that is handed out over PostgreSQL: taken once, in turns, by whoever lives."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from multiprocessing.process import BaseProcess
from pathlib import Path

import psycopg
import pytest

from lcagent.work.engine import Engine
from tests.cluster import Cluster
from tests.handing import QUICK, note
from tests.killable import started


async def worked(engine: Engine, until: int, places: int = 2) -> list[tuple[str, str]]:
    """What one worker does, in its order, until it has done so much."""
    done: list[tuple[str, str]] = []
    enough = asyncio.Event()

    async def handle(tenant: str, job: str) -> None:
        await asyncio.sleep(0.01)
        done.append((tenant, job))
        if len(done) >= until:
            enough.set()

    async def lost(tenant: str, job: str) -> None:
        raise AssertionError((tenant, job))

    working = asyncio.create_task(engine.work(handle, lost, places=places))
    async with asyncio.timeout(60):
        await enough.wait()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    return done


async def test_what_is_handed_out_is_done_once(database: str) -> None:
    engine = Engine(database, QUICK)
    async with engine.open():
        for number in range(20):
            await engine.hand_out("anna", f"{number}")
            await engine.hand_out("anna", f"{number}")  # it waits already
        done = await worked(engine, 20)
    assert Counter(done) == Counter(("anna", f"{number}") for number in range(20))


async def test_several_may_come_first_at_once(database: str) -> None:
    engines = [Engine(database, QUICK) for _ in range(6)]
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(engine.open()) for engine in engines))
        await engines[0].hand_out("anna", "1")
        assert await worked(engines[1], 1) == [("anna", "1")]


async def test_tenants_take_turns_whoever_has_more_waiting(database: str) -> None:
    engine = Engine(database, QUICK)
    async with engine.open():
        for number in range(40):
            await engine.hand_out("many", f"{number}")
        for number in range(5):
            await engine.hand_out("few", f"{number}")
        done = await worked(engine, 45, places=1)
    last = max(at for at, (tenant, _) in enumerate(done) if tenant == "few")
    assert last < 12, done


class Workers:
    """Workers in processes of their own, and what they noted.

    Args:
        database: its address.
        out: where they note it.
    """

    def __init__(self, database: str, out: Path) -> None:
        self._url, self._out = database, out
        self.running: list[BaseProcess] = []

    def start(self, seconds: float = 0.3) -> BaseProcess:
        self.running.append(started(note, self._url, self._out, seconds))
        return self.running[-1]

    def signal(self, number: int) -> None:
        """Send the first one a signal."""
        os.kill(self.running[0].pid or 0, number)

    def noted(self, what: str) -> list[list[str]]:
        lines = self._out.read_text().splitlines() if self._out.exists() else []
        return [words[1:] for line in lines if (words := line.split())[0] == what]

    def end(self) -> None:
        for process in self.running:
            process.kill()
            process.join()


@pytest.fixture
def workers(database: str, tmp_path: Path) -> Iterator[Workers]:
    made = Workers(database, tmp_path / "noted")
    yield made
    made.end()


async def until(condition: Callable[[], object], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_jobs_of_a_killed_worker_are_done_by_another(database: str, workers: Workers) -> None:
    async with (engine := Engine(database, QUICK)).open():
        for number in range(6):
            await engine.hand_out("anna", f"{number}")
    first = workers.start(seconds=30)
    await until(lambda: len(workers.noted("begin")) == 2)
    first.kill()
    workers.start()
    await until(lambda: len({job for _, job, _ in workers.noted("end")}) == 6)
    assert len(workers.noted("end")) == 6 and not workers.noted("lost")


async def test_a_worker_that_is_told_to_end_puts_its_jobs_back(database: str, workers: Workers) -> None:
    async with (engine := Engine(database, QUICK)).open():
        await engine.hand_out("anna", "1")
    first = workers.start(seconds=30)
    await until(lambda: workers.noted("begin"))
    workers.signal(signal.SIGINT)
    first.join(20)
    assert first.exitcode is not None
    workers.start()
    await until(lambda: workers.noted("end"))


@pytest.mark.slow
async def test_a_worker_that_wakes_ends_no_job_of_its_successor(database: str, workers: Workers) -> None:
    async with (engine := Engine(database, QUICK)).open():
        await engine.hand_out("anna", "1")
    workers.start(seconds=2)
    await until(lambda: workers.noted("begin"))
    workers.signal(signal.SIGSTOP)
    second = workers.start(seconds=6)
    await until(lambda: len(workers.noted("begin")) == 2)
    workers.signal(signal.SIGCONT)  # it ends its job, which is another one's by now
    await until(lambda: len(workers.noted("end")) == 1)
    await asyncio.sleep(1)
    with psycopg.connect(database) as look:
        assert look.execute("SELECT status FROM procrastinate_jobs").fetchone() == ("doing",)
    await until(lambda: len(workers.noted("end")) == 2)
    assert workers.noted("end")[-1][-1] == str(second.pid)


@pytest.mark.slow
async def test_a_job_that_takes_its_workers_down_is_given_up(database: str, workers: Workers) -> None:
    async with (engine := Engine(database, QUICK)).open():
        await engine.hand_out("anna", "bad")
    for number in range(1, 6):
        workers.start(seconds=30)
        await until(lambda number=number: len(workers.noted("begin")) >= number or workers.noted("lost"))
        if workers.noted("lost"):
            break
        workers.running[-1].kill()
    assert [words[:2] for words in workers.noted("lost")] == [["anna", "bad"]]
    assert len(workers.noted("begin")) == 4


@pytest.mark.slow
async def test_a_database_that_is_restarted_is_waited_for(
    cluster: Cluster, database: str, workers: Workers
) -> None:
    async with (engine := Engine(database, QUICK)).open():
        for number in range(8):
            await engine.hand_out("anna", f"{number}")
    workers.start(seconds=0.5)
    await until(lambda: len(workers.noted("end")) >= 2)
    cluster.stop("immediate")
    await asyncio.sleep(1)
    cluster.start()
    await until(lambda: len({job for _, job, _ in workers.noted("end")}) == 8)
    await until(lambda: _statuses(database) == {})


def _statuses(database: str) -> dict[str, int]:
    with psycopg.connect(database) as look:
        return dict(
            look.execute("SELECT status::text, count(*) FROM procrastinate_jobs GROUP BY 1").fetchall()
        )
