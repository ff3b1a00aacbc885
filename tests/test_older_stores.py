"""What older versions have kept (`tests.older`) is opened by this one: all is there, and what was begun goes on."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lcagent import ChatSession
from lcagent.cli.listening import brought_up
from lcagent.memory import store as files
from lcagent.memory.facts import search_facts
from lcagent.memory.migrations import STEPS
from lcagent.memory.opening import open_store, opened
from lcagent.memory.rows import Rows
from lcagent.memory.served.tables import STEPS as SERVED
from lcagent.memory.served.tables import open_served
from lcagent.memory.tiers.tables import STEPS as MEMORY
from lcagent.memory.tiers.tables import open_memory
from lcagent.place import Place
from lcagent.server.options import Limits
from lcagent.settings import load_settings
from tests.handing import QUICK, Workers
from tests.helpers import NEEDLE, QUESTION, haystack, in_this_process
from tests.killable import FORKED
from tests.loopback import Loopback, Request
from tests.older.make import BUILT, reply
from tests.older.restored import ALL, restored
from tests.server.serving import Served, until

LATER = [one for one in ALL if not one.startswith("nov28")]
"""Those of versions with a server, memory and tables."""
OPEN: dict[str, Callable[[Place], Rows]] = {
    "runs": open_store,
    "memory": open_memory,
    "server": open_served,
}


@pytest.fixture(params=ALL)
def older(
    request: pytest.FixtureRequest, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Place:
    """A store that an older version has left, and the documents that it read."""
    (tmp_path / "report.txt").write_text(haystack(75))
    (tmp_path / "graph.txt").write_text(haystack(12))
    for number in range(4):
        (tmp_path / f"boat-{number}.txt").write_text(f"Boat {number} was built in {1900 + number}.\n")
    shared = request.param.endswith("postgres")
    place = restored(request.param, home, request.getfixturevalue("database") if shared else "")
    if shared:
        monkeypatch.setenv("LCAGENT_STORE", place.url)
    return place


@pytest.fixture
def model(loopback: Any) -> Loopback:
    return loopback(window=2048, reply=reply)


def told(*arguments: str) -> Any:
    """What a command says as JSON."""
    done = in_this_process(*arguments, "--json")
    assert done.exit_code == 0, (done.stderr, done.exception)
    return json.loads(done.stdout)


def test_all_that_was_kept_is_there(older: Place, tmp_path: Path) -> None:
    runs = told("runs", "list")
    (finished,) = (one for one in runs if one["status"] == "finished" and one["strategy"] == "mapreduce")
    assert "Who kept the books?" in {one["question"] for one in runs if one["status"] == "running"}
    shown = told("runs", "show", finished["id"])
    assert NEEDLE in json.dumps(shown)
    assert told("graph", "show", "graph.txt")["counts"]["facts"] == 1
    assert {"facts", "graph", "segmentation"} <= {one["kind"] for one in told("works", "list")}
    with closing(open_store(older)) as store:
        (facts,) = store.rows("SELECT id FROM works WHERE kind = 'facts'")
        assert [one.text for one in search_facts(store, [facts["id"]], "harbour master", 5)] == [NEEDLE]
    copied = in_this_process("store", "copy", older.url or str(older.folder), str(tmp_path / "copied"))
    assert copied.exit_code == 0 and "are the same in both" in copied.stdout, copied.stderr


def test_a_reading_that_was_killed_goes_on_and_repeats_no_finished_call(
    older: Place, model: Loopback
) -> None:
    given = ("--api-base", model.url, "--window", "2048")
    told_of = told("ask", "report.txt", "Who kept the books?", "--strategy", "memagent", *given)
    assert (told_of["usage"]["replayed"], told_of["usage"]["calls"], model.calls) == (2, 5, 3)
    assert told("ask", "report.txt", QUESTION, "--strategy", "mapreduce", "--resume", *given)["claims"]
    assert in_this_process("graph", "build", "graph.txt", *given).exit_code == 0
    assert model.calls == 3


@pytest.mark.parametrize("older", LATER, indirect=True)
def test_a_table_that_was_killed_goes_on(older: Place, model: Loopback, tmp_path: Path) -> None:
    boats = [f"boat-{number}.txt" for number in range(4)]
    given = ["--out", "boats.jsonl", "--api-base", model.url, "--window", "2048"]
    assert in_this_process("map", *boats, BUILT, *given).exit_code == 0
    rows = [json.loads(line) for line in (tmp_path / "boats.jsonl").read_text().splitlines()]
    assert {row["document"] for row in rows} == {*boats} and not any(row.get("error") for row in rows)
    assert model.calls == 1


@pytest.mark.parametrize("older", LATER, indirect=True)
def test_a_conversation_is_remembered(older: Place, model: Loopback) -> None:
    settings = load_settings({"api_base": model.url, "window": 2048})
    with ChatSession("anna", settings=settings) as chat:
        assert chat.history(9)[0].text == "I live in Paris, with Rex my dog."
        assert any("Lives in Paris." in line.text for line in chat.memory()["human"])
        assert "Paris" in chat.send("Where do I live?").text


@pytest.mark.parametrize("older", LATER, indirect=True)
def test_readings_that_waited_at_a_server_are_done(older: Place, home: Path, model: Loopback) -> None:
    """Over files by the server itself, else by a worker: they lie in the queue where older workers looked."""
    engine = workers = None
    if older.url:
        from lcagent.work.engine import Engine

        engine = Engine.of(older, QUICK)
        workers = Workers(home.with_name("worker"), model.url, older.url)
    try:
        with Served(home, model.url, engine=engine, limits=Limits(requests=1_000_000)) as served:
            if workers is not None:
                workers.start()
            every = served.http.get("/v1/runs").json()["data"]
            ended = [served.ended(run["id"]) for run in every]
            assert {run["status"] for run in ended} == {"finished"}
            assert {"Who kept the light?", "Who kept the wireless?"} <= {run["question"] for run in ended}
            (file,) = served.http.get("/v1/files").json()["data"]
            assert served.http.get(f"/v1/files/{file['id']}/content").text == haystack(75)
            (reports,) = served.http.get("/v1/collections").json()["data"]
            assert reports["name"] == "reports"
    finally:
        if workers is not None:
            workers.end()
    asked = [request.key for request in model.requests]
    assert len(asked) == len({*asked})
    assert [key["tenant"] for key in told("keys", "list")] == ["team-a"]


def _opens(kind: str, place: Place, dies: int, together: Any) -> None:
    """Open a store in a process of its own; it dies of SIGKILL before its statement number `dies`."""
    left = [dies]

    def counted(statement: object) -> None:
        if str(statement).lstrip().split(None, 1)[0] in {"CREATE", "ALTER", "DROP", "INSERT", "UPDATE"}:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    if place.url:
        import psycopg

        execute = psycopg.Connection.execute

        def executed(self: Any, query: Any, *given: Any, **named: Any) -> Any:
            counted(query)
            return execute(self, query, *given, **named)

        psycopg.Connection.execute = executed  # type: ignore[method-assign]
    else:
        migrate = files.migrate

        def migrated(connection: sqlite3.Connection, steps: Any) -> None:
            connection.set_trace_callback(counted)
            migrate(connection, steps)
            connection.set_trace_callback(None)

        files.migrate = migrated
    if together is not None:
        together.wait()
    OPEN[kind](place).close()


@pytest.mark.parametrize("kind", ["runs", "server"])
@pytest.mark.parametrize("older", LATER, indirect=True)
def test_killed_in_the_middle_of_a_step_the_next_one_goes_on(older: Place, kind: str) -> None:
    ended: list[int | None] = []
    while 0 not in ended:
        process = FORKED.Process(target=_opens, args=(kind, older, len(ended) + 1, None))
        process.start()
        process.join()
        ended.append(process.exitcode)
    assert {*ended[:-1]} == {-signal.SIGKILL} and len(ended) > 2, ended
    with closing(OPEN[kind](older)) as store:
        table = "runs" if kind == "runs" else "jobs"
        assert store.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"] >= 2
        if kind == "server":
            assert {row["kind"] for row in store.rows("SELECT kind FROM jobs")} == {"question"}


@pytest.mark.parametrize("older", LATER, indirect=True)
def test_of_several_that_come_at_once_one_brings_it_up_and_the_others_wait(older: Place) -> None:
    for kind in OPEN:
        together = FORKED.Barrier(4)
        processes = [FORKED.Process(target=_opens, args=(kind, older, 0, together)) for _ in range(4)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0] * 4


ADDED = {
    "runs": ("lcagent.db", STEPS, ("runs", "calls", "works", "findings", "facts")),
    "memory": ("memory.db", MEMORY, ("entries", "sessions", "postings")),
    "server": ("server.db", SERVED, ("jobs", "files", "events", "collections")),
}
"""What a newer version does: each of these tables gets one column more."""


def _newer(place: Place, ready: Any, go: Any) -> None:
    """A newer version brings up all that is kept."""
    ready.set()
    assert go.wait(60)
    for file, steps, tables in ADDED.values():

        def more(connection: sqlite3.Connection, tables: tuple[str, ...] = tables) -> None:
            for table in tables:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN mood TEXT NOT NULL DEFAULT ''")

        opened(place, file, (*steps, more)).close()


def test_a_server_at_work_goes_on_over_tables_that_a_newer_version_has_brought_up(
    home: Path, place: Place, model: Loopback
) -> None:
    brought_up(place)  # as `lcagent serve` begins
    ready, go = FORKED.Event(), FORKED.Event()
    newer = FORKED.Process(target=_newer, args=(place, ready, go))
    newer.start()
    assert ready.wait(60)

    def meanwhile(request: Request) -> str:
        if not go.is_set():
            go.set()
            newer.join()
        return reply(request)

    model.reply = meanwhile
    with Served(home, model.url, store=place.url or None) as served:
        file = served.upload(haystack(75))
        for question in (QUESTION, f"{QUESTION} again"):
            run = served.run(question, file, model="lcagent/memagent")
            row = served.ended(run)
            assert row["status"] == "finished", row
        assert newer.exitcode == 0 and len(served.http.get("/v1/runs").json()["data"]) == 2
        said = served.http.post("/v1/responses", json={"input": "Ship 7 came in.", "user": "anna"})
        assert said.status_code == 200


def test_a_reading_that_meets_a_newer_store_is_left_to_a_newer_server(home: Path, model: Loopback) -> None:
    path = home / "lcagent.db"
    open_store(Place(home)).close()
    with closing(sqlite3.connect(path)) as kept, pytest.MonkeyPatch.context() as patch:
        (version,) = kept.execute("PRAGMA user_version").fetchone()
        kept.execute("PRAGMA user_version=99")
        patch.setattr("lcagent.memory.store._brought", set[tuple[Path, int]]())  # it has not been opened here
        with Served(home, model.url) as served:
            run = served.run(QUESTION, served.upload(haystack(75)), model="lcagent/memagent")
            until(lambda: not served.service.jobs.live)
            assert served.http.get(f"/v1/runs/{run}").json()["status"] == "running"
        kept.execute(f"PRAGMA user_version={version}")
    with Served(home, model.url) as served:
        assert served.ended(run)["status"] == "finished"


LOOKS = [
    ("runs list", "runs"),
    ("memory show", "memory"),
    ("keys list", "server"),
    *((command, kind) for command in ("serve --port 0", "worker") for kind in OPEN),
]


@pytest.mark.parametrize(("command", "kind"), LOOKS)
def test_what_a_newer_version_made_is_left_alone_and_said_in_a_line(
    place: Place, monkeypatch: pytest.MonkeyPatch, kind: str, command: str
) -> None:
    if command == "worker" and not place.url:
        pytest.skip("workers share a store in PostgreSQL")
    path = place.folder / {"runs": "lcagent.db"}.get(kind, f"{kind}.db")
    with closing(OPEN[kind](place)) as store:
        if place.url:
            store.execute("UPDATE version SET number = 99")
    if not place.url:
        with closing(sqlite3.connect(path)) as newer:
            newer.execute("PRAGMA user_version=99")
    before = b"" if place.url else path.read_bytes()
    # As in a process of its own.
    monkeypatch.setattr("lcagent.memory.store._brought", set[tuple[Path, int]]())
    monkeypatch.setattr("lcagent.memory.postgres.store._prepared", dict[tuple[str, str], str]())
    error: Any = in_this_process(*command.split()).exception
    assert (error.code, error.exit_code) == ("NewerVersion", 2)
    assert error.message.startswith("a newer lcagent made this store (its version is 99")
    assert error.hint.startswith("upgrade lcagent")
    assert place.url or path.read_bytes() == before
