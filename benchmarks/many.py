"""What a table over many documents costs the client: CPU a document, memory by quarter, a kill in the middle.

    python -m benchmarks.many [--documents 2000] [--latency 0.0] [--workers 0] [--out FILE.json]

Small texts of our own making, one in a hundred of them broken (a PDF that is none), one question, a JSONL
table. The loopback server runs in this process, the client in one of its own, so that only the client is
measured; the yardstick is a bare POST of a document by aiohttp. With --workers the same table is also read by
so many workers over a PostgreSQL of this script's own: the rows are held against those of one process, CPU is
that of the client and of the workers; once more with a worker killed, then the client, and both started anew.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import psycopg

from benchmarks.client import ROOT, bare
from tests.cluster import running
from tests.helpers import prose
from tests.loopback import Loopback

QUESTION = "What did people come to see?"
CHILD = """
import json, resource, sys, time
import psutil
from lcagent import Reader, RowKept

base, home, folder, out, question = sys.argv[1:6]
process, marks, total = psutil.Process(), [], None

def cpu():
    used = process.cpu_times()
    return used.user + used.system

def note(event):
    if isinstance(event, RowKept) and (event.done * 20 % event.total == 0 or not marks):
        marks.append((event.done, cpu(), process.memory_info().rss / 2**20))

start = time.perf_counter()
with Reader(api_base=base, home=home) as reader:
    table = reader.map(folder, question, out=out, on_event=note)
