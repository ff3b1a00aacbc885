"""Facts of a document: rows of a work, found by words, by key element, by id.

Nothing is held in memory: a work of 100,000 facts opens as fast as one of ten. The full text is SQLite's FTS5
over a column of words as `lcagent.documents` tells them (stems; pairs of characters where a script sets no
words apart). Rows come into it when it is next asked, all at once (docs/design/0014-works.md).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lcagent.documents import Span, query_words
from lcagent.documents.canonical import canonical
from lcagent.documents.lexical import stem, terms, unspaced
from lcagent.errors import SettingsError
from lcagent.memory.elements import node_of
from lcagent.memory.rows import Rows

if TYPE_CHECKING:
    from lcagent.models.vectors import Vectors

Extracted = tuple[str, Sequence[Span], Sequence[str]]
"""A fact: its text, the sentences that carry it, its key elements as written in it."""


@dataclass(frozen=True, slots=True)
class StoredFact:
    """One fact that was extracted from a segment.

    Args:
        id: names it in this store.
        work: the id of its work.
        segment: the segment it was said in.
        text: in the model's words.
        spans: sentences of the document that carry it.
    """

    id: int
    work: int
    segment: int
    text: str
    spans: tuple[Span, ...]


class Facts:
    """The facts and vectors of one work.

    Args:
        store: where they are kept.
        work_id: the work's id.

    Raises:
        SettingsError: this Python's SQLite has no full-text search.
    """

    def __init__(self, store: Rows, work_id: int) -> None:
        _make_index(store)
        self._store, self._work = store, work_id

    def put(self, segment: int, facts: Sequence[Extracted]) -> range:
        """Keep the facts of a segment, or that it has none, in one transaction.

        A segment that was put before stays as it is.

        Args:
            segment: its index.
            facts: in reading order.

        Returns:
            Their ids; none where the segment was put before.
        """
        with self._store.transaction():
            taken = self._store.execute(
                "INSERT INTO extracted (work, segment) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (self._work, segment),
            )
            if not taken.rowcount:
                return range(0)
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
                    {"fact": last + 1 + seq, "seq": at, "name": name, "node": node_of(name)}
                    for seq, (_, _, names) in enumerate(facts)
                    for at, name in enumerate(dict.fromkeys(names))
                ],
            )
        return range(last + 1, last + 1 + len(facts))

    def segments(self) -> set[int]:
        """Segments whose facts stand here."""
        sql = "SELECT segment FROM extracted WHERE work = ?"
        return {segment for (segment,) in self._store.execute(sql, (self._work,))}

    def put_vectors(self, owner: str, model: str, vectors: Mapping[int, Vectors]) -> None:
        """Keep vectors in one transaction; what stands there already stays as it is.

        Args:
            owner: what they belong to, such as "node".
            model: what made them.
            vectors: each under the number of its item.
        """
        from lcagent.models.vectors import to_blob

        names = ("work", "owner", "item", "model", "dimension", "vector")
        rows = [
            (self._work, owner, item, model, len(vector), to_blob(vector)) for item, vector in vectors.items()
        ]
        self._store.insert_many("vectors", [dict(zip(names, row, strict=True)) for row in rows])

    def vectors(self, owner: str, model: str) -> tuple[list[int], Vectors]:
        """All vectors of one kind: the numbers of their items, and a row for each.

        Args:
            owner: what they belong to.
            model: what made them.
        """
        from lcagent.models.vectors import from_blob

        kept = [
            *self._store.execute(
                "SELECT item, dimension, vector FROM vectors WHERE work = ? AND owner = ? AND model = ?"
                " ORDER BY item",
                (self._work, owner, model),
            )
        ]
        dimension = kept[0][1] if kept else 1
        return [row[0] for row in kept], from_blob(b"".join(row[2] for row in kept)).reshape(-1, dimension)


def search_facts(
    store: Rows, works: Sequence[int], query: str, limit: int, *, node: tuple[int, str] | None = None
) -> list[StoredFact]:
    """The facts of some works that share most with a query by BM25, the best first.

    Args:
        store: where they are kept.
        works: their ids.
        query: words as a person or a model wrote them; none of them is an operator.
        limit: facts at most.
        node: only facts of this node of a graph: the graph's work, and the node; None: all facts.
    """
    index(store)
    if not (match := _match(query)) or not works:
        return []
    of_node = " AND f.id IN (SELECT fact FROM mentions WHERE work = ? AND node = ?)" if node else ""
    best = (
        "SELECT f.id, bm25(facts_words) AS worth FROM facts_words JOIN facts f ON f.id = facts_words.rowid"  # noqa: S608 - ours
        f" WHERE facts_words MATCH ? AND f.work IN ({','.join('?' * len(works))}){of_node}"
        " ORDER BY worth, f.id LIMIT ?"
    )
    rows = store.execute(
        f"SELECT f.id, f.work, f.segment, f.text, f.spans FROM ({best}) b JOIN facts f ON f.id = b.id"  # noqa: S608 - ours
        " ORDER BY b.worth, f.id",
        (match, *works, *(node or ()), limit),
    )
    return [StoredFact(id, work, segment, text, spans_of(spans)) for id, work, segment, text, spans in rows]


def index(store: Rows) -> None:
    """Bring the full text up to date with the rows: what was put since, of whatever work, comes into it.

    Ids grow, so that whatever is missing comes after all that is there. It is asked for before each search:
    a work whose building was killed, or still goes on, is searched as far as it is.

    Raises:
        SettingsError: this Python's SQLite has no full-text search.
    """
    _make_index(store)
    if store.rows(f"SELECT 1 {_MISSING} LIMIT 1"):
        store.execute(f"INSERT INTO facts_words (rowid, words) SELECT id, words {_MISSING}")


def compact(store: Rows) -> None:
    """Drop the words of deleted rows from the full text, where they stay until its pieces are merged."""
    if store.rows(_HELD):
        store.execute("INSERT INTO facts_words (facts_words) VALUES ('optimize')")


_MISSING = "FROM facts WHERE id > (SELECT coalesce(max(id), 0) FROM facts_words_docsize)"
"""FTS5 keeps in `facts_words_docsize` a row for each that it holds."""
_HELD = "SELECT 1 FROM sqlite_master WHERE name = 'facts_words_gone'"
_INDEX = (
    "DROP TABLE IF EXISTS facts_words",
    "DROP TABLE IF EXISTS passages_words",
    "CREATE VIRTUAL TABLE facts_words USING fts5 (words, content = 'facts', content_rowid = 'id')",
    "CREATE TRIGGER facts_words_gone AFTER DELETE ON facts"
    " WHEN EXISTS (SELECT 1 FROM facts_words_docsize WHERE id = old.id)"
    " BEGIN INSERT INTO facts_words (facts_words, rowid, words) VALUES ('delete', old.id, old.words); END",
)


def _make_index(store: Rows) -> None:
    """Make the full text where it is missing, or an earlier version made it: the tables need no FTS5."""
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
        for statement in _INDEX:
            store.execute(statement)


def _words(text: str) -> str:
    return " ".join(map(stem, terms(canonical(text).casefold())))


def _match(query: str) -> str:
    """A query in FTS5's language that no word of a person's can be an operator of; empty if it has none."""
    wanted = query_words(query) or list(dict.fromkeys(terms(canonical(query).casefold())))
    # A single character of a script without spaces begins some of the pairs that are kept.
    return " OR ".join(f'"{word}"{" *" if len(word) == 1 and unspaced(word) else ""}' for word in wanted)


def spans_of(kept: str) -> tuple[Span, ...]:
    """The sentences of a fact, as a row has them."""
    return tuple(Span(start, end) for start, end in json.loads(kept))
