"""Facts: kept whole a segment, found by words and key elements, gone with their work."""

import multiprocessing
import os
import re
import secrets
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lcagent.documents import Span
from lcagent.errors import SettingsError
from lcagent.memory.facts import Facts, search_facts
from lcagent.memory.opening import open_store
from lcagent.memory.rows import Rows
from lcagent.memory.works import Work, Works
from lcagent.place import Place
from tests.cluster import Cluster, only_files
from tests.helpers import examples

SAID = [
    ("Oskar Brandvold was harbour master of Vellmere.", [Span(0, 47)], ["Oskar Brandvold", "Vellmere"]),
    ("The codes were sent from Vellmere by wireless.", [Span(50, 96), Span(99, 120)], ["codes", "Vellmere"]),
    ("彼は東京に住んでいた。", [], ["東京"]),
]


@pytest.fixture
def store(place: Place):
    with closing(open_store(place)) as opened:
        yield opened


def work(store: Rows, name: str = "a.txt") -> Work:
    return Works(store).open("facts", name=name, document="5ea", exact={"name": name})


def texts(store: Rows, query: str, *works: Work, limit: int = 9) -> list[str]:
    return [fact.text for fact in search_facts(store, [w.id for w in works], query, limit)]


def test_a_fact_comes_back_as_it_was_put(store: Rows) -> None:
    one, other = work(store), work(store, "b.txt")
    facts = Facts(store, one.id)
    ids = facts.put(3, SAID)
    assert facts.put(5, []) == range(0)
    assert facts.put(3, SAID[:1]) == range(0)  # it stands there
    assert facts.segments() == {3, 5} and Facts(store, other.id).segments() == set()
    found = {fact.id: fact for text, _, _ in SAID for fact in search_facts(store, [one.id], text, 9)}
    assert sorted(found) == [*ids]
    assert [(found[id].text, list(found[id].spans)) for id in ids] == [
        (text, spans) for text, spans, _ in SAID
    ]
    assert {(fact.work, fact.segment) for fact in found.values()} == {(one.id, 3)}
    names = store.rows("SELECT fact, name FROM elements ORDER BY fact, seq")
    assert [(row["fact"], row["name"]) for row in names] == [
        (id, name) for id, (_, _, held) in zip(ids, SAID, strict=True) for name in held
    ]


def test_the_best_facts_come_first_of_the_works_asked_for(store: Rows) -> None:
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


@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.one_of(
        st.text(),
        st.lists(st.sampled_from('AND OR NOT NEAR ( ) " * ^ : - + { } words a ,'.split())).map(" ".join),
    )
)
def test_no_word_of_a_persons_is_a_syntax_error(store: Rows, query: str) -> None:
    facts = work(store)
    Facts(store, facts.id).put(0, SAID)
    texts(store, query, facts)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
@example("0¼")
@example("0º")
@example("Éa ß")
def test_a_fact_is_found_by_its_own_words(store: Rows, text: str) -> None:
    facts = Works(store).open("facts", name="", document="", exact={"text": text})
    Facts(store, facts.id).put(0, [(text, [], [])])
    found = texts(store, text, facts)
    assert found in ([text], []) and (found or not any(c.isascii() and c.isalnum() for c in text))


def test_vectors_come_back_one_a_row(store: Rows) -> None:
    numpy = pytest.importorskip("numpy")
    facts = Facts(store, work(store).id)

    def put(owner: str, **rows: list[float]) -> None:
        facts.put_vectors(owner, "m", {int(n[1:]): numpy.array(row, "float32") for n, row in rows.items()})

    put("fact", n2=[0.5, -1.0], n1=[3.0, 4.0])
    put("fact", n2=[9.0, 9.0])
    put("node", n1=[7.0, 7.0])
    items, kept = facts.vectors("fact", "m")
    assert (items, kept.tolist()) == ([1, 2], [[3.0, 4.0], [0.5, -1.0]])
    (bytes_kept,) = store.execute("SELECT vector FROM vectors WHERE owner = 'node'").fetchone()
    assert bytes_kept == b"\x00\x00\xe0\x40" * 2  # the same on every machine
    assert facts.vectors("fact", "n")[0] == []


