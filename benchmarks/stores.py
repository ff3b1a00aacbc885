"""The same readings over SQLite and over PostgreSQL: calls a second, what a call costs, rows and statements.

    python -m benchmarks.stores [--rounds N] [--facts] [--out FILE.json]

The model is the loopback server, which answers at once, so that nothing but the client and its store takes
time; PostgreSQL is one of the tests' (its fsync is off; SQLite's `NORMAL` does not wait for the disk either).
A short and a long text are read, each in a process of its own, and what a further call costs is the slope
between them, so that no start is in it. The stores take turns, and of each reading the least is kept. Beside
it: one bare query and one bare insert by each driver.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.client import QUESTION, ROOT, server
from tests.cluster import running
from tests.helpers import prose

ASK = """
import json, resource, sys, time
from contextlib import closing
from lcagent import Reader
from lcagent.memory.opening import open_store
base, home, store, path, strategy, question = sys.argv[1:]
counted = {"statements": 0}

def counts(kind, *names):
    for name in names:
        def wrapped(self, *given, own=getattr(kind, name), **more):
            counted["statements"] += 1
            return own(self, *given, **more)
        setattr(kind, name, wrapped)

if store:
    from lcagent.memory.postgres.store import PostgresStore
    counts(PostgresStore, "execute", "rows", "execute_many")
else:
    from lcagent.memory.store import Store
    counts(Store, "execute", "rows", "execute_many")
with Reader(api_base=base, home=home, store=store or None, strategy=strategy) as reader:
    began = time.perf_counter()
    answer = reader.ask(path, question)
    seconds = time.perf_counter() - began
    place = reader.settings.place
usage = resource.getrusage(resource.RUSAGE_SELF)
statements = counted["statements"]
with closing(open_store(place)) as kept:
    tables = ("runs", "calls", "findings", "works", "uses", "documents", "segmentations", "facts", "elements")
    rows = sum(kept.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in tables)
print(json.dumps({"calls": answer.usage.calls, "seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime,
                  "statements": statements, "rows": rows}))
"""
STORES = ("sqlite", "postgres")


def ask(base: str, url: str, path: Path, strategy: str) -> dict[str, float]:
    """What one reading took, in a process of its own."""
    store = f"{url}#{secrets.token_hex(8)}" if url else ""
    with tempfile.TemporaryDirectory() as home:
        given = [base, home, store, str(path), strategy, QUESTION]
        done = subprocess.run(
            [sys.executable, "-c", ASK, *given], cwd=ROOT, capture_output=True, text=True, check=True
        )
    return json.loads(done.stdout.strip().splitlines()[-1])


def slope(few: dict[str, float], many: dict[str, float]) -> dict[str, float]:
    """What a further call takes."""
    further = many["calls"] - few["calls"]
    ms = 1000 * (many["seconds"] - few["seconds"]) / further
    return {
        "calls": many["calls"],
        "rows": many["rows"],
        "ms_a_call": round(ms, 2),
        "calls_a_second": round(1000 / ms, 1),
        "cpu_ms_a_call": round(1000 * (many["cpu"] - few["cpu"]) / further, 2),
        "statements_a_call": round((many["statements"] - few["statements"]) / further, 2),
    }


def compared(url: str, strategy: str, rounds: int, facts: bool) -> dict[str, Any]:
    """One strategy over both stores, the least of some rounds."""
    held: dict[tuple[str, Path], list[dict[str, float]]] = {}
    with server(*(["--facts"] if facts else [])) as base, tempfile.TemporaryDirectory() as folder:
        text = prose(20_000)
        short, long = (Path(folder) / name for name in ("short.txt", "long.txt"))
        for path, size in ((short, len(text) // 8), (long, len(text))):
            path.write_text(text[:size])
        for _ in range(rounds):
            for name in STORES:
                for path in (short, long):
                    took = ask(base, url if name == "postgres" else "", path, strategy)
                    held.setdefault((name, path), []).append(took)
    least = {
        place: {what: min(row[what] for row in rows) for what in rows[0]} for place, rows in held.items()
    }
    costs = {name: slope(least[name, short], least[name, long]) for name in STORES}
    ratios = {
        f"times_{what}": round(costs["postgres"][what] / costs["sqlite"][what], 2)
        for what in ("ms_a_call", "cpu_ms_a_call")
    }
    return {**costs, **ratios}


def bare(url: str) -> dict[str, dict[str, float]]:
    """Milliseconds of one query and one insert of 2 KB by each driver, each committed by itself."""
    import psycopg

    def timed(work: Callable[[int], Any], many: int = 500) -> float:
        for number in range(20):
            work(-number)
        began = time.perf_counter()
        for number in range(many):
            work(number + 1)
        return round(1000 * (time.perf_counter() - began) / many, 3)

    body, found = b"x" * 2000, {}
    with tempfile.TemporaryDirectory() as folder:
        file = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        file.execute("PRAGMA journal_mode=WAL")
        file.execute("PRAGMA synchronous=NORMAL")
        file.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, body BLOB)")
        found["sqlite"] = {
            "query": timed(lambda n: file.execute("SELECT id FROM bare WHERE id = ?", (n,)).fetchone()),
            "insert": timed(lambda n: file.execute("INSERT INTO bare VALUES (?, ?)", (n, body))),
        }
        file.close()
    with psycopg.connect(url, autocommit=True) as there:
        there.execute("CREATE TABLE bare (id BIGINT PRIMARY KEY, body BYTEA)")
        found["postgres"] = {
            "query": timed(lambda n: there.execute("SELECT id FROM bare WHERE id = %s", (n,)).fetchone()),
            "insert": timed(lambda n: there.execute("INSERT INTO bare VALUES (%s, %s)", (n, body))),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--strategies", default="memagent,mapreduce")
    parser.add_argument("--facts", action="store_true", help="a reader that finds two facts in every segment")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with running() as cluster:
        if cluster is None:
            raise SystemExit("no PostgreSQL here")
        results: dict[str, Any] = {"bare_ms": bare(cluster.url)}
        for strategy in options.strategies.split(","):
            results[strategy] = compared(cluster.url, strategy, options.rounds, options.facts)
    print(json.dumps(results, indent=2))
    if options.out:
        options.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
