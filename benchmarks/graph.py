"""What a graph of many facts costs: opening, searching and exploring it in the store, and building it.

    python -m benchmarks.graph [--facts 8633,30000,100000] [--data DIR] [--rounds N] [--out FILE.json]

The facts are made up: three key elements of one to three words in each; the commonest is in every sixth
fact, and some are misspelt. One, the hub, has about 428 neighbours. GraphReader's paper tells of 8,633
facts with 15,000 elements and of such a hub in a text of 256,000 tokens; there are as many elements to a
fact at the other sizes. Every step stands beside a bare pass over the elements of the same file (`SELECT
sum(length(name))`), measured in turn with it, since milliseconds differ by four between machines; of five
times the least counts. A node is asked for what GraphReader asks of it in a window of 8,192: as many facts
and neighbours as such a window could hold at most. DIR may hold war_and_peace.txt, whose segments are read
by a server that states twenty facts with three elements of each; the client's CPU of that stands beside
that of calls which state nothing, and beside a bare POST.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.client import ROOT, bare, server, text_of
from lcagent.documents import Span, query_words
from lcagent.memory.facts import Facts, search_facts
from lcagent.memory.graph import FactGraph, Node
from lcagent.memory.store import FILE, Store
from lcagent.memory.works import Work, Works

A_SEGMENT = 20
ELEMENTS = 15_000 / 8_633
"""Different elements to a fact."""
HUB, NEIGHBOURS = "Weight of the hub", 428
QUERIES, WORDS, CANDIDATES, EXPLORED = 20, 8, 60, 50
FACTS_SHOWN, NODES_SHOWN = 8192 // 8, 8192 // 2
"""As `lcagent.graphs.graphreader.exploring`, which is not imported: what it needs would be measured too."""
MOST = 3072
"""Tokens of a bare POST's reply, as building asks for in a window of 8,192."""
_SYLLABLES = [a + b for a in "bdfghklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "el", "or")]


def opened(store: Store) -> Work:
    return Works(store).open("facts", name="made up", document="", exact={"made": "up"})


def graph_of(store: Store) -> FactGraph:
    return FactGraph(Works(store), [opened(store).id])


def fill(home: Path, facts: int) -> None:
    """Put facts that are made up, as building does: a segment at a time."""
    rng = random.Random(0)
    elements = round(facts * ELEMENTS)
    words = list(dict.fromkeys("".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4))) for _ in range(40_000)))
    names = dict.fromkeys(
        " ".join(word.title() for word in rng.choices(words, k=rng.randint(1, 3)))
        for _ in range(2 * elements)
    )
    named = list(names)[:elements]
    for at in range(0, elements, 40):  # one letter is left out of the name before it
        name = named[at - 1]
        named[at] = name[: len(name) // 2] + name[len(name) // 2 + 1 :]
    # Every name once, in any order; else some names far more often than others.
    once = rng.sample(named, len(named))
    hub, said = NEIGHBOURS // 2, []
    for number in range(facts):
        if number < hub:
            held = [HUB, once.pop(), once.pop()]
        else:
            often = [named[int(4 * rng.paretovariate(0.7)) % len(named)] for _ in range(3)]
            held = [*(once.pop() for _ in range(min(2, len(once)))), *often][:3]
        more = [words[int(30 * rng.paretovariate(0.6)) % len(words)] for _ in range(10)]
        text = f"{held[0]} {' '.join(more[:5])} {held[1]} {' '.join(more[5:])} {held[2]}."
        said.append((text, [Span(number * 100, number * 100 + 80)], held))
    rng.shuffle(said)
    with closing(Store.open(home)) as store:
        kept = Facts(store, opened(store).id)
        for segment in range(-(-facts // A_SEGMENT)):
            kept.put(segment, said[segment * A_SEGMENT : (segment + 1) * A_SEGMENT])
        Works(store).done(opened(store))


def queries(store: Store) -> list[str]:
    """As many words each, of one name and of what is said with it."""
    rng = random.Random(1)
    (facts,) = store.execute("SELECT count(*) FROM facts").fetchone()
    made = []
    while len(made) < QUERIES:
        (text,) = store.execute("SELECT text FROM facts WHERE id = ?", (rng.randint(1, facts),)).fetchone()
        made.append(" ".join(query_words(text)[:WORDS]))
    return made


def visit(graph: FactGraph, node: Node, query: str) -> None:
    """What a path asks of a node: its facts, how many there are, and what stands beside it."""
    graph.facts_of(node.key, query=query, limit=FACTS_SHOWN)
    graph.size(node.key)
    graph.neighbours(node.key, limit=NODES_SHOWN, words=query_words(query), without=[node.key])


class Beside:
    """Times steps, each in turn with the yardstick, and of several times the least."""

    def __init__(self, home: Path) -> None:
        self._bare = sqlite3.connect(home / FILE)
        self.figures: dict[str, Any] = {}

    def yardstick(self) -> tuple[float, float]:
        return _ms(lambda: self._bare.execute("SELECT sum(length(name)) FROM elements").fetchone())

    def step(self, name: str, *works: Callable[[], Any], times: int = 5) -> None:
        """Note ms of a work, or of the fastest, the median and the slowest of several; and how many times the
        yardstick that is."""
        bare = [self.yardstick()]
        rows: list[tuple[float, float]] = []
        for work in works:
            some = []
            for _ in range(times):
                some.append(_ms(work))
                bare.append(self.yardstick())
            rows.append((min(wall for wall, _ in some), min(cpu for _, cpu in some)))
        walls, cpus, yards = ([row[at] for row in many] for many, at in ((rows, 0), (rows, 1), (bare, 0)))
        several = {"median_ms": round(median(walls), 2), "most_ms": round(max(walls), 2)}
        self.figures[name] = {
            "ms": round(min(walls), 2),
            **(several if len(works) > 1 else {}),
            "cpu_ms": round(median(cpus), 2),
            "bare_pass_ms": round(min(yards), 2),
            "times_bare_pass": round(median(walls) / min(yards), 2),
        }


def _ms(work: Callable[[], Any]) -> tuple[float, float]:
    """Wall and CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)


def peak_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def prepare(home: Path) -> dict[str, Any]:
    """What is done once for a graph."""
    beside = Beside(home)
    with closing(Store.open(home)) as store:
        graph = graph_of(store)
        beside.step("prepare", graph.prepare, times=1)
        figures = {**beside.figures, "counts": graph.counts(), "merged": _merged(store), "peak_mb": peak_mb()}
    return {**figures, "store_mb": round((home / FILE).stat().st_size / 2**20, 1)}


def _merged(store: Store) -> int:
    return store.rows("SELECT count(*) AS n FROM merges")[0]["n"]


def look(home: Path) -> dict[str, Any]:
    """What opening costs, and then each thing that exploring asks for."""
    beside = Beside(home)

    def opening() -> None:
        with closing(Store.open(home)) as store:
            graph_of(store).prepare()

    beside.step("open", opening)
    with closing(Store.open(home)) as store:
        graph = graph_of(store)
        work = opened(store).id
        hub = graph.node("weight of the hub")
        assert hub is not None
        asked = queries(store)
        (most,) = graph.nodes(1)
        beside.step("candidates", *(_asking(graph, query) for query in asked))
        beside.step("search", *(_searching(store, work, query) for query in asked))
        for name, node in (("the hub", hub), ("the commonest node", most)):
            _, every = graph.neighbours(node.key, limit=1)
            beside.step(
                f"neighbours of {name} ({node.facts} facts, {every} neighbours)",
                lambda key=node.key: graph.neighbours(key, limit=NODES_SHOWN, words=query_words(asked[0])),
            )
            beside.step(
                f"facts of {name}",
                lambda key=node.key: graph.facts_of(key, query=asked[0], limit=FACTS_SHOWN),
            )
    return beside.figures


def _asking(graph: FactGraph, query: str) -> Callable[[], Any]:
    return lambda: graph.candidates(query, CANDIDATES)


def _searching(store: Store, work: int, query: str) -> Callable[[], Any]:
    return lambda: search_facts(store, [work], query, CANDIDATES)


def explore(home: Path) -> dict[str, float]:
    """Peak memory before and after questions that each visit five nodes, and the commonest one."""
    with closing(Store.open(home)) as store:
        graph = graph_of(store)
        graph.prepare()
        asked = queries(store)
        before = peak_mb()
        after_one = 0.0
        for number in range(EXPLORED):
            query = asked[number % len(asked)]
            for node in [*graph.candidates(query, CANDIDATES)[:5], *graph.nodes(1)]:
                visit(graph, node, query)
            after_one = after_one or peak_mb()
    return {"opened_mb": before, "after_1_mb": after_one, f"after_{EXPLORED}_mb": peak_mb()}


def store(facts: int, folder: Path) -> dict[str, Any]:
    """All of it for one size, each part in a process of its own, whose memory is its own."""
    home = folder / str(facts)
    found: dict[str, Any] = {}
    for name, work, given in (
        ("fill", fill, (home, facts)),
        ("once", prepare, (home,)),
        ("asked", look, (home,)),
        ("memory", explore, (home,)),
    ):
        start = time.perf_counter()
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found[name] = pool.apply(work, given)
        print(
            json.dumps({"facts": facts, "part": name, "s": round(time.perf_counter() - start, 1)}), flush=True
        )
    del found["fill"]
    return found


BUILD = """
import json, resource, sys
from lcagent import Reader
base, home, path = sys.argv[1:4]
with Reader(api_base=base, home=home, strategy="graphreader") as reader:
    counts = reader.build(path)
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({**counts, "cpu": usage.ru_utime + usage.ru_stime, "peak_mb": usage.ru_maxrss / 1024}))
"""


def build(base: str, path: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, "-c", BUILD, base, home, str(path)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        with closing(Store.open(Path(home))) as kept:
            (segments,) = kept.execute("SELECT count(*) FROM extracted").fetchone()
    return {**json.loads(done.stdout.strip().splitlines()[-1]), "segments": segments}


def building(text: str, folder: Path, rounds: int) -> dict[str, Any]:
    """The client's CPU of a further segment: the slope between a short and a long text.

    Beside it the same with a server that states nothing, so that what is left are the calls alone, and a bare
    POST of an equal body with an equal reply, in turn; of each the least is kept.
    """
    short, long = folder / "short.txt", folder / "long.txt"
    short.write_text(text[: len(text) // 8])
    long.write_text(text)
    rows, empty, posts = [], [], []
    for _ in range(rounds):
        rows.append(_further(short, long, "--extract"))
        empty.append(_further(short, long)["cpu_ms_a_segment"])
        a_segment = text[: len(text) // rows[-1]["segments"][1]]
        posts.append(bare(a_segment, folder, "--extract", clients=("aiohttp",), most=MOST))
    least = min(rows, key=lambda row: row["cpu_ms_a_segment"])
    post = min(row["aiohttp"] for row in posts)
    return {
        **least,
        "all_rounds": [row["cpu_ms_a_segment"] for row in rows],
        "cpu_ms_a_segment_without_facts": min(empty),
        "cpu_ms_per_bare_post": round(post, 3),
        "beyond_calls_without_facts_ms": round(least["cpu_ms_a_segment"] - min(empty), 2),
        "beyond_bare_post_ms": round(least["cpu_ms_a_segment"] - post, 2),
        "times_bare_post": round(least["cpu_ms_a_segment"] / post, 1),
    }


def _further(short: Path, long: Path, *options: str) -> dict[str, Any]:
    with server(*options) as base:
        few, many = build(base, short), build(base, long)
    further = many["segments"] - few["segments"]
    return {
        "segments": [few["segments"], many["segments"]],
        "facts_a_segment": round(many["facts"] / many["segments"], 1),
        "nodes": many["nodes"],
        "cpu_ms_a_segment": round(1000 * (many["cpu"] - few["cpu"]) / further, 2),
        "peak_mb": round(many["peak_mb"], 1),
    }


def main() -> None:
    """Print everything as JSON."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw, prog="benchmarks.graph")
    parser.add_argument(
        "--facts", default="8633,30000,100000", help="numbers of facts; empty: no store is made"
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rounds", type=int, default=3, help="of building; 0: none is measured")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results: dict[str, Any] = {"machine": f"{os.cpu_count()} cores"}
    with tempfile.TemporaryDirectory() as folder:
        for facts in map(int, filter(None, options.facts.split(","))):
            results[f"{facts} facts"] = store(facts, Path(folder))
        if options.rounds:
            results["building"] = building(text_of(options.data), Path(folder), options.rounds)
    print(json.dumps(results, indent=2))
    if options.out:
        options.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