@only_files
def test_a_deleted_work_leaves_nothing_not_even_in_the_full_text(store: Rows, home: Path) -> None:
    one, other = work(store), work(store, "b.txt")
    for kept in (one, other):
        facts = Facts(store, kept.id)
        facts.put(0, SAID)
        facts.put(1, [(f"A wireless stood at Skarholm {number}.", [], []) for number in range(50)])
    texts(store, "Vellmere", one)  # they come into the full text
    Works(store).delete(one.id)
    assert Works(store).holds(one) == {}
    assert len(texts(store, "Vellmere", one, other)) == 2
    Works(store).delete(other.id)
    left = b"".join(file.read_bytes() for file in home.glob("*.db*")).lower()
    assert b"wireless" not in left and b"vellmer" not in left
    store.execute("INSERT INTO facts_words (facts_words) VALUES ('integrity-check')")


@only_files
def test_the_full_text_is_made_again_from_the_rows(store: Rows) -> None:
    one = work(store)
    Facts(store, one.id).put(0, SAID)
    assert len(texts(store, "Vellmere", one)) == 2
    store.execute("INSERT INTO facts_words (facts_words) VALUES ('delete-all')")
    assert len(texts(store, "Vellmere", one)) == 2


STEPS = st.one_of(
    st.tuples(st.just("put"), st.sampled_from("abc"), st.lists(st.sampled_from(["ox", "elk"]), max_size=3)),
    st.tuples(st.sampled_from(["search", "delete"]), st.sampled_from("abc"), st.just([])),
)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=14))
def test_a_search_finds_what_was_put_up_to_now(store: Rows, steps: list[tuple[str, str, list[str]]]) -> None:
    """Rows come into the full text when it is asked; works are deleted before and after that."""
    for old in Works(store).list():
        Works(store).drop(old.id)
    held: dict[str, list[str]] = {}
    for number, (do, name, words) in enumerate(steps):
        if do == "put":
            Facts(store, work(store, name).id).put(number, [(word, [], []) for word in words])
            held[name] = held.get(name, []) + words
        elif do == "delete":
            Works(store).drop(work(store, name).id)
            held.pop(name, None)
        else:
            for word in ("ox", "elk"):
                assert len(texts(store, word, work(store, name), limit=99)) == held.get(name, []).count(word)
    for name in "abc":
        for word in ("ox", "elk"):
            assert len(texts(store, word, work(store, name), limit=99)) == held.get(name, []).count(word)
    if not store.place.url:
        store.execute("INSERT INTO facts_words (facts_words) VALUES ('integrity-check')")


@only_files
def test_a_file_that_another_python_wrote_gets_its_full_text(store: Rows) -> None:
    """A step of the store makes the rows' tables; only who searches needs FTS5."""
    one = work(store)
    row = (one.id, 0, 0, "Vellmere", "vellmer", "[]")
    store.execute("INSERT INTO facts (work, segment, seq, text, words, spans) VALUES (?,?,?,?,?,?)", row)
    assert texts(store, "Vellmere", one) == ["Vellmere"]


