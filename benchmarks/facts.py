"""What opening and searching a work of many facts costs.

    python -m benchmarks.facts [--facts N]

Facts are made up: ten random words and three of 20,000 names, some of which are in most of them. Each step's
seconds are printed, wall and CPU, and the peak memory of the process that only looks.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from lcagent.documents import Span
from lcagent.memory.facts import Facts, search_facts
from lcagent.memory.store import Store
from lcagent.memory.works import Work, Works

A_SEGMENT = 50


def timed(name: str, work: Callable[[], Any]) -> Any:
    """What a step gives; its cost is printed."""
    wall, cpu = time.perf_counter(), time.process_time()
    given = work()
    spent = {"s": round(time.perf_counter() - wall, 4), "cpu_s": round(time.process_time() - cpu, 4)}
    print(json.dumps({"step": name, **spent}), flush=True)
    return given


def opened(store: Store) -> Work:
    return Works(store).open("facts", name="made up", document="", exact={"made": "up"})


def fill(home: Path, facts: int) -> None:
    rng = random.Random(0)
    names = [f"{rng.choice('ABCDEFGH')}{rng.choice(['an', 'el', 'or', 'us'])}{i}" for i in range(20_000)]
    words = [f"word{i}" for i in range(30_000)]
    with closing(Store.open(home)) as store:
        kept = Facts(store, opened(store).id)
        for segment in range(facts // A_SEGMENT):
            said = []
            for _ in range(A_SEGMENT):
                held = [names[int(rng.paretovariate(0.5)) % len(names)] for _ in range(3)]
                text = f"{held[0]} {' '.join(rng.choices(words, k=10))} {held[1]} and {held[2]}."
                said.append((text, [Span(segment * 100, segment * 100 + 80)], held))
            kept.put(segment, said)
        print(json.dumps({"store_mb": store.size() >> 20}))


def look(home: Path) -> None:
    store = timed("open the store", lambda: Store.open(home))
    work = timed("open the work", lambda: opened(store))
    facts = timed("open its facts", lambda: Facts(store, work.id))
    timed("which segments stand there", facts.segments)
    timed("count", facts.counts)
    timed("search rare words", lambda: search_facts(store, [work.id], "word77 word99 word1000", 20))
    print(json.dumps({"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10}))
    edges = timed("every fact with its elements", lambda: [*facts.elements()])
    (name, count) = Counter(name for _, name in edges).most_common(1)[0]
    timed(f"search a word of {count} facts", lambda: search_facts(store, [work.id], name, 20))
    timed(f"50 of the {count} facts of an element", lambda: facts.of_element(name, limit=50))
    timed("delete the work", lambda: Works(store).delete(work.id))
    store.close()


def main() -> None:
    """Print one JSON line a step."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--facts", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        timed("put", lambda: fill(Path(folder), options.facts))
        process = multiprocessing.get_context("spawn").Process(target=look, args=(Path(folder),))
        process.start()
        process.join()


if __name__ == "__main__":
    main()
