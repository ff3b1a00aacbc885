"""The graph of facts of some documents: key elements are its nodes, two of them in one fact an edge.

It lives in the store and is asked there, so that a graph of any size takes no memory: what a call needs is a
node's facts or its neighbours.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from lcagent.documents import Span, query_words
from lcagent.documents.corpus import Place, Region
from lcagent.memory.elements import too_common
from lcagent.memory.facts import Facts, index, search_facts, spans_of
from lcagent.memory.nodes import NODE, list_nodes
from lcagent.memory.rows import NUMBERS
from lcagent.memory.works import Work, Works
from lcagent.models.embeddings import Embedder

if TYPE_CHECKING:
    from lcagent.models.vectors import Vectors

_ASKED = 64
"""Queries of which the vectors are known."""
_known: WeakKeyDictionary[Embedder, dict[str, Vectors]] = WeakKeyDictionary()
_ALIASES = 6
"""Written forms of a node that are told."""
_AROUND = """
WITH around AS MATERIALIZED (
    SELECT coalesce(m.target, b.node) AS node, count(DISTINCT b.fact) AS shared
    FROM mentions a JOIN elements b ON b.fact = a.fact
    LEFT JOIN merges m ON m.work = a.work AND m.node = b.node
    WHERE a.work = :graph AND a.node = :node AND b.node != ''
    GROUP BY 1 HAVING coalesce(m.target, b.node) NOT IN (SELECT value FROM json_each(:without)))
SELECT n.node, n.name, n.facts, shared, (SELECT count(*) FROM around) AS every
FROM around CROSS JOIN nodes n WHERE n.work = :graph AND n.node = around.node
ORDER BY 1.0 * shared * shared / n.facts + CASE WHEN n.node IN (
        SELECT node FROM node_words WHERE work = :graph AND word IN (SELECT value FROM json_each(:words))
        UNION SELECT value FROM json_each(:alike)) THEN 1 ELSE 0 END DESC,
    n.node LIMIT :most
