"""Readings over one PostgreSQL: what four workers do with eight model servers, what blows cost, who waits.

    python -m benchmarks.workers [--parts throughput,kills,tenants] [--servers 8] [--workers 4]
                                 [--runs 16] [--latency 0.2] [--kills 60] [--seed 0] [--out FILE]

The model servers are loopback servers with replies of 0.2 s, each in a process of its own; the database is
this script's own; `lcagent serve` and `lcagent worker` are processes with a home each. A worker sends one
request at a time to each model server. Answers and evidence are held against those of a single process.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.servers import LATENCY, fleet
from benchmarks.workers_kills import kills, unfinished
from benchmarks.workers_site import by_one_process, site
from benchmarks.workers_tenants import tenants
from tests.cluster import Cluster, running


def throughput(cluster: Cluster, servers: int, workers: int, runs: int, latency: float) -> dict[str, Any]:
    """What so many servers and workers do.

    Args:
        cluster: the database.
        servers: model servers.
        workers: of the site.
        runs: readings.
        latency: seconds of a reply.
    """
    with fleet(servers, latency) as (bases, pipes), tempfile.TemporaryDirectory() as name:
        with site(cluster, bases, Path(name), workers, -(-runs // workers)) as made:
            for number in range(workers):
                made.ask(1000 + number)
            while unfinished(made):
                time.sleep(0.1)
            before, began = made.cpu(), time.time()
            asked = [made.ask(number) for number in range(runs)]
            while unfinished(made):  # which the server is not asked: that takes a core
                time.sleep(0.2)
            seconds, used = time.time() - began, made.cpu() - before
            ends = [at for (at,) in made.rows("SELECT created FROM lcagent_runs.calls ORDER BY created")]
            outcomes = [made.outcome(run) for run in asked]
        for pipe in pipes:
            pipe.send("told")
        sent = [sum(pipe.recv()[0].values()) for pipe in pipes]
        single = by_one_process(range(min(runs, 4)), Path(name))
    calls = sum(one.pop("usage")["calls"] for one in outcomes)
    same = sum(one == other for one, other in zip(outcomes, single, strict=False))
    ends = [at for at in ends if at > began]
    middle = ends[calls // 10 : -calls // 10]
    could = servers * workers / latency
    return {
        "servers": servers,
        "calls": calls,
        "seconds": round(seconds, 1),
        "calls a second": round(calls / seconds, 1),
        "share of what they could": round(calls / seconds / could, 3),
        "the same without the first and the last tenth": round(
            len(middle) / (middle[-1] - middle[0]) / could, 3
        ),
        "seconds to the first reply, from the last one": [
            round(ends[0] - began, 1),
            round(seconds + began - ends[-1], 1),
        ],
        "requests of the least and the most asked server": [min(sent), max(sent)],
        "client CPU ms a call": round(1000 * used / calls, 1),
        "answers and evidence as of one process": f"{same} of {len(single)}",
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--parts", default="throughput,kills,tenants")
    parser.add_argument("--servers", type=int, default=8)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--latency", type=float, default=LATENCY, help="seconds of a reply (throughput)")
    parser.add_argument("--runs", type=int, default=16)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results: dict[str, Any] = {"load average": round(os.getloadavg()[0], 1)}
    with running() as cluster:
        assert cluster is not None, "no PostgreSQL here"
        if "throughput" in options.parts:
            one, many = (
                throughput(cluster, number, options.workers, options.runs, options.latency)
                for number in (1, options.servers)
            )
            times = round(many["calls a second"] / one["calls a second"], 2)
            results["throughput"] = {"one": one, "many": many, "times": times}
        if "kills" in options.parts:
            results["kills"] = kills(cluster, options.workers, options.runs, options.kills, options.seed)
        if "tenants" in options.parts:
            results["tenants"] = tenants(cluster, options.workers, many=200, few=20)
    print(json.dumps(results, indent=2))
    if options.out:
        options.out.write_text(json.dumps(results, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
