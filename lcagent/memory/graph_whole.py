"""The graph of facts as a whole, for views and exports of it: all of it in memory."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from lcagent.memory.graph import Fact, FactGraph, Node
from lcagent.memory.rows import NUMBERS

Whole = tuple[list[tuple[Fact, list[str]]], list[tuple[Node, list[dict[str, Any]], list[int]]]]
"""All facts, each with its nodes' keys, in reading order; and all nodes, those in most facts first, each with
its written forms and the ids of its facts."""

_ALL = 1 << 62


def everything(graph: FactGraph) -> Whole:
    """All facts and nodes of a graph."""
    store, works = graph.store, json.dumps(graph.works)
    into = {row["node"]: row for row in store.rows("SELECT * FROM merges WHERE work = ?", (graph.key,))}
    keys: dict[int, list[str]] = defaultdict(list)
    forms: dict[str, dict[str, tuple[set[int], str]]] = defaultdict(dict)
    sql = (
        "SELECT fact, name, node FROM facts JOIN elements ON fact = facts.id"  # noqa: S608 - ours
        f" WHERE work IN {NUMBERS} AND node != '' ORDER BY fact, elements.seq"
    )
    for row in store.rows(sql, (works,)):
        merged = into.get(row["node"])
        key, stage = (merged["target"], merged["stage"]) if merged else (row["node"], "rules")
        if key not in keys[row["fact"]]:
            keys[row["fact"]].append(key)
        forms[key].setdefault(row["name"], (set(), stage))[0].add(row["fact"])
    facts = graph.facts()
    order = {fact.id: number for number, fact in enumerate(facts)}
    nodes: list[tuple[Node, list[dict[str, Any]], list[int]]] = []
    for node in graph.nodes(_ALL):
        some = forms[node.key]
        told: list[dict[str, Any]] = [
            {"name": n, "facts": len(held), "stage": stage}
            for n, (held, stage) in sorted(some.items(), key=lambda one: (-len(one[1][0]), one[0]))
        ]
        held = {fact for facts_of, _ in some.values() for fact in facts_of}
        nodes.append((node, told, sorted(held, key=lambda fact: order[fact])))
    return [(fact, keys[fact.id]) for fact in facts], nodes


def as_networkx(graph: FactGraph) -> Any:
    """An undirected networkx graph: nodes with `name` and `facts`, edges with the facts both stand in."""
    import networkx

    facts, nodes = everything(graph)
    view = networkx.Graph()
    for node, _, _ in nodes:
        view.add_node(node.key, name=node.name, facts=node.facts)
    for _, keys in facts:
        for at, one in enumerate(keys):
            for other in keys[at + 1 :]:
                before = view.get_edge_data(one, other, {"facts": 0})["facts"]
                view.add_edge(one, other, facts=before + 1)
    return view
