"""Nodes of a graph: listed from the elements of its facts, those that are the same under one."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from lcagent.documents import query_words
from lcagent.memory.elements import merges
from lcagent.memory.facts import Facts
from lcagent.memory.rows import NUMBERS, Rows
from lcagent.models.embeddings import Embedder

if TYPE_CHECKING:
    from lcagent.models.vectors import Vectors

NODE = "node"
"""Whose vectors are kept under the numbers of a graph's nodes, in the order of their keys."""
MEANT = 0.93
"""Cosine from which two elements are one."""
_AT_ONCE = 5000
"""Rows that are made and written at a time, so that what is to be written takes no memory."""
_FORMS = (
    "SELECT node, name, count(DISTINCT fact) AS facts FROM facts JOIN elements ON fact = facts.id"  # noqa: S608 - ours
    f" WHERE work IN {NUMBERS} AND node != '' GROUP BY node, name"
)
_MENTIONS = (
    "INSERT INTO mentions (work, node, fact) SELECT ?, coalesce(m.target, e.node) AS node, e.fact"  # noqa: S608 - ours
    " FROM facts f JOIN elements e ON e.fact = f.id LEFT JOIN merges m ON m.work = ? AND m.node = e.node"
    f" WHERE f.work IN {NUMBERS} AND e.node != ''"
    " ORDER BY node, e.fact ON CONFLICT DO NOTHING"
)


def list_nodes(store: Rows, graph: int, works: Sequence[int], embedder: Embedder | None) -> None:
    """Bring the written forms of some works' elements together and list their nodes, anew and in one
    transaction.

    Args:
        store: where all of it is kept.
        graph: the work that the nodes lie under.
        works: those of the facts.
        embedder: tells what means the same; None: words and spelling alone do.
    """
    often: dict[str, Counter[str]] = defaultdict(Counter)
    for row in store.rows(_FORMS, (json.dumps(works),)):
        often[row["node"]][row["name"]] += row["facts"]
    merged = merges({node: forms.total() for node, forms in often.items()}, _meant(often, embedder))
    for merge in merged:
        often[merge.into].update(often.pop(merge.node))
    tables: dict[str, Iterable[dict[str, Any]]] = {
        "merges": ({"node": m.node, "target": m.into, "stage": m.stage} for m in merged),
        "nodes": (
            {"node": node, "name": _written(forms), "facts": forms.total()} for node, forms in often.items()
        ),
        "node_words": (
            {"word": word, "node": node}
            for node, forms in often.items()
            for word in {word for name in forms for word in query_words(name)}
        ),
    }
    vectors = _embedded([_written(often[node]) for node in sorted(often)], embedder)
    with store.transaction():
        for table in (*tables, "mentions", "vectors"):  # of fewer segments
            store.execute(f"DELETE FROM {table} WHERE work = ?", (graph,))  # noqa: S608 - ours
        for table, rows in tables.items():
            every = ({"work": graph, **row} for row in rows)
            while some := list(islice(every, _AT_ONCE)):
                store.insert_many(table, some)
        store.execute(_MENTIONS, (graph, graph, json.dumps(works)))
        if embedder:
            Facts(store, graph).put_vectors(NODE, embedder.name, dict(enumerate(vectors)))


def _written(forms: Counter[str]) -> str:
    """A node as it is mostly written."""
    return forms.most_common(1)[0][0]


def _embedded(names: Sequence[str], embedder: Embedder | None) -> Vectors | tuple[()]:
    return embedder.embed(names) if embedder and names else ()


def _meant(often: Mapping[str, Counter[str]], embedder: Embedder | None) -> list[tuple[str, str]]:
    """Nodes that mean the same, as they are mostly written."""
    if embedder is None or not often:
        return []
    from lcagent.models.vectors import alike

    nodes = list(often)
    pairs = alike(embedder.embed([_written(often[node]) for node in nodes]), MEANT)
    return [(nodes[one], nodes[other]) for one, other in pairs]
