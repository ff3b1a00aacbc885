"""Facts: kept whole a segment, found by words and key elements, gone with their work."""

import multiprocessing
import os
import re
import signal
import sqlite3
import struct
from array import array
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lcagent.documents import Span
from lcagent.errors import SettingsError
from lcagent.memory.facts import Facts, rebuild, search_facts, search_passages
from lcagent.memory.store import Store
from lcagent.memory.works import Work, Works

SAID = [
    ("Oskar Brandvold was harbour master of Vellmere.", [Span(0, 47)], ["Oskar Brandvold", "Vellmere"]),
    ("The codes were sent from Vellmere by wireless.", [Span(50, 96), Span(99, 120)], ["codes", "Vellmere"]),
    ("彼は東京に住んでいた。", [], ["東京"]),
]


@pytest.fixture
def store(home: Path):
    with closing(Store.open(home)) as opened:
        yield opened


def work(store: Store, name: str = "a.txt") -> Work:
    return Works(store).open("facts", name=name, document="5ea", exact={"name": name})


def texts(store: Store, query: str, *works: Work, limit: int = 9) -> list[str]:
    return [fact.text for fact in search_facts(store, [w.id for w in works], query, limit)]


def test_a_fact_comes_back_as_it_was_put(store: Store) -> None:
    facts = Facts(store, work(store).id)
    facts.put(3, SAID)
    facts.put(5, [])
    assert facts.segments() == {3, 5}
    ids = [fact for fact, _ in facts.elements()]
    kept = facts.facts(dict.fromkeys(ids))
    assert [(f.text, list(f.spans), list(f.elements)) for f in kept] == SAID
    assert [(f.segment, f.seq) for f in kept] == [(3, 0), (3, 1), (3, 2)]
    assert facts.counts() == {"segments": 2, "facts": 3, "elements": 4, "passages": 0, "vectors": 0}
    assert [f.text for f in facts.facts([kept[2].id, 999, kept[0].id])] == [SAID[2][0], SAID[0][0]]
    other = Facts(store, work(store, "b.txt").id)
    assert other.facts([kept[0].id]) == []


def test_the_best_facts_come_first_of_the_works_asked_for(store: Store) -> None:
    one, other = work(store), work(store, "b.txt")
    Facts(store, one.id).put(0, SAID)
    Facts(store, other.id).put(0, [("Vellmere has a harbour.", [], [])])
    assert texts(store, "Who was the harbour master of Vellmere?", one)[0] == SAID[0][0]
    assert texts(store, "Vellmere", one, limit=1) != []
    assert texts(store, "the harbour", other) == ["Vellmere has a harbour."]
    assert len(texts(store, "Vellmere", one, other)) == 3
    assert texts(store, "CODE", one) == [SAID[1][0]]  # as `documents` stems
    assert texts(store, "東京", one) == texts(store, "京", one) == texts(store, "住んで", one) == [SAID[2][0]]
    assert texts(store, "elsewhere", one) == texts(store, "?!", one) == texts(store, "Vellmere") == []


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.one_of(
        st.text(),
        st.lists(st.sampled_from('AND OR NOT NEAR ( ) " * ^ : - + { } words a ,'.split())).map(" ".join),
    )
)
def test_no_word_of_a_persons_is_a_syntax_error(store: Store, query: str) -> None:
    facts = work(store)
    Facts(store, facts.id).put(0, SAID)
    texts(store, query, facts)
    search_passages(store, [facts.id], query, 3)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_fact_is_found_by_its_own_words(store: Store, text: str) -> None:
    facts = Works(store).open("facts", name="", document="", exact={"text": text})
    Facts(store, facts.id).put(0, [(text, [], [])])
    found = texts(store, text, facts)
    assert found in ([text], []) and (found or not any(c.isascii() and c.isalnum() for c in text))


def test_passages_are_found_by_words_and_kept_once(store: Store) -> None:
    one = work(store)
    facts = Facts(store, one.id)
    text = "The sea was calm. A boat called for help."
    for _ in range(2):
        facts.put_passages([(0, 17, text[:17]), (18, 41, text[18:])])
    (found,) = search_passages(store, [one.id], "which boats?", 5)
    assert (found.start, found.end, found.text) == (18, 41, text[18:])
    assert facts.counts()["passages"] == 2


def test_vectors_come_back_one_a_row(store: Store) -> None:
    facts = Facts(store, work(store).id)
    facts.put_vectors("fact", "m", {2: [0.5, -1.0], 1: [3.0, 4.0]})
    facts.put_vectors("fact", "m", {2: [9.0, 9.0]})
    facts.put_vectors("passage", "m", {1: [7.0, 7.0]})
    kept = facts.vectors("fact", "m")
    assert (kept.items, kept.dimension) == ([1, 2], 2)
    assert list(array("f", kept.data)) == [3.0, 4.0, 0.5, -1.0]
    assert struct.unpack("=4f", kept.data)
    assert facts.vectors("fact", "n").items == []