children = process.children()
print(json.dumps({"marks": marks, "rows": table.rows, "failed": table.failed, "calls": table.calls,
    "asked": table.asked, "seconds": time.perf_counter() - start,
    "cpu": cpu(), "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def documents(folder: Path, count: int) -> None:
    """Small documents, one in a hundred broken.

    Args:
        folder: is made.
        count: how many.
    """
    folder.mkdir()
    for number in range(count):
        if number % 100 == 50:
            (folder / f"{number:05}.pdf").write_text(f"%PDF-1.4 broken {number}")
        else:
            text = f"{prose(20, number)}\n\nThe harbour of boat {number} was what people came to see.\n"
            (folder / f"{number:05}.txt").write_text(text)


def started(base: str, home: Path, folder: Path, out: Path, store: str = "") -> subprocess.Popen[str]:
    """The client, in a process of its own."""
    command = [sys.executable, "-c", CHILD, base, home, folder, out, QUESTION]
    env = {**os.environ, "LCAGENT_STORE": store} if store else None
    return subprocess.Popen(list(map(str, command)), cwd=ROOT, stdout=subprocess.PIPE, text=True, env=env)


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a client says at its end."""
    told, _ = process.communicate()
    assert process.returncode == 0, process.returncode
    return json.loads(told.splitlines()[-1])


def undisturbed(server: Loopback, work: Path, folder: Path) -> dict[str, Any]:
    """One table from beginning to end."""
    before = server.calls
    told = finished(started(server.url, work / "home", folder, work / "table.jsonl"))
    (first, cpu, _), *_, (last, cpu_last, _) = told["marks"]
    quarters = [mark for mark in told["marks"] if mark[0] * 4 % last == 0]
    return {
        "rows": told["rows"],
        "failed": told["failed"],
        "calls": told["calls"],
        "requests": server.calls - before,
        "seconds": round(told["seconds"], 1),
        "cpu_s": round(told["cpu"], 2),
        "cpu_ms_per_document": round(1000 * (cpu_last - cpu) / (last - first), 2),
        "cpu_ms_per_document_by_quarter": [
            round(1000 * (b[1] - a[1]) / (b[0] - a[0]), 2)
            for a, b in zip([told["marks"][0], *quarters], quarters, strict=False)
        ],
        "resident_mb_by_quarter": [round(mark[2], 1) for mark in quarters],
        "peak_mb": round(told["peak_mb"], 1),
    }


def killed(server: Loopback, work: Path, folder: Path, count: int) -> dict[str, Any]:
    """A table whose client is killed when half of it is there, and started again."""
    before, out = server.calls, work / "killed.jsonl"
    process = started(server.url, work / "home2", folder, out)
    while process.poll() is None and (not out.exists() or out.read_bytes().count(b"\n") < count // 2):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    there = out.read_bytes().count(b"\n")
    told = finished(started(server.url, work / "home2", folder, out))
    return {
        "rows_when_killed": there,
        "rows": told["rows"],
        "asked_afterwards": told["asked"],
        "requests": server.calls - before,
        "same_as_undisturbed": answers(out) == answers(work / "table.jsonl"),
    }


class Workers:
    """Workers over one database, each with a home of its own.

    Args:
        base: of the model.
        store: the database.
        work: for their homes.
    """

    def __init__(self, base: str, store: str, work: Path) -> None:
        self._given = ["--api-base", base, "--store", store]
        self._work, self._store = work, store
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start one more, and wait until it looks for work."""
        before, home = self._newest(), self._work / f"worker{time.monotonic_ns()}"
        command = [sys.executable, "-m", "lcagent.cli.main", "worker", *self._given, "--home", str(home)]
        with home.with_suffix(".log").open("w") as log:
            self.running.append(subprocess.Popen(command, cwd=ROOT, stderr=log))
        while self._newest() <= before:
            time.sleep(0.1)

    def _newest(self) -> int:
        """The number of the worker that came last; 0 where none did."""
        with psycopg.connect(self._store, autocommit=True) as look:
            if look.execute("SELECT to_regclass('lcagent_work_queues')").fetchone() == (None,):
                return 0
            sql = "SELECT coalesce(max(id), 0) FROM procrastinate_workers, lcagent_work_queues"
            row = look.execute(sql).fetchone()
            return row[0] if row else 0

    def cpu(self) -> float:
        """Seconds of all so far."""
        times = [psutil.Process(one.pid).cpu_times() for one in self.running]
        return sum(one.user + one.system for one in times)

    def kill(self) -> None:
        """Kill the first of them."""
        one = self.running.pop(0)
        one.kill()
        one.wait()

    def left(self) -> dict[str, int]:
        """Rows that are still there of what was handed out."""
        tables = (
            "lcagent_server.jobs",
            "lcagent_server.files",
            "lcagent_server.pieces",
            "procrastinate_jobs",
        )
        with psycopg.connect(self._store, autocommit=True) as look:
            found = {one: look.execute(f"SELECT count(*) FROM {one}").fetchone() for one in tables}
        return {name: row[0] for name, row in found.items() if row is not None}


def over_workers(server: Loopback, work: Path, folder: Path, count: int, number: int) -> dict[str, Any]:
    """The same table read by workers, undisturbed, and with a worker and the client killed."""
    with running() as cluster:
        assert cluster is not None, "no PostgreSQL here"
        store = cluster.create()
        workers = Workers(server.url, store, work)
        try:
            for _ in range(number):
                workers.start()
            began, before = workers.cpu(), server.calls
            told = finished(started(server.url, work / "home3", folder, work / "over.jsonl", store))
            undisturbed = {
                "rows": told["rows"],
                "requests": server.calls - before,
                "seconds": round(told["seconds"], 1),
                "client_cpu_ms_per_document": round(1000 * told["cpu"] / count, 2),
                "workers_cpu_ms_per_document": round(1000 * (workers.cpu() - began) / count, 2),
                "client_peak_mb": round(told["peak_mb"], 1),
                "different": different(work / "over.jsonl", work / "table.jsonl"),
                "left": workers.left(),
            }
            return {
                "workers": number,
                "undisturbed": undisturbed,
                "killed": _both_killed(server, work, folder, store, workers, count),
            }
        finally:
            while workers.running:
                workers.kill()


def _both_killed(
    server: Loopback, work: Path, folder: Path, store: str, workers: Workers, count: int
) -> dict[str, Any]:
    before, out = server.calls, work / "both.jsonl"
    process = started(server.url, work / "home4", folder, out, store)

    def rows() -> int:
        return out.read_bytes().count(b"\n") if out.exists() else 0

    while rows() < count // 4:
        time.sleep(0.05)
    workers.kill()
    while rows() < count // 2:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    there = rows()
    workers.start()
    told = finished(started(server.url, work / "home4", folder, out, store))
    return {
        "rows_when_the_client_was_killed": there,
        "rows": told["rows"],
        "requests": server.calls - before,
        "different": different(out, work / "table.jsonl"),
        "left": workers.left(),
    }


def answers(out: Path) -> list[Any]:
    """The rows of a table without what differs from one time to the next."""
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    for row in rows:
        del row["seconds"]
        for cell in row["answers"].values():
            del cell["run"]
    return rows


def different(one: Path, other: Path) -> list[Any]:
    """The rows that are not the same in two tables."""
    both = zip(answers(one), answers(other), strict=True)
    return [[here, there] for here, there in both if here != there]


def main() -> None:
    """Print one JSON object, and write it to a file where one is named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        documents(work / "documents", options.documents)
        text = (work / "documents" / "00000.txt").read_text()
        with Loopback(latency=options.latency, keep_requests=False) as server:
            whole = undisturbed(server, work, work / "documents")
            half = killed(server, work, work / "documents", options.documents)
            over = None
            if options.workers:
                over = over_workers(server, work, work / "documents", options.documents, options.workers)
        post = bare(text, work, clients=("aiohttp",))["aiohttp"]
    told = {
        "documents": options.documents,
        "latency": options.latency,
        "load": [round(one, 1) for one in os.getloadavg()],
        "cpu_ms_per_bare_post": round(post, 3),
        "times_bare_post": round(whole["cpu_ms_per_document"] / post, 1),
        "undisturbed": whole,
        "killed": half,
        "over_workers": over,
    }
    print(json.dumps(told, indent=1))
    if options.out:
        options.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
