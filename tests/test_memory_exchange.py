"""Export and import: whatever was done to a session, another one gets all of it, once."""

import json
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings

from lcagent.documents import Document, Page
from lcagent.documents.health import Health
from lcagent.errors import SessionBusy, SessionNotFound, UsageError
from lcagent.memory.tiers.archival import Archival
from lcagent.memory.tiers.changes import standings
from lcagent.memory.tiers.core import Core
from lcagent.memory.tiers.entries import Entries, New
from lcagent.memory.tiers.exchange import Imported, exported, imported
from lcagent.memory.tiers.forgetting import forget
from lcagent.memory.tiers.leases import Lease
from lcagent.memory.tiers.queue import Queue
from lcagent.memory.tiers.tables import open_memory
from tests.helpers import examples
from tests.remembering import EVERY, Doing, operations_with


def view(entries: Entries) -> dict[str, Any]:
    """All that can be seen of a session, with places in the place of numbers."""
    every = entries.oldest(EVERY, limit=1000)
    place = {one.id: at for at, one in enumerate(every)}
    core, queue = Core(entries), Queue(entries)

    def told(closed: Any) -> list[Any]:
        return [(place[one.entry], place[one.by], one.at, one.gone) for one in closed]

    standing = standings(entries, every)
    return {
        "entries": [(e.kind, e.name, e.author, e.source, e.text, e.valid, e.recorded, e.key) for e in every],
        "rests": [[place[number] for number in entries.rests_on(one.id)] for one in every],
        "standings": [(told(standing[e.id].closed), told(standing[e.id].outdated)) for e in every],
        "blocks": {
            (label, at): [place[line.id] for line in core.lines(label, before=one.id + 1)]
            for label in core.labels
            for at, one in enumerate(every)
        },
        "queue": [place[one.id] for one in queue.newest(1000)],
        "evicted": queue.evicted(),
        "documents": [one.document for one in Archival(entries).documents()],
    }


@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.too_slow])
@given(operations_with())
@example([("say", "tea", 0), ("append", "The harbour is red.", 0), ("replace", "blue", 1), ("forget", "", 0)])
@example([("insert", "The harbour is red.", 0), ("say", "tea", 1), ("insert", "The harbour is red.", 1)])
def test_another_session_gets_all_of_it_once(operations: list[tuple[str, str, int]]) -> None:
    with (
        TemporaryDirectory() as folder,
        closing(open_memory(Path(folder, "a"))) as store,
        closing(open_memory(Path(folder, "b"))) as other,
    ):
        Doing(other, "busy").do("say", "something else", 0)
        doing = Doing(store)
        doing.do("say", "It begins.", 0)
        for number, operation in enumerate(operations):
            doing.do(*operation)
            if number == len(operations) // 2:
                imported(other, "anna", exported(store, "default"), session="copy")
        lines = list(exported(store, "default"))
        # What was forgotten here is not forgotten there.
        forgot = any(operation == "forget" for operation, _, _ in operations)
        copy = Entries(other, "anna", "whole" if forgot else "copy")
        imported(other, "anna", lines, session=copy.session)
        assert view(copy) == view(doing.entries)
        again = imported(other, "anna", lines, session=copy.session)
        assert (again.entries, again.documents) == (0, 0)
        assert view(copy) == view(doing.entries)
        assert imported(store, "default", lines).entries == 0


def document(name: str = "a.txt") -> Document:
    pages = (Page(1, 0, 5), Page(2, 5, 8, "ii"))
    return Document(name, "one\ud800\ntwo", pages, "page", name, "pdf", Health(notes=("half",)))


def test_documents_and_several_sessions_come_along(home: Path) -> None:
    with closing(open_memory(home)) as store, closing(open_memory(home / "b")) as other:
        main, side = Doing(store), Doing(store, "side")
        main.archival.attach(document())
        main.do("say", "tea", 1)
        (tea,) = main.entries.oldest(EVERY, limit=1)
        side.entries.append(New("message", "of it", rests_on=(tea.id,)))
        lines = [line.encode("utf-8", "surrogatepass") for line in exported(store, "default")]
        read = [line.decode("utf-8", "surrogatepass") for line in lines]
        assert imported(other, "default", read) == Imported(("main", "side"), 2, 0, 1)
        copies = [Entries(other, "default", name) for name in ("main", "side")]
        assert Archival(copies[0]).documents()[0].document == document()
        (first,), (there,) = (copy.oldest(EVERY, limit=9) for copy in copies)
        assert copies[1].rests_on(there.id) == [first.id] and there.text == "of it"
        with pytest.raises(UsageError, match="2 sessions"):
            imported(other, "default", read, session="one")
        alone = list(exported(store, "default", "side"))
        assert imported(other, "default", alone, session="alone").entries == 1
        with pytest.raises(SessionNotFound):
            list(exported(store, "default", "none"))


