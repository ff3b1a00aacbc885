"""Tables whose documents are read by workers."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lcagent import Reader
from lcagent.errors import EndpointUnavailable, UsageError
from lcagent.events import DocumentNotice, Event, Notice
from lcagent.memory.rows import Rows
from lcagent.memory.served.jobs import StoredJobs
from lcagent.memory.served.tables import open_served
from lcagent.memory.served.uploads import Uploads
from lcagent.place import Place
from lcagent.work.engine import Engine
from tests.handing import PATIENT, Workers, interrupted_without, ready
from tests.helpers import in_this_process
from tests.killable import Command, killed_at
from tests.loopback import Loopback, Reply, Request
from tests.many.shipyard import QUESTION, boat, boats, command_line, plain, rows_of, shipyard, table

pytestmark = pytest.mark.parametrize("place", ["postgres"], indirect=True)


def nothing_left(served: Rows, workers: Workers) -> bool:
    """Whether neither jobs nor bytes are there any more."""
    rows = [
        served.execute(f"SELECT count(*) FROM {one}").fetchone()[0] for one in ("jobs", "files", "budgets")
    ]
    # Of one that was killed the next one of its home deletes what it had.
    alive = [number for number, one in enumerate(workers.running) if one.is_alive()]
    homes = [workers.home.with_name("home"), *(Path(f"{workers.home}-{number}") for number in alive)]
    return rows == [0, 0, 0] and not [*(file for home in homes for file in home.glob("files/*"))]


def until(condition: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_rows_are_those_of_one_process(
    server: Loopback,
    folder: Path,
    workers: Workers,
    served: Rows,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (folder / "bad.pdf").write_bytes(b"%PDF-1.4 broken")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "odd.txt").write_bytes(boat(7).encode() + b"caf\xe9 abc \n")
    (folder / "copy.txt").write_bytes((folder / "004.txt").read_bytes())
    gone = folder / "gone.txt"
    gone.symlink_to("nowhere")
    monkeypatch.delenv("LCAGENT_STORE")
    told: list[Event] = []
    whole = plain(table(server, [folder, gone], window=1024, on_event=told.append))
    said = sorted((one.document, one.text) for one in told if isinstance(one, DocumentNotice))
    monkeypatch.setenv("LCAGENT_STORE", place.url)
    calls = server.calls
    workers.start()
    workers.start()
    ready(place)
    with Reader(api_base="http://127.0.0.1:1", window=1024) as reader:  # nothing is read here
        told.clear()
        made = reader.map([folder, gone], QUESTION, out="over.jsonl", on_event=told.append)
    assert plain(made) == whole and said
    assert sorted((one.document, one.text) for one in told if isinstance(one, DocumentNotice)) == said
    assert (made.rows, made.failed, made.copies, made.complete) == (11, 3, 1, True)
    assert server.calls == 2 * calls and made.calls == calls and made.tokens > 0
    until(lambda: nothing_left(served, workers))
    assert [one.text for one in told if isinstance(one, Notice)] == ["it is done by workers"]


def test_without_a_worker_it_is_read_here(server: Loopback, folder: Path, place: Place) -> None:
    told: list[Event] = []
    assert table(server, folder, on_event=told.append).rows == 6
    assert "it is done in this process" in next(one.text for one in told if isinstance(one, Notice))


def test_client_and_worker_killed_it_is_the_table_of_an_undisturbed_one(
    server: Loopback, folder: Path, workers: Workers, served: Rows, place: Place
) -> None:
    workers.start("concurrency=2")
    ready(place)
    arguments = command_line(folder, server, concurrency=6)
    go = threading.Event()

    def waits(request: Request) -> str:
        if request.number >= 3:
            go.wait(30)
        return shipyard(request)

    killed_at(2, server, arguments, waits)
    assert served.execute("SELECT count(*) FROM jobs").fetchone() == (6,)
    runs = StoredJobs(served, "question")  # a table floods neither a tenant's runs nor its files and limits
    assert (runs.all(limit=9), runs.waiting(), Uploads(served).all(limit=9)) == ([], 0, [])
    until(lambda: len(server.requests) >= 4)
    workers.running[0].kill()
    workers.start("concurrency=2")
    go.set()
    server.reply = shipyard
    done = Command(*arguments, "--json").told()
    assert (done.returncode, json.loads(done.stdout)["rows"]) == (0, 6), done.stderr
    assert [row.values["answer"] for row in rows_of("t.jsonl")] == [str(1900 + number) for number in range(6)]
    texts = [request.text for request in server.requests]
    assert len(set(texts)) == 6 and len(texts) <= 8  # those in flight of the worker
    until(lambda: nothing_left(served, workers))
    for file in (left := Path(f"{workers.home}-0", "files")).iterdir():
        os.utime(file, (0, 0))
    with closing(open_served(Place(left.parent, place.url))) as own:
        Uploads(own).tidy()
    assert not [*left.iterdir()]


@pytest.mark.slow
def test_ctrl_c_gives_up_what_is_handed_out(
    server: Loopback, tmp_path: Path, workers: Workers, served: Rows, place: Place
) -> None:
    folder = boats(tmp_path / "boats", 20)
    workers.start("concurrency=1")
    ready(place)
    inside, go = threading.Event(), threading.Event()

    def waits(request: Request) -> str:
        if request.number == 2:
            inside.set()
            go.wait(30)
        return shipyard(request)

    server.reply = waits
    arguments = command_line(folder, server, concurrency=8)
    command = Command(*arguments)
    assert inside.wait(60)
    command.send_signal(signal.SIGINT)
    assert command.told().returncode == 130
    until(lambda: nothing_left(served, workers))  # the call was cancelled, or the worker would be at it
    go.set()
    assert server.calls <= 4
    server.reply = shipyard
    assert in_this_process(*arguments).exit_code == 0 and len(rows_of("t.jsonl")) == 20


@pytest.mark.parametrize(
    "budget", [{"max_calls": 3}, pytest.param({"max_tokens": 1800}, marks=pytest.mark.slow)]
)
def test_a_budget_is_never_passed(
    server: Loopback, folder: Path, workers: Workers, served: Rows, place: Place, budget: dict[str, int]
) -> None:
    workers.start()
    workers.start()
    ready(place)
    made = table(server, folder, concurrency=6, window=1024, **budget)
    assert not made.complete and 0 < made.rows < 6
    assert server.calls <= budget.get("max_calls", 6) and made.tokens <= budget.get("max_tokens", 10**6)
    until(lambda: nothing_left(served, workers))
    assert table(server, folder, window=1024).rows == 6


@pytest.mark.slow
def test_a_worker_without_a_model_ends_it_only_where_no_other_has_one(
    server: Loopback, folder: Path, workers: Workers, served: Rows, place: Place
) -> None:
    workers.start(base="http://127.0.0.1:1")
    ready(place)
    with pytest.raises(EndpointUnavailable, match=r"127\.0\.0\.1:1"):
        table(server, folder)
    until(lambda: nothing_left(served, workers))
    workers.start()
    assert table(server, folder, concurrency=2).rows == 6 and server.calls == 6


SILENT = (
    r"no worker has given a sign of life since \d{4}-\d\d-\d\d \d\d:\d\d UTC:"
    r" start one with `lcagent worker` and the same --store"
)


def test_where_no_worker_is_left_it_says_so_and_goes_on_with_the_next(
    server: Loopback, folder: Path, workers: Workers, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lcagent.work.engine.Beats", lambda: PATIENT)
    monkeypatch.setattr("lcagent.work.missing._AGAIN", 0)
    workers.start("concurrency=1")
    ready(place)

    goes_on = threading.Event()

    def dies(request: Request) -> Reply:
        if request.number == 1:
            workers.kill()
        return Reply(shipyard(request), held=goes_on if request.number > 1 else None)

    server.reply, told = dies, list[str]()

    def hears(event: Event) -> None:
        if isinstance(event, Notice):
            told.append(event.text)
            if "it goes on" in event.text:  # nothing is done before that is told
                goes_on.set()
            if told[-2:] == told[-1:] * 2 and not workers.alive:  # it is said again
                workers.start()

    assert table(server, folder, on_event=hears).rows == 6
    assert len({request.text for request in server.requests}) == 6 and server.calls <= 8
    assert told[0] == "it is done by workers" and told[-1] == "a worker is there: it goes on"
    assert len(told) >= 4 and all(
        re.fullmatch(rf"[56] documents wait, and {SILENT}", one) for one in told[1:-1]
    )


@pytest.mark.slow
def test_what_waits_for_a_worker_is_ended_by_ctrl_c_and_gone_on_with(
    server: Loopback, folder: Path, workers: Workers, served: Rows, place: Place
) -> None:
    workers.start("concurrency=1")
    ready(place)

    def dies(request: Request) -> str:
        if request.number == 2:
            workers.kill()
        return shipyard(request)

    server.reply = dies
    arguments = command_line(folder, server, concurrency=6)
    command = Command(*arguments, first=partial(interrupted_without, workers.running[0].pid)).told()
    assert command.returncode == 130 and "documents wait, and no worker has" in command.stderr
    assert served.execute("SELECT count(*) FROM jobs").fetchone() == (0,)
    server.reply = shipyard
    workers.start()
    until(lambda: workers.running[1].is_alive() and silent(place) is None)
    assert in_this_process(*arguments).exit_code == 0 and len(rows_of("t.jsonl")) == 6
    assert len({request.text for request in server.requests}) == 6 and server.calls <= 8


def silent(place: Place) -> float | None:
    return asyncio.run(Engine.of(place, PATIENT).silent_since())


def test_two_machines_do_not_write_one_table_at_once(
    loopback: Any, folder: Path, place: Place, tmp_path: Path
) -> None:
    inside, go = threading.Event(), threading.Event()

    def waits(request: Request) -> str:
        inside.set()
        go.wait(30)
        return shipyard(request)

    server = loopback(reply=waits)
    first = threading.Thread(target=lambda: table(server, folder))
    first.start()
    assert inside.wait(30)
    # Of another machine all is another but the store and the folder of the table.
    with Reader(api_base=server.url, home=tmp_path / "other") as other:
        with pytest.raises(UsageError, match="being written") as refused:
            other.map(folder, QUESTION, out="t.jsonl")
        assert "another machine" in refused.value.hint
        go.set()
        first.join()
        assert other.map(folder, QUESTION, out="t.jsonl").asked == 0
    assert len(rows_of("t.jsonl")) == 6 and server.calls == 6
