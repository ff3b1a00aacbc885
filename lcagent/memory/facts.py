"""Facts of a document and its passages: rows of a work, found by words, by key element, by id.

Nothing is held in memory: a work of 100,000 facts opens as fast as one of ten. The full text is SQLite's FTS5
over a column of words as `lcagent.documents` tells them (stems; pairs of characters where a script sets no
words apart), made again from the rows where it is missing (docs/design/0014-works.md).
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lcagent.documents import Span, query_words
from lcagent.documents.lexical import stem, terms, unspaced
from lcagent.errors import SettingsError
from lcagent.memory.elements import node_of
from lcagent.memory.rows import Rows

Extracted = tuple[str, Sequence[Span], Sequence[str]]
"""A fact: its text, the sentences that carry it, its key elements as written in it."""
_AT_ONCE = 500
"""Ids in one statement: older engines take no more than 999."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact that was extracted from a segment.

    Args:
        id: names it in this store.
        work: the id of its work.
        segment: the segment it was said in.
        seq: its place among the segment's facts.
        text: in the model's words.
        spans: sentences of the document that carry it.
        elements: its key elements, as written in it.
    """

    id: int
    work: int
    segment: int
    seq: int
    text: str
    spans: tuple[Span, ...]
    elements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage of a document.

    Args:
        id: names it in this store.
        work: the id of its work.
        start: its first character in the document's text.
        end: the character after its last one.
        text: the document's, from `start` to `end`.
    """

    id: int
    work: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors of equal length, one after the other.

    `numpy.frombuffer(data, "float32").reshape(-1, dimension)` has one a row.

    Args:
        items: what each belongs to: ids of facts, of passages.
        dimension: numbers in one.
        data: all of them, 32-bit floats in the machine's order.
    """

    items: list[int]
    dimension: int
    data: bytes


class Facts:
    """The facts, passages and vectors of one work.

    Args:
        store: where they are kept.
        work_id: the work's id.

    Raises:
        SettingsError: this Python's SQLite has no full-text search.
    """

    def __init__(self, store: Rows, work_id: int) -> None:
        _ensure_index(store)
        self._store, self._work = store, work_id

    def put(self, segment: int, facts: Sequence[Extracted]) -> None:
        """Keep the facts of a segment, or that it has none, in one transaction.

        A segment that was put before stays as it is.

        Args:
            segment: its index.
            facts: in reading order.
        """
        with self._store.transaction():
            taken = self._store.execute(
                "INSERT OR IGNORE INTO extracted (work, segment) VALUES (?, ?)", (self._work, segment)
            )
            if not taken.rowcount:
                return
            (last,) = self._store.execute("SELECT coalesce(max(id), 0) FROM facts").fetchone()
            self._store.insert_many(
                "facts",
                [
                    {
                        "id": last + 1 + seq,
                        "work": self._work,
                        "segment": segment,
                        "seq": seq,
                        "text": text,
                        "words": _words(text),
                        "spans": json.dumps([[span.start, span.end] for span in spans]),
                    }
                    for seq, (text, spans, _) in enumerate(facts)
                ],
            )
            self._store.insert_many(
                "elements",
                [
                    {"work": self._work, "fact": last + 1 + seq, "name": name, "node": node_of(name)}
                    for seq, (_, _, names) in enumerate(facts)
                    for name in dict.fromkeys(names)
                ],
            )

    def segments(self) -> set[int]:
        """Segments whose facts stand here."""
        sql = "SELECT segment FROM extracted WHERE work = ?"
        return {segment for (segment,) in self._store.execute(sql, (self._work,))}

    def facts(self, ids: Iterable[int]) -> list[Fact]:
        """Facts by their ids, in that order; one that is no fact of this work is left out."""
        wanted = list(ids)
        found = {fact.id: fact for fact in _facts(self._store, wanted) if fact.work == self._work}
        return [found[id] for id in wanted if id in found]

    def elements(self) -> Iterator[tuple[int, str]]:
        """Each fact's id with each of its key elements, one after the other: the edges of the graph."""
        sql = "SELECT fact, name FROM elements WHERE work = ? ORDER BY id"
        yield from self._store.execute(sql, (self._work,))

    def put_passages(self, passages: Iterable[tuple[int, int, str]]) -> None:
        """Keep passages in one transaction; one that stands there already stays as it is.

        Args:
            passages: each its first character, the one after its last, and its text.
        """
        rows = [
            {"work": self._work, "start": start, '"end"': end, "text": text, "words": _words(text)}
            for start, end, text in passages
        ]
        self._store.insert_many("passages", rows)

    def put_vectors(self, owner: str, model: str, vectors: Mapping[int, Sequence[float]]) -> None:
        """Keep vectors in one transaction; what stands there already stays as it is.

        Args:
            owner: what they belong to: "fact", "passage", "element".
            model: what made them.
            vectors: each under the id of its item.
        """
        names = ("work", "owner", "item", "model", "dimension", "vector")
        rows = [
            (self._work, owner, item, model, len(vector), array("f", vector).tobytes())
            for item, vector in vectors.items()
        ]
        self._store.insert_many("vectors", [dict(zip(names, row, strict=True)) for row in rows])

    def vectors(self, owner: str, model: str) -> Vectors:
        """All vectors of one kind.

        Args:
            owner: what they belong to.
            model: what made them.
        """
        rows = self._store.execute(
            "SELECT item, dimension, vector FROM vectors WHERE work = ? AND owner = ? AND model = ?"
            " ORDER BY item",
            (self._work, owner, model),
        )
        kept = [*rows]
        dimension = kept[0][1] if kept else 0
        return Vectors([row[0] for row in kept], dimension, b"".join(row[2] for row in kept))

    def counts(self) -> dict[str, int]:
        """How much there is: segments, facts, elements (each name once), passages, vectors."""
        what = {
            "segments": "count(*) FROM extracted",
            "facts": "count(*) FROM facts",
            "elements": "count(DISTINCT name) FROM elements",
            "passages": "count(*) FROM passages",
            "vectors": "count(*) FROM vectors",
        }
        queries = {name: f"SELECT {of} WHERE work = ?" for name, of in what.items()}
        return {name: self._store.execute(sql, (self._work,)).fetchone()[0] for name, sql in queries.items()}


