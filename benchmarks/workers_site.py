"""A site of `lcagent serve` and `lcagent worker` over one PostgreSQL; its network may be cut."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString, cast

import httpx
import psutil
import psycopg

from benchmarks.servers import fleet
from lcagent import Reader
from lcagent.memory.opening import open_store
from lcagent.memory.served.keys import Keys
from lcagent.memory.served.tables import open_served
from lcagent.place import Place
from lcagent.runs.records import Runs
from tests.cluster import Cluster
from tests.helpers import QUESTION, haystack
from tests.proxy import Proxy

ROOT = Path(__file__).parents[1]
STRATEGY = "mapreduce"


def text_of(number: int, length: int = 1920) -> str:
    """A document, which nobody else has."""
    return haystack(length).replace("river", f"river{number}")


@dataclass(eq=False)
class Member:
    """One process of a site.

    Args:
        name: tells it from the others, also to the database (`application_name`).
        process: itself.
        log: what it prints.
        database: its line there, where lines may be cut.
        models: its lines to the model servers, likewise.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    database: Proxy | None = None
    models: list[Proxy] = field(default_factory=list)

    def end(self) -> None:
        """End it, and its lines."""
        self.process.kill()
        self.process.wait()
        for line in (self.database, *self.models):
            if line is not None:
                line.__exit__()

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None


class Site:
    """A server and its workers, over a new database.

    Args:
        cluster: the PostgreSQL.
        bases: of the model servers.
        folder: for homes and logs.
        places: readings at once of a worker.
        cuttable: each process has lines of its own to the database and to each model server.
        given: further arguments of both commands.
    """

    def __init__(
        self,
        cluster: Cluster,
        bases: Sequence[str],
        folder: Path,
        places: int,
        *,
        cuttable: bool = False,
        given: Sequence[str] = (),
    ) -> None:
        self.folder, self._places, self._cuttable = folder, places, cuttable
        self.url, self._bases = cluster.create(), bases
        self._given = ["--window", "2048", "--set", "concurrency=1", *given]
        self.members: list[Member] = []
        """All that ever were."""
        self.workers: list[Member] = []

    def _start(self, *command: str) -> Member:
        name = f"{command[0]}{len(self.members)}"
        home, log = self.folder / name, self.folder / f"{name}.log"
        lines = [Proxy(_port(url)).__enter__() for url in (self.url, *self._bases) if self._cuttable]
        addresses = [self.url, *self._bases]
        if lines:
            addresses = [line.instead(url) for line, url in zip(lines, addresses, strict=True)]
        given = [*self._given, "--store", addresses[0], "--api-base", ",".join(addresses[1:])]
        with log.open("w") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "lcagent.cli.main", *command, *given, "--home", str(home)],
                stderr=out,
                cwd=ROOT,
                env={**os.environ, "PGAPPNAME": name},
            )
        self.members.append(Member(name, process, log, lines[0] if lines else None, lines[1:]))
        return self.members[-1]

    def serve(self) -> None:
        """Start the server."""
        self.server = self._start("serve", "--port", "0", "--rate", "1000000", "--running", "256")
        while not re.search(r"serving at (\S+)", self.server.log.read_text()):
            assert not self.server.ended, self.server.log.read_text()
            time.sleep(0.05)
        self.http = self.client()

    def client(self, key: str = "") -> httpx.Client:
        """Who asks the server."""
        found = re.search(r"serving at (\S+)", self.server.log.read_text())
        assert found is not None
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=found[1], timeout=60, headers=headers)

    def key(self, tenant: str) -> str:
        """A key of a tenant."""
        with closing(open_served(Place(self.folder, self.url))) as store:
            return Keys(store).create(tenant)[1]

    def work(self) -> None:
        """Start one more worker."""
        self.workers.append(self._start("worker", "--places", str(self._places)))

    def ready(self, workers: int) -> None:
        """Wait until so many workers look for work."""
        while self.http.get("/ready").status_code != 200:
            time.sleep(0.1)
        while self.rows("SELECT count(*) FROM procrastinate_workers") != [(workers,)]:
            time.sleep(0.1)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the database says."""
        with psycopg.connect(self.url) as look:
            return look.execute(cast(LiteralString, sql)).fetchall()

    def ask(self, number: int, http: httpx.Client | None = None, length: int = 1920) -> str:
        """Have a document read; the run's id.

        Raises:
            HTTPError: it cannot be had now.
        """
        http, name = http or self.http, f"{number}.txt"
        file = http.post("/v1/files", files={"file": (name, text_of(number, length).encode())})
        file.raise_for_status()
        body = {"question": QUESTION, "files": [file.json()["id"]], "model": f"lcagent/{STRATEGY}"}
        return http.post("/v1/runs", json=body).raise_for_status().json()["id"]

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
        times = [psutil.Process(one.process.pid).cpu_times() for one in (self.server, *self.workers)]
        return sum(one.user + one.system for one in times)

    def end(self) -> None:
        """End all."""
        for member in self.members:
            if not member.ended:
                member.end()
        self.http.close()


def _port(url: str) -> int:
    return httpx.URL(url).port or 0


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
def site(
    cluster: Cluster, bases: Sequence[str], folder: Path, workers: int, places: int, **more: Any
) -> Generator[Site]:
    """A site that is ready; more as `Site` has it."""
    made = Site(cluster, bases, folder, places, **more)
    made.serve()
    for _ in range(workers):
        made.work()
    made.ready(workers)
    try:
        yield made
    finally:
        made.end()
