"""A table over workers, whose workers and client are killed at random: rows and requests beside one process.

    python -m benchmarks.many_kills [--rounds 10] [--documents 150] [--workers 3] [--kills 8] [--latency 0.02]
                                    [--seed 0] [--out FILE.json]

Each round is a table of its own in a database of its own. After so many rows as chance says, a worker is
killed and another one started, or the client is killed and the same command given again. In the end the rows
are held against those of one process that nobody killed; requests beyond its own are those in flight
when somebody died.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.many import Workers, different, documents, finished, started
from tests.cluster import running
from tests.loopback import Loopback


def killed_round(
    server: Loopback, work: Path, name: str, rng: random.Random, workers: int, blows: int
) -> dict[str, Any]:
    """One table.

    Args:
        server: of the model.
        work: holds the documents (`docs`), and the table of one process (`table.jsonl`).
        name: of this round.
        rng: says when who is killed.
        workers: at work at any time.
        blows: how often somebody is killed.
    """
    folder, out, home = work / "docs", work / f"{name}.jsonl", work / name
    total = len(list(folder.iterdir()))
    with running() as cluster:
        assert cluster is not None, "no PostgreSQL here"
        store, before = cluster.create(), server.calls
        made = Workers(server.url, store, work)
        try:
            for _ in range(workers):
                made.start()
            client, kinds = started(server.url, home, folder, out, store), ""
            for mark in sorted(rng.sample(range(1, total - 1), blows)):
                while client.poll() is None and _rows(out) < mark:
                    time.sleep(0.01)
                if client.poll() is not None:
                    break
                kinds += rng.choice("wwc")
                if kinds[-1] == "w":
                    made.kill()
                    made.start()
                else:
                    client.kill()
                    client.communicate()
                    client = started(server.url, home, folder, out, store)
            told = finished(client)
            return {
                "rows": told["rows"],
                "killed": {"workers": kinds.count("w"), "clients": kinds.count("c")},
                "requests": server.calls - before,
                "different": different(out, work / "table.jsonl"),
                "left": made.left(),
            }
        finally:
            while made.running:
                made.kill()


def _rows(out: Path) -> int:
    return out.read_bytes().count(b"\n") if out.exists() else 0


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--documents", type=int, default=150)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--kills", type=int, default=8, help="in each round")
    parser.add_argument("--latency", type=float, default=0.02, help="seconds of a reply")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name, Loopback(latency=options.latency) as server:
        work = Path(name)
        documents(work / "docs", options.documents)
        finished(started(server.url, work / "home", work / "docs", work / "table.jsonl"))
        told = {"load": os.getloadavg()[0], "requests of one process": server.calls}
        rounds: list[dict[str, Any]] = []
        for number in range(options.rounds):
            rounds.append(killed_round(server, work, f"round{number}", rng, options.workers, options.kills))
            print(json.dumps(rounds[-1]))
    made = {**told, "rounds": rounds}
    if options.out:
        options.out.write_text(json.dumps(made, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
