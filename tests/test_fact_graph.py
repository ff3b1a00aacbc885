"""The graph of facts beside plain Python over the same facts."""

import math
from collections import Counter
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lcagent.memory.facts import Facts
from lcagent.memory.graph import FactGraph
from lcagent.memory.opening import open_store
from lcagent.memory.rows import Rows
from lcagent.memory.works import Works
from lcagent.place import Place
from tests.helpers import examples

NAMES = ["ox", "red ox", "elk", "the elk", "yak", "gnu", "red gnu"]


@pytest.fixture
def store(place: Place):
    with closing(open_store(place)) as opened:
        yield opened


def graph_of(store: Rows, facts: list[set[str]], name: str = "a") -> FactGraph:
    """Ten facts a segment, about these elements each."""
    works = Works(store)
    work = works.open("facts", name=name, document="", exact={"facts": str(facts), "name": name})
    kept = Facts(store, work.id)
    for segment in range(0, len(facts), 10):
        said = [(" and ".join(sorted(held)), [], sorted(held)) for held in facts[segment : segment + 10]]
        kept.put(segment // 10, said)
    works.done(work)
    graph = FactGraph(works, [work.id])
    graph.prepare()
    return graph


@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    facts=st.lists(st.sets(st.sampled_from(NAMES), max_size=4), min_size=1, max_size=25),
    limit=st.integers(1, 8),
    without=st.sets(st.sampled_from(["ox", "elk", "gnu"]), max_size=2),
)
def test_neighbours_are_those_of_the_facts(store: Rows, facts, limit: int, without: set[str]) -> None:
    graph = graph_of(store, facts)
    nodes = [{"elk" if name == "the elk" else name for name in held} for held in facts]
    stands = Counter(node for held in nodes for node in held)
    for node in stands:
        shared = Counter(other for held in nodes if node in held for other in held - {node} - without)
        strength = {other: times / math.sqrt(graph.node(other).facts) for other, times in shared.items()}
        found, every = graph.neighbours(node, limit=limit, without=sorted(without))
        assert every == len(shared) and graph.size(node) == stands[node]
        best = sorted(strength, key=lambda other: (-strength[other], other))[:limit]
        assert [other.key for other, _ in found] == best
        assert [worth for _, worth in found] == pytest.approx([strength[other] for other in best])
        held = [fact.text for fact in graph.facts_of(node, query="", limit=99)]
        assert held == [" and ".join(sorted(f)) for f, of in zip(facts, nodes, strict=True) if node in of]


def test_of_too_many_neighbours_one_that_is_named_is_among_those_given(store: Rows) -> None:
    facts = [{"hub", f"lamp{letter}{other}"} for letter in "abcdefgh" for other in "xyz"]
    facts += [{"hub", "red gnu"}, *({"red gnu", f"thing {number}"} for number in range(20))]
    graph = graph_of(store, facts)
    plain, every = graph.neighbours("hub", limit=5)
    named, again = graph.neighbours("hub", limit=5, words=["gnu"])
    assert every == again == 25
    assert "red gnu" not in [node.key for node, _ in plain]
    assert len(named) == 5 and "red gnu" in [node.key for node, _ in named]


def test_of_too_many_facts_those_that_say_most_of_a_query_are_given(store: Rows) -> None:
    facts = [{"hub", f"lamp{a}{b}"} for a in "abcdefgh" for b in "xyz"]
    graph = graph_of(store, facts)
    found = graph.facts_of("hub", query="Where is lampgy?", limit=4)
    assert len(found) == 4 and "hub and lampgy" in [fact.text for fact in found]
    assert [fact.id for fact in found] == sorted(fact.id for fact in found)


def test_facts_that_come_later_are_among_those_of_their_nodes(store: Rows) -> None:
    """A graph of what is extracted in part is listed anew; one of all is not."""
    works = Works(store)
    work = works.open("facts", name="a", document="", exact={})
    facts = Facts(store, work.id)
    facts.put(0, [("The ox met the elk.", [], ["ox", "elk"])])
    for _ in range(2):
        graph = FactGraph(works, [work.id])
        graph.prepare()
        assert ([node.key for node in graph.nodes(9)], graph.work.status) == (["elk", "ox"], "building")
    facts.put(1, [("The ox slept.", [], ["ox"])])
    works.done(work)
    whole = FactGraph(works, [work.id])
    whole.prepare()
    assert [(node.key, node.facts) for node in whole.nodes(9)] == [("ox", 2), ("elk", 1)]
    assert whole.size("ox") == 2 and FactGraph(works, [work.id]).work.status == "done"