def test_what_turns_wrote_is_found_under_the_new_numbers(home: Path) -> None:
    with closing(open_memory(home)) as store:
        doing = Doing(store)
        number = doing.archival.attach(document()).id
        doing.archival.attach(document("b.txt"))
        told = doing.entries.append(New("message", "hello", key="said.12.reply"))
        shows = [[f"m{told.id}", 0, 5], [f"d{number}.4", 4, 2]]
        keyed = [
            New("call", "search", data={"window": {"entries": [told.id], "size": 9}}, key=f"{told.id}.0"),
            New("result", "found", data={"shows": shows}, key=f"{told.id}.0.result"),
            New(
                "message",
                "hi",
                data={"turn": told.id, "citations": [{"message": told.id}]},
                key=f"{told.id}.reply",
            ),
            New("message", "old", data={"turn": False}, key="999.reply"),
            New("event", "", key="warned.0"),
            New("event", "", key=f"attached.{number}"),
        ]
        doing.entries.append_all(keyed)
        imported(store, "anna", exported(store, "default"))
        copy = Entries(store, "anna", "main")
        first, *rest = copy.oldest(["message", "call", "result", "event"], limit=99)
        there = Archival(copy).documents()[0].id
        assert first.id != told.id and there != number and first.key == "said.12.reply"
        assert [one.key for one in rest] == [
            f"{first.id}.0", f"{first.id}.0.result", f"{first.id}.reply", None, "warned.0", f"attached.{there}"
        ]  # fmt: skip
        assert [one.data for one in rest[:4]] == [
            {"window": {"entries": [first.id], "size": 9}},
            {"shows": [[f"m{first.id}", 0, 5], [f"d{there}.4", 4, 2]]},
            {"turn": first.id, "citations": [{"message": first.id}]},
            {"turn": False},
        ]
        assert imported(store, "anna", exported(store, "default")).entries == 0


def test_a_session_that_went_another_way_is_left_as_it_is(home: Path) -> None:
    with closing(open_memory(home)) as store:
        doing = Doing(store)
        for text in ("one", "two", "three"):
            doing.do("say", text, 0)
        before, lines = view(doing.entries), list(exported(store, "default"))
        first, _, last = doing.entries.oldest(EVERY, limit=9)
        forget(store, "default", [last.id])
        assert imported(store, "default", lines).entries == 1  # the last one is back
        assert [one[4] for one in view(doing.entries)["entries"]] == ["one", "two", "three"]
        assert view(doing.entries) == before
        forget(store, "default", [first.id])  # the first one would come back as the last
        after = view(doing.entries)
        with pytest.raises(UsageError, match="another way") as told:
            imported(store, "default", lines)
        assert "--session" in told.value.hint and view(doing.entries) == after
        imported(store, "default", lines, session="copy")
        Doing(store, "copy").do("say", "five", 0)
        doing.do("say", "six", 0)
        with pytest.raises(UsageError, match="another way"):
            imported(store, "default", exported(store, "default", "main"), session="copy")
        with Lease(store, "default", "copy").held(), pytest.raises(SessionBusy):
            imported(store, "default", lines, session="copy")


LINE: dict[str, Any] = {
    "id": 1, "session": "main", "kind": "message", "name": "user", "author": "user", "source": "said",
    "text": "t", "data": {}, "valid": 1.0, "recorded": 1.0, "key": None, "rests_on": [],
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "secret"},
        {"source": "certain"},
        {"valid": float("nan")},
        {"kind": "block"},
        {"kind": "summary"},
        {"data": {"closes": [{"entry": "x"}]}},
        {"data": {"after": "12"}},
        {"data": {"shows": [["x", 0, 1]]}},
        {"session": "other"},
        {"text": None},
        {"id": 0},
    ],
)
def test_an_entry_that_is_none_is_told_by_its_line(home: Path, change: dict[str, Any]) -> None:
    header, first = json.dumps({"lcagent_memory": 1, "sessions": ["main"]}), json.dumps({"entry": LINE})
    with closing(open_memory(home)) as store:
        with pytest.raises(UsageError, match="line 3") as told:
            imported(store, "default", [header, first, json.dumps({"entry": {**LINE, "id": 2, **change}})])
        assert told.value.hint and not store.rows("SELECT 1 FROM entries")


def test_what_is_no_exported_memory_is_told(home: Path) -> None:
    header = json.dumps({"lcagent_memory": 1, "sessions": ["main"]})
    with closing(open_memory(home)) as store:
        for bad in ("[]", "{", "null", '{"document": {}}', '{"session": "main", "document": {"text": 1}}'):
            with pytest.raises(UsageError, match="line 2"):
                imported(store, "default", [header, bad])
        for bad in ("", "{}", "x", "1", '{"lcagent_memory": 1}'):
            with pytest.raises(UsageError, match="line 1"):
                imported(store, "default", [bad])
        with pytest.raises(UsageError, match="version 2"):
            imported(store, "default", ['{"lcagent_memory": 2, "sessions": []}'])
