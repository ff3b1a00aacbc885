"""Forgetting: what goes with an entry, what stays, and that the file holds no trace."""

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings

from lcagent.documents import Document
from lcagent.errors import DocumentNotFound, EntryNotFound, SessionBusy, SessionLost, SessionNotFound
from lcagent.memory.rows import Rows
from lcagent.memory.tiers.archival import Archival
from lcagent.memory.tiers.changes import standings
from lcagent.memory.tiers.core import Core
from lcagent.memory.tiers.entries import Entries, Entry, New
from lcagent.memory.tiers.forgetting import Forgotten, forget, forget_documents, forget_sessions
from lcagent.memory.tiers.leases import Lease
from lcagent.memory.tiers.queue import Queue
from lcagent.memory.tiers.search import Search
from lcagent.memory.tiers.sessions import sessions
from lcagent.memory.tiers.tables import FILE, open_memory
from tests.cluster import only_files
from tests.helpers import examples
from tests.remembering import EVERY, Doing, operations_with

SECRET = "xyzzyplugh"
BY_USER: Any = {"author": "user", "source": "said"}


@pytest.fixture
def entries(store: Rows) -> Entries:
    return Entries(store, "default", "main")


def say(entries: Entries, text: str, role: str = "user", rests_on: tuple[int, ...] = ()) -> Entry:
    return entries.append(New("message", text, role, role, "said", rests_on=rests_on))


def traces(home: Path, word: str = SECRET) -> list[str]:
    """The files of memory whose bytes hold a word."""
    return [file.name for file in home.glob(f"{FILE}*") if word.encode() in file.read_bytes()]


def texts(entries: Entries) -> list[str]:
    every = ["message", "call", "result", "event", "summary", "block", "passage", "change"]
    return [one.text for one in entries.oldest(every, limit=10_000)]  # type: ignore[arg-type]


@only_files
def test_what_was_made_of_a_message_goes_with_it_and_the_file_holds_no_trace(
    store: Rows, entries: Entries, home: Path
) -> None:
    before = say(entries, "I like tea.")
    told = say(entries, f"My code name is {SECRET}.")
    core, archival = Core(entries), Archival(entries)
    core.append("human", "Likes tea.", rests_on=[before.id], author="assistant", source="said")
    line = core.append("human", f"Code name: {SECRET}", rests_on=[told.id], author="assistant", source="said")
    passage = archival.insert(
        f"The code name {SECRET} was told.", [], rests_on=[line.id], author="assistant", source="said"
    ).entry
    entries.append(New("call", "archival_memory_insert", data={"arguments": {"text": f"...{passage.text}"}}))
    entries.append(New("result", f"found: My code name\\nis {SECRET}. (yesterday)", "conversation_search"))
    say(entries, f"Noted, {SECRET}.", "assistant", (told.id,))
    say(entries, "What is the weather?")
    core.replace("human", "Likes tea", "Likes green tea", **BY_USER)
    assert traces(home) and Search(store, "default").find(SECRET, limit=9, kinds=("message", "passage")).total

    gone = forget(store, "default", [told.id])

    assert gone == Forgotten({"block": 1, "call": 1, "message": 2, "passage": 1, "result": 1})
    assert traces(home) == []
    assert Search(store, "default").find(SECRET, limit=9, kinds=("message", "passage")).total == 0
    assert core.text("human") == "Likes green tea."
    assert texts(entries) == ["I like tea.", "Likes tea.", "What is the weather?", "Likes green tea."]
    store.close()
    assert traces(home) == []


def test_a_passage_that_was_there_before_stays_when_it_was_only_said_again(
    store: Rows, entries: Entries
) -> None:
    archival, first = Archival(entries), say(entries, "The key lies under the mat.")
    kept = archival.insert(
        "The key lies under the mat.", [], rests_on=[first.id], author="assistant", source="said"
    ).entry
    again = say(entries, "The key lies under the mat.")
    told = archival.insert(kept.text, [kept], rests_on=[again.id], author="assistant", source="said")
    assert told.known
    assert forget(store, "default", [again.id]).entries == {"message": 1}
    assert entries.rests_on(kept.id) == [first.id]
    assert forget(store, "default", [first.id]).entries == {"message": 1, "passage": 1}