@only_files
def test_a_python_without_fts5_is_told(store: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks(sql: str, *_: object) -> None:
        raise sqlite3.OperationalError("no such function: fts5_source_id")

    monkeypatch.setattr(store, "execute", lacks)
    with pytest.raises(SettingsError) as caught:
        Facts(store, 1)
    assert "FTS5" in caught.value.message and caught.value.hint


@only_files
def test_opening_and_searching_read_no_more_than_they_give(store: Rows) -> None:
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
    assert len(read) >= 3
    for sql in read:
        for step in store.rows(f"EXPLAIN QUERY PLAN {sql}"):
            given = "VIRTUAL TABLE INDEX" in step["detail"] or step["detail"] == "SCAN b"  # what is given
            assert given or not step["detail"].startswith("SCAN"), (sql, step)


def _put(home: Path, steps: list[tuple[int, list[str]]]) -> None:
    store = open_store(home)
    facts = Facts(store, work(store).id)
    for segment, said in steps:
        facts.put(segment, [(text, [], [text[:2]]) for text in said])
    os.kill(os.getpid(), signal.SIGKILL)


@settings(max_examples=examples(10))
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
    with closing(open_store(home)) as store:
        facts = Facts(store, work(store).id)
        assert facts.segments() == first.keys()
        rows = store.rows("SELECT segment, text FROM facts ORDER BY segment, seq")
        assert [(r["segment"], r["text"]) for r in rows] == [(s, t) for s in sorted(first) for t in first[s]]
        for text in {text for said in first.values() for text in said}:
            assert len(texts(store, text, work(store))) == sum(said.count(text) for said in first.values())


@pytest.mark.parametrize(
    "query", ["Vellmere", "towns of Vellmere", "wireless kept on the hill", "東京", "彼"]
)
def test_both_stores_rank_alike(cluster: Cluster, home: Path, query: str) -> None:
    """BM25 by FTS5, and by what PostgreSQL counts of a tsvector: the same facts in the same order."""
    said = [
        ("The town of Vellmere lies on a hill", [], []),
        ("Vellmere, Vellmere and again Vellmere: three towns of one name", [], []),
        ("The wireless was kept in the lamp room by the keeper of the hill", [], []),
        ("Nobody kept a wireless", [], []),
        ("The hill", [], []),
        *[
            (f"Of towns the {number}th, which has no name and a wireless or two", [], [])
            for number in range(9)
        ],
        *SAID,
    ]
    found: list[list[str]] = []
    for place in (Place(home), Place(home, f"{cluster.url}#{secrets.token_hex(8)}")):
        with closing(open_store(place)) as store:
            one = work(store)
            Facts(store, one.id).put(0, said)
            found.append(texts(store, query, one, limit=20))
    assert found[0] == found[1] and found[0]


PIECES = st.one_of(
    st.sampled_from(
        "Vellmere harbour the of and a is it's don't well-kept 6.4 1911 1,000 v2.0 snake_case __init__ x_1"
        " Müller Muller café CAFE naïve Ångström Straße STRASSE İstanbul Đà Nẵng việt œuvre élève señor"
        " Київ ёлка Елка και ὁδός שלום مرحبا हिन्दी ภาษาไทย 東京 東京都 京 彼 한국어 한국 日本語です C++ C# :-) \\ ' '' \" ¼ ² №"
        " AND OR NOT NEAR * ( ^a e\u0301le\u0300ve".split()
    ),
    st.text(st.characters(exclude_categories=["Cs"], max_codepoint=0x1900), max_size=6),
    st.sampled_from(["w" * 3000, "w" * 499, "é" * 2000]),
)
SENTENCES = st.lists(PIECES, min_size=1, max_size=8).map(" ".join)


@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(SENTENCES, min_size=1, max_size=8), query=SENTENCES)
@example(said=["Müller", "Muller was here", "nobody"], query="Muller Müller")
@example(said=["the snake_case name", "a case", "nobody"], query="snake_case")
@example(said=["w" * 3000, "nobody", "w"], query="w" * 3000)
def test_both_stores_find_the_same_whatever_is_asked(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, said: list[str], query: str
) -> None:
    """Words of many languages, with accents, figures, hyphens, quotes, operators, and of any letters.

    FTS5 counts all facts of its file, PostgreSQL those of the works that are asked: there is but one work here.
    """
    found: list[list[str]] = []
    home = tmp_path_factory.mktemp("files")
    for place in (Place(home), Place(home, f"{cluster.url}#whatever")):
        with closing(open_store(place)) as store:
            one = Works(store).open("facts", name="a", document="", exact={"a": secrets.token_hex(8)})
            Facts(store, one.id).put(0, [(text, [], []) for text in said])
            found.append(texts(store, query, one, limit=20))
    assert found[0] == found[1]