def test_a_deleted_work_leaves_nothing_not_even_in_the_full_text(store: Store, home: Path) -> None:
    one, other = work(store), work(store, "b.txt")
    for kept in (one, other):
        facts = Facts(store, kept.id)
        facts.put(0, SAID)
        facts.put_passages([(0, 4, "Vellmere")])
        facts.put(1, [(f"A wireless stood at Skarholm {number}.", [], []) for number in range(50)])
        facts.put_vectors("fact", "m", {1: [1.0]})
    Works(store).delete(one.id)
    assert set(Facts(store, one.id).counts().values()) == {0}
    assert len(texts(store, "Vellmere", one, other)) == 2
    Works(store).delete(other.id)
    left = b"".join(file.read_bytes() for file in home.glob("*.db*")).lower()
    assert b"wireless" not in left and b"vellmer" not in left
    for table in ("facts", "passages"):
        store.execute(f"INSERT INTO {table}_words ({table}_words) VALUES ('integrity-check')")


def test_the_full_text_is_made_again_from_the_rows(store: Store) -> None:
    one = work(store)
    Facts(store, one.id).put(0, SAID)
    store.execute("INSERT INTO facts_words (facts_words) VALUES ('delete-all')")
    assert texts(store, "Vellmere", one) == []
    rebuild(store)
    assert len(texts(store, "Vellmere", one)) == 2


def test_a_file_that_another_python_wrote_gets_its_full_text(store: Store) -> None:
    """A step of the store makes the rows' tables; only who searches needs FTS5."""
    one = work(store)
    row = (one.id, 0, 0, "Vellmere", "vellmer", "[]")
    store.execute("INSERT INTO facts (work, segment, seq, text, words, spans) VALUES (?,?,?,?,?,?)", row)
    assert texts(store, "Vellmere", one) == ["Vellmere"]


def test_a_python_without_fts5_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks(sql: str, *_: object) -> None:
        raise sqlite3.OperationalError("no such function: fts5_source_id")

    monkeypatch.setattr(store, "execute", lacks)
    with pytest.raises(SettingsError) as caught:
        Facts(store, 1)
    assert "FTS5" in caught.value.message and caught.value.hint


def test_opening_and_searching_read_no_more_than_they_give(store: Store) -> None:
    """SQLite finds each row by an index: no table is read through."""
    one = work(store)
    facts = Facts(store, one.id)
    for segment in range(20):
        facts.put(segment, SAID)
    asked: list[str] = []
    store._conn.set_trace_callback(asked.append)
    facts = Facts(store, one.id)
    facts.segments()
    assert len(texts(store, "Vellmere", one, limit=3)) == 3
    store._conn.set_trace_callback(None)
    read = [
        sql
        for sql in asked
        if sql.startswith("SELECT") and not re.search("sqlite_master|fts5_source_id", sql)
    ]
    assert len(read) >= 4
    for sql in read:
        for step in store.rows(f"EXPLAIN QUERY PLAN {sql}"):
            assert not step["detail"].startswith("SCAN") or "VIRTUAL TABLE INDEX" in step["detail"], (
                sql,
                step,
            )


def _put(home: Path, steps: list[tuple[int, list[str]]]) -> None:
    store = Store.open(home)
    facts = Facts(store, work(store).id)
    for segment, said in steps:
        facts.put(segment, [(text, [], [text[:2]]) for text in said])
    os.kill(os.getpid(), signal.SIGKILL)


@settings(max_examples=10)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 3), st.lists(st.sampled_from(["one", "two", "three"]), max_size=3)),
        max_size=6,
    )
)
def test_what_was_put_survives_a_sigkill_and_what_was_put_first_stays(tmp_path_factory, steps) -> None:
    home = tmp_path_factory.mktemp("home")
    process = multiprocessing.get_context("fork").Process(target=_put, args=(home, steps))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    first: dict[int, list[str]] = {}
    for segment, said in steps:
        first.setdefault(segment, said)
    with closing(Store.open(home)) as store:
        facts = Facts(store, work(store).id)
        assert facts.segments() == first.keys()
        rows = store.rows("SELECT segment, text FROM facts ORDER BY segment, seq")
        assert [(r["segment"], r["text"]) for r in rows] == [(s, t) for s in sorted(first) for t in first[s]]
        for text in {text for said in first.values() for text in said}:
            assert len(texts(store, text, work(store))) == sum(said.count(text) for said in first.values())