def test_what_a_forgotten_statement_had_replaced_holds_again(store: Rows, entries: Entries) -> None:
    core = Core(entries)
    paris, lyon = say(entries, "My home is Paris."), say(entries, "My home is Lyon now.")
    first = core.append("human", "Home: Paris", rests_on=[paris.id], author="assistant", source="said")
    core.replace("human", "Paris", "Lyon", rests_on=[lyon.id], author="assistant", source="said")
    other = core.append("human", "Has a cat", **BY_USER)
    assert not standings(entries, [first])[first.id].holds
    forget(store, "default", [lyon.id])
    assert [one.id for one in core.lines("human")] == [first.id, other.id]
    assert all(one.holds for one in standings(entries, [paris, first]).values())


def test_what_replaced_the_forgotten_one_closes_what_both_replaced(
    store: Rows, entries: Entries, home: Path
) -> None:
    core = Core(entries)
    told = [say(entries, f"Home is {place}.") for place in ("Paris", SECRET, "Rome")]
    first = core.append("human", "Paris", rests_on=[told[0].id], author="assistant", source="said")
    core.replace("human", "Paris", SECRET, rests_on=[told[1].id], author="assistant", source="said")
    last = core.replace("human", SECRET, "Rome", rests_on=[told[2].id], author="assistant", source="said")
    forget(store, "default", [told[1].id])
    standing = standings(entries, [told[0], first])
    assert [one.by for one in standing[first.id].closed] == [last.id]
    assert [(one.by, one.gone) for one in standing[told[0].id].closed] == [(last.id, frozenset({"pari"}))]
    assert core.text("human") == "Rome"
    assert traces(home) == []


def test_words_of_a_forgotten_line_are_not_kept_in_what_replaced_it(
    store: Rows, entries: Entries, home: Path
) -> None:
    core, told = Core(entries), say(entries, "Home is Paris.")
    line = core.append(
        "human", f"Paris, says {SECRET}", rests_on=[told.id], author="assistant", source="said"
    )
    core.replace("human", line.text, "Rome", **BY_USER)
    assert entries.newest(["block"], limit=1)[0].data["closes"][1]["gone"] == ["pari"]
    assert forget(store, "default", [line.id]).entries == {"block": 1}
    assert traces(home) == [] and core.text("human") == "Rome"
    assert [one.gone for one in standings(entries, [told])[told.id].closed] == [frozenset({"pari"})]


def test_a_line_that_keeps_words_of_a_forgotten_one_goes_too(
    store: Rows, entries: Entries, home: Path
) -> None:
    core = Core(entries)
    told = say(entries, f"I am {SECRET} of Paris.")
    core.append("human", f"{SECRET} of Paris", rests_on=[told.id], author="assistant", source="said")
    moved = say(entries, "It is Lyon.")
    kept = core.replace("human", "Paris", "Lyon", rests_on=[moved.id], author="assistant", source="said")
    assert SECRET in kept.text
    forget(store, "default", [told.id])
    assert core.lines("human") == [] and traces(home) == []


def test_a_core_line_is_forgotten_by_itself(store: Rows, entries: Entries, home: Path) -> None:
    core, told = Core(entries), say(entries, "I am tall.")
    core.append("human", "Tall", rests_on=[told.id], author="assistant", source="said")
    line = core.append("human", SECRET, rests_on=[told.id], author="assistant", source="said")
    core.append("human", "Has a cat", **BY_USER)
    assert forget(store, "default", [line.id]).entries == {"block": 1}
    assert core.text("human") == "Tall\nHas a cat"
    assert entries.get([told.id]) and traces(home) == []
    core.undo("human", author="user")
    assert core.text("human") == "Tall"


def test_summaries_of_it_go_and_the_queue_begins_where_it_did(
    store: Rows, entries: Entries, home: Path
) -> None:
    queue = Queue(entries)
    said = [say(entries, text) for text in ("one", "two", SECRET, "four", "five", "six")]
    queue.swap("It began with one and two.", said[:2], source="said")
    queue.swap(f"One, two and {SECRET}.", said[2:3], source="said")
    queue.swap(f"One to four, {SECRET}.", said[3:4], source="said")
    begins, seen = queue.begins, [one.text for one in queue.newest(10)]
    assert forget(store, "default", [said[2].id]).entries == {"message": 1, "summary": 2}
    summary = queue.summary()
    assert summary and summary.text.startswith(
        "It began with one and two.\n3 earlier messages can be searched"
    )
    assert (queue.begins, [one.text for one in queue.newest(10)]) == (begins, seen)
    assert queue.evicted() == 3 and traces(home) == []
    assert forget(store, "default", [said[5].id]).entries == {"message": 1}
    assert queue.summary() == summary


