"""What runs leave behind: who may read it, how it is shown, and how it goes."""

import json
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from lcagent import Answer, Finished, Reader, RunStarted
from lcagent.cli.commands import app
from lcagent.documents import load
from lcagent.errors import UsageError
from lcagent.memory.parsed import StoredSegments
from lcagent.memory.store import Store
from tests.helpers import QUESTION, REPORT, ROOT, clever, haystack, in_this_process

KEEPER = "Who kept the wireless after the new year?"


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "doc.txt"
    path.write_text(haystack(150))
    return path


@pytest.fixture
def ask(loopback):
    """Asks, and gives the answer."""
    server = loopback(window=2048, reply=clever)

    def once(source: Path, question: str, **options) -> Answer:
        with Reader(api_base=server.url, window=2048, strategy="memagent", **options) as reader:
            return reader.ask(source, question)

    return once


def counts(home: Path) -> dict[str, int]:
    """Rows of each table."""
    with sqlite3.connect(home / "lcagent.db") as connection:
        tables = ("runs", "calls", "findings", "uses", "documents", "segmentations")
        return {t: connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables}


def manual(folder: Path, number: int) -> Path:
    """A document that is parsed, and kept so."""
    path = folder / f"{number}.html"
    path.write_text(f"<html><body><h1>{number}</h1><p>{haystack(100)}</p></body></html>")
    return path


def test_nobody_else_may_look_into_the_store(ask, document: Path, home: Path) -> None:
    held: list[int] = []

    def look(path: Path) -> None:
        for file in path.rglob("*"):
            mode = file.stat().st_mode
            held.append(stat.S_IMODE(mode))
            assert stat.S_IMODE(mode) == (0o700 if stat.S_ISDIR(mode) else 0o600), file

    store = Store(home / "lcagent.db")  # one that is open keeps its -wal and -shm
    ask(document, QUESTION)
    look(home)
    store.close()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert len(held) >= 4


def test_locks_and_checkpoints_of_a_running_run_are_private_too(loopback, document: Path, home: Path) -> None:
    server = loopback(window=2048, reply=clever)
    with Reader(api_base=server.url, window=2048, strategy="memagent") as reader:
        for event in reader.stream(document, QUESTION):
            if isinstance(event, RunStarted):
                (lock,) = (home / "locks").iterdir()
                assert stat.S_IMODE(lock.stat().st_mode) == 0o600
                assert stat.S_IMODE(lock.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "checkpoints.db").stat().st_mode) == 0o600


def test_a_file_of_an_earlier_version_is_taken_from_others_and_goes_on(
    ask, document: Path, home: Path
) -> None:
    home.mkdir()
    with sqlite3.connect(home / "lcagent.db") as connection:
        connection.executescript(
            "CREATE TABLE runs (id TEXT PRIMARY KEY, key TEXT NOT NULL, status TEXT NOT NULL, created REAL NOT"
            " NULL, updated REAL NOT NULL, question TEXT NOT NULL, sources TEXT NOT NULL, strategy TEXT NOT NULL,"
            " model TEXT NOT NULL, settings TEXT NOT NULL, answer TEXT, error TEXT,"
            " seconds REAL NOT NULL DEFAULT 0);"
            "CREATE TABLE documents (key TEXT PRIMARY KEY, meta TEXT NOT NULL, text BLOB NOT NULL);"
            "CREATE TABLE segmentations (key TEXT PRIMARY KEY, spans BLOB NOT NULL);"
            "INSERT INTO documents VALUES ('old', '{}', zeroblob(3000000));"
            "INSERT INTO runs VALUES ('r', 'k', 'finished', 0, 0, 'q', '[]', 's', 'm', '{}', NULL, NULL, 0)"
        )
    (home / "lcagent.db").chmod(0o644)
    assert ask(document, QUESTION).answer == "Oskar Brandvold"
    assert stat.S_IMODE((home / "lcagent.db").stat().st_mode) == 0o600
    assert in_this_process("runs", "prune").exit_code == 0
    assert counts(home)["documents"] == 0 and counts(home)["runs"] == 1
    assert (home / "lcagent.db").stat().st_size < 1_000_000


def test_deleting_a_run_takes_what_only_it_used(ask, home: Path, tmp_path: Path) -> None:
    shared, own = tmp_path / "shared.pdf", manual(tmp_path, 1)
    shutil.copy(REPORT, shared)
    first = ask(shared, KEEPER)
    second = ask(shared, "Who kept the instruments that winter?")
    third = ask(own, QUESTION)
    assert counts(home)["documents"] == 2
    in_this_process("runs", "delete", third.run_id)
    assert counts(home)["documents"] == 1
    in_this_process("runs", "delete", first.run_id)
    assert counts(home)["documents"] == 1  # the second run uses it
    size = (home / "lcagent.db").stat().st_size
    in_this_process("runs", "delete", second.run_id)
    assert set(counts(home).values()) == {0}
    assert (home / "lcagent.db").stat().st_size < size
    left = b"".join(file.read_bytes() for file in home.glob("*.db*"))
    assert b"wireless" not in left


