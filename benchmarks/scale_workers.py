"""The simulation beside four workers over one PostgreSQL: from one worker's costs."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import simpy

from benchmarks.scale_check import LATENCY, Figures
from benchmarks.scale_costs import line
from benchmarks.scale_parts import Document, Process, Station, Stub
from benchmarks.scale_sim import Costs, Fleet, simulated
from benchmarks.servers import fleet
from benchmarks.workers_kills import unfinished
from benchmarks.workers_site import Site, site
from tests.cluster import Cluster

SERVERS, WORKERS, READINGS = 8, 4, 96
LENGTHS = (480, 1920, 3840)
"""Of documents in sentences, from which a document's and a call's costs are told apart."""
EACH = 12
"""Documents of each of these lengths."""
_CALLS = "SELECT count(*) FROM lcagent_runs.calls"


def _read(made: Site, number: int, length: int, first: int) -> tuple[int, float]:
    """Have so many documents read: calls, and seconds to the last one's end."""
    before, began = made.rows(_CALLS)[0][0], time.perf_counter()
    for one in range(number):
        made.ask(first + one, length=length)
    while unfinished(made):
        time.sleep(0.05)
    return made.rows(_CALLS)[0][0] - before, time.perf_counter() - began


def _warm(made: Site) -> None:
    for number in range(len(made.workers)):
        made.ask(90_000 + number)
    while unfinished(made):
        time.sleep(0.05)


def _spent(made: Site, cluster: Cluster) -> tuple[float, float]:
    """Seconds of processor so far: of the workers, and of all else that was started, with the database."""
    database = psutil.Process(int((cluster.folder / "data" / "postmaster.pid").read_text().split()[0]))
    here = psutil.Process().children(recursive=True)
    times = [one.cpu_times() for one in [*here, database, *database.children()]]
    everything = sum(one.user + one.system + one.children_user + one.children_system for one in times)
    workers = [psutil.Process(one.process.pid).cpu_times() for one in made.workers]
    ours = sum(one.user + one.system for one in workers)
    return ours, everything - ours


def costs(cluster: Cluster) -> dict[str, dict[str, float]]:
    """What a document and each of its calls cost in milliseconds: the worker's processor (`worker`), how long
    it is occupied (`occupied`), and the processor of all others, which are the database, the server that was
    asked, and the model server (`beside`). Of one worker, at a model server that answers at once."""
    points: dict[str, list[tuple[float, float]]] = {"worker": [], "occupied": [], "beside": []}
    with (
        fleet(1, 0.0) as (bases, _),
        tempfile.TemporaryDirectory() as name,
        site(cluster, bases, Path(name), 1, EACH) as made,
    ):
        _warm(made)
        for length in LENGTHS:
            before = _spent(made, cluster)
            calls, seconds = _read(made, EACH, length, length * 100)
            after = _spent(made, cluster)
            spent = (after[0] - before[0], seconds, after[1] - before[1])
            for kind, one in zip(points, spent, strict=True):
                points[kind].append((calls / EACH, 1000 * one / EACH))
    return {kind: line(found) for kind, found in points.items()}


def measured(cluster: Cluster) -> tuple[Figures, int]:
    """Read them in fact: what it came to, and the calls of all."""
    with (
        fleet(SERVERS, LATENCY) as (bases, _),
        tempfile.TemporaryDirectory() as name,
        site(cluster, bases, Path(name), WORKERS, READINGS // WORKERS) as made,
    ):
        _warm(made)
        before = _spent(made, cluster)
        calls, seconds = _read(made, READINGS, 1920, 0)
        used = _spent(made, cluster)[0] - before[0]
    return Figures(3600 * READINGS / seconds, calls / seconds, used / seconds), calls


def predicted(cost: dict[str, dict[str, float]], calls: int) -> Figures:
    """Simulate the same from one worker's costs.

    Args:
        cost: as of `costs`.
        calls: of all documents together.
    """
    each = calls // READINGS
    documents = [Document(0, (each - 1, 1), 0.0, 0.0, 0.0) for _ in range(READINGS)]
    worker, occupied, beside = (cost[kind] for kind in ("worker", "occupied", "beside"))
    running = min(
        (worker["document"] + each * worker["call"]) / (occupied["document"] + each * occupied["call"]), 1
    )

    def build(env: simpy.Environment) -> Fleet:
        cores = Station(env, os.cpu_count() or 1)
        return Fleet(
            servers=[Stub(env, LATENCY) for _ in range(SERVERS)],
            clients=[Process(env, cores, running) for _ in range(WORKERS)],
            slots=WORKERS,  # a worker sends one request at a time to each server
            documents=READINGS // SERVERS,
            store=cores,
        )

    outcome = simulated(
        build,
        Costs(
            (occupied["document"] / 1000, occupied["call"] / 1000),
            store=(beside["document"] / 1000, beside["call"] / 1000),
        ),
        [documents[at::WORKERS] for at in range(WORKERS)],
    )
    return Figures(
        3600 * READINGS / outcome.seconds,
        outcome.calls / outcome.seconds,
        outcome.used["clients"] * WORKERS * running,
    )


def check(cluster: Cluster) -> tuple[dict[str, dict[str, float]], dict[str, Any]]:
    """One worker's costs, and both beside each other."""
    cost = costs(cluster)
    found, calls = measured(cluster)
    said = predicted(cost, calls)
    off = {
        name: round(getattr(said, name) / getattr(found, name) - 1, 3)
        for name in ("documents_an_hour", "calls_a_second")
    }
    return cost, {
        "strategy": "mapreduce",
        "servers": SERVERS,
        "workers": WORKERS,
        "measured": {name: round(value, 2) for name, value in vars(found).items()},
        "predicted": {name: round(value, 2) for name, value in vars(said).items()},
        "off": off,
    }