def test_short_words_that_stand_everywhere_take_nothing_with_them(store: Rows, entries: Entries) -> None:
    told, thanks = say(entries, "Ok"), say(entries, "Thank you, dear.")
    say(entries, "Thank you, dear.")
    entries.append(New("result", "ok: thank you, dear"))
    assert forget(store, "default", [told.id, thanks.id]).entries == {"message": 2}
    dancing = say(entries, "Dancing is my delight.")
    say(entries, "I was dancing.")
    entries.append(New("result", "2 messages tell of dancing"))
    entries.append(New("result", "1 message tells of delight"))
    assert forget(store, "default", [dancing.id]).entries == {"message": 1, "result": 1}
    assert texts(entries)[-1] == "2 messages tell of dancing"


def test_what_a_turn_did_goes_with_what_began_it(store: Rows, entries: Entries, home: Path) -> None:
    began = say(entries, f"remember {SECRET}")
    call = entries.append(New("call", "thought", "core_memory_append", key=f"{began.id}.0"))
    entries.append(New("result", "added", key=f"{began.id}.0.result", rests_on=(call.id,)))
    reply = entries.append(New("message", "Done!", "assistant", "assistant", key=f"{began.id}.reply"))
    later = say(entries, "Which word was it?")
    entries.append(New("call", f"-> conversation_search(query='{SECRET}')", key=f"{later.id}.0"))
    assert forget(store, "default", [reply.id]).entries == {"message": 1}
    ended = entries.keyed(f"{began.id}.reply")
    assert ended and (ended.kind, ended.text) == ("event", "")  # nobody goes on with that turn
    assert forget(store, "default", [began.id]).entries == {"call": 2, "event": 1, "message": 1, "result": 1}
    assert texts(entries) == ["Which word was it?"] and traces(home) == []


def test_a_reply_that_names_it_goes_and_one_that_merely_came_later_stays(
    store: Rows, entries: Entries
) -> None:
    told = say(entries, "Today I had a wonderful lunch with Ida, at gate 4711.")
    for text in ("Wonderful, lunch it is.", "Greet Ida!", "Gate 4711, then.", "Bo is fine."):
        say(entries, text, "assistant")
    say(entries, "I know Bo.")
    gone = forget(store, "default", [told.id])
    assert gone.entries == {"message": 3}
    assert texts(entries) == ["Wonderful, lunch it is.", "Bo is fine.", "I know Bo."]
    again = say(entries, "I know Bo.")
    assert forget(store, "default", [again.id]).entries == {"message": 1}  # the other one says so, too


def test_runs_are_told_that_nothing_else_tells_of(store: Rows, entries: Entries) -> None:
    told = [entries.append(New("result", f"answer {n}", data={"run": run})) for n, run in enumerate("aab")]
    assert forget(store, "default", [told[0].id, told[2].id]).runs == ("b",)
    assert forget(store, "default", [told[1].id]).runs == ("a",)


@only_files
def test_a_session_goes_whole_with_what_others_made_of_it(store: Rows, entries: Entries, home: Path) -> None:
    told = say(entries, f"I am {SECRET}.")
    Archival(entries).attach(Document("notes.txt", f"{SECRET} was here", (), "", "ab", "text"))
    other = Entries(store, "default", "other")
    say(other, f"You said {SECRET}.", "assistant", (told.id,))
    other.append(New("result", f"main: I am {SECRET}.", "conversation_search"))
    say(other, "Good morning")
    stranger = Entries(store, "stranger", "main")
    say(stranger, "Mine")
    entries.append_all([New("event", "x" * 100_000)])
    store.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    size = (home / FILE).stat().st_size
    gone = forget_sessions(store, "default", ["main"])
    assert gone == Forgotten({"event": 1, "message": 2, "result": 1}, ("notes.txt",), sessions=("main",))
    assert (home / FILE).stat().st_size < size - 90_000
    assert texts(other) == ["Good morning"] and texts(stranger) == ["Mine"]
    assert [one.name for one in sessions(store, "default")] == ["other"] and traces(home) == []
    with pytest.raises(SessionNotFound):
        forget_sessions(store, "default", ["main"])


