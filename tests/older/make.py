"""Makes the stores of this folder: run by hand, within a checkout of the older version that is to make them.

    cd OLDER && PYTHONPATH=. python …/tests/older/make.py …/tests/older/NAME

The older version's own tests give the model. What comes of it is a folder `NAME` with `files` and, where that
version knew it, `postgres`: each database as SQL, and what lies beside it. Of the bodies of requests, which
would be most of it, the first one alone is kept.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.helpers import NEEDLE, QUESTION, clever, haystack
from tests.loopback import Loopback, Reply, Request

SERVES = importlib.util.find_spec("tests.server") is not None
"""Whether that version has a server, memory, tables and PostgreSQL."""
BUILT = "In which year was the boat built?"
"""Asked of each document of a table."""
WHERE = Path("/tmp/older")
"""Where it is made: what names a file in a store names one there."""
_HOST = "a-host"
_RUN = "from lcagent.cli.main import main; main()"


def reply(request: Request) -> str:
    """A model that finds the needle, talks, states facts of a graph, and knows when a boat was built."""
    properties = (request.schema or {}).get("properties", {})
    stated = properties.get("facts", {}).get("items", {})
    if "$ref" in stated or "properties" in stated:
        fact = {"fact": NEEDLE, "elements": ["Oskar Brandvold", "Vellmere"]}
        return json.dumps({"facts": [fact] if NEEDLE in request.text else []})
    if BUILT in request.text and "found" in properties:
        year = re.search(r"built in (\d{4})", request.text.partition("<question>")[0])
        return json.dumps({"found": "yes" if year else "no", "answer": year[1] if year else ""})
    if request.schema is not None and "properties" not in request.schema:
        from tests.chatting import agent

        return agent(request)
    return clever(request)


class Made:
    """One store, and what is done to it.

    Args:
        work: a folder to work in.
        store: in a PostgreSQL; empty: files.
    """

    def __init__(self, work: Path, store: str = "") -> None:
        self.work, self.home, self._store = work, work / "home", store
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        for number in range(4):
            (work / f"boat-{number}.txt").write_text(f"Boat {number} was built in {1900 + number}.\n")
        (work / "report.txt").write_text(haystack(75))
        (work / "graph.txt").write_text(haystack(12))

    def start(self, model: Loopback, *arguments: str, reads: bool = True) -> subprocess.Popen[bytes]:
        """A command, begun."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LCAGENT_")}
        where = {"LCAGENT_STORE": self._store} if self._store else {}
        given = ["--api-base", model.url, "--window", "2048"] if reads else []
        return subprocess.Popen(
            [sys.executable, "-c", _RUN, *arguments, *given],
            cwd=self.work,
            env={**kept, **where, "LCAGENT_HOME": str(self.home), "PYTHONPATH": str(Path.cwd())},
        )

    def done(self, model: Loopback, *arguments: str, reads: bool = True) -> int:
        """A command, to its end; its exit status."""
        return self.start(model, *arguments, reads=reads).wait(60)

    def killed(self, model: Loopback, calls: int, *arguments: str) -> None:
        """A command that is killed after some calls of the model."""
        with holding(model, calls) as reached:
            process = self.start(model, *arguments)
            until(reached)
            process.kill()
            process.wait()

    def served(self, model: Loopback) -> None:
        """A server: files, a collection, keys, readings; it is killed with two readings under way."""
        import httpx

        def answers() -> bool:
            try:
                return http.get("/livez").status_code < 500
            except httpx.TransportError:
                return False

        port = free_port()
        process = self.start(model, "serve", "--port", str(port))
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            until(answers)
            with (self.work / "report.txt").open("rb") as file:
                uploaded = http.post("/v1/files", files={"file": ("report.txt", file)}).json()["id"]
            http.post("/v1/collections", json={"name": "reports", "file_ids": [uploaded]})
            said = {"input": "I live in Paris, with Rex my dog.", "user": "anna"}
            assert http.post("/v1/responses", json=said).status_code == 200
            read = {"question": QUESTION, "files": [uploaded], "model": "lcagent/memagent"}
            if not self._store:
                run = http.post("/v1/runs", json=read).json()["id"]
                until(lambda: http.get(f"/v1/runs/{run}").json()["status"] == "finished")
            with holding(model, 2) as reached:
                for asked in ("Who kept the light?", "Who kept the wireless?"):
                    http.post("/v1/runs", json={**read, "question": asked}).raise_for_status()
                if not self._store:
                    until(reached)
                process.kill()
                process.wait()

    def all(self, model: Loopback) -> None:
        """Everything."""
        assert self.done(model, "ask", "report.txt", QUESTION, "--strategy", "mapreduce") == 0
        self.killed(model, 2, "ask", "report.txt", "Who kept the books?", "--strategy", "memagent")
        self.done(model, "graph", "build", "graph.txt")  # over PostgreSQL one could not count it in the end
        if SERVES:
            assert self.done(model, "keys", "create", "team-a", reads=False) == 0
            self.served(model)
            boats = [f"boat-{number}.txt" for number in range(4)]
            self.killed(model, 3, "map", *boats, BUILT, "--out", "boats.jsonl", "--concurrency", "1")


