"""A store of any earlier version opens without loss, one of a newer version is left alone."""

import hashlib
import json
import multiprocessing
import os
import signal
import sqlite3
import threading
import zlib
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcagent.errors import SettingsError, StoreDamaged
from lcagent.memory.graph import FactGraph
from lcagent.memory.journal import StoredJournal
from lcagent.memory.migrations import STEPS
from lcagent.memory.parsed import StoredDocuments, StoredSegments
from lcagent.memory.store import FILE, Store
from lcagent.memory.works import Works
from lcagent.models.transport import RawReply
from tests.helpers import examples, in_this_process

UNNUMBERED = """
CREATE TABLE runs (
  id TEXT PRIMARY KEY, key TEXT NOT NULL, status TEXT NOT NULL, created REAL NOT NULL,
  updated REAL NOT NULL, question TEXT NOT NULL, sources TEXT NOT NULL, strategy TEXT NOT NULL,
  model TEXT NOT NULL, settings TEXT NOT NULL, answer TEXT, error TEXT, seconds REAL NOT NULL DEFAULT 0,
  told INTEGER NOT NULL DEFAULT 1, version TEXT);
CREATE INDEX runs_key ON runs (key, created);
CREATE TABLE calls (
  run TEXT NOT NULL, key TEXT NOT NULL, role TEXT NOT NULL, text TEXT NOT NULL, reasoning TEXT NOT NULL,
  finish_reason TEXT NOT NULL, prompt_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL, seconds REAL NOT NULL, created REAL NOT NULL, certainty REAL,
  PRIMARY KEY (run, key)) WITHOUT ROWID;
CREATE TABLE findings (
  run TEXT NOT NULL, document INTEGER NOT NULL, segment INTEGER NOT NULL, seq INTEGER NOT NULL,
  op TEXT NOT NULL, target TEXT, text TEXT NOT NULL, spans TEXT NOT NULL, role TEXT NOT NULL,
  answer TEXT NOT NULL, detail TEXT NOT NULL, quote TEXT NOT NULL, tokens INTEGER NOT NULL,
  PRIMARY KEY (run, document, segment, seq)) WITHOUT ROWID;
CREATE TABLE documents (key TEXT PRIMARY KEY, meta TEXT NOT NULL, text BLOB NOT NULL,
  used REAL NOT NULL DEFAULT 0);
CREATE TABLE segmentations (key TEXT PRIMARY KEY, spans BLOB NOT NULL, used REAL NOT NULL DEFAULT 0);
CREATE TABLE uses (run TEXT NOT NULL, kept TEXT NOT NULL, key TEXT NOT NULL,
  PRIMARY KEY (run, kept, key)) WITHOUT ROWID;
CREATE INDEX uses_key ON uses (kept, key);
CREATE TABLE profiles (
  model TEXT NOT NULL, fingerprint TEXT NOT NULL, measured TEXT NOT NULL, profile TEXT NOT NULL,
  PRIMARY KEY (model, fingerprint)) WITHOUT ROWID;
"""
"""The tables as they were when their version had no number yet."""
META = {
    "name": "a.txt",
    "pages": [[1, 0, 5, ""]],
    "unit": "page",
    "sha256": "5ea",
    "format": "pdf",
    "warnings": [],
}


CUT = {"tokens": "100", "tokenizer": "t"}
SEGMENTED = hashlib.sha256(b"5ea|5|100|t").hexdigest()
"""The key of the segments, as it was made then."""


