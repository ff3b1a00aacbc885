"""What a note was made of: the documents that were in sight, kept with it, shown, and followed when one is forgotten."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lcagent.chat import ChatSession
from lcagent.memory.tiers import exchange, folder
from lcagent.memory.tiers.core import Core
from lcagent.memory.tiers.entries import Entries, Entry
from lcagent.memory.tiers.forgetting import document_traces, forget_documents
from lcagent.memory.tiers.origins import ELSEWHERE, Origin, origins
from tests.helpers import in_this_process
from tests.loopback import Request
from tests.test_memgpt import entries_of

LETTER = "The lighthouse of Vellmere was built by Oskar Brandvold in 1871."
LIST = "The lighthouse keeper had seven lamps and a dog named Rex."
NOTE = "Brandvold built the Vellmere lighthouse in 1871."


class Scripted:
    """Calls what is planned, and then says "Done."."""

    def __init__(self) -> None:
        self.plan: list[dict[str, Any]] = []

    def __call__(self, request: Request) -> str:
        if self.plan:
            return json.dumps({"thought": "", "heartbeat": "yes", "page": 1, **self.plan.pop(0)})
        return json.dumps({"thought": "", "do": "send_message", "known": "yes", "message": "Done."})


def search(query: str) -> dict[str, str]:
    return {"do": "archival_memory_search", "query": query}


def insert(content: str) -> dict[str, str]:
    return {"do": "archival_memory_insert", "content": content}


@pytest.fixture
def chat(loopback, tmp_path: Path) -> Iterator[ChatSession]:
    agent = Scripted()
    with ChatSession(api_base=loopback(reply=agent, window=8192).url, window=8192) as chat:
        for name, text in (("letter.txt", LETTER), ("list.txt", LIST)):
            (tmp_path / name).write_text(text)
            chat.attach(tmp_path / name)
        agent.plan = [
            search("lighthouse"),
            insert(NOTE),
            {"do": "core_memory_append", "name": "human", "content": "Collects stamps from Ghent."},
            insert("Der Leuchtturm ist alt."),
        ]
        chat.send("I collect stamps from Ghent. Keep what the papers say of the lighthouse.")
        agent.plan = [search("Brandvold"), insert("So the tower goes back to Brandvold of 1871.")]
        chat.send("What follows from that?")
        yield chat


def passages(entries: Entries) -> list[Entry]:
    return entries.oldest(["passage"], limit=9)


def numbers(chat: ChatSession) -> dict[str, int]:
    rows = entries_of(chat).store.rows("SELECT id, name FROM attached")
    return {row["name"]: row["id"] for row in rows}


def test_a_note_keeps_which_passages_say_it_and_what_else_was_in_sight(chat: ChatSession) -> None:
    number = numbers(chat)
    note, strange, _ = passages(entries_of(chat))
    assert note.source == "document"
    assert origins(note.data) == [Origin(number["letter.txt"], 0, len(LETTER)), Origin(number["list.txt"])]
    # In other words, no passage says it, and it is told that both were there.
    assert {one.document for one in origins(strange.data)} == set(number.values())
    assert not any(one.carries for one in origins(strange.data))
    (line,) = Core(entries_of(chat)).lines("human")
    assert line.source == "model" and not any(one.carries for one in origins(line.data))
    assert {one.document for one in origins(line.data)} == set(number.values())


def test_it_is_shown(chat: ChatSession) -> None:
    note = passages(entries_of(chat))[0]
    done = in_this_process("memory", "show", str(note.id))
    assert f"letter.txt, line 1: {LETTER}" in done.stdout, done.stdout
    assert "list.txt: in sight when it was written" in done.stdout
    told = json.loads(in_this_process("memory", "show", str(note.id), "--json").stdout)["origins"]
    assert [(one["document"], one["in_sight"]) for one in told] == [("letter.txt", False), ("list.txt", True)]
    assert told[0]["quote"] == LETTER


def test_forgetting_a_document_takes_what_was_made_of_it_and_tells_what_may_have_been(
    chat: ChatSession,
) -> None:
    entries = entries_of(chat)
    note, strange, later = passages(entries)
    (line,) = Core(entries).lines("human")
    asked = in_this_process("memory", "forget", "--document", "letter.txt")
    assert asked.exit_code != 0 and entries.get([note.id])
    assert f"{note.id} main passage: {NOTE}" in asked.stdout
    assert f"{strange.id} main passage: {strange.text} [stays; written with it in sight]" in asked.stdout
    gone = forget_documents(entries.store, "default", "main", ["letter.txt"])
    assert not entries.get([note.id, later.id]) and set(entries.get([strange.id, line.id])) == {
        strange.id,
        line.id,
    }
    assert {strange.id, line.id} <= set(gone.perhaps)
    held = " ".join(row["text"] + row["data"] for row in entries.store.rows("SELECT text, data FROM entries"))
    assert "Brandvold built" not in held and "1871" not in held
    # Where it comes from stays told, though what it names is gone.
    assert origins(strange.data) == origins(entries.get([strange.id])[strange.id].data)
    shown = in_this_process("memory", "show", str(strange.id)).stdout
    assert "a document that is not here any more: in sight when it was written" in shown


def test_a_document_that_was_only_in_sight_takes_no_note_with_it(chat: ChatSession) -> None:
    entries = entries_of(chat)
    note = passages(entries)[0]
    traces = document_traces(entries.store, "default", "main", ["list.txt"])
    assert note.id in traces.perhaps and note.id not in traces.own
    forget_documents(entries.store, "default", "main", ["list.txt"])
    assert entries.get([note.id])


def test_it_comes_along_as_lines_under_the_documents_new_numbers(chat: ChatSession) -> None:
    entries = entries_of(chat)
    lines = list(exchange.exported(entries.store, "default"))
    exchange.imported(entries.store, "guest", lines)
    other = Entries(entries.store, "guest", "main")
    rows = entries.store.rows("SELECT id, name FROM attached WHERE tenant = 'guest'")
    number = {row["name"]: row["id"] for row in rows}
    note = passages(other)[0]
    assert note.source == "document"
    assert origins(note.data) == [Origin(number["letter.txt"], 0, len(LETTER)), Origin(number["list.txt"])]
    forget_documents(entries.store, "guest", "main", ["letter.txt"])
    assert not other.get([note.id]) and passages(entries)


def test_it_comes_along_in_a_folder_and_never_gets_better(chat: ChatSession) -> None:
    entries = entries_of(chat)
    told = folder.files(entries)
    other = Entries(entries.store, "guest", "main")
    core = Core(other)
    folder.apply(other, told, core)
    note = next(one for one in passages(other) if one.text == NOTE)
    assert note.source == "imported"
    assert origins(note.data) == [Origin(ELSEWHERE, 0, len(LETTER)), Origin(ELSEWHERE)]
    # Edited, it is still told what it was made of; in the session itself its documents are there.
    (name,) = (path for path, text in told.items() if path.startswith("archival/") and NOTE in text)
    assert f"<!-- made of letter.txt 0-{len(LETTER)} -->" in told[name]
    folder.apply(entries, {**told, name: told[name].replace("1871", "1872")}, Core(entries))
    edited = passages(entries)[-1]
    assert edited.text == NOTE.replace("1871", "1872")
    assert origins(edited.data) == origins(passages(entries)[0].data)
