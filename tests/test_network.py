"""A network to the database or to a model server that is cut, refuses, or says nothing more."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig

from lcagent import Finished, Notice, Reader
from lcagent.errors import StoreError
from lcagent.memory.opening import open_store
from lcagent.memory.postgres.silence import LIVELY
from lcagent.memory.rows import Rows
from lcagent.memory.works import Works
from lcagent.models.probing import Target
from lcagent.models.serving.servers import Servers
from lcagent.place import Place
from lcagent.server.options import Limits
from lcagent.settings import load_settings
from tests.cluster import Cluster
from tests.handing import QUICK
from tests.helpers import QUESTION, clever, haystack
from tests.loopback import Reply
from tests.proxy import Proxy
from tests.server.serving import Served, able, slowly, sse, until

psycopg = pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")

from lcagent.work.engine import Engine  # noqa: E402 - which needs it

FAULTS: dict[str, Callable[[Proxy], None]] = {
    "cut": Proxy.cut,
    "refused": Proxy.refuse,
    "silent": Proxy.silence,
    "forgotten": lambda proxy: proxy.silence(new=False),
}
PASSES = {"cut", "forgotten"}
"""Those of which new connections know nothing."""
each = pytest.mark.parametrize(
    "how", ["cut", *(pytest.param(how, marks=pytest.mark.slow) for how in FAULTS if how != "cut")]
)


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[Proxy]:
    with Proxy(cluster.port) as made:
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that takes some tens of seconds takes some one."""
    monkeypatch.setattr("lcagent.memory.postgres.silence.Connection.silent", 1.0)
    monkeypatch.setattr("lcagent.work.engine._Brief.silent", 1.0)
    monkeypatch.setattr("lcagent.memory.postgres.pools.WAIT", 2.5)
    monkeypatch.setattr("lcagent.memory.postgres.pools._AWAY", 0.1)
    monkeypatch.setitem(LIVELY, "connect_timeout", 2)  # less there is not


@each
def test_a_statement_is_tried_again_or_fails_and_a_transaction_is_all_or_nothing(
    database: str, home: Path, proxy: Proxy, impatient: None, how: str
) -> None:
    with closing(open_store(Place(home, proxy.instead(database)))) as store:
        id = Works(store).open("facts", name="a", document="5ea", exact={}).id
        name = f"SELECT name FROM works WHERE id = {id}"
        step: RunnableConfig = {"configurable": {"thread_id": "run"}}
        with store.checkpoints() as steps:
            FAULTS[how](proxy)
            if how in PASSES:
                assert steps.get_tuple(step) is None
                FAULTS[how](proxy)
                assert store.rows(name) == [{"name": "a"}]
            else:
                with pytest.raises(StoreError, match="cannot be reached") as caught:
                    steps.get_tuple(step)
                assert caught.value.hint
            proxy.mend()
            until(lambda: answers(store))
        with pytest.raises(StoreError, match="cannot be reached"), store.transaction():
            store.execute("UPDATE works SET name = 'b'")
            FAULTS[how](proxy)
            store.execute("UPDATE works SET used = 1")
        proxy.mend()
        until(lambda: answers(store))
        assert store.rows(name) == [{"name": "a"}]
        proxy.silence()  # which keeps nobody from ending


def answers(store: Rows) -> bool:
    with suppress(StoreError):
        return bool(store.rows("SELECT 1 AS one"))
    return False


@pytest.mark.slow
def test_a_statement_may_take_long_while_something_comes_or_the_server_says_that_it_is_at_it(
    database: str, home: Path, proxy: Proxy, impatient: None
) -> None:
    slow = "SELECT repeat('a', 100000) AS a, pg_sleep(0.2) FROM generate_series(1, 5)"
    with closing(open_store(Place(home, database))) as store:
        assert len(store.rows(slow)) == 5
    with closing(open_store(Place(home, proxy.instead(database)))) as store:
        assert len(store.rows("SELECT pg_sleep(1.5)")) == 1
        proxy.silence()
        with pytest.raises(StoreError, match="cannot be reached"):
            store.rows("SELECT pg_sleep(1.5)")


