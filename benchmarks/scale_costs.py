"""What a call and a document cost on the machine at hand: the table that `benchmarks.scale` simulates with.

Measured here: the client's CPU, what SQLite is given, the loopback server's CPU, and PostgreSQL's CPU, bytes
and time for the same rows (its own pgbench, a cluster of its own). Taken from `benchmarks/results`: calls and
tokens by strategy and length, tokens of replies and the share that a prefix cache held.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.scale_client import Job

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
STRATEGIES = ("auto", "memagent", "mapreduce")
SIZES = {3_000: 40, 12_000: 30, 16_000: 16, 25_000: 16, 40_000: 16, 120_000: 8}
"""Documents of each size in characters."""
POSTGRES = Path("/usr/lib/postgresql/15/bin")


class Stub:
    """A loopback model server in a process of its own."""

    def __init__(self, latency: float) -> None:
        command = [sys.executable, "-m", "tests.loopback", "--latency", str(latency), "--facts"]
        self._child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._child.stdout
        self.base = f"http://127.0.0.1:{int(self._child.stdout.readline())}"

    def cpu(self) -> float:
        """Seconds of processor so far."""
        times = psutil.Process(self._child.pid).cpu_times()
        return times.user + times.system

    def end(self) -> None:
        """Stop it."""
        assert self._child.stdin
        self._child.stdin.close()
        self._child.wait()


@contextmanager
def stubs(number: int, latency: float) -> Generator[list[Stub]]:
    """Several servers."""
    with ExitStack() as stack:
        made = []
        for _ in range(number):
            made.append(Stub(latency))
            stack.callback(made[-1].end)
        yield made


def write_documents(folder: Path, characters: Sequence[int], seed: int = 0) -> list[str]:
    """Files of those lengths; no two are alike, so that none is known from another one."""
    from tests.helpers import WORDS

    rng, paths = random.Random(seed), []
    for number, wanted in enumerate(characters):
        parts: list[str] = [f"Report {seed} {number}.\n\n"]
        written = 0
        while written < wanted:
            words = " ".join(rng.choices(WORDS, k=12)).capitalize()
            parts.append(f"{words} {len(parts)}." + ("\n\n" if len(parts) % 6 == 0 else " "))
            written += len(parts[-1])
        path = folder / f"{seed}-{number}.txt"
        path.write_text("".join(parts))
        paths.append(str(path))
    return paths


def run_jobs(jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """Client processes, a job each, all begun at once when the last has warmed up."""
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.scale_client", job.as_argument()],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for job in jobs
    ]
    for child in children:
        assert child.stdout
        if child.stdout.readline() != "ready\n":
            raise SystemExit("a client did not start")
    for child in children:
        assert child.stdin
        child.stdin.write("\n")
        child.stdin.flush()
    return [json.loads(child.communicate()[0]) for child in children]


def line(points: Sequence[tuple[float, float]]) -> dict[str, float]:
    """What a document and each of its calls cost, from (calls, cost) of several sizes; neither is below 0."""
    calls, costs = np.array([point[0] for point in points]), np.array([point[1] for point in points])
    # Relative errors count, so that small documents, which are most, are not lost beside large ones.
    weights = 1 / np.maximum(costs, 1e-9)
    rows = np.stack([np.ones_like(calls), calls], axis=1) * weights[:, None]
    fitted = np.linalg.lstsq(rows, costs * weights, rcond=None)[0]
    if fitted.min() < 0:
        fitted = np.array([0.0, (costs * weights * calls * weights).sum() / ((calls * weights) ** 2).sum()])
    return {"document": round(float(fitted[0]), 3), "call": round(float(fitted[1]), 3)}


def client(strategy: str, slots: int = 4) -> dict[str, Any]:
    """A client's costs by one strategy, each a line over the documents' calls."""
    points: dict[str, list[tuple[float, float]]] = defaultdict(list)
    sizes = []
    for characters, number in SIZES.items():
        with tempfile.TemporaryDirectory() as name, stubs(1, 0.0) as (server,):
            folder = Path(name)
            files = write_documents(folder, [characters] * (number + 1), characters)
            plain = Job([server.base], str(folder / "home"), strategy, slots, files[1:], files[0])
            before = server.cpu()
            (row,) = run_jobs([plain])
            stub = server.cpu() - before
            (counted,) = run_jobs([replace(plain, home=str(folder / "counted"), count=True)])
            kept = sum(file.stat().st_size for file in (folder / "home").rglob("*.db"))
        calls = sum(one["calls"] for one in row["documents"])
        each = calls / number
        points["client_ms"].append((each, 1000 * row["cpu"] / number))
        # At a server that answers at once the client is what is waited for: this is how long it is occupied.
        points["occupied_ms"].append((each, 1000 * (row["ended"] - row["begun"]) / number))
        points["stub_ms"].append((each, 1000 * stub / (number + 1)))
        points["kept_bytes"].append((each, kept / (number + 1)))
        for what, amount in counted["written"].items():
            points[what].append((each, amount / number))
        tokens = sum(one["prompt"] for one in row["documents"]) / number
        sizes.append({"characters": characters, "calls": round(each, 2), "prompt_tokens": round(tokens)})
        print(
            strategy, sizes[-1], {k: [round(x, 2) for x in v[-1]] for k, v in points.items()}, file=sys.stderr
        )
    return {**{what: line(rows) for what, rows in points.items()}, "sizes": sizes}


def replies() -> dict[str, dict[str, float]]:
    """Tokens of a reply, and the share of prompts that a prefix cache held, as vLLM told of a small model."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0] * 4)
    for file in RESULTS.glob("*.jsonl"):
        for text in file.read_text().splitlines():
            row = json.loads(text)
            cost = row.get("cost") or {}
            if row.get("strategy") in {"memagent", "mapreduce"} and cost.get("prompt_tokens"):
                for at, name in enumerate(("calls", "prompt_tokens", "cached_tokens", "completion_tokens")):
                    sums[row["strategy"]][at] += cost[name]
    return {
        strategy: {"tokens": round(done / calls, 1), "cached": round(cached / prompt, 3)}
        for strategy, (calls, prompt, cached, done) in sums.items()
    }


