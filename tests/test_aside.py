"""No event loop waits for a database: whatever asks one is asked in a thread."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

import pytest

from benchmarks.round_trips import HOPS, STRATEGIES, counted
from lcagent.errors import StoreError
from lcagent.memory.aside import aside, unbroken, within
from lcagent.place import Place
from tests.cluster import Cluster
from tests.helpers import QUESTION, haystack, prose
from tests.server.serving import Served, able, asks, sse
from tests.test_network import working

pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")

FILES, SERVER = Place(Path("here")), Place(Path("here"), "postgresql://there")


@pytest.fixture
def on_loops(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where statements were waited for in a thread that has an event loop to run."""
    from lcagent.memory.postgres.silence import Connection

    found: list[str] = []
    wait: Any = Connection.wait

    def noted(*args: Any, **more: Any) -> Any:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            found.append("".join(traceback.format_stack()))
        return wait(*args, **more)

    monkeypatch.setattr(Connection, "wait", noted)
    return found


@pytest.mark.parametrize("strategy", STRATEGIES.split(","))
def test_a_reading_asks_its_database_beside_its_event_loop(
    cluster: Cluster, tmp_path: Path, on_loops: list[str], strategy: str
) -> None:
    (tmp_path / "doc.txt").write_text(f"{HOPS[0].sentence} {prose(100)} {HOPS[1].sentence}")
    assert counted(strategy, cluster.url, tmp_path / "doc.txt")["round_trips"]
    assert not on_loops, on_loops[0]


def test_a_server_and_a_worker_ask_their_database_beside_their_event_loops(
    database: str, home: Path, loopback: Any, on_loops: list[str]
) -> None:
    from lcagent.work.engine import Engine
    from tests.handing import QUICK

    model = loopback(reply=able, window=2048)
    with (
        Served(home, model.url, engine=Engine(database, QUICK), require_keys=True, store=database) as served,
        working(home.with_name("worker"), model.url, database),
    ):
        _, secret = served.service.tenants.keys.create("team")
        served.http.headers["authorization"] = f"Bearer {secret}"
        get, post, delete = served.http.get, served.http.post, served.http.delete
        file = served.upload(haystack(100))
        held = post("/v1/collections", json={"name": "all", "files": [file]}).json()["id"]
        run = served.run(QUESTION, collections=[held])
        assert sse(get(f"/v1/runs/{run}/events").text)[-1]["data"]["status"] == "finished"
        said = {"lcagent": {"session": "us"}, "messages": asks(file, text="I live in Paris.")}
        assert post("/v1/chat/completions", json=said).status_code == 200
        told = {"input": QUESTION, "lcagent": {"files": [file]}}
        assert post("/v1/responses", json=told).status_code == 200
        kept = post("/v1/responses", json={**told, "background": True}).json()["id"]
        for path in (
            *(f"/v1/runs/{run}{part}" for part in ("", "/answer", "/findings")),
            *(f"/v1/sessions{part}" for part in ("", "/us", "/us/messages", "/us/memory")),
            *(f"/v1/files{part}" for part in ("", f"/{file}", f"/{file}/content", f"/{file}/passage")),
            *("/v1/collections", f"/v1/collections/{held}", "/v1/runs", "/metrics"),
            *(f"/v1/responses/{kept}{part}" for part in ("", "?stream=true")),
        ):
            assert get(path).status_code == 200, path
        assert post(f"/v1/runs/{served.run(QUESTION, file)}/cancel").status_code == 200
        assert post(f"/v1/collections/{held}/files", json={"files": [file]}).status_code == 200
        for path in (
            f"collections/{held}/files/{file}",
            f"collections/{held}",
            f"files/{file}",
            f"runs/{run}",
        ):
            assert delete(f"/v1/{path}").status_code == 200
    assert not on_loops, on_loops[0]


async def test_a_file_is_asked_where_one_stands_and_a_database_in_a_thread() -> None:
    assert await aside(FILES, current_thread) is main_thread()
    assert await aside(SERVER, current_thread) is not main_thread()
    with pytest.raises(StoreError, match="full"):
        await aside(SERVER, _fails)


def _fails() -> None:
    raise StoreError("it is full")


async def test_whoever_is_cancelled_has_written_what_was_being_written() -> None:
    begun, go, written = asyncio.Event(), asyncio.Event(), list[str]()
    loop = asyncio.get_running_loop()

    def write() -> None:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go.wait(), loop).result(60)
        written.append("it")

    async def both() -> None:
        await aside(SERVER, write)
        await aside(SERVER, written.append, "and this")

    for work, expected in ((aside(SERVER, write), ["it"]), (unbroken(both()), ["it", "and this"])):
        begun.clear()
        go.clear()
        written.clear()
        writing = asyncio.ensure_future(work)
        await begun.wait()
        for _ in range(3):
            writing.cancel()
            await asyncio.sleep(0)
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert written == expected


async def test_a_lock_that_is_had_when_nobody_wants_it_any_more_is_given_back() -> None:
    begun, go, told = asyncio.Event(), asyncio.Event(), list[str]()
    loop = asyncio.get_running_loop()

    @contextmanager
    def lock() -> Iterator[None]:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go.wait(), loop).result(60)
        told.append("had")
        try:
            yield
        finally:
            told.append("given back")

    async def hold() -> None:
        async with within(SERVER, lock()):
            told.append("used")

    holding = asyncio.ensure_future(hold())
    await begun.wait()
    holding.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await holding
    assert told == ["had", "given back"]


async def test_what_fails_while_a_lock_is_held_gives_it_back() -> None:
    told: list[str] = []

    class Lock:
        def close(self) -> None:
            told.append("given back")

    with pytest.raises(StoreError, match="full"):
        async with within(SERVER, closing(Lock())):
            _fails()
    assert told == ["given back"]