def test_a_lease_is_renewed_over_another_connection(
    database: str, home: Path, proxy: Proxy, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lcagent.memory.postgres.leases.SECONDS", 3.0)
    busy = StoreError("somebody is at it")
    with closing(open_store(Place(home, proxy.instead(database)))) as store, store.locked("run", busy):
        with closing(open_store(Place(home, database))) as other:
            until = other.rows("SELECT until FROM leases")
            proxy.silence(new=False)
            while other.rows("SELECT until FROM leases") == until:
                pass
            with pytest.raises(StoreError, match="at it"), other.locked("run", busy):
                pass
        store.execute("UPDATE works SET name = 'b'")


@contextmanager
def working(home: Path, base: str, url: str) -> Generator[None]:
    """A worker, in a thread; it ends when this does, and is left with no more than that."""
    from lcagent.server.worker import work

    settings = load_settings({"home": home, "api_base": base, "window": 2048, "store": url})
    loop = asyncio.new_event_loop()
    task = loop.create_task(work(settings, Engine(url, QUICK), places=4))

    def run() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(60)
        assert not thread.is_alive()
        loop.close()


@each
def test_a_worker_goes_on_with_its_reading_and_repeats_what_was_in_the_air(
    database: str, home: Path, proxy: Proxy, loopback: Any, impatient: None, how: str, caplog: Any
) -> None:
    caplog.set_level(logging.WARNING, "lcagent")
    slow = loopback(reply=slowly(able, 0.1), window=2048)
    engine, limits = Engine(database, QUICK), Limits(requests=1_000_000)
    with Served(home, slow.url, engine=engine, limits=limits, store=database) as served:
        run = served.run(QUESTION, served.upload(haystack(400)), model="lcagent/memagent")
        with working(home.with_name("worker"), slow.url, proxy.instead(database)):
            until(lambda: slow.calls >= 3)
            FAULTS[how](proxy)
            if how not in PASSES:
                until(lambda: "is left for now" in caplog.text)
                proxy.mend()
            assert served.ended(run)["status"] == "finished"
            answer = served.http.get(f"/v1/runs/{run}/answer").json()["answer"]
            assert answer["answer"] == "Oskar Brandvold" and slow.calls <= answer["usage"]["calls"] + 1


def test_a_server_answers_what_needs_no_database_while_that_says_nothing(
    database: str, home: Path, proxy: Proxy, loopback: Any, impatient: None
) -> None:
    """And what needs it is refused, and followers see the rest when it is there again."""
    asked = threading.Event()

    def reply(request: Any) -> Reply:
        if request.schema is not None and "properties" not in request.schema:  # a conversation's
            asked.set()
            return Reply(able(request), delay=1.0)
        return Reply(able(request), delay=0.1)

    slow, store = loopback(reply=reply, window=2048), proxy.instead(database)
    limits = Limits(requests=1_000_000)
    with (
        Served(home, slow.url, engine=Engine(store, QUICK), limits=limits, store=store) as served,
        working(home.with_name("worker"), slow.url, database),
        ThreadPoolExecutor(3) as clients,
    ):
        run = served.run(QUESTION, served.upload(haystack(400)), model="lcagent/memagent")
        said = [{"role": "user", "content": "The kettle is blue."}]
        chat = clients.submit(served.http.post, "/v1/chat/completions", json={"messages": said})
        events = clients.submit(served.http.get, f"/v1/runs/{run}/events")
        until(lambda: slow.calls >= 3 and asked.is_set())
        proxy.silence()
        refused, answered = clients.submit(served.http.get, "/v1/files"), 0
        while not refused.done():
            assert served.http.get("/health").status_code == 200
            answered += not refused.done()
        assert answered >= 20
        assert (
            refused.result().status_code == 503 and "ask again" in refused.result().json()["error"]["message"]
        )
        told = chat.result().json()["choices"][0]["message"]["content"]
        assert told == "Noted: The kettle is blue."
        proxy.mend()
        until(lambda: served.http.get(f"/v1/runs/{run}").status_code == 200)
        assert served.ended(run)["status"] == "finished"
        answer = served.http.get(f"/v1/runs/{run}/answer").json()["answer"]
        assert answer["answer"] == "Oskar Brandvold" and slow.calls <= answer["usage"]["calls"] + 2
        seen = [one for one in sse(events.result().text) if one["event"] != "waiting"]
        assert [int(event["id"]) for event in seen[:-1]] == list(range(1, len(seen)))
        assert seen[-1]["data"]["status"] == "finished"


@pytest.mark.slow
def test_a_worker_ends_when_it_is_told_to_whatever_the_network_says(
    database: str, home: Path, proxy: Proxy, loopback: Any, impatient: None
) -> None:
    slow = loopback(reply=slowly(able, 0.1), window=2048)
    with working(home, slow.url, proxy.instead(database)):
        until(lambda: registered(database))
        proxy.silence()


def registered(database: str) -> bool:
    """Whether a worker looks for work."""
    with psycopg.connect(database) as look, suppress(psycopg.errors.UndefinedTable):
        return look.execute("SELECT 1 FROM procrastinate_workers").fetchone() is not None
    return False


@pytest.mark.parametrize("how", ["cut", "refused", "silent"])
def test_a_document_goes_to_another_model_server(
    loopback: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Also where it is not known yet how long a reply takes."""
    monkeypatch.setattr(Servers, "least_patience", 0.3)
    asked = partial(Target, timeout=0.3)
    monkeypatch.setattr("lcagent.models.probing.Target", asked)
    (tmp_path / "doc.txt").write_text(haystack(400))
    servers = [loopback(window=2048, reply=clever) for _ in range(2)]
    with Proxy(servers[0].port) as proxy, Proxy(servers[1].port) as other:
        bases = [proxy.instead(servers[0].url), other.instead(servers[1].url)]
        calls = 0

        def reply(request: Any) -> str:
            nonlocal calls
            calls += 1
            if calls == 3:  # the request that is in the air is never answered
                FAULTS[how](proxy)
            return clever(request)

        servers[0].reply = reply
        with Reader(api_base=bases, strategy="memagent") as reader:
            events = list(reader.stream(tmp_path / "doc.txt", QUESTION))
    assert isinstance(events[-1], Finished) and events[-1].answer.answer == "Oskar Brandvold"
    assert any(isinstance(event, Notice) and "is left out for now" in event.text for event in events)