def search_facts(
    store: Rows, works: Sequence[int], query: str, limit: int, *, nodes: Sequence[str] = ()
) -> list[Fact]:
    """The facts of some works that share most with a query by BM25, the best first.

    Args:
        store: where they are kept.
        works: their ids.
        query: words as a person or a model wrote them; none of them is an operator.
        limit: facts at most.
        nodes: only facts of one of these key elements, by their nodes; none: all facts.
    """
    ids = _search(store, "facts", works, query, limit, nodes)
    return [fact for _, fact in sorted((ids.index(fact.id), fact) for fact in _facts(store, ids))]


def search_passages(store: Rows, works: Sequence[int], query: str, limit: int) -> list[StoredPassage]:
    """The passages of some works that share most with a query by BM25, the best first.

    Args:
        store: where they are kept.
        works: their ids.
        query: words as a person or a model wrote them; none of them is an operator.
        limit: passages at most.
    """
    ids = _search(store, "passages", works, query, limit)
    rows = _of(store, 'id, work, start, "end", text FROM passages WHERE id', ids)
    found = {row[0]: StoredPassage(*row) for row in rows}
    return [found[id] for id in ids]


def rebuild(store: Rows) -> None:
    """Make the full text again from the rows.

    Raises:
        SettingsError: this Python's SQLite has no full-text search.
    """
    _ensure_index(store)
    for table in _INDEXED:
        store.execute(f"INSERT INTO {table}_words ({table}_words) VALUES ('rebuild')")  # noqa: S608 - ours


def compact(store: Rows) -> None:
    """Drop the words of deleted rows from the full text, where they stay until its pieces are merged."""
    for table in _INDEXED if store.rows(_HELD) else ():
        store.execute(f"INSERT INTO {table}_words ({table}_words) VALUES ('optimize')")  # noqa: S608 - ours


