"""The tiers: entries are only added, one process writes, blocks have versions, what holds no more is marked."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcagent.chat import ChatSession
from lcagent.documents import load
from lcagent.errors import EntryNotFound, SessionBusy, SessionLost, StoreError
from lcagent.graphs.memgpt.provenance import Seen, rests_on
from lcagent.memory.rows import Rows
from lcagent.memory.tiers.archival import Archival, Inserted
from lcagent.memory.tiers.changes import Standing, standings
from lcagent.memory.tiers.changes import closing as closes
from lcagent.memory.tiers.core import HUMAN, PERSONA, BlockFull, Core
from lcagent.memory.tiers.entries import USER, Entries, Entry, New
from lcagent.memory.tiers.leases import SECONDS, Lease, leased
from lcagent.memory.tiers.queue import Queue
from lcagent.memory.tiers.tables import open_memory
from tests.cluster import only_files
from tests.dying import counts_up, takes_and_waits
from tests.helpers import examples
from tests.killable import FORKED


class Clock:
    """A second later each time that it is looked at."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def entries(store: Rows) -> Entries:
    return Entries(store, "t", "s", clock=Clock())


def say(entries: Entries, text: str, **how: Any) -> Entry:
    return entries.append(New("message", text, USER, USER, "said", **how))


def keep(core: Core, text: str, *rests: Entry, label: str = HUMAN) -> Entry:
    made_of = [one.id for one in rests]
    return core.append(label, text, rests_on=made_of, author="assistant", source="model")


def change(core: Core, old: str, new: str, *rests: Entry) -> Entry:
    made_of = [one.id for one in rests]
    return core.replace(HUMAN, old, new, rests_on=made_of, author="assistant", source="model")


def stands(entries: Entries, one: Entry) -> Standing:
    return standings(entries, [one])[one.id]


def texts(core: Core, label: str = HUMAN, *, before: int | None = None) -> list[str]:
    return [line.text for line in core.lines(label, before=before)]


# Entries


def test_an_entry_is_read_as_it_was_written(entries: Entries) -> None:
    text = 'Zoë said: "¿qué?"\x00\n\u2028 𝔘 ' + "x" * 100_000
    new = New("message", text, USER, "Zoë", "said", {"a": [1, {"b": "ü"}]}, 12.5, "k")
    written = entries.append(new)
    (read,) = entries.get([written.id]).values()
    assert read == written == entries.keyed("k")
    kept = (read.text, read.author, read.source, read.data, read.valid)
    assert kept == (text, "Zoë", "said", {"a": [1, {"b": "ü"}]}, 12.5)


def test_a_key_names_one_entry_and_what_is_written_under_it_again_changes_nothing(entries: Entries) -> None:
    first = say(entries, "one", key="k")
    assert say(entries, "another text", key="k") == first
    assert say(entries, "one") != first  # without a key it is said twice
    same, fresh = entries.append_all([New("event", "a", key="k"), New("event", "b", key="l")])
    assert (same, fresh.text) == (first, "b")
    twice = entries.append_all([New("event", "c", key="m"), New("event", "d", key="m")])
    assert twice[0] == twice[1] and entries.count(["event"]) == 2


def test_all_entries_of_a_call_are_written_or_none(entries: Entries, store: Rows) -> None:
    with pytest.raises(TypeError):
        entries.append_all([New("message", "first"), New("message", "second", data={"x": object()})])
    assert entries.count(["message"]) == 0
    assert store.rows("SELECT count(*) AS n FROM postings")[0]["n"] == 0
    assert say(entries, "third").text == "third"


def test_a_number_is_never_given_twice(entries: Entries, store: Rows) -> None:
    gone = [say(entries, "a").id, say(entries, "b").id]
    store.execute("DELETE FROM entries")
    assert say(entries, "c").id > max(gone)


def test_no_row_of_one_tenant_or_session_is_seen_by_another(store: Rows) -> None:
    mine = Entries(store, "t", "s")
    first, core = say(mine, "mine", key="k"), Core(mine)
    keep(core, "a line", first)
    for tenant, session in (("u", "s"), ("t", "r")):
        other = Entries(store, tenant, session)
        assert other.get([first.id]) == {} and other.keyed("k") is None
        assert other.newest(["message", "block"], limit=9) == other.oldest(["message"], limit=9) == []
        assert other.count(["message", "block"]) == 0 and texts(Core(other)) == []
        assert say(other, "theirs", key="k").id != first.id


# Leases