def work() -> dict[str, list[list[float]]]:
    """Tokens of a document, calls and tokens of a question about it, as a perfect reader asked."""
    files = {
        "memagent": ("orchestration", "memagent"),
        "mapreduce": ("orchestration", "mapreduce"),
        "auto": ("orchestration-auto", "auto"),
        "auto, not there": ("orchestration-absent", "auto"),
    }
    table = {}
    for name, (file, strategy) in files.items():
        figures = json.loads((RESULTS / f"{file}.json").read_text())["figures"]
        table[name] = [
            [row["length"], row["calls"], 1000 * row["k_tokens"]]
            for row in figures
            if row["strategy"] == strategy
        ]
    return table


def sizes(data: Path) -> list[int]:
    """Tokens, as a quarter of the characters, of the texts and filings of a folder of evaluation data."""
    from lcagent.documents import load

    found = []
    for file in sorted(data.rglob("*")):
        if file.suffix == ".txt":
            found.append(len(file.read_text("utf-8")) // 4)
        elif file.suffix == ".pdf" and "nasty" not in file.parts:
            found.append(len(load(file).text) // 4)
    return sorted(found)


@contextmanager
def first() -> Generator[None]:
    """Have this session run before what else the machine does, where that is allowed (Linux, root).

    Linux weighs sessions first, and niceness within each of them.
    """
    own = Path("/proc/self/autogroup")
    try:
        own.write_text("-15")
    except OSError:
        yield
        return
    try:
        yield
    finally:
        own.write_text("0")


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1), "python": sys.version.split()[0]}
