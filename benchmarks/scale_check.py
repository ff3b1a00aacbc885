"""The simulation beside what was measured: stub servers of 0.2 s a reply and clients on this machine."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import simpy

from benchmarks.scale_client import Job
from benchmarks.scale_costs import run_jobs, stubs, write_documents
from benchmarks.scale_parts import Document, Process, Station, Stub
from benchmarks.scale_sim import Costs, Fleet, simulated

LATENCY = 0.2
CASES = ((1, 1), (8, 1), (8, 4))
"""Servers, client processes."""
SLOTS = 4
EACH = 48
"""Documents a server."""
MOST = 0.15
"""By how much the simulation may be off."""


@dataclass(frozen=True)
class Figures:
    """What one run came to."""

    documents_an_hour: float
    calls_a_second: float
    client_cores: float


def characters(number: int) -> list[int]:
    """Lengths of documents: most are short, some are long."""
    drawn = np.random.default_rng(7).lognormal(np.log(8_000), 1.0, number)
    return [int(one) for one in drawn.clip(2_000, 120_000)]


def measured(strategy: str, servers: int, processes: int) -> Figures:
    """Read them in fact."""
    lengths = characters(EACH * servers)
    with tempfile.TemporaryDirectory() as name, stubs(servers, LATENCY) as running:
        files = write_documents(Path(name), [8_000, *lengths])
        bases, share = [one.base for one in running], servers // processes
        jobs = [
            Job(
                bases=bases[at * share : (at + 1) * share],
                home=str(Path(name) / f"home{at}"),
                strategy=strategy,
                slots=SLOTS,
                documents=files[1 + at :: processes],
                warm=files[0],
            )
            for at in range(processes)
        ]
        rows = run_jobs(jobs)
    seconds = max(row["ended"] for row in rows) - min(row["begun"] for row in rows)
    done = [one for row in rows for one in row["documents"]]
    return Figures(
        3600 * len(done) / seconds,
        sum(one["calls"] for one in done) / seconds,
        sum(row["cpu"] for row in rows) / seconds,
    )


def predicted(table: dict[str, Any], strategy: str, servers: int, processes: int) -> Figures:
    """Simulate the same, from the table of costs alone."""
    costs = table["client"][strategy]
    sizes, made = ([row[name] for row in costs["sizes"]] for name in ("characters", "calls"))
    lengths = characters(EACH * servers)
    calls = np.interp(lengths, sizes, made).round().astype(int)
    documents = [
        Document(length // 4, _waves(strategy, int(number)), 0.0, 0.0, 0.0)
        for length, number in zip(lengths, calls, strict=True)
    ]

    client, occupied = costs["client_ms"], costs["occupied_ms"]
    mean = sum(calls) / len(calls)
    running = min(
        (client["document"] + mean * client["call"]) / (occupied["document"] + mean * occupied["call"]), 1
    )

    def build(env: simpy.Environment) -> Fleet:
        cores = Station(env, os.cpu_count() or 1)
        cpu = costs["stub_ms"]["call"] / 1000
        return Fleet(
            servers=[Stub(env, LATENCY, Process(env, cores), cpu) for _ in range(servers)],
            clients=[Process(env, cores, running) for _ in range(processes)],
            slots=SLOTS,
        )

    outcome = simulated(
        build,
        Costs((occupied["document"] / 1000, occupied["call"] / 1000)),
        [documents[at::processes] for at in range(processes)],
    )
    return Figures(
        3600 * len(documents) / outcome.seconds,
        outcome.calls / outcome.seconds,
        outcome.used["clients"] * processes * running,
    )


def _waves(strategy: str, calls: int) -> tuple[int, ...]:
    if strategy == "mapreduce" and calls > 2:
        return calls - 1, 1
    return (1,) * calls


def check(table: dict[str, Any], strategy: str = "memagent") -> list[dict[str, Any]]:
    """Each case, measured and predicted, and by how much they differ."""
    rows = []
    for servers, processes in CASES:
        found, said = measured(strategy, servers, processes), predicted(table, strategy, servers, processes)
        off = {
            name: round(getattr(said, name) / getattr(found, name) - 1, 3)
            for name in ("documents_an_hour", "calls_a_second")
        }
        rows.append(
            {
                "strategy": strategy,
                "servers": servers,
                "processes": processes,
                "measured": {name: round(value, 2) for name, value in vars(found).items()},
                "predicted": {name: round(value, 2) for name, value in vars(said).items()},
                "off": off,
            }
        )
    return rows
