"""`lcagent memory`: what the commands print and do, and how they end."""

import json
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from lcagent import session_memory
from lcagent.cli import dates, memory
from lcagent.documents import Document
from lcagent.errors import (
    DocumentNotFound,
    EntryNotFound,
    SessionBusy,
    SessionNotFound,
    UsageError,
)
from lcagent.memory.opening import open_store
from lcagent.memory.rows import Rows
from lcagent.memory.tiers.archival import Archival
from lcagent.memory.tiers.core import Core
from lcagent.memory.tiers.entries import Entries, New
from lcagent.memory.tiers.leases import Lease
from lcagent.memory.tiers.queue import Queue
from lcagent.memory.tiers.tables import FILE
from lcagent.place import Place
from tests.cluster import files_daily, only_files
from tests.helpers import in_this_process
from tests.killable import Command

DAY = 86400.0
BEGIN = datetime(2026, 11, 1, 12, tzinfo=UTC).timestamp()


def run(*arguments: str, **options: Any) -> Result:
    done = in_this_process("memory", *arguments)
    assert done.exception is None, done.exception
    return done


def told(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def error(*arguments: str) -> Any:
    return in_this_process("memory", *arguments).exception


@pytest.fixture
def entries(store: Rows) -> Entries:
    """Three days: a session with messages, a summary, lines that changed, a passage and a document."""
    now = [BEGIN]
    entries = Entries(store, "default", "main", clock=lambda: now[0])
    core, queue, archival = Core(entries), Queue(entries), Archival(entries)
    by: Any = {"author": "assistant", "source": "said"}
    first = entries.append(New("message", "I live in Paris \x1b[31m.", "user", "user", "said"))
    core.append("human", "Lives in Paris", rests_on=[first.id], **by)
    now[0] += DAY
    moved = entries.append(New("message", "I moved to Lyon.", "user", "user", "said"))
    core.replace("human", "Paris", "Lyon", rests_on=[moved.id], **by)
    now[0] += DAY
    queue.swap("They live somewhere.", queue.oldest(1), source="said")
    archival.insert("The sister is called Ida.", [], **by)
    archival.attach(Document("notes.txt", "text", (), "", "ab", "text"))
    return entries


def test_sessions_are_listed(entries: Entries, store: Rows) -> None:
    Entries(store, "default", "empty\x1b[2J", clock=lambda: 5.0).append_all([])
    lines = run("list").stdout.splitlines()
    assert len(lines) == 2 and "\x1b" not in "".join(lines)
    assert lines[0].startswith("2026-11-03 12:00") and lines[0].endswith("main")
    main, _ = told("list")
    assert (main["name"], main["messages"], main["passages"], main["documents"]) == ("main", 2, 1, 1)
    assert main["bytes"] > 100
    assert run("list", "--tenant", "other").stdout == ""


def test_core_memory_is_shown_with_what_it_rests_on_and_as_it_was(entries: Entries) -> None:
    shown = run("show").stdout
    assert "persona: (empty)\n" in shown and "Lives in Lyon [rests on 3]\n" in shown
    assert "summary of 1 messages:\n" in shown and "document: notes.txt\n" in shown
    assert shown.endswith("2 messages, 1 passages, 1 in the queue\n")
    then = told("show", "--at", "2026-11-01")["blocks"]["human"]
    assert [(one["text"], one["rests_on"]) for one in then] == [("Lives in Paris", [1])]
    assert "holds no more since 2026-11-02 12:00" in then[0]["notes"][0]
    assert told("show", "--at", "31 October 2026")["blocks"]["human"] == []
    assert [one["text"] for one in told("show", "--at", "2026-11")["blocks"]["human"]] == ["Lives in Lyon"]


def test_an_entry_is_shown_with_what_rests_on_it(entries: Entries) -> None:
    shown = run("show", "1").stdout
    assert "\x1b" not in shown and shown.startswith(
        "entry     1 (message user)\nsaid      2026-11-01 12:00 by user"
    )
    assert "--- made of it\n2 2026-11-01 12:00 block: Lives in Paris" in shown
    one = told("show", "3")
    assert (one["text"], [made["text"] for made in one["made_of_it"]]) == (
        "I moved to Lyon.",
        ["Lives in Lyon"],
    )


def test_messages_are_searched_by_words_and_time(entries: Entries) -> None:
    head, best, *_ = run("search", "Lyon").stdout.splitlines()
    assert head.endswith(" found, page 1 of 1") and best == "3 2026-11-02 12:00 user: I moved to Lyon."
    found = told("search", "--since", "2 November 2026", "--until", "2026-11-03", "-n", "1", "--page", "2")
    assert (found["total"], found["pages"]) == (2, 2)
    assert [one["text"] for one in found["entries"]] == ["The sister is called Ida."]
    assert told("search", "--until", "2026-11-01")["total"] == 1
    assert run("search", "zebra").stdout == "0 found\n"


def test_a_block_is_edited_and_undone(
    entries: Entries, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run("edit", "human", "--replace", "Lyon", "Rome", "--append", "Has a cat").stdout == (
        "- Lives in Rome\n- Has a cat\n"
    )
    assert run("undo", "human").stdout == "- Lives in Rome\n"
    assert run("undo", "human").stdout == "- Lives in Lyon\n"
    assert run("edit", "human", "--replace", "Lives in Lyon", "").stdout == ""
    editor = tmp_path / "editor.py"
    editor.write_text("import sys; open(sys.argv[1], 'a').write('Likes tea\\n- Has a dog\\n')")
    monkeypatch.setenv("EDITOR", f"{sys.executable} {editor}")
    assert run("edit", "human").stdout == "- Likes tea\n- Has a dog\n"
    assert Core(entries).lines("human")[0].source == "said"
    monkeypatch.setenv("EDITOR", "false")
    assert isinstance(error("edit", "human"), UsageError)
    monkeypatch.delenv("EDITOR")
    assert "--append" in error("edit", "human").hint


def test_a_session_goes_out_and_comes_back(entries: Entries, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    assert run("export", str(file)).stdout == f"{file}\n" and file.stat().st_mode & 0o77 == 0
    assert run("export", "-").stdout == file.read_text()
    done = told("import", str(file), "--session", "copy")
    assert (done["sessions"], done["entries"], done["documents"]) == (["copy"], 6, 1)
    assert told("import", str(file))["entries"] == 0
    run("export", str(file), "--all-sessions")
    assert told("import", str(file), "--tenant", "anna")["sessions"] == ["copy", "main"]
    assert [one["name"] for one in told("list", "--tenant", "anna")] == ["copy", "main"]


def test_a_folder_goes_out_is_edited_and_comes_back(entries: Entries, tmp_path: Path) -> None:
    Core(entries, ["project"]).append("project", "Due in May", author="user", source="said")
    folder = tmp_path / "memory"
    run("export", str(folder))
    human = folder / "core" / "human.md"
    human.write_text(human.read_text().replace("Lyon", "Rome"))
    (folder / "summary.md").write_text("Nothing.")
    done = in_this_process("memory", "import", str(folder))
    assert done.stdout == "core/human.md: 'Lives in Lyon' is now 'Lives in Rome'\n"
    assert "not applied: summary.md: " in done.stderr
    assert told("import", str(folder), "--session", "new")["ignored"] == []
    blocks = told("show", "--session", "new")["blocks"]
    assert [one["text"] for one in blocks["project"]] == ["Due in May"]
    assert {one["source"] for one in blocks["human"]} == {"imported"}


@only_files
def test_forgetting_shows_first_and_deletes_with_yes(entries: Entries, home: Path) -> None:
    done = in_this_process("memory", "forget", "3")
    assert "3 main message: I moved to Lyon.\n" in done.stdout
    assert "4 main block: Lives in Lyon [goes with it]\n" in done.stdout
    assert isinstance(done.exception, UsageError) and "--yes" in done.exception.hint
    assert len(told("show")["blocks"]["human"]) == 1
    assert run("forget", "3", "--yes").stdout == "deleted 1 block, 1 message\n"
    (line,) = told("show")["blocks"]["human"]
    assert (line["text"], line["notes"]) == ("Lives in Paris", [])  # it holds again
    assert told("forget", "--matching", "sister Paul", "--yes")["entries"] == {}  # all words are meant
    assert told("forget", "--matching", "the sister", "--yes")["entries"] == {"passage": 1}
    assert told("forget", "--document", "notes.txt", "--yes")["documents"] == ["notes.txt"]
    assert b"Lyon" not in (home / FILE).read_bytes()
    gone = told("forget", "--all", "--yes")
    assert (gone["sessions"], gone["erased"]) == (["main"], True)
    assert isinstance(error("show"), SessionNotFound)


def test_a_run_goes_with_the_only_entry_that_tells_of_it(entries: Entries, place: Place) -> None:
    with closing(open_store(place)) as runs:
        values = ("r1", "k", "finished", 1.0, 1.0, "Which?", "[]", "direct", "m", "{}")
        runs.execute(
            "INSERT INTO runs (id, key, status, created, updated, question, sources, strategy, model, settings)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )
        one, two = (
            entries.append(New("result", text, data={"run": run}))
            for text, run in (("read", "r1"), ("read too", "not kept"))
        )
        assert (
            run("forget", str(one.id), str(two.id), "--yes").stdout
            == "deleted 2 results, 2 runs (r1, not kept)\n"
        )
        assert not runs.rows("SELECT id FROM runs")


def test_all_sessions_of_a_tenant_go_and_no_others(entries: Entries, store: Rows) -> None:
    for tenant, session in (("default", "side"), ("anna", "main")):
        Entries(store, tenant, session).append(New("message", "hello"))
    refused = error("forget", "--all-sessions")
    assert "2 conversations" in refused.message
    assert set(told("forget", "--all-sessions", "--yes")["sessions"]) == {"main", "side"}
    assert told("list") == [] and len(told("list", "--tenant", "anna")) == 1


def test_rebuilding_makes_anew_what_was_lost(entries: Entries, store: Rows) -> None:
    before = told("show")
    store.execute("DELETE FROM postings")
    store.execute("DELETE FROM closings")
    assert run("rebuild").stdout == "1 sessions are rebuilt\n"
    assert told("show") == before and told("search", "Lyon")["entries"][0]["id"] == 3
    assert told("show", "1")["notes"]


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["show", "99"], EntryNotFound),
        (["show", "--session", "none"], SessionNotFound),
        (["show", "--at", "yesteryear"], UsageError),
        (["search", "x", "--since", "2026-13-01"], UsageError),
        (["search", "--session", "none"], SessionNotFound),
        (["edit", "none", "--append", "x"], EntryNotFound),
        (["edit", "human", "--replace", "zebra", "x"], EntryNotFound),
        (["undo", "persona"], EntryNotFound),
        (["undo", "human", "--session", "none"], SessionNotFound),
        (["export", "x.jsonl", "--session", "none"], SessionNotFound),
        (["export", "/dev/null/x.jsonl"], UsageError),
        (["export", "/dev/null/folder"], UsageError),
        (["export", "folder", "--all-sessions"], UsageError),
        (["import", "none.jsonl"], UsageError),
        (["import", "."], UsageError),
        (["forget"], UsageError),
        (["forget", "1", "--all"], UsageError),
        (["forget", "99", "--yes"], EntryNotFound),
        (["forget", "--matching", "the", "--yes"], UsageError),
        (["forget", "--all", "--session", "none", "--yes"], SessionNotFound),
        (["forget", "--document", "x", "--yes"], DocumentNotFound),
    ],
)
@files_daily
def test_what_cannot_be_done_is_said_with_a_hint(entries: Entries, arguments: list[str], kind: type) -> None:
    wrong = error(*arguments)
    assert isinstance(wrong, kind), wrong
    assert wrong.message and (wrong.hint or "cannot be written" in wrong.message)
    assert not Path("x.jsonl").exists()


def test_a_session_that_is_written_is_busy(entries: Entries, store: Rows) -> None:
    with Lease(store, "default", "main").held():
        for arguments in (
            ["edit", "human", "--append", "x"],
            ["undo", "human"],
            ["forget", "1", "--yes"],
            ["forget", "--all", "--yes"],
            ["rebuild"],
        ):
            busy = error(*arguments)
            assert isinstance(busy, SessionBusy) and busy.hint
        assert told("show")["messages"] == 2  # who only reads may


def test_dates_are_read_as_people_write_them() -> None:
    day = datetime(2026, 11, 29, tzinfo=UTC).timestamp()
    for text in ("2026-11-29", "29 November 2026", "November 29, 2026", " 29.11.2026 "):
        assert (dates.since(text), dates.until(text)) == (day, day + DAY)
    assert dates.until("2026-11-29T01:00") == day + 3600 == dates.since("2026-11-29T02:00+01:00")
    assert dates.until("2026-11") - dates.since("2026-11") == 30 * DAY
    assert dates.until("2026") - dates.since("2026") == 365 * DAY


def test_the_command_names_the_same_session_as_the_sdk_and_tells_an_error_as_json(home: Path) -> None:
    assert (memory.DEFAULT_TENANT, memory.DEFAULT_SESSION) == (
        session_memory.DEFAULT_TENANT,
        session_memory.DEFAULT_SESSION,
    )
    done = Command("memory", "show", "--json").done()
    assert done.returncode == 1 and json.loads(done.stdout)["code"] == "SessionNotFound"
