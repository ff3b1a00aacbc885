"""Readings over one PostgreSQL: what four workers do with eight model servers, what blows cost, who waits.

    python -m benchmarks.workers [--parts throughput,kills,tenants] [--servers 8] [--workers 4]
                                 [--runs 16] [--kills 60] [--seed 0] [--out FILE]

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
from benchmarks.workers_kills import kills
from benchmarks.workers_site import by_one_process, site
from benchmarks.workers_tenants import tenants
from tests.cluster import Cluster, running


def throughput(cluster: Cluster, servers: int, workers: int, runs: int) -> dict[str, Any]:
    """What so many servers and workers do."""
    with fleet(servers) as (bases, _), tempfile.TemporaryDirectory() as name:
        with site(cluster, bases, Path(name), workers, -(-runs // workers)) as made:
            warm = [made.ask(1000 + number) for number in range(workers)]
            while {*made.statuses(warm)} != {"finished"}:
                time.sleep(0.1)
            before, began = made.cpu(), time.perf_counter()
            asked = [made.ask(number) for number in range(runs)]
            while {*made.statuses(asked)} & {"queued", "running"}:
                time.sleep(0.2)
            seconds, used = time.perf_counter() - began, made.cpu() - before
            outcomes = [made.outcome(run) for run in asked]
        single = by_one_process(range(min(runs, 4)), Path(name))
    calls = sum(one.pop("usage")["calls"] for one in outcomes)
    same = sum(one == other for one, other in zip(outcomes, single, strict=False))
    return {
        "servers": servers,
        "calls": calls,
        "seconds": round(seconds, 1),
        "calls a second": round(calls / seconds, 1),
        "share of what they could": round(calls / seconds * LATENCY / servers / workers, 3),
        "client CPU ms a call": round(1000 * used / calls, 1),
        "answers and evidence as of one process": f"{same} of {len(single)}",
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--parts", default="throughput,kills,tenants")
    parser.add_argument("--servers", type=int, default=8)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--runs", type=int, default=16)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results: dict[str, Any] = {"load average": round(os.getloadavg()[0], 1)}
    with running() as cluster:
        assert cluster is not None, "no PostgreSQL here"
        if "throughput" in options.parts:
            one = throughput(cluster, 1, options.workers, options.runs)
            many = throughput(cluster, options.servers, options.workers, options.runs)
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