def test_prune_deletes_old_finished_runs_and_what_nobody_uses(
    ask, loopback, home: Path, tmp_path: Path
) -> None:
    old, new = ask(manual(tmp_path, 1), QUESTION), ask(manual(tmp_path, 2), QUESTION)
    budget = ask(manual(tmp_path, 3), QUESTION, max_calls=2)
    assert budget.status == "budget"
    with sqlite3.connect(home / "lcagent.db") as connection:
        connection.execute(
            "UPDATE runs SET updated = ? WHERE id != ?", (time.time() - 40 * 86400, new.run_id)
        )
        connection.execute("INSERT INTO works VALUES (99, 'k', 'document', 'stray', '', '{}', 'done', 0, 0)")
        connection.execute("INSERT INTO documents VALUES (99, '{}', zeroblob(100))")
    assert in_this_process("runs", "prune", "--older-than", "50").stdout.startswith("deleted 0 runs and 1 ")
    assert in_this_process("runs", "prune").stdout.startswith("deleted 1 runs and 2 works")
    listed = {row["id"] for row in json.loads(in_this_process("runs", "list", "--json").stdout)}
    assert listed == {new.run_id, budget.run_id} and old.run_id not in listed
    assert in_this_process("runs", "prune", "--max-size", "0").exit_code == 0
    (left,) = json.loads(in_this_process("runs", "list", "--json").stdout)
    assert left["id"] == budget.run_id  # it can still be gone on with
    assert counts(home)["documents"] == 1


def test_the_store_keeps_to_its_size(ask, home: Path, tmp_path: Path) -> None:
    """What was used longest ago goes first, but for what an unfinished run needs."""
    for number in range(4):
        ask(manual(tmp_path, number), QUESTION, **({"max_calls": 1} if number == 0 else {}))
    with sqlite3.connect(home / "lcagent.db") as connection:
        connection.execute("UPDATE documents SET text = randomblob(700000)")
        for name, used in (("0.html", 1), ("1.html", 4), ("2.html", 2), ("3.html", 3)):
            connection.execute("UPDATE works SET used = ? WHERE name = ?", (used, name))
    ask(manual(tmp_path, 4), QUESTION, store_mb=2)
    with sqlite3.connect(home / "lcagent.db") as connection:
        kept = {json.loads(meta)["name"] for (meta,) in connection.execute("SELECT meta FROM documents")}
    assert kept == {"0.html", "1.html", "4.html"}
    assert (home / "lcagent.db").stat().st_size < 2 << 20


def test_doctor_tells_how_full_the_store_is(ask, loopback, document: Path, home: Path) -> None:
    ask(document, QUESTION)
    told = json.loads(in_this_process("doctor", "--api-base", loopback().url, "--json").stdout)
    store = told["facts"]["store"]
    assert store.startswith("0.") and f" of 1024 MB in {home}, SQLite 3." in store


def test_runs_show_an_answers_claims_and_numbered_citations(ask, document: Path) -> None:
    answer = ask(document, QUESTION)
    shown = in_this_process("runs", "show", "last").stdout
    assert f"answer    {answer.text}\n" in shown
    (citation,) = answer.citations
    assert f"[{citation.number}] doc.txt, {citation.place}: “{citation.quote}”" in shown
    assert "in all    answered; read " in shown
    assert in_this_process("runs", "replay", "last").stdout.endswith(f"--- answer\n{answer.text}\n")


def test_a_call_can_be_looked_at_as_it_was_sent(ask, loopback, document: Path, home: Path) -> None:
    ask(document, QUESTION)
    calls = len(in_this_process("runs", "replay", "last").stdout.split("\n--- "))
    told = json.loads(in_this_process("runs", "show", "last", "--call", "2", "--json").stdout)
    assert (told["number"], told["role"]) == (2, "read")
    assert {"messages", "max_tokens", "temperature", "response_format"} <= told["request"].keys()
    assert QUESTION in told["request"]["messages"][-1]["content"]
    lines = in_this_process("runs", "show", "last", "--call", "2").stdout
    assert lines.startswith("--- 2. read: ") and QUESTION in lines
    assert lines.endswith(f"--- reply\n{told['text']}\n")
    server = loopback(window=2048, reply=lambda _: "something else")
    again = in_this_process("runs", "resend", "last", "2", "--api-base", server.url).stdout
    (request,) = server.requests
    sent = {name: value for name, value in request.body.items() if name != "model"}
    assert sent == {n: v for n, v in told["request"].items() if n not in {"logprobs", "top_logprobs"}}
    assert again.startswith("--- 2. read: ") and again.endswith(" tokens\nsomething else\n")
    assert len(in_this_process("runs", "replay", "last").stdout.split("\n--- ")) == calls
    missing = in_this_process("runs", "show", "last", "--call", "99").exception
    assert isinstance(missing, UsageError) and "finished calls" in missing.hint
    with sqlite3.connect(home / "lcagent.db") as connection:
        connection.execute("UPDATE calls SET request = NULL")  # as an earlier version left it
    assert "request   not kept" in in_this_process("runs", "show", "last", "--call", "1").stdout
    unsent = in_this_process("runs", "resend", "last", "1", "--api-base", server.url).exception
    assert isinstance(unsent, UsageError) and len(server.requests) == 1


