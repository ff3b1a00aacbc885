"""The graph of facts of some documents: key elements are its nodes, two of them in one fact an edge.

It lives in the store and is asked there, so that a graph of any size takes no memory: what a call needs is a
node's facts or its neighbours.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from lcagent.documents import Span, query_words
from lcagent.documents.corpus import Place, Region
from lcagent.memory.elements import merges, too_common
from lcagent.memory.facts import search_facts
from lcagent.memory.works import Work, Works

_ALIASES = 6
"""Written forms of a node that are told."""
_AT_ONCE = 5000
"""Rows that are made and written at a time, so that what is to be written takes no memory."""


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
    """

    def __init__(self, works: Works, facts: Sequence[int]) -> None:
        self._kept, self.store, self._works = works, works.store, list(facts)
        self._in = json.dumps(self._works)
        self._documents = {work: at for at, work in enumerate(self._works)}

    @cached_property
    def work(self) -> Work:
        """The graph itself is a work as well."""
        return self._kept.open("graph", name=self._name, document="", exact={"facts": self._in})

    @property
    def _name(self) -> str:
        sql = "SELECT name FROM works WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id LIMIT 3"
        return ", ".join(row["name"] for row in self._rows(sql, self._in))

    @property
    def key(self) -> int:
        """The work's id: its rows stand under it."""
        return self.work.id

    def prepare(self) -> None:
        """Bring written forms together and list the nodes; done once for these documents.

        Raises:
            WorkBusy: another process is at it.
        """
        if self.work.status == "done":
            return
        with self._kept.building(self.work):
            self._make()
            self._kept.done(self.work)

    def _make(self) -> None:
        sql = (
            "SELECT node, name, count(DISTINCT fact) AS facts FROM elements"
            " WHERE work IN (SELECT value FROM json_each(?)) AND node != '' GROUP BY node, name"
        )
        often: dict[str, Counter[str]] = defaultdict(Counter)
        for row in self._rows(sql, self._in):
            often[row["node"]][row["name"]] += row["facts"]
        merged = merges({node: forms.total() for node, forms in often.items()})
        for merge in merged:
            often[merge.into].update(often.pop(merge.node))
        tables: dict[str, Iterable[dict[str, Any]]] = {
            "merges": ({"node": m.node, "target": m.into, "stage": m.stage} for m in merged),
            "nodes": (
                {"node": node, "name": forms.most_common(1)[0][0], "facts": forms.total()}
                for node, forms in often.items()
            ),
            "node_words": (
                {"word": word, "node": node}
                for node, forms in often.items()
                for word in {word for name in forms for word in query_words(name)}
            ),
        }
        with self.store.transaction():
            for table, rows in tables.items():
                every = ({"work": self.key, **row} for row in rows)
                while some := list(islice(every, _AT_ONCE)):
                    self.store.insert_many(table, some)

    def counts(self) -> dict[str, int]:
        """How many documents, facts, nodes and edges there are."""
        edges = (
            "SELECT count(*) AS n FROM (SELECT DISTINCT a.node, b.node FROM elements a JOIN elements b"
            " ON a.fact = b.fact AND a.node < b.node WHERE a.work IN (SELECT value FROM json_each(?)))"
        )
        nodes = "SELECT count(*) AS n FROM nodes WHERE work = ?"
        return {
            "documents": len(self._works),
            "facts": self._total(),
            "nodes": self._rows(nodes, self.key)[0]["n"],
            "edges": self._rows(edges, self._in)[0]["n"],
        }

    def nodes(self, limit: int) -> list[Node]:
        """The nodes in most facts."""
        sql = "SELECT node, name, facts FROM nodes WHERE work = ? ORDER BY facts DESC, node LIMIT ?"
        return [Node(row["node"], row["name"], row["facts"]) for row in self._rows(sql, self.key, limit)]

    def node(self, key: str) -> Node | None:
        """A node by its key, or by that of one which it took in; None: there is none."""
        taken = self._rows("SELECT target FROM merges WHERE work = ? AND node = ?", self.key, key)
        key = taken[0]["target"] if taken else key
        rows = self._rows("SELECT node, name, facts FROM nodes WHERE work = ? AND node = ?", self.key, key)
        return Node(rows[0]["node"], rows[0]["name"], rows[0]["facts"]) if rows else None

    def aliases(self, key: str) -> list[dict[str, Any]]:
        """The written forms of a node, the commonest first, and the stage that brought each to it."""
        keys = self._keys(key)
        sql = (
            "SELECT e.name, count(DISTINCT e.fact) AS facts, coalesce(m.stage, 'rules') AS stage"
            " FROM elements e LEFT JOIN merges m ON m.work = ? AND m.node = e.node"
            " WHERE e.work IN (SELECT value FROM json_each(?)) AND e.node IN (SELECT value FROM json_each(?))"
            " GROUP BY e.name, stage ORDER BY facts DESC, e.name LIMIT ?"
        )
        return self._rows(sql, self.key, self._in, json.dumps(keys), _ALIASES)

    def candidates(self, query: str, limit: int) -> list[Node]:
        """Nodes that a search for something may begin from, best first: by their names, and by the facts that
        say most of it. Where no word of it stands in the graph (as in another language), those in most facts.

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
        best = sorted(scores, key=lambda node: (-scores[node] / self._length(node), node))
        return [node for key in best if (node := found[key])][:limit] or self.nodes(limit)

    def _total(self) -> int:
        sql = "SELECT count(*) AS n FROM facts WHERE work IN (SELECT value FROM json_each(?))"
        return self._rows(sql, self._in)[0]["n"]

    @staticmethod
    def _length(node: str) -> float:
        # A node whose name holds much beside what is asked for is about something else.
        return 1 + 0.2 * max(0, len(node.split()) - 1)

    def search(self, query: str, *, limit: int) -> list[Fact]:
        """The facts that say most of a query, best first."""
        found = search_facts(self.store, self._works, query, limit)
        return [Fact(f.id, self._documents[f.work], f.segment, f.text, f.spans) for f in found]

    def facts_of(self, key: str) -> list[Fact]:
        """The facts of a node, in reading order."""
        keys = self._keys(key)
        sql = (
            "SELECT DISTINCT f.* FROM elements e JOIN facts f ON f.id = e.fact"
            " WHERE e.work IN (SELECT value FROM json_each(?)) AND e.node IN (SELECT value FROM json_each(?))"
        )
        return sorted(self._facts(sql, self._in, json.dumps(keys)), key=lambda fact: (fact.place, fact.id))

    def facts_in(self, place: Place) -> list[Fact]:
        """The facts of a segment."""
        sql = "SELECT * FROM facts WHERE work = ? AND segment = ? ORDER BY seq"
        return self._facts(sql, self._works[place[0]], place[1])

    def of_fact(self, fact: int) -> list[str]:
        """The nodes of a fact."""
        sql = (
            "SELECT DISTINCT coalesce(m.target, e.node) AS node FROM elements e"
            " LEFT JOIN merges m ON m.work = ? AND m.node = e.node WHERE e.fact = ?"
        )
        return [row["node"] for row in self._rows(sql, self.key, fact)]

    def neighbours(self, key: str) -> list[tuple[Node, float]]:
        """The nodes that stand in a fact with one, the strongest first: facts that both stand in, damped by
        all that the neighbour stands in, so that what is everywhere is no neighbour of all."""
        keys = self._keys(key)
        sql = (
            "SELECT n.node, n.name, n.facts, count(DISTINCT b.fact) AS shared FROM elements a"
            " JOIN elements b ON b.fact = a.fact LEFT JOIN merges m ON m.work = ? AND m.node = b.node"
            " JOIN nodes n ON n.work = ? AND n.node = coalesce(m.target, b.node)"
            " WHERE a.work IN (SELECT value FROM json_each(?)) AND a.node IN (SELECT value FROM json_each(?))"
            " AND n.node != ? GROUP BY n.node"
        )
        rows = self._rows(sql, self.key, self.key, self._in, json.dumps(keys), key)
        found = [
            (Node(row["node"], row["name"], row["facts"]), row["shared"] / math.sqrt(row["facts"]))
            for row in rows
        ]
        return sorted(found, key=lambda one: (-one[1], one[0].key))

    def everything(
        self,
    ) -> tuple[list[tuple[Fact, list[str]]], list[tuple[Node, list[dict[str, Any]], list[int]]]]:
        """All facts, each with its nodes' keys, in reading order; and all nodes, those in most facts first,
        each with its written forms and the ids of its facts. For a view of the whole: it takes memory."""
        into = {row["node"]: row for row in self._rows("SELECT * FROM merges WHERE work = ?", self.key)}
        keys: dict[int, list[str]] = defaultdict(list)
        forms: dict[str, dict[str, tuple[set[int], str]]] = defaultdict(dict)
        sql = (
            "SELECT fact, name, node FROM elements"
            " WHERE work IN (SELECT value FROM json_each(?)) AND node != '' ORDER BY fact, id"
        )
        for row in self._rows(sql, self._in):
            merged = into.get(row["node"])
            key, stage = (merged["target"], merged["stage"]) if merged else (row["node"], "rules")
            if key not in keys[row["fact"]]:
                keys[row["fact"]].append(key)
            forms[key].setdefault(row["name"], (set(), stage))[0].add(row["fact"])
        facts = self._facts("SELECT * FROM facts WHERE work IN (SELECT value FROM json_each(?))", self._in)
        facts.sort(key=lambda fact: (fact.place, fact.id))
        order = {fact.id: number for number, fact in enumerate(facts)}
        nodes: list[tuple[Node, list[dict[str, Any]], list[int]]] = []
        for node in self.nodes(-1):
            some = forms[node.key]
            told: list[dict[str, Any]] = [
                {"name": n, "facts": len(held), "stage": stage}
                for n, (held, stage) in sorted(some.items(), key=lambda one: (-len(one[1][0]), one[0]))
            ]
            held = {fact for facts_of, _ in some.values() for fact in facts_of}
            nodes.append((node, told, sorted(held, key=lambda fact: order[fact])))
        return [(fact, keys[fact.id]) for fact in facts], nodes

    def as_networkx(self) -> Any:
        """An undirected networkx graph: nodes with `name` and `facts`, edges with the facts both stand in.

        The graph as a whole, for whoever computes with it: it takes memory.
        """
        import networkx

        facts, nodes = self.everything()
        view = networkx.Graph()
        for node, _, _ in nodes:
            view.add_node(node.key, name=node.name, facts=node.facts)
        for _, keys in facts:
            for at, one in enumerate(keys):
                for other in keys[at + 1 :]:
                    before = view.get_edge_data(one, other, {"facts": 0})["facts"]
                    view.add_edge(one, other, facts=before + 1)
        return view

    def _keys(self, key: str) -> list[str]:
        """A node's own key, and those of the nodes that it took in."""
        sql = "SELECT node FROM merges WHERE work = ? AND target = ?"
        return [key, *(row["node"] for row in self._rows(sql, self.key, key))]

    def _rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        return self.store.rows(sql, values)

    def _facts(self, sql: str, *values: object) -> list[Fact]:
        return [
            Fact(
                row["id"],
                self._documents[row["work"]],
                row["segment"],
                row["text"],
                tuple(Span(*span) for span in json.loads(row["spans"])),
            )
            for row in self._rows(sql, *values)
        ]
