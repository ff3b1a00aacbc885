"""Readings over one PostgreSQL: what four workers do with eight model servers, and what random kills cost.

    python -m benchmarks.workers [--parts throughput,kills] [--servers 8] [--workers 4] [--runs 16]
                                 [--kills 60] [--seed 0] [--out FILE]

The model servers are loopback servers with replies of 0.2 s, each in a process of its own; the database is
this script's own; `lcagent serve` and `lcagent worker` are processes with a home each. A worker sends one
request at a time to each model server. Answers and evidence are held against those of a single process.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from benchmarks.servers import LATENCY, fleet
from lcagent import Reader
from lcagent.memory.opening import open_store
from lcagent.place import Place
from lcagent.runs.records import Runs
from tests.cluster import Cluster, running
from tests.helpers import QUESTION, haystack

ROOT = Path(__file__).parents[1]
STRATEGY = "mapreduce"


def text_of(number: int) -> str:
    """A document, which nobody else has."""
    return haystack(1920).replace("river", f"river{number}")


class Site:
    """A server and its workers, over a new database.

    Args:
        cluster: the PostgreSQL.
        bases: of the model servers.
        folder: for homes and logs.
        places: readings at once of a worker.
    """

    def __init__(self, cluster: Cluster, bases: Sequence[str], folder: Path, places: int) -> None:
        self._folder, self._places, self.url = folder, places, cluster.create()
        self._given = ["--store", self.url, "--api-base", ",".join(bases), "--window", "2048"]
        self._given += ["--set", "concurrency=1"]
        self.workers: list[subprocess.Popen[bytes]] = []
        self._started = 0

    def _start(self, *command: str) -> tuple[subprocess.Popen[bytes], Path]:
        self._started += 1
        home = self._folder / f"home{self._started}"
        log = home.with_suffix(".log")
        with log.open("w") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "lcagent.cli.main", *command, *self._given, "--home", str(home)],
                stderr=out,
                cwd=ROOT,
            )
        return process, log

    def serve(self) -> None:
        """Start the server."""
        self.server, log = self._start("serve", "--port", "0", "--rate", "1000000", "--running", "256")
        while not (found := re.search(r"serving at (\S+)", log.read_text())):
            assert self.server.poll() is None, log.read_text()
            time.sleep(0.05)
        self.http = httpx.Client(base_url=found[1], timeout=60)

    def work(self) -> None:
        """Start one more worker."""
        self.workers.append(self._start("worker", "--places", str(self._places))[0])

    def ready(self, workers: int) -> None:
        """Wait until so many workers look for work."""
        while self.http.get("/ready").status_code != 200:
            time.sleep(0.1)
        with psycopg.connect(self.url, autocommit=True) as look:
            while look.execute("SELECT count(*) FROM procrastinate_workers").fetchone() != (workers,):
                time.sleep(0.1)

    def ask(self, number: int) -> str:
        """Have a document read; the run's id."""
        name = f"{number}.txt"
        file = self.http.post("/v1/files", files={"file": (name, text_of(number).encode())}).json()["id"]
        body = {"question": QUESTION, "files": [file], "model": f"lcagent/{STRATEGY}"}
        return self.http.post("/v1/runs", json=body).json()["id"]

    def statuses(self, runs: Sequence[str]) -> list[str]:
        """How far they are."""
        return [self.http.get(f"/v1/runs/{run}").json()["status"] for run in runs]

    def outcome(self, run: str) -> dict[str, Any]:
        """What came of one: the answer with its quotes, and the evidence."""
        answer = self.http.get(f"/v1/runs/{run}/answer").json()["answer"]
        evidence = self.http.get(f"/v1/runs/{run}/findings").json()["data"]
        return {**told(answer["answer"], answer["citations"], evidence), "usage": answer["usage"]}

    def cpu(self) -> float:
        """Seconds of the server and its workers so far."""
        times = [psutil.Process(one.pid).cpu_times() for one in (self.server, *self.workers)]
        return sum(one.user + one.system for one in times)

    def end(self) -> None:
        """End all."""
        for process in (self.server, *self.workers):
            process.kill()
            process.wait()
        self.http.close()