def test_who_has_lost_the_lease_writes_nothing(store: Rows) -> None:
    now = [0.0]
    old, new = (Lease(store, "t", "s", clock=lambda: now[0]) for _ in range(2))
    stale = Entries(store, "t", "s", fence=old.take())
    say(stale, "before")
    now[0] = SECONDS + 1  # it was thought dead, and sleeps
    fresh = Entries(store, "t", "s", fence=new.take())
    for write in (
        lambda: say(stale, "after"),
        lambda: keep(Core(stale), "a line"),
        lambda: Queue(stale).swap("all", stale.newest(["message"], limit=1), source="model"),
        lambda: Archival(stale).insert("a passage", [], author="assistant", source="model"),
        old.renew,
    ):
        with pytest.raises(SessionLost):
            write()
    old.release()  # frees nothing that is somebody else's
    with pytest.raises(SessionBusy):
        old.take()
    say(fresh, "the other's")
    assert [one.text for one in fresh.oldest(["message", "block", "summary", "passage"], limit=9)] == [
        "before",
        "the other's",
    ]


def test_a_lease_is_renewed_released_and_ends_with_its_time(store: Rows) -> None:
    now = [0.0]
    one, other = (Lease(store, "t", "s", clock=lambda: now[0]) for _ in range(2))
    one.take()
    now[0] = SECONDS - 1
    one.renew()
    now[0] = SECONDS + 1
    with pytest.raises(SessionBusy):
        other.take()
    with Lease(store, "t", "another session").held():  # is no matter of this one
        pass
    one.release()
    assert other.take() == one.fence + 1
    now[0] += SECONDS + 1
    assert one.take() == other.fence + 1


def test_a_waiting_process_gets_the_lease_when_it_is_given_back(store: Rows) -> None:
    one = Lease(store, "t", "s")
    first = one.take()
    looked: list[float] = []

    def clock() -> float:  # looked at once a try
        looked.append(0.0)
        if len(looked) == 3:
            one.release()
        return time.time()

    assert Lease(store, "t", "s", clock=clock).take(wait=30) == first + 1
    assert len(looked) == 3


def test_the_lease_of_a_killed_process_is_free_at_once(tmp_path: Path) -> None:
    ready = FORKED.Event()
    process = FORKED.Process(target=takes_and_waits, args=(str(tmp_path), ready))
    process.start()
    assert ready.wait(30)
    with closing(open_memory(tmp_path)) as store:
        with pytest.raises(SessionBusy):
            Lease(store, "t", "s").take()
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        (row,) = store.rows("SELECT fence FROM sessions")
        assert Lease(store, "t", "s").take() == row["fence"] + 1


def test_a_session_that_begins_anew_is_not_written_under_an_old_lease(store: Rows) -> None:
    now = [1000.0]
    old = Lease(store, "t", "s", clock=lambda: now[0])
    stale = Entries(store, "t", "s", fence=old.take())
    store.execute("DELETE FROM sessions")  # as forgetting does
    now[0] += 0.01
    new = Lease(store, "t", "s", clock=lambda: now[0])
    assert new.take() > old.fence
    with pytest.raises(SessionLost):
        stale.append(New("message", "late"))


def test_eight_processes_write_one_session_and_no_change_is_lost(home: Path) -> None:
    with ChatSession(api_base="http://127.0.0.1:9") as chat:
        chat.remember("count 0.")
        told = FORKED.Queue()
        every = [
            FORKED.Process(target=counts_up, args=(str(home), 1.5, f"p{number}", told)) for number in range(8)
        ]
        for process in every:
            process.start()
        raised = [told.get(timeout=60) for _ in every]
        for process in every:
            process.join()
        assert [process.exitcode for process in every] == [0] * 8  # nothing came out of any of them
        assert [one.text for one in chat.memory()["human"]] == [f"count {sum(raised)}."]
        said = [one.text.split()[-1] for one in chat.history(1 << 20)]
        assert sorted(map(int, said)) == list(range(1, sum(raised) + 1))


@only_files
def test_a_lease_that_could_not_be_given_back_is_taken_again(store: Rows) -> None:
    lease = Lease(store, "t", "s")
    first = lease.take()
    store.execute("PRAGMA query_only=ON")
    with pytest.raises(StoreError, match="nothing can be kept"):
        lease.release()
    store.execute("PRAGMA query_only=OFF")
    with pytest.raises(SessionBusy):
        Lease(store, "t", "s").take()
    assert lease.take() == first + 1
    with pytest.raises(SessionBusy):
        lease.take()  # by two threads of one process: it is held