def test_an_answer_of_an_earlier_version_is_shown_and_made_again_when_asked_for(
    ask, loopback, document: Path, home: Path
) -> None:
    answer = ask(document, QUESTION)
    old = json.loads(answer.model_dump_json())
    old["version"], old["text"] = 1, old.pop("answer")
    del old["claims"]
    for citation in old["citations"]:
        del citation["number"], citation["place"]
    with sqlite3.connect(home / "lcagent.db") as connection:
        connection.execute("UPDATE runs SET answer = ?", (json.dumps(old),))
    assert "Oskar Brandvold" in in_this_process("runs", "show", "last").stdout
    server = loopback(window=2048, reply=clever)
    with Reader(api_base=server.url, window=2048, strategy="memagent") as reader:
        *_, last = reader.stream(document, QUESTION, resume=True)
    assert isinstance(last, Finished)
    assert (last.answer.run_id, last.answer.answer, server.calls) == (answer.run_id, answer.answer, 0)


def test_a_damaged_file_of_checkpoints_is_no_hindrance(ask, document: Path, home: Path) -> None:
    home.mkdir()
    (home / "checkpoints.db").write_bytes(b"no database at all" * 1000)
    assert ask(document, QUESTION).answer == "Oskar Brandvold"


def test_every_command_takes_the_store_that_it_looks_at(loopback, document: Path, home: Path) -> None:
    """By one option; only what fetches models, and what copies one store to another, knows but the folder."""
    named: dict[str, Any] = {}
    for name, one in get_command(app).commands.items():  # type: ignore[attr-defined]
        group = getattr(one, "commands", None)
        named |= {f"{name} {inner}": command for inner, command in group.items()} if group else {name: one}
    options = {name: {o for p in one.params for o in p.opts} for name, one in named.items()}
    without = {name for name, has in options.items() if "--home" in has and "--store" not in has}
    assert without == {"models pull", "models list", "models status", "models stop", "store copy"}

    there = home.parent / "elsewhere"
    server = loopback(window=2048, reply=clever)

    def told(*arguments: str) -> str:
        done = in_this_process(*arguments, "--store", str(there))
        assert done.exit_code == 0, done.output
        return done.stdout

    asked = ("--api-base", server.url, "--window", "2048", "--strategy", "memagent")
    told("ask", str(document), QUESTION, *asked)
    (run,) = json.loads(told("runs", "list", "--json"))
    assert told("runs", "replay", run["id"]).count("--- ") == run["calls"] + 1
    assert json.loads(told("works", "list", "--json"))
    assert json.loads(told("memory", "list", "--json")) == []
    told("keys", "create", "somebody")
    assert "somebody" in told("keys", "list")
    assert f" MB in {there}, " in told("doctor", "--api-base", server.url)
    assert told("runs", "delete", run["id"])
    assert not list(home.rglob("*.db"))


def test_a_document_is_known_again_without_going_through_all_others(home: Path, document: Path) -> None:
    """Each of many would else take longer than the one before it."""
    read, exact, asked = load(document), {"tokens": "100", "tokenizer": "t"}, list[str]()
    with closing(Store.open(home)) as store:
        kept = StoredSegments(store)
        store._conn.set_trace_callback(asked.append)
        assert kept.get(read, exact) is None and not kept.before(read, exact) and not kept.every(read)
        store._conn.set_trace_callback(None)
        plans = [store.rows(f"EXPLAIN QUERY PLAN {sql}") for sql in asked]
    of_works = [row["detail"] for plan in plans for row in plan if "kind=?" in row["detail"]]
    assert len(of_works) == 3 and all("kind=? AND" in detail for detail in of_works)


CLOSING = """
import sys, threading
from pathlib import Path
from lcagent.memory.store import Store

def work(store, at_it):
    try:
        while True:
            at_it.set()
            for _ in store.execute(NUMBERS):
                pass
            store.rows(NUMBERS)
            store.size()
            with store.transaction():
                store.rows("UPDATE runs SET told = 0 RETURNING id")
    except Exception:
        at_it.set()

NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT i FROM n"
for number in range(40):
    store, at_it = Store(Path(sys.argv[1]) / "lcagent.db"), threading.Event()
    thread = threading.Thread(target=work, args=(store, at_it))
    thread.start()
    at_it.wait()
    store.close()
    thread.join()
"""


def test_a_store_that_is_closed_while_a_thread_is_at_it_ends_no_process(tmp_path: Path) -> None:
    """As where a run is given up: what it had begun in a thread goes on for a while."""
    done = subprocess.run([sys.executable, "-c", CLOSING, str(tmp_path)], cwd=ROOT, check=False)
    assert done.returncode == 0