_INDEXED = ("facts", "passages")
_HELD = "SELECT 1 FROM sqlite_master WHERE name = 'passages_words'"


def _ensure_index(store: Rows) -> None:
    """Make the full text where it is missing: the tables themselves need no FTS5."""
    try:
        store.execute("SELECT fts5_source_id()")
    except sqlite3.OperationalError as error:
        raise SettingsError(
            "this Python's SQLite has no full-text search (FTS5)",
            hint="use a Python whose sqlite3 has it, such as one from python.org or a Linux distribution",
        ) from error
    if store.rows(_HELD):
        return
    with store.transaction():
        if store.rows(_HELD):  # another process was first
            return
        for table in _INDEXED:
            for statement in _index(table):
                store.execute(statement)


def _index(table: str) -> tuple[str, ...]:
    words = f"{table}_words"
    gone = f"INSERT INTO {words} ({words}, rowid, words) VALUES ('delete', old.id, old.words);"  # noqa: S608 - ours
    come = f"INSERT INTO {words} (rowid, words) VALUES (new.id, new.words);"  # noqa: S608 - ours
    return (
        f"CREATE VIRTUAL TABLE {words} USING fts5 (words, content = '{table}', content_rowid = 'id')",
        f"CREATE TRIGGER {words}_insert AFTER INSERT ON {table} BEGIN {come} END",
        f"CREATE TRIGGER {words}_delete AFTER DELETE ON {table} BEGIN {gone} END",
        f"CREATE TRIGGER {words}_update AFTER UPDATE ON {table} BEGIN {gone} {come} END",
        f"INSERT INTO {words} ({words}) VALUES ('rebuild')",  # noqa: S608 - ours
    )


def _words(text: str) -> str:
    return " ".join(map(stem, terms(text.casefold())))


def _match(query: str) -> str:
    """A query in FTS5's language that no word of a person's can be an operator of; empty if it has none."""
    wanted = query_words(query) or list(dict.fromkeys(terms(query.casefold())))
    # A single character of a script without spaces begins some of the pairs that are kept.
    return " OR ".join(f'"{word}"{" *" if len(word) == 1 and unspaced(word) else ""}' for word in wanted)


def _search(
    store: Rows, table: str, works: Sequence[int], query: str, limit: int, nodes: Sequence[str] = ()
) -> list[int]:
    _ensure_index(store)
    if not (match := _match(query)) or not works:
        return []
    named = "SELECT fact FROM elements WHERE node IN (SELECT value FROM json_each(?))"
    within, values = (f" AND t.id IN ({named})", (json.dumps(nodes),)) if nodes else ("", ())
    rows = store.execute(
        f"SELECT t.id FROM {table}_words JOIN {table} t ON t.id = {table}_words.rowid"  # noqa: S608 - ours
        f" WHERE {table}_words MATCH ? AND t.work IN ({','.join('?' * len(works))}){within}"
        f" ORDER BY bm25({table}_words), t.id LIMIT ?",
        (match, *works, *values, limit),
    )
    return [id for (id,) in rows]


def _facts(store: Rows, ids: Sequence[int]) -> list[Fact]:
    names: dict[int, list[str]] = {}
    for fact, name in _of(store, "fact, name FROM elements WHERE fact", ids, "ORDER BY id"):
        names.setdefault(fact, []).append(name)
    return [
        Fact(id, work, segment, seq, text, _places(spans), tuple(names.get(id, ())))
        for id, work, segment, seq, text, spans in _of(
            store, "id, work, segment, seq, text, spans FROM facts WHERE id", ids
        )
    ]


def _places(spans: str) -> tuple[Span, ...]:
    return tuple(Span(start, end) for start, end in json.loads(spans))


def _of(store: Rows, what: str, ids: Sequence[int], order: str = "") -> Iterator[Any]:
    for at in range(0, len(ids), _AT_ONCE):
        some = ids[at : at + _AT_ONCE]
        yield from store.execute(f"SELECT {what} IN ({','.join('?' * len(some))}) {order}", tuple(some))
