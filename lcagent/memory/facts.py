"""Facts of a document: rows of a work, found by words, by key element, by id.

Nothing is held in memory: a work of 100,000 facts opens as fast as one of ten. The full text is
over a column of words as `lcagent.documents` tells them (stems; pairs of characters where a script sets no
words apart).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lcagent.documents import Span, query_words
from lcagent.documents.canonical import canonical
from lcagent.documents.words import stem, terms
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
        store.full_text.make()
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
    if not (words := _asked(query)) or not works:
        return []
    return [
        StoredFact(id, work, segment, text, spans_of(spans))
        for id, work, segment, text, spans in store.full_text.best(words, works, limit, node)
    ]


def index(store: Rows) -> None:
    """Bring the full text up to date with the rows: what was put since, of whatever work, comes into it.

    Ids grow, so that whatever is missing comes after all that is there. It is asked for before each search:
    a work whose building was killed, or still goes on, is searched as far as it is.

    Raises:
        SettingsError: this Python's SQLite has no full-text search.
    """
    store.full_text.update()


def compact(store: Rows) -> None:
    """Drop the words of deleted rows from the full text, where they stay until its pieces are merged."""
    store.full_text.compact()


def _words(text: str) -> str:
    return " ".join(map(stem, terms(_apart(text))))


def _asked(query: str) -> list[str]:
    """The words that a query is searched by; where it has none but those that stand everywhere, these."""
    query = _apart(query)
    return query_words(query) or list(dict.fromkeys(terms(query)))


def _apart(text: str) -> str:
    """A text without case, the parts of its names set apart: FTS5 divides words where an underscore is."""
    return canonical(text).casefold().replace("_", " ")


def spans_of(kept: str) -> tuple[Span, ...]:
    """The sentences of a fact, as a row has them."""
    return tuple(Span(start, end) for start, end in json.loads(kept))