"""
"""A node's neighbours, counted and sorted by the store itself, which does it in files where they are many."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One atomic fact.

    Args:
        id: in the store.
        document: the document's index among those of the graph.
        segment: the segment that it was extracted from.
        text: in the model's words.
        spans: sentences that carry it; none: they were not found.
    """

    id: int
    document: int
    segment: int
    text: str
    spans: tuple[Span, ...]

    @property
    def place(self) -> Place:
        """The segment that it was extracted from."""
        return self.document, self.segment

    @property
    def regions(self) -> tuple[Region, ...]:
        """Its sentences as places in the documents."""
        return tuple((self.document, span.start, span.end) for span in self.spans)


@dataclass(frozen=True, slots=True)
class Node:
    """A key element: its name as mostly written, and in how many facts it stands."""

    key: str
    name: str
    facts: int


class FactGraph:
    """The graph over the extracted facts of some documents.

    Args:
        works: where it is kept.
        facts: ids of the works that hold each document's facts, in the documents' order.
        embedder: tells what means the same; None: words and spelling alone do.
    """

    def __init__(self, works: Works, facts: Sequence[int], embedder: Embedder | None = None) -> None:
        self._embedder = embedder
        self._kept, self.store, self.works = works, works.store, list(facts)
        self._in = json.dumps(self.works)
        self._documents = {work: at for at, work in enumerate(self.works)}

    @cached_property
    def work(self) -> Work:
        """The graph itself is a work as well."""
        meaning = {"embedder": self._embedder.name} if self._embedder else {}
        return self._kept.open("graph", name=self._name, document="", exact={"facts": self._in, **meaning})

    @property
    def _name(self) -> str:
        sql = f"SELECT name FROM works WHERE id IN {NUMBERS} ORDER BY id LIMIT 3"  # noqa: S608 - ours
        return ", ".join(row["name"] for row in self._rows(sql, self._in))

    @property
    def key(self) -> int:
        """The work's id: its rows stand under it."""
        return self.work.id

    def prepare(self) -> None:
        """Bring written forms together and list the nodes; done once for what was extracted of the documents.

        Raises:
            WorkBusy: another process is at it.
        """
        if self.work.status == "done":
            return
        with self._kept.building(self.work) as now:
            if now.status == "done":
                return
            whole = self.whole
            if self._behind:
                list_nodes(self.store, self.key, self.works, self._embedder)
                index(self.store)
            if whole:
                self._kept.done(self.work)

    @property
    def whole(self) -> bool:
        """Whether all of the documents is extracted; what is not may still come."""
        sql = f"SELECT 1 FROM works WHERE id IN {NUMBERS} AND status != 'done' LIMIT 1"  # noqa: S608 - ours
        return not self._rows(sql, self._in)

    @property
    def _behind(self) -> bool:
        """Whether facts came since the nodes were listed: ids grow."""
        sql = (
            f"SELECT 1 FROM facts WHERE work IN {NUMBERS}"  # noqa: S608 - ours
            " AND id > (SELECT coalesce(max(fact), 0) FROM mentions WHERE work = ?) LIMIT 1"
        )
        return bool(self._rows(sql, self._in, self.key))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        """The row of each node's vector."""
        rows = self._rows("SELECT node FROM nodes WHERE work = ? ORDER BY node", self.key)
        return {row["node"]: number for number, row in enumerate(rows)}

    @cached_property
    def _matrix(self) -> Vectors:
        """The vectors of all nodes: with an embedding model, a graph takes this much memory."""
        assert self._embedder is not None
        return Facts(self.store, self.key).vectors(NODE, self._embedder.name)[1]

    def _vector(self, query: str) -> Vectors:
        """Of a query; several paths and rounds ask for the same."""
        assert self._embedder is not None
        known = _known.setdefault(self._embedder, {})
        if (vector := known.get(query)) is None:
            vector = known[query] = self._embedder.embed([query])[0]
            if len(known) > _ASKED:
                known.pop(next(iter(known)), None)
        return vector

    def likeness(self, query: str, nodes: Sequence[str]) -> list[float]:
        """How alike nodes are to a query in meaning, from -1 to 1; all 0 without an embedding model.

        Args:
            query: any text.
            nodes: their keys.
        """
        if self._embedder is None or not nodes:
            return [0.0] * len(nodes)
        vector, numbers = self._vector(query), [self._numbers[node] for node in nodes]
        if (near := self.store.near) is not None:
            held = dict(near.items(self.key, NODE, self._embedder.name, vector, among=numbers))
            return [held[number] for number in numbers]
        return [float(self._matrix[number] @ vector) for number in numbers]

    def _nearest(self, query: str, limit: int) -> list[str]:
        """The nodes that mean most of what a query does; none without an embedding model."""
        if self._embedder is None or not self._numbers:
            return []
        names, vector = list(self._numbers), self._vector(query)
        if (near := self.store.near) is not None:
            found = near.items(self.key, NODE, self._embedder.name, vector, limit=limit)
        else:
            from lcagent.models.vectors import nearest

            found = nearest(self._matrix, vector, limit)
        return [names[number] for number, _ in found]

    def counts(self) -> dict[str, int]:
        """How many documents, facts, nodes and edges there are."""
        edges = (
            "WITH ends AS (SELECT DISTINCT e.fact, coalesce(m.target, e.node) AS node FROM facts f"  # noqa: S608 - ours
            " JOIN elements e ON e.fact = f.id LEFT JOIN merges m ON m.work = ? AND m.node = e.node"
            f" WHERE f.work IN {NUMBERS} AND e.node != '')"
            " SELECT count(*) AS n FROM (SELECT DISTINCT a.node, b.node FROM ends a JOIN ends b"
            " ON a.fact = b.fact AND a.node < b.node) AS pairs"
        )
        nodes = "SELECT count(*) AS n FROM nodes WHERE work = ?"
        return {
            "documents": len(self.works),
            "facts": self._total(),
            "nodes": self._rows(nodes, self.key)[0]["n"],
            "edges": self._rows(edges, self.key, self._in)[0]["n"],
        }

    def nodes(self, limit: int) -> list[Node]:
        """The nodes in most facts."""
        sql = "SELECT node, name, facts FROM nodes WHERE work = ? ORDER BY facts DESC, node LIMIT ?"
        return [Node(row["node"], row["name"], row["facts"]) for row in self._rows(sql, self.key, limit)]

    def node(self, key: str) -> Node | None:
        """A node by its key, or by that of one which it took in; None: there is none."""
        sql = (
            "SELECT node, name, facts FROM nodes WHERE work = ?"
            " AND node = coalesce((SELECT target FROM merges WHERE work = ? AND node = ?), ?)"
        )
        rows = self._rows(sql, self.key, self.key, key, key)
        return Node(rows[0]["node"], rows[0]["name"], rows[0]["facts"]) if rows else None

    def aliases(self, key: str) -> list[dict[str, Any]]:
        """The written forms of a node, the commonest first, and the stage that brought each to it."""
        sql = (
            "SELECT e.name, count(DISTINCT e.fact) AS facts, coalesce(m.stage, 'rules') AS stage"
            " FROM mentions n JOIN elements e ON e.fact = n.fact"
            " LEFT JOIN merges m ON m.work = n.work AND m.node = e.node"
            " WHERE n.work = ? AND n.node = ? AND coalesce(m.target, e.node) = n.node"
            " GROUP BY e.name, stage ORDER BY facts DESC, e.name LIMIT ?"
        )
        return self._rows(sql, self.key, key, _ALIASES)

    def candidates(self, query: str, limit: int) -> list[Node]:
        """Nodes that a search for something may begin from, best first: by their names, and by the facts that
        say most of it.

        Args:
            query: question and plan.
            limit: most nodes.
        """
        wanted = query_words(query)
        scores: dict[str, float] = defaultdict(float)
        total = self._rows("SELECT count(*) AS n FROM nodes WHERE work = ?", self.key)[0]["n"]
        found: dict[str, Node | None] = {}
        sql = (
            "SELECT n.node AS key, n.name, n.facts FROM node_words w JOIN nodes n ON n.work = w.work"
            " AND n.node = w.node WHERE w.work = ? AND w.word = ?"
        )
        for word in wanted:
            held = [Node(**row) for row in self._rows(sql, self.key, word)]
            rarity = math.log(1 + (total + 0.5) / (len(held) + 0.5))
            for node in held:
                found[node.key] = node
                scores[node.key] += rarity
        facts = self._total()
        for rank, fact in enumerate(self.search(query, limit=limit)):
            for key in self.of_fact(fact.id):
                node = found[key] if key in found else self.node(key)
                found[key] = node
                # What the query does not name and stands everywhere leads nowhere.
                if node is not None and (key in scores or not too_common(node.facts, facts)):
                    scores[key] += 1 / (1 + rank)
        for key in self._nearest(query, limit):
            if key not in found:
                found[key] = self.node(key)
            scores.setdefault(key, 0.0)
        by_words = {key: score / self._length(key) for key, score in scores.items() if found[key]}
        most = max(by_words.values(), default=0.0) or 1.0
        meaning = dict(zip(by_words, self.likeness(query, list(by_words)), strict=True))
        best = sorted(by_words, key=lambda key: (-by_words[key] / most - meaning[key], key))
        return [node for key in best[:limit] if (node := found[key])]

    def _total(self) -> int:
        sql = f"SELECT count(*) AS n FROM facts WHERE work IN {NUMBERS}"  # noqa: S608 - ours
        return self._rows(sql, self._in)[0]["n"]

    @staticmethod
    def _length(node: str) -> float:
        # A node whose name holds much beside what is asked for is about something else.
        return 1 + 0.2 * max(0, len(node.split()) - 1)

    def search(self, query: str, *, limit: int, node: str = "") -> list[Fact]:
        """The facts that say most of a query, best first; of one node alone where it is named."""
        of_node = (self.key, node) if node else None
        found = search_facts(self.store, self.works, query, limit, node=of_node)
        return [Fact(f.id, self._documents[f.work], f.segment, f.text, f.spans) for f in found]

    def facts(self) -> list[Fact]:
        """All facts, in reading order: for a view of the whole, it takes memory."""
        found = self._facts(
            f"SELECT * FROM facts WHERE work IN {NUMBERS}",  # noqa: S608 - ours
            self._in,
        )
        return sorted(found, key=lambda fact: (fact.place, fact.id))

    def facts_of(self, key: str, *, query: str, limit: int) -> list[Fact]:
        """The facts of a node, in reading order; where there are more of them than the limit, those that say
        most of a query.

        Args:
            key: the node's.
            query: what is looked for.
            limit: most facts.
        """
        found = self.search(query, limit=limit, node=key) if self.size(key) > limit else []
        held = {fact.id for fact in found}
        sql = (
            "SELECT f.* FROM mentions m JOIN facts f ON f.id = m.fact"
            " WHERE m.work = ? AND m.node = ? ORDER BY m.fact LIMIT ?"
        )
        more = (fact for fact in self._facts(sql, self.key, key, limit) if fact.id not in held)
        found += islice(more, limit - len(found))
        return sorted(found, key=lambda fact: (fact.place, fact.id))

    def size(self, key: str) -> int:
        """How many facts a node stands in."""
        sql = "SELECT count(*) AS n FROM mentions WHERE work = ? AND node = ?"
        return self._rows(sql, self.key, key)[0]["n"]

    def of_fact(self, fact: int) -> list[str]:
        """The nodes of a fact."""
        sql = (
            "SELECT DISTINCT coalesce(m.target, e.node) AS node FROM elements e"
            " LEFT JOIN merges m ON m.work = ? AND m.node = e.node WHERE e.fact = ?"
        )
        return [row["node"] for row in self._rows(sql, self.key, fact)]

    def neighbours(
        self, key: str, *, limit: int, words: Sequence[str] = (), query: str = "", without: Sequence[str] = ()
    ) -> tuple[list[tuple[Node, float]], int]:
        """The nodes that stand in a fact with one, the strongest first: facts that both stand in, damped by
        all that the neighbour stands in, so that what is everywhere is no neighbour of all.

        Args:
            key: the node's.
            limit: most neighbours; those that are named or meant go before others about as strong.
            words: stems; nodes with one of them in a name are named.
            query: with an embedding model, the nodes that are most like it are meant.
            without: keys of nodes that do not count.

        Returns:
            The neighbours, and how many there are in all.
        """
        values = {
            "graph": self.key,
            "node": key,
            "without": json.dumps([key, *without]),
            "words": json.dumps(list(words)),
            "alike": json.dumps(self._nearest(query, limit) if query else []),
            "most": limit,
        }
        rows = self.store.rows(_AROUND, values)
        found = [
            (Node(row["node"], row["name"], row["facts"]), row["shared"] / math.sqrt(row["facts"]))
            for row in rows
        ]
        return sorted(found, key=lambda one: (-one[1], one[0].key)), rows[0]["every"] if rows else 0

    def _rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        return self.store.rows(sql, values)

    def _facts(self, sql: str, *values: object) -> list[Fact]:
        return [
            Fact(
                row["id"],
                self._documents[row["work"]],
                row["segment"],
                row["text"],
                spans_of(row["spans"]),
            )
            for row in self._rows(sql, *values)
        ]
