"""Readings that the server hands out, and workers that do them."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lcagent.chat import ChatSession
from lcagent.memory.postgres.store import PostgresStore
from lcagent.memory.store import Store
from lcagent.place import Place
from lcagent.server.options import Limits
from lcagent.work.engine import Engine
from tests.cluster import files_daily
from tests.handing import PATIENT, QUICK, Workers
from tests.helpers import NEEDLE, QUESTION, haystack
from tests.loopback import Reply
from tests.server.serving import Served, able, asks, slowly, sse, until

UNBOUND = Limits(requests=1_000_000)
QUEUE = "lcagent_queue"


@pytest.fixture
def slow(loopback: Any) -> Any:
    return loopback(reply=slowly(able, 0.1))


@pytest.fixture
def workers(home: Path, slow: Any, database: str, place: Place) -> Iterator[Workers]:
    made = Workers(home, slow.url, place.url, database)
    yield made
    made.end()


@pytest.fixture
def served(home: Path, slow: Any, database: str, place: Place) -> Iterator[Served]:
    with Served(home, slow.url, engine=Engine(database, QUICK), limits=UNBOUND) as server:
        yield server


def test_a_reading_is_done_by_a_worker_and_followed_at_the_server(
    served: Served, workers: Workers, slow: Any
) -> None:
    run = served.run(QUESTION, served.upload(haystack()), model="lcagent/memagent")
    assert served.http.get(f"/v1/runs/{run}").json()["status"] == "queued" and slow.calls == 0
    assert "lcagent_queue 1.0" in served.http.get("/metrics").text
    workers.start()
    events = [one for one in sse(served.http.get(f"/v1/runs/{run}/events").text) if one["event"] != "waiting"]
    assert [int(event["id"]) for event in events[:-1]] == list(range(1, len(events)))
    assert events[-1]["data"]["status"] == "finished"
    told = served.http.get(f"/v1/runs/{run}/answer").json()
    assert told["answer"]["answer"] == "Oskar Brandvold" and told["citations"][0]["quote"] == NEEDLE
    assert "lcagent_queue 0.0" in served.http.get("/metrics").text


def test_what_waits_at_workers_is_counted_over_all_tenants_by_as_many_statements_as_over_one(
    served: Served, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, said = served.service.tenants.keys, list[str]()

    def asked() -> str:
        said.clear()
        return next(line for line in served.http.get("/metrics").text.splitlines() if line.startswith(QUEUE))

    for kind in (Store, PostgresStore):
        for name in ("execute", "rows"):
            monkeypatch.setattr(kind, name, _noting(said, getattr(kind, name)))
    before, one = asked(), len(said)
    for tenant in ("a", "b", "c"):
        client = served.as_key(keys.create(tenant)[1])
        file = client.post("/v1/files", files={"file": ("a.txt", b"All of it.")}).json()["id"]
        for _ in range(2):
            assert client.post("/v1/runs", json={"question": "All?", "files": [file]}).status_code == 202
    assert (before, asked()) == (f"{QUEUE} 0.0", f"{QUEUE} 6.0")
    assert not place.url or len(said) == one


def _noting(said: list[str], own: Any) -> Any:
    def noted(self: Any, sql: str, *given: Any) -> Any:
        said.append(sql)
        return own(self, sql, *given)

    return noted


@files_daily
def test_a_killed_worker_costs_the_calls_in_flight_and_a_killed_server_nothing(
    home: Path, slow: Any, workers: Workers, database: str
) -> None:
    with Served(home, slow.url, engine=Engine(database, QUICK), limits=UNBOUND) as served:
        run = served.run(QUESTION, served.upload(haystack()), model="lcagent/memagent")
    first = workers.start()
    until(lambda: slow.calls >= 5)
    first.kill()
    before = slow.calls
    workers.start()
    with Served(home, slow.url, engine=Engine(database, QUICK), limits=UNBOUND) as served:
        row = served.ended(run)
        answer = served.http.get(f"/v1/runs/{run}/answer").json()["answer"]
    assert row["status"] == "finished" and answer["answer"] == "Oskar Brandvold"
    assert answer["usage"]["replayed"] >= before - 2
    assert slow.calls <= answer["usage"]["calls"] + 1


@files_daily
def test_a_reading_that_waits_for_a_worker_says_so(
    home: Path, slow: Any, workers: Workers, database: str
) -> None:
    goes_on = threading.Event()
    slow.reply = lambda request: Reply(able(request), held=goes_on if request.number > 3 else None)
    with Served(home, slow.url, engine=Engine(database, PATIENT), limits=UNBOUND) as served:

        def stuck(*there: str) -> tuple[float | None, ...]:
            """What is told of missing workers: of all, of runs."""
            return tuple(served.http.get(path).json()["no_worker_since"] for path in ("/ready", *there))

        until(lambda: served.service.jobs.no_worker_since is not None)
        assert stuck() == (0,) and "lcagent_waiting_for_worker 0.0" in served.http.get("/metrics").text
        run = served.run(QUESTION, served.upload(haystack()), model="lcagent/memagent")
        assert "lcagent_waiting_for_worker 1.0" in served.http.get("/metrics").text
        assert stuck(f"/v1/runs/{run}") == (0, 0) and served.http.get("/ready").status_code == 200
        assert served.http.get("/v1/runs").json()["data"][0]["no_worker_since"] == 0
        with served.http.stream("GET", f"/v1/runs/{run}/events") as reply:
            lines, told = reply.iter_lines(), list[dict[str, Any]]()
            while not told:
                told += sse(f"{next(lines)}\n{next(lines)}\n{next(lines)}\n\n")
        assert told[0]["event"] == "waiting" and told[0]["id"] == "0"
        assert told[0]["data"]["text"].startswith("waiting for a worker: no worker was ever there: start one")
        body = {"messages": asks(text="Ship 7 came in."), "background": True, "stream": True}
        with served.http.stream("POST", "/v1/chat/completions", json=body) as reply:
            assert any("no worker was ever there" in line for line in reply.iter_lines())
            # Told to a chat at once, which may leave then.
        workers.start()
        until(lambda: slow.calls >= 3)
        until(lambda: stuck(f"/v1/runs/{run}") == (None, None))
        workers.kill()
        until(lambda: served.service.jobs.no_worker_since is not None)
        since, of_run = stuck(f"/v1/runs/{run}")
        assert since == of_run and abs(time.time() - (since or 0)) < 600
        assert served.http.get(f"/v1/runs/{run}").json()["status"] == "running"
        goes_on.set()
        workers.start()
        assert served.ended(run)["no_worker_since"] is None
        until(lambda: stuck() == (None,))


@files_daily
def test_a_worker_that_is_told_to_end_leaves_its_reading_to_another(
    served: Served, workers: Workers, slow: Any
) -> None:
    run = served.run(QUESTION, served.upload(haystack()), model="lcagent/memagent")
    first = workers.start()
    until(lambda: slow.calls >= 3)
    assert first.pid is not None
    os.kill(first.pid, signal.SIGINT)
    first.join(20)
    assert first.exitcode is not None
    assert served.http.get(f"/v1/runs/{run}").json()["status"] == "running"
    workers.start()
    assert served.ended(run)["status"] == "finished"


@files_daily
@pytest.mark.parametrize("begun", [False, True])
def test_a_reading_is_given_up_wherever_it_is(
    served: Served, workers: Workers, slow: Any, begun: bool
) -> None:
    run = served.run(QUESTION, served.upload(haystack()), model="lcagent/memagent")
    if begun:
        workers.start()
        until(lambda: slow.calls >= 2)
    assert served.http.post(f"/v1/runs/{run}/cancel").json()["status"] == "cancelled"
    other = served.run(f"{QUESTION} again", served.upload(haystack(20)))
    if not begun:
        workers.start()
    assert served.ended(other)["status"] == "finished"
    assert served.http.get(f"/v1/runs/{run}").json()["status"] == "cancelled"


@files_daily
def test_messages_of_a_session_are_answered_in_their_order_by_many_workers(
    served: Served, workers: Workers
) -> None:
    said = [f"Ship {number} came in." for number in range(8)]
    for text in said:
        served.http.post("/v1/responses", json={"input": text, "user": "anna", "background": True})
    workers.start()
    workers.start()
    tenant = served.service.tenants.of("default")
    until(lambda: not tenant.jobs.unfinished(), 60)
    with ChatSession("anna", settings=tenant.settings) as chat:
        assert [one.text for one in chat.history(100) if one.author == "user"] == said


@files_daily
def test_a_background_response_is_streamed_from_the_worker(served: Served, workers: Workers) -> None:
    stream = served.client().responses.create(
        model="lcagent", input="Ship 7 came in.", background=True, stream=True
    )
    until(lambda: served.service.jobs.no_worker_since == 0)
    workers.start()
    live = list(stream)
    assert live[-1].type == "response.completed"
    again = served.client().responses.retrieve(live[-1].response.id, stream=True)
    numbered = (
        [(one.sequence_number, one.type, getattr(one, "delta", "")) for one in all] for all in (again, live)
    )
    assert next(numbered) == next(numbered)  # that it waited for a worker has no number
