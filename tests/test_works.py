"""Works: found again by what they follow from, built by one, and gone with all their rows."""

import multiprocessing
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcagent import Reader
from lcagent.errors import WorkBusy, WorkNotFound
from lcagent.memory.facts import Facts
from lcagent.memory.opening import open_store
from lcagent.memory.rows import Rows
from lcagent.memory.store import Store
from lcagent.memory.works import Work, Works
from lcagent.models.transport import RawReply
from lcagent.place import Place
from lcagent.runs.prune import evict, prune
from tests.cluster import files_daily, only_files
from tests.helpers import QUESTION, clever, haystack

EXACT = {"document": "5ea", "model": "m", "prompt": "extract@1"}


def begun(store: Rows, **exact: str) -> Work:
    return Works(store).open("facts", name="a.txt", document="5ea", exact={**EXACT, **exact})


def call(store: Rows, work: Work) -> None:
    Works(store).journal(work).put("k", "extractor", RawReply("said"), b'{"messages": []}')


@given(
    one=st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3),
    other=st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3),
)
def test_a_work_is_found_by_all_that_it_follows_from_and_by_nothing_else(
    tmp_path_factory, one: dict[str, str], other: dict[str, str]
) -> None:
    with closing(Store.open(tmp_path_factory.mktemp("home"))) as store:
        works = Works(store)
        first = works.open("facts", name="a", document="d", exact=one)
        again = works.open("facts", name="b", document="d", exact=dict(reversed(one.items())))
        assert (again.id, again.name, again.exact) == (first.id, "a", one)
        second = works.open("facts", name="a", document="d", exact=other)
        assert (second.id == first.id) == (one == other)
        assert works.open("graph", name="a", document="d", exact=one).id not in {first.id, second.id}


def test_a_work_is_used_when_it_is_opened_and_done_when_it_is_said(place: Place) -> None:
    with closing(open_store(place)) as store:
        works, work = Works(store), begun(store)
        assert (work.status, work.created) == ("building", work.used)
        store.execute("UPDATE works SET used = 1")
        assert begun(store, model="n").used > 1
        assert [w.exact["model"] for w in works.list()] == ["n", "m"]
        assert works.done(work).status == works.find(str(work.id)).status == begun(store).status == "done"
        assert begun(store).used > 1


def test_a_work_is_named_by_its_id_or_the_beginning_of_its_key(place: Place) -> None:
    with closing(open_store(place)) as store:
        works, work, other = Works(store), begun(store), begun(store, model="n")
        assert works.find(str(other.id)) == works.find(other.key[:20]) == other
        for wrong in ("99", "", "xyz", "９"):
            with pytest.raises(WorkNotFound) as caught:
                works.find(wrong)
            assert "works list" in caught.value.hint
        works.delete(work.id)
        assert works.list() == [other]


def test_a_deleted_work_takes_its_calls_along_and_its_id_is_not_given_again(place: Place) -> None:
    with closing(open_store(place)) as store:
        works, work, other = Works(store), begun(store), begun(store, model="n")
        call(store, work)
        call(store, other)
        works.delete(other.id)
        assert works.journal(work).usable() == 1
        assert works.journal(other).usable() == 0
        assert begun(store, model="n").id > other.id


def _build(place: Place, begins, ends) -> None:
    with closing(open_store(place)) as store, Works(store).building(begun(store)):
        begins.set()
        ends.wait()
        os.kill(os.getpid(), signal.SIGKILL)


def test_one_process_builds_a_work_and_another_goes_on_where_it_died(place: Place) -> None:
    context = multiprocessing.get_context("fork")
    begins, ends = context.Event(), context.Event()
    process = context.Process(target=_build, args=(place, begins, ends))
    process.start()
    assert begins.wait(60)
    with closing(open_store(place)) as store:
        works, work = Works(store), begun(store)
        with pytest.raises(WorkBusy), works.building(work):
            pass
        with pytest.raises(WorkBusy):
            works.delete(work.id)
        ends.set()
        process.join()
        works.done(work)
        with works.building(work) as now:
            assert (work.status, now.status) == ("building", "done")
            call(store, work)
        works.delete(work.id)
        with pytest.raises(WorkNotFound), works.building(work):
            pass


def room(store: Rows, work: Work, used: float, *, done: bool = True) -> None:
    """Have a work take a megabyte."""
    store.execute(
        "INSERT INTO documents (work, meta, text) VALUES (?, '{}', ?)", (work.id, os.urandom(1_000_000))
    )
    store.execute("UPDATE works SET used = ? WHERE id = ?", (used, work.id))
    if done:
        Works(store).done(work)