async def test_a_turn_that_is_given_up_while_it_waits_leaves_no_lease(store: Rows) -> None:
    held, waits = Lease(store, "t", "s"), Lease(store, "t", "s")
    first = held.take()

    async def turn() -> None:
        async with leased(waits, 30):
            raise AssertionError("it was given up")

    waiting = asyncio.create_task(turn())
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    held.release()
    assert held.take() == first + 1  # nobody took it meanwhile


# Core memory

WORDS = ("Oslo", "Bergen", "Ida", "ferry", "likes", "3 May", "ö", "no")
_line = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
_operation = st.one_of(
    st.tuples(st.just("append"), _line, _line),
    st.tuples(st.just("replace"), st.sampled_from(WORDS), st.one_of(_line, st.just(""))),
    st.tuples(st.just("undo"), _line, _line),
)


class Model:
    """A block as a list of lines, with a stack of what it was."""

    def __init__(self, limit: int) -> None:
        self.lines, self.before, self.limit = list[str](), list[list[str]](), limit

    def do(self, what: str, one: str, other: str) -> str:
        after = list(self.lines)
        if what == "append":
            after.append(one)
        elif what == "replace":
            whole = [n for n, line in enumerate(after) if line == one]  # is meant before a part of one
            held = whole or [n for n, line in enumerate(after) if one in line]
            if not held:
                return "none"
            at = held[0]
            new = " ".join(after[at].replace(one, other, 1).split())
            after[at : at + 1] = [new] if new else []
        else:
            if not self.before:
                return "none"
            self.lines = self.before.pop()
            return "done"
        longer = len("\n".join(after)) > len("\n".join(self.lines))
        if len("\n".join(after)) > self.limit and longer:
            return "full"
        self.before.append(self.lines)
        self.lines = after
        return "done"


@given(st.lists(_operation, max_size=14))
@settings(max_examples=examples(30))
def test_a_block_is_what_was_done_to_it(operations: Sequence[tuple[str, str, str]]) -> None:
    with TemporaryDirectory() as folder, closing(open_memory(Path(folder))) as store:
        entries = Entries(store, "t", "s", clock=Clock())
        core, model = Core(entries, limit=60), Model(60)
        history: list[tuple[int, list[str]]] = []
        for what, one, other in operations:
            expected = model.do(what, one, other)
            said = say(entries, f"{one} {other}")
            try:
                if what == "append":
                    keep(core, one, said)
                elif what == "replace":
                    change(core, one, other, said)
                else:
                    core.undo(HUMAN, author=USER)
                done = "done"
            except BlockFull:
                done = "full"
            except EntryNotFound:
                done = "none"
            assert (done, texts(core)) == (expected, model.lines)
            history.append((entries.newest(["message", "block"], limit=1)[0].id + 1, list(model.lines)))
        for before, lines in history:  # what it was at any time
            assert texts(core, before=before) == lines
        assert texts(core, PERSONA) == []
        _rebuilt_is_the_same(entries)


def _rebuilt_is_the_same(entries: Entries) -> None:
    query = 'SELECT * FROM closings ORDER BY entry, "by"'
    kept = entries.store.rows(query)
    entries.store.execute("DELETE FROM closings")
    entries.rebuild()
    assert entries.store.rows(query) == kept


def test_a_full_block_refuses_and_stays(entries: Entries) -> None:
    core = Core(entries, limit=20)
    keep(core, "x" * 20)
    for refused in (lambda: keep(core, "y"), lambda: change(core, "x", "xyz")):
        with pytest.raises(BlockFull, match="may take 20"):
            refused()
    assert texts(core) == ["x" * 20] and entries.count(["block"]) == 1
    with pytest.raises(EntryNotFound, match="nobody"):
        keep(core, "z", label="nobody")
    with pytest.raises(EntryNotFound):
        change(core, "", "anything")


def test_a_replaced_line_is_closed_and_an_undone_change_opens_it_again(entries: Entries) -> None:
    core = Core(entries)
    said = say(entries, "I live in Oslo and work at the harbour.")
    line = keep(core, "Lives in Oslo.", said)
    moved = say(entries, "I have moved to Bergen.")
    new = change(core, "Oslo", "Bergen", moved)
    (closed,) = stands(entries, line).closed
    assert (closed.by, closed.gone) == (new.id, frozenset())
    (partly,) = stands(entries, said).closed  # of the message only what it says of Oslo
    assert (partly.by, partly.gone) == (new.id, frozenset({"oslo"}))
    assert stands(entries, moved).holds and stands(entries, new).holds
    assert core.closed(HUMAN) == [line]
    core.undo(HUMAN, author=USER)
    assert stands(entries, line).holds and stands(entries, said).holds and core.closed(HUMAN) == []