def unnumbered(home: Path) -> Path:
    """A file as it was made then, with rows in each table."""
    home.mkdir(exist_ok=True)
    with closing(sqlite3.connect(home / FILE, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(UNNUMBERED)
        for run, status in (("r1", "finished"), ("r2", "interrupted")):
            row = (
                run,
                "k",
                status,
                1.5,
                2.5,
                "why?",
                '["a.txt"]',
                "direct",
                "m",
                "{}",
                None,
                None,
                3.0,
                0,
                "v",
            )
            connection.execute(f"INSERT INTO runs VALUES ({','.join('?' * 15)})", row)
            connection.execute("INSERT INTO uses VALUES (?, 'documents', 'd')", (run,))
        connection.execute("INSERT INTO uses VALUES ('r1', 'segmentations', ?)", (SEGMENTED,))
        connection.execute("INSERT INTO uses VALUES ('gone', 'documents', 'd')")
        for run, key in (("r1", "c1"), ("r1", "c2"), ("r2", "c1")):
            row = (run, key, "reader", f"said {key}", "thought", "stop", 10, 2, 3, 0.5, 7.0, 0.9)
            connection.execute(f"INSERT INTO calls VALUES ({','.join('?' * 12)})", row)
        row = ("r1", 0, 1, 2, "add", None, "a fact", "[[0, 5]]", "reader", "", "", "hello", 4)
        connection.execute(f"INSERT INTO findings VALUES ({','.join('?' * 13)})", row)
        connection.execute(f"INSERT INTO findings VALUES ({','.join('?' * 13)})", ("gone", *row[1:]))
        connection.execute(
            "INSERT INTO documents VALUES ('d', ?, ?, 8.0)", (json.dumps(META), zlib.compress(b"hello"))
        )
        connection.execute("INSERT INTO segmentations VALUES (?, '[[0, 5, 2]]', 9.0)", (SEGMENTED,))
        connection.execute("INSERT INTO profiles VALUES ('m', 'f', '2026-01-01', '{}')")
    return home


def version_of(home: Path) -> int:
    with closing(sqlite3.connect(home / FILE)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def tables(store: Store) -> dict[str, str]:
    """What makes each table and index, in one spelling."""
    rows = store.rows("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {row["name"]: " ".join(row["sql"].replace('"', "").split()) for row in rows}


def test_a_file_of_no_number_keeps_all_its_rows(home: Path) -> None:
    with closing(Store.open(unnumbered(home))) as store:
        runs = store.rows("SELECT * FROM runs ORDER BY id")
        assert [(r["id"], r["status"], r["seconds"], r["told"], r["version"]) for r in runs] == [
            ("r1", "finished", 3.0, 0, "v"),
            ("r2", "interrupted", 3.0, 0, "v"),
        ]
        journal = StoredJournal(store, "r1")
        assert journal.get("c1") == RawReply("said c1", "thought", "stop", 10, 2, 3, 0.5, 0.9)
        assert [call["key"] for call in journal.calls()] == ["c1", "c2"]
        assert journal.call(1)["request"] is None
        (finding,) = store.rows("SELECT * FROM findings")  # that of a run that is gone belongs to nobody
        assert (finding["run"], finding["text"], finding["spans"]) == ("r1", "a fact", "[[0, 5]]")
        document = StoredDocuments(store).get("d")
        assert document is not None and (document.text, document.name) == ("hello", "a.txt")
        assert [s.end for s in StoredSegments(store).get(document, CUT) or ()] == [5]
        works = {work.kind: work for work in Works(store).list()}
        assert (works["document"].name, works["document"].used) == ("a.txt", 8.0)
        assert (works["segmentation"].status, works["segmentation"].used) == ("done", 9.0)
        used = {(row["run"], row["work"]) for row in store.rows("SELECT * FROM uses")}
        one, other = works["document"].id, works["segmentation"].id
        assert used == {("r1", one), ("r2", one), ("r1", other)}
        assert store.rows("SELECT model FROM profiles") == [{"model": "m"}]
        assert store.rows("PRAGMA foreign_key_check") == []
    assert version_of(home) == len(STEPS)


FOURTH = """
INSERT INTO works VALUES (7, 'k', 'facts', 'a.txt', '5ea', '{}', 'done', 1.0, 2.0);
INSERT INTO extracted VALUES (7, 0);
CREATE VIRTUAL TABLE facts_words USING fts5 (words, content = 'facts', content_rowid = 'id');
CREATE TRIGGER facts_words_insert AFTER INSERT ON facts
  BEGIN INSERT INTO facts_words (rowid, words) VALUES (new.id, new.words); END;
CREATE VIRTUAL TABLE passages_words USING fts5 (words, content = 'passages', content_rowid = 'id');
CREATE TRIGGER passages_words_insert AFTER INSERT ON passages
  BEGIN INSERT INTO passages_words (rowid, words) VALUES (new.id, new.words); END;
INSERT INTO facts VALUES (1, 7, 0, 0, 'Ada met the Bos.', 'ada met the bo', '[[0, 5]]');
INSERT INTO facts VALUES (2, 7, 0, 1, 'Ada slept.', 'ada slept', '[]');
INSERT INTO elements VALUES (1, 7, 1, 'Ada', 'ada'), (2, 7, 2, 'Ada', 'ada'), (3, 7, 1, 'the Bos', 'bos');
"""
"""Facts and their graph as version 4 kept them, with a full text that each row came into by itself."""


def test_facts_of_the_fourth_version_are_kept_and_found(home: Path) -> None:
    home.mkdir(exist_ok=True)
    with closing(sqlite3.connect(home / FILE, isolation_level=None)) as connection:
        for step in STEPS[:4]:
            step(connection)
        connection.execute("PRAGMA user_version=4")
        connection.executescript(FOURTH)
        key = hashlib.sha256(json.dumps(["graph", [["facts", "[7]"]]]).encode()).hexdigest()
        row = (8, key, "graph", "a.txt", "", "{}", "done", 1.0, 2.0)
        connection.execute(f"INSERT INTO works VALUES ({','.join('?' * 9)})", row)
        connection.execute("INSERT INTO nodes VALUES (8, 'ada', 'Ada', 2), (8, 'bos', 'the Bos', 1)")
    with closing(Store.open(home)) as store:
        rows = store.rows("SELECT fact, seq, name, node FROM elements ORDER BY fact, seq")
        assert [tuple(row.values()) for row in rows] == [
            (1, 0, "Ada", "ada"),
            (1, 1, "the Bos", "bos"),
            (2, 0, "Ada", "ada"),
        ]
        graph = FactGraph(Works(store), [7])
        graph.prepare()
        assert (graph.key, graph.size("ada"), graph.size("bos")) == (8, 2, 1)
        assert [node.key for node, _ in graph.neighbours("ada", limit=9)[0]] == ["bos"]
        assert [fact.text for fact in graph.search("who met the Bos?", limit=9)] == ["Ada met the Bos."]
        assert store.rows("PRAGMA foreign_key_check") == []


def test_a_migrated_file_is_made_like_a_fresh_one(home: Path, tmp_path: Path) -> None:
    with closing(Store.open(unnumbered(home))) as old, closing(Store.open(tmp_path / "fresh")) as fresh:
        assert tables(old) == tables(fresh)


def test_a_file_of_a_newer_version_is_left_alone(home: Path) -> None:
    unnumbered(home)
    with closing(sqlite3.connect(home / FILE)) as connection:
        connection.execute(f"PRAGMA user_version={len(STEPS) + 1}")
    before = (home / FILE).read_bytes()
    with pytest.raises(SettingsError) as caught:
        Store.open(home)
    assert "newer" in caught.value.message and "upgrade" in caught.value.hint
    assert (home / FILE).read_bytes() == before
    assert in_this_process("runs", "list").exception.code == "NewerVersion"


def test_a_step_that_fails_leaves_the_file_as_it_was(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unnumbered(home)
    with closing(sqlite3.connect(home / FILE)) as connection:
        connection.execute("CREATE TABLE profiles_before (a)")  # in the way of the last table
        before = list(connection.iterdump())
        connection.rollback()
    with pytest.raises(StoreDamaged):
        Store.open(home)
    with closing(sqlite3.connect(home / FILE)) as connection:
        assert list(connection.iterdump()) == before
    assert version_of(home) == 0


def _open(home: Path, ready, results) -> None:
    ready.wait()
    try:
        with closing(Store.open(home)) as store:
            store.execute("INSERT INTO profiles VALUES ('m', ?, '', '{}')", (str(os.getpid()),))
            results.put("")
    except BaseException as error:
        results.put(repr(error))


@pytest.mark.parametrize("old", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_many_processes_may_open_a_file_at_once(home: Path, old: bool) -> None:
    context = multiprocessing.get_context("fork")
    for number in range(5):
        folder = home.with_name(f"home{number}")
        if old:
            unnumbered(folder)
        ready, results = context.Barrier(6), context.Queue()
        processes = [context.Process(target=_open, args=(folder, ready, results)) for _ in range(6)]
        for process in processes:
            process.start()
        assert [results.get(timeout=60) for _ in processes] == [""] * 6
        for process in processes:
            process.join()
        with closing(Store.open(folder)) as store:
            assert len(store.rows("SELECT * FROM profiles WHERE fingerprint != 'f'")) == 6


def _keep(folder: Path, calls: list[tuple[str, str]]) -> None:
    store = Store.open(folder)
    for key, said in calls:
        StoredJournal(store, "r").put(key, "reader", RawReply(said), json.dumps({"messages": said}).encode())
    os.kill(os.getpid(), signal.SIGKILL)


@settings(max_examples=examples(10))
@given(calls=st.lists(st.tuples(st.sampled_from("abcdef"), st.text(max_size=50)), max_size=6))
def test_what_the_journal_acknowledged_survives_a_sigkill(tmp_path_factory, calls) -> None:
    """The first reply to a request is the one that stays, with the body that was sent."""
    folder = tmp_path_factory.mktemp("home")
    calls = [(key, said.encode("utf-8", "ignore").decode()) for key, said in calls]
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_keep, args=(folder, calls))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    first = dict(reversed(calls))
    with closing(Store.open(folder)) as store:
        journal = StoredJournal(store, "r")
        for key, said in first.items():
            reply = journal.get(key)
            assert reply is not None and reply.text == said
        kept = [journal.call(number) for number in range(1, len(first) + 1)]
        assert {c["key"]: c["request"]["messages"] for c in kept} == first


def test_a_transaction_in_another_thread_does_not_hold_what_was_acknowledged(home: Path) -> None:
    """Threads share the connection: a row that was put must not hang on another's transaction."""
    store = Store.open(home)
    inside, put = threading.Event(), threading.Event()

    def fails() -> None:
        with pytest.raises(RuntimeError), store.transaction():
            inside.set()
            assert not put.wait(0.2)  # it waits for the end of this
            raise RuntimeError

    thread = threading.Thread(target=fails)
    thread.start()
    inside.wait()
    StoredJournal(store, "r").put("k", "reader", RawReply("said"), b"{}")
    put.set()
    thread.join()
    assert StoredJournal(store, "r").get("k") is not None
    store.close()