def told(answer: str, citations: Sequence[Any], evidence: Sequence[Any]) -> dict[str, Any]:
    """What is held against a single process."""
    quotes = sorted(one["quote"] for one in citations)
    found = sorted((one["segment"], one["text"], one["quote"]) for one in evidence)
    return {"answer": answer, "quotes": quotes, "evidence": found}


def by_one_process(numbers: range, folder: Path) -> list[dict[str, Any]]:
    """What a single process makes of the documents."""
    found: list[dict[str, Any]] = []
    home = folder / "single"
    with (
        fleet(1) as ((base,), _),
        Reader(api_base=base, home=home, strategy=STRATEGY, window=2048) as reader,
    ):
        for number in numbers:
            path = folder / f"{number}.txt"
            path.write_text(text_of(number))
            answer = reader.ask(path, QUESTION)
            store = open_store(Place(home))
            evidence = Runs(store).findings(answer.run_id)
            store.close()
            citations = [one.model_dump() for one in answer.citations]
            found.append(told(answer.answer, citations, evidence))
    return found


@contextmanager
def site(cluster: Cluster, bases: Sequence[str], folder: Path, workers: int, places: int) -> Generator[Site]:
    """A site that is ready."""
    made = Site(cluster, bases, folder, places)
    made.serve()
    for _ in range(workers):
        made.work()
    made.ready(workers)
    try:
        yield made
    finally:
        made.end()


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


def kills(cluster: Cluster, workers: int, runs: int, number: int, seed: int) -> dict[str, Any]:
    """Kill whatever is there, so often, and look what is missing."""
    chance = random.Random(seed)
    counts = dict.fromkeys(("workers", "stopped workers", "servers", "database"), 0)
    with fleet(2) as (bases, pipes), tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        made = stack.enter_context(site(cluster, bases, Path(name), workers, places=16))
        asked = [made.ask(at) for at in range(runs)]
        for _ in range(number):
            time.sleep(chance.uniform(0.5, 2.0))
            what = chance.choices(list(counts), (12, 2, 4, 2))[0]
            counts[what] += 1
            if what == "database":
                cluster.stop("immediate")
                time.sleep(chance.uniform(0, 2))
                cluster.start()
            elif what == "servers":
                made.server.kill()
                made.server.wait()
                made.serve()
            else:
                one = chance.choice(made.workers)
                one.send_signal(signal.SIGKILL if what == "workers" else signal.SIGSTOP)
                if what == "workers":
                    one.wait()
                    made.workers.remove(one)
                    made.work()
        for one in made.workers:  # those that were stopped, and thought dead, wake
            one.send_signal(signal.SIGCONT)
        until = time.monotonic() + 300
        while {*(statuses := made.statuses(asked))} & {"queued", "running"} and time.monotonic() < until:
            time.sleep(0.5)
        ended = [run for run, status in zip(asked, statuses, strict=True) if status == "finished"]
        outcomes = [made.outcome(run) for run in ended]
        for pipe in pipes:
            pipe.send("told")
        sent = sum(sum(pipe.recv()[0].values()) for pipe in pipes)
        single = by_one_process(range(min(runs, 4)), Path(name)) if len(ended) == runs else []
    calls = sum(one.pop("usage")["calls"] for one in outcomes)
    same = sum(one == other for one, other in zip(outcomes, single, strict=False))
    return {
        "kills": counts,
        "readings": runs,
        "finished": len(ended),
        "others": [made.http.get(f"/v1/runs/{run}").json()["error"] for run in asked if run not in ended],
        "calls in the journals": calls,
        "requests that the model servers got": sent,
        "repeated": sent - calls,
        "answers and evidence as of one process": f"{same} of {len(single)}",
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--parts", default="throughput,kills")
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
    print(json.dumps(results, indent=2))
    if options.out:
        options.out.write_text(json.dumps(results, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