def test_a_message_that_says_nothing_of_what_changed_still_holds(entries: Entries) -> None:
    core = Core(entries)
    lives, born = say(entries, "Ida lives in Oslo."), say(entries, "Ida was born on 3 May.")
    keep(core, "Ida lives in Oslo.", lives, born)  # both name her
    change(core, "Oslo", "Bergen", say(entries, "Ida has moved to Bergen."))
    assert not stands(entries, lives).holds and stands(entries, born).holds


def test_the_past_is_told_by_the_time_of_an_entry(entries: Entries) -> None:
    core = Core(entries)
    keep(core, "Lives in Oslo.")
    may = say(entries, "It is May.")
    change(core, "Oslo", "Bergen")
    june = say(entries, "It is June.")
    change(core, "Bergen", "Rome")
    held = [texts(core, before=one) for one in (1, may.id, june.id, None)]
    assert held == [[], ["Lives in Oslo."], ["Lives in Bergen."], ["Lives in Rome."]]
    first = core.lines(HUMAN, before=may.id)[0]
    assert stands(entries, first).held(may.valid) and not stands(entries, first).held(june.valid)


# What rests on what holds no more


def test_what_rests_on_a_closed_statement_is_marked_step_by_step(entries: Entries) -> None:
    core, archival = Core(entries), Archival(entries)
    said = say(entries, "I work in Oslo.")
    line = keep(core, "Works in Oslo.", said)
    commute = keep(core, "Takes the Oslo ferry to work.", said)
    passage = archival.insert(
        "The Oslo ferry takes an hour.", [], rests_on=[commute.id], author="assistant", source="model"
    ).entry
    apart = keep(core, "Has a dog.", said)
    new = change(core, "Oslo", "Bergen", say(entries, "I work in Bergen now."))
    assert [one.by for one in stands(entries, line).closed] == [new.id]
    for rests in (commute, passage):
        assert stands(entries, rests).closed == ()
        assert [one.by for one in stands(entries, rests).outdated] == [new.id]
    assert stands(entries, apart).holds  # rests on the message, but not on what changed of it
    later = keep(core, "Sold the Oslo flat.", said)
    assert stands(entries, later).holds  # written when that was known


def test_a_summary_is_marked_by_what_changes_in_its_span(entries: Entries) -> None:
    core, queue = Core(entries), Queue(entries)
    said = [say(entries, "I live in Oslo."), say(entries, "I like ferries.")]
    line = keep(core, "Lives in Oslo.", said[0])
    summary = queue.swap("The user lives in Oslo and likes ferries.", said, source="model")
    other = Queue(Entries(entries.store, "t", "other", clock=Clock()))
    apart = other.swap("Somebody lives in Oslo.", [said[0]], source="model")
    assert stands(entries, summary).holds
    new = change(core, "Oslo", "Bergen", say(entries, "I have moved to Bergen."))
    assert [(one.entry, one.by) for one in stands(entries, summary).outdated] == [(said[0].id, new.id)]
    assert standings(Entries(entries.store, "t", "other"), [apart])[apart.id].holds
    say(entries, "And so it was.")
    again = queue.swap("The user moved from Oslo to Bergen.", queue.oldest(9), source="model")
    assert stands(entries, again).holds and not stands(entries, line).holds
    keep(core, "Was once on a boat.")
    change(core, "Was once on a boat.", "")
    assert stands(entries, again).holds  # it was made of messages, and none of them speaks of that


def test_an_entry_may_say_that_others_hold_no_more(entries: Entries) -> None:
    said = say(entries, "The meeting is on Monday in room 5.")
    partly = entries.append(New("change", "not Monday", data={"closes": [closes(said.id, ["monday"])]}))
    (one,) = stands(entries, said).closed
    assert (one.by, one.gone, one.at) == (partly.id, {"monday"}, partly.valid)
    wholly = entries.append(New("change", "cancelled", data={"closes": [closes(said.id)]}))
    assert [one.by for one in stands(entries, said).closed] == [wholly.id, partly.id]  # the newest first
    entries.append(New("change", "it takes place", data={"reopens": [wholly.id]}))
    assert [one.by for one in stands(entries, said).closed] == [partly.id]
    _rebuilt_is_the_same(entries)