@settings(max_examples=examples(30))
@given(operations_with(f"The harbour is {SECRET}.", f"Correction: the {SECRET} is red.", SECRET))
@example([("append", "The harbour is red.", 0), ("replace", SECRET, 1), ("replace", "blue", 0)])
@example([("say", f"The {SECRET} is red.", 0), ("append", "red", 0), ("swap", "", 0), ("undo", "", 0)])
def test_whatever_was_done_no_trace_stays_and_nothing_hangs_in_the_air(
    operations: list[tuple[str, str, int]],
) -> None:
    with TemporaryDirectory() as folder, closing(open_memory(Path(folder))) as store:
        doing = Doing(store)
        doing.do("say", f"It begins with {SECRET}.", 0)
        for operation in operations:
            doing.do(*operation)
        said = doing.entries.oldest(["message", "passage", "block"], limit=1000)
        told = [one.id for one in said if SECRET in one.text]
        others = [one for one in said if SECRET not in one.text and one.kind == "message"]
        forget(store, "default", told)
        assert traces(Path(folder)) == []
        left = {one.id: one for one in doing.entries.oldest(EVERY, limit=1000)}
        assert left.keys() & set(told) == set()
        for one in left.values():
            named = [*one.data.get("after", ()), *one.data.get("undoes", ()), *one.data.get("reopens", ())]
            named += [closed["entry"] for closed in one.data.get("closes", ())]
            assert {*named, one.data.get("old", 0)} <= {*left, 0}
        assert [one.id for one in others if one.id not in left] == []  # messages here rest on nothing
        closed = 'SELECT * FROM closings ORDER BY entry, "by"'
        before = store.rows(closed)
        doing.entries.rebuild()
        assert store.rows(closed) == before


def test_who_had_a_forgotten_session_open_writes_no_more(store: Rows) -> None:
    lease = Lease(store, "default", "main")
    fenced = Entries(store, "default", "main", fence=lease.take())
    told = say(fenced, SECRET)
    for forgetting in (
        lambda: forget(store, "default", [told.id]),
        lambda: forget_sessions(store, "default", ["main"]),
        lambda: forget_documents(store, "default", "main", []),
    ):
        with pytest.raises(SessionBusy):
            forgetting()
    assert fenced.get([told.id])
    lease.release()
    forget_sessions(store, "default", ["main"])
    with pytest.raises(SessionLost):
        say(fenced, "again")
    with pytest.raises(SessionLost):
        Archival(fenced).attach(Document("a.txt", "text", (), "", "ab", "text"))


def test_a_document_is_forgotten_by_name(store: Rows, entries: Entries, home: Path) -> None:
    archival = Archival(entries)
    for name in ("a.txt", "b.txt"):
        archival.attach(Document(name, f"text of {name}", (), "", name, "text"))
    number = archival.documents()[0].id
    entries.append(New("event", "attached a.txt", key=f"attached.{number}"))
    entries.append(New("result", "read it", data={"shows": [[f"d{number}.0", 0, 4]], "run": "r"}))
    entries.append(New("result", "other", data={"shows": [[f"d{number}0.0", 0, 4]]}))
    say(entries, "I saw a.txt lie there")
    cited = {"citations": [{"document": "a.txt", "quote": "text of a.txt"}]}
    entries.append(New("message", "It says a text.", "assistant", "assistant", data=cited))
    gone = forget_documents(store, "default", "main", ["a.txt"])
    assert gone == Forgotten(
        {"event": 1, "message": 1, "result": 1}, ("a.txt",), ("r",), erased=not store.place.url
    )
    assert texts(entries) == ["other", "I saw a.txt lie there"]
    assert [one.document.name for one in archival.documents()] == ["b.txt"] and not traces(
        home, "text of a.txt"
    )
    with pytest.raises(DocumentNotFound):
        forget_documents(store, "default", "main", ["b.txt", "a.txt"])
    assert archival.documents()


def test_nobody_forgets_for_somebody_else(store: Rows, entries: Entries) -> None:
    told = say(entries, "Mine")
    with pytest.raises(EntryNotFound):
        forget(store, "stranger", [told.id])
    assert entries.get([told.id])


@only_files
def test_a_file_that_somebody_reads_meanwhile_is_told_not_to_be_clean(
    store: Rows, entries: Entries, home: Path
) -> None:
    told = [say(entries, text) for text in (SECRET, "other")]
    store.execute("PRAGMA busy_timeout=10")
    reading = open_memory(home)
    reading.execute("BEGIN")
    assert reading.rows("SELECT text FROM entries")
    assert not forget(store, "default", [told[0].id]).erased
    reading.close()
    assert forget(store, "default", [told[1].id]).erased and traces(home) == []