def left(store: Rows) -> set[str]:
    return {work.exact["model"] for work in Works(store).list()}


def test_what_was_used_longest_ago_makes_room_unless_somebody_needs_it(place: Place) -> None:
    with closing(open_store(place)) as store:
        for used, model in enumerate(["building", "needed", "old", "older", "new"]):
            room(store, begun(store, model=model), used, done=model != "building")
        names = "id, key, status, created, updated, question, sources, strategy, model, settings"
        for run, status, model in (("r1", "interrupted", "needed"), ("r2", "finished", "old")):
            store.execute(
                f"INSERT INTO runs ({names}) VALUES (?, '', ?, 0, 0, '', '[]', '', '', '{{}}')", (run, status)
            )
            store.execute("INSERT INTO uses (run, work) VALUES (?, ?)", (run, begun(store, model=model).id))
        store.execute("UPDATE works SET used = id")
        assert evict(store, 4 << 20) == 1
        assert left(store) == {"building", "needed", "older", "new"}
        assert evict(store, 0) == 2
        assert left(store) == {"building", "needed"}


def test_requests_of_finished_runs_make_room_first_and_replies_stay(
    loopback, place: Place, home: Path, tmp_path: Path
) -> None:
    server = loopback(window=2048, reply=clever)
    (tmp_path / "doc.txt").write_text(haystack(100))
    with Reader(api_base=server.url, window=2048, strategy="memagent") as reader:
        run = reader.ask(tmp_path / "doc.txt", QUESTION).run_id
    with closing(open_store(place)) as store:
        work = begun(store)
        room(store, work, 1)
        store.execute("UPDATE calls SET request = ?", (os.urandom(100_000),))
        calls = store.rows("SELECT count(*) AS n FROM calls")[0]["n"]
        assert evict(store, store.size() - 50_000) == 0
        assert store.rows("SELECT count(*) AS n FROM calls WHERE request IS NULL AND scope = ?", (run,)) == [
            {"n": calls}
        ]


@files_daily
def test_a_work_of_many_facts_makes_the_room_that_it_took(place: Place) -> None:
    """Its words leave the full text too, so that no more works go than have to."""
    with closing(open_store(place)) as store:
        for model in ("first", "second", "third"):
            work = begun(store, model=model)
            said = [(f"{model} {number} {number * 7919}", [], ()) for number in range(3000)]
            Facts(store, work.id).put(0, said)
            call(store, work)
            Works(store).done(work)
        assert evict(store, store.size() - 100_000) == 1
        assert left(store) == {"second", "third"}
        assert store.rows("SELECT count(*) AS n FROM calls WHERE request IS NULL") == [{"n": 2}]


def test_prune_deletes_works_that_nobody_used_for_long(place: Place) -> None:
    with closing(open_store(place)) as store:
        for model, used in (("old", 1), ("new", 1e12), ("building", 1)):
            room(store, begun(store, model=model), used, done=model != "building")
        call(store, begun(store, model="new"))
        store.execute("UPDATE works SET used = 1 WHERE exact NOT LIKE '%new%'")
    assert prune(place, older_than=None, most=None) == (0, 1)
    with closing(open_store(place)) as store:
        assert left(store) == {"new", "building"}


@only_files
def test_a_parsed_document_is_listed_as_a_work(loopback, place: Place, home: Path, tmp_path: Path) -> None:
    server = loopback(window=2048, reply=clever)
    (tmp_path / "doc.html").write_text(f"<p>{haystack(100)}</p>")
    with Reader(api_base=server.url, window=2048, strategy="memagent") as reader:
        reader.ask(tmp_path / "doc.html", QUESTION)
        reader.ask(tmp_path / "doc.html", "Who else?")
    with closing(open_store(place)) as store:
        works = {work.kind: work for work in Works(store).list()}
        assert len(Works(store).list()) == 2
        assert {work.name for work in works.values()} == {"doc.html"}
        assert {work.status for work in works.values()} == {"done"}
        assert works["segmentation"].exact.keys() == {"tokens", "tokenizer"}
        assert [len(Works(store).runs(work)) for work in works.values()] == [2, 2]
        assert Works(store).holds(works["document"]) == {"parses": 1}
    with sqlite3.connect(home / "lcagent.db") as connection:
        assert connection.execute("SELECT count(*) FROM documents").fetchone() == (1,)