class holding:
    """Lets a model answer some calls, and no more; gives what tells whether it was asked for more."""

    def __init__(self, model: Loopback, calls: int) -> None:
        self._model, self._last = model, len(model.requests) + calls

    def __enter__(self) -> Callable[[], bool]:
        def held(request: Request) -> Reply | str:
            return Reply(reply(request), delay=60 if len(self._model.requests) > self._last else 0)

        self._model.reply = held
        return lambda: len(self._model.requests) > self._last

    def __exit__(self, *_: object) -> None:
        self._model.reply = reply


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


SLIM = "UPDATE {table} SET request = NULL WHERE rowid > 1"


def as_sql(path: Path) -> str:
    """A database as SQL."""
    with closing(sqlite3.connect(path)) as connection:
        if path.name == "lcagent.db":
            connection.execute(SLIM.format(table="calls"))
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        lines = list(connection.iterdump())
    return "\n".join([*filter(None, map(_plain, lines)), f"PRAGMA user_version={version};", ""])


def _plain(line: str) -> str:
    """A line of a dump; full text is made as such: Python writes it among the tables' own rows, which cannot be
    read in."""
    if made := re.match(r"INSERT INTO sqlite_master\(.*?'(CREATE VIRTUAL TABLE .*)'\);$", line):
        return made[1].replace("''", "'") + ";"
    if re.match(r"PRAGMA writable_schema|CREATE TABLE '\w+_words_|INSERT INTO \"\w+_words\"", line):
        return ""
    return re.sub(r'^INSERT INTO "(\w+_words_)', r'INSERT OR REPLACE INTO "\1', line)


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace(socket.gethostname(), _HOST))


def dumped(url: str) -> str:
    """A database of a PostgreSQL as SQL."""
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute(SLIM.format(table="lcagent_runs.calls"))
    program = shutil.which("pg_dump") or max(Path("/usr/lib/postgresql").glob("*/bin/pg_dump"))
    command = [str(program), "--no-owner", "--inserts", url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return "\n".join(line for line in text.splitlines() if line and not line.startswith(("--", "\\"))) + "\n"


def keep(made: Made, out: Path) -> None:
    """What lies in its folder."""
    for path in sorted(path for path in made.home.rglob("*") if path.is_file()):
        name = out / "home" / path.relative_to(made.home)
        if path.suffix == ".db":
            put(name.with_suffix(".sql"), as_sql(path))
        elif path.parent.name == "files":
            put(name, path.read_text())
    for path in made.work.glob("boats.*"):
        put(out / path.name, path.read_text())


def main(out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    with Loopback(window=2048, reply=reply) as model:
        made = Made(WHERE)
        made.all(model)
        keep(made, out / "files")
        if SERVES:
            from tests.cluster import running

            with running() as cluster:
                assert cluster is not None
                url = cluster.create()
                made = Made(WHERE, url)
                made.all(model)
                put(out / "postgres" / "all.sql", dumped(url))
                put(out / "postgres" / "boats.jsonl", (WHERE / "boats.jsonl").read_text())
    shutil.rmtree(WHERE)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