def test_rebuilding_passes_over_what_was_deleted(entries: Entries) -> None:
    core = Core(entries)
    line = keep(core, "Lives in Oslo.")
    change(core, "Oslo", "Bergen")
    entries.store.execute("DELETE FROM entries WHERE id = ?", (line.id,))
    entries.rebuild()
    assert texts(core) == ["Lives in Bergen."]


# Archival memory


def insert(entries: Entries, text: str, *alike: Entry, **how: Any) -> Inserted:
    made: dict[str, Any] = {"author": "assistant", "source": "model", **how}
    return Archival(entries).insert(text, alike, **made)


def test_a_known_passage_is_not_stored_again_but_rests_on_more(entries: Entries) -> None:
    one, two = say(entries, "The boiler was serviced in 2019."), say(entries, "As I said: 2019.")
    first = insert(entries, "The boiler was serviced in 2019.", rests_on=[one.id]).entry
    again = insert(entries, "The boiler  was serviced in 2019.\n", first, rests_on=[two.id])
    assert again.known and again.entry == first
    assert entries.rests_on(first.id) == [one.id, two.id]
    assert insert(entries, "The roof was mended in 2019.", first).known is False
    assert entries.count(["passage"]) == 2


def test_a_passage_that_says_otherwise_closes_the_one_before(entries: Entries) -> None:
    said, other = say(entries, "Ida pays 900 euros of rent."), say(entries, "Ida comes on Mondays.")
    old = insert(entries, "Ida pays 900 euros of rent.", rests_on=[said.id, other.id]).entry
    new = insert(entries, "Ida pays 950 euros of rent.", old)
    assert new.replaced == (old,) and not new.known
    assert [one.by for one in stands(entries, old).closed] == [new.entry.id]
    assert [one.gone for one in stands(entries, said).closed] == [frozenset({"900"})]
    assert stands(entries, other).holds
    _rebuilt_is_the_same(entries)


def test_what_a_document_says_closes_nothing_that_the_user_said(entries: Entries) -> None:
    said = say(entries, "Ida pays 900 euros of rent.")
    old = insert(entries, "Ida pays 900 euros of rent.", rests_on=[said.id]).entry
    told = insert(entries, "Ida pays 700 euros of rent.", old, source="document")
    assert told.replaced == () and stands(entries, old).holds and stands(entries, said).holds
    assert insert(entries, "Ida pays 800 euros of rent.", told.entry, source="document").replaced == (
        told.entry,
    )


def test_an_attached_document_is_kept_whole_and_once(entries: Entries, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Ünïcode\n\n" + "A line of it. " * 3000)
    document = load(path)
    first = Archival(entries).attach(document)
    assert Archival(entries).attach(document).id == first.id
    assert Archival(entries).documents() == [first]
    assert Archival(Entries(entries.store, "u", "s")).documents() == []


# The queue


def test_what_was_evicted_is_behind_the_summary_and_still_there(entries: Entries) -> None:
    queue = Queue(entries)
    assert queue.summary() is None and queue.begins == queue.count() == queue.evicted() == 0
    said = [say(entries, f"message {n}") for n in range(6)]
    queue.swap("the first two", said[:2], source="model")
    assert queue.newest(9) == said[2:] == queue.oldest(9) and queue.newest(2) == said[4:]
    assert (queue.count(), queue.evicted(), queue.begins) == (4, 2, said[1].id)
    second = queue.swap("the first five", said[2:5], source="document", key="k")
    assert queue.swap("again", said[2:5], source="document", key="k") == second
    assert second.data["span"] == [said[0].id, said[4].id] and queue.summary() == second
    assert queue.newest(9) == said[5:] and entries.count(["message"]) == 6


# What a new line rests on


def test_a_line_rests_on_what_says_it_and_on_what_speaks_of_the_same(entries: Entries) -> None:
    ida, olav = say(entries, "The city of Ida is Riga."), say(entries, "The city of Olav is Riga.")
    tide = say(entries, "The tide in the city was high.")
    ferry = say(entries, "Ida takes the Riga ferry to work, and likes it.")
    works = say(entries, "As a nurse in the hospital, by the way.")
    seen = Seen((ida, olav, tide, ferry, works))
    assert rests_on("The city of Ida is Riga.", seen, 0) == (ida.id, ferry.id)
    assert rests_on("Ida takes the Riga ferry.", seen, 0) == (ida.id, ferry.id)
    assert rests_on("Takes the ferry; nurse in a hospital.", seen, 0) == (ferry.id, works.id)
    assert rests_on("Likes cheese.", seen, works.id) == (
        works.id,
    )  # said by nobody: made of what is answered
