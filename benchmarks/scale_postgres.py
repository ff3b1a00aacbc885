"""What PostgreSQL takes for the rows of a call and of a document: its own pgbench, on a cluster of its own.

The rows are made up but as long as ours: a journal row with its compressed request, and short ones. Each call
is one transaction, its statements in one pipeline, committed durably.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

BIN = Path("/usr/lib/postgresql/15/bin")
SECONDS = 6
CLIENTS = 8
"""Transactions at once, where what a server bears is measured."""
SHORT = "repeat('memory of a town ', 18)"
"""About 300 bytes."""
TABLES = """
CREATE TABLE requests (id int PRIMARY KEY, body bytea);
ALTER TABLE requests ALTER body SET STORAGE EXTERNAL;
INSERT INTO requests SELECT id, decode(string_agg(md5(random()::text), ''), 'hex')
  FROM generate_series(1, 64) id, generate_series(1, {blocks}) GROUP BY id;
CREATE TABLE calls (scope text, key text, role text, reply text, created float8, request bytea,
  PRIMARY KEY (scope, key));
ALTER TABLE calls ALTER request SET STORAGE EXTERNAL;
CREATE TABLE items (run text, number bigserial, text text, PRIMARY KEY (run, number));
"""


class Cluster:
    """A running cluster.

    Args:
        folder: its data, which belong to `user`.
        user: who runs it; None: whoever runs this.
    """

    def __init__(self, folder: Path, user: str | None) -> None:
        self._folder, self._user = folder, user
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self._port = str(one.getsockname()[1])

    def run(self, program: str, *arguments: str, text: str | None = None) -> str:
        """What one of PostgreSQL's programs prints."""
        done = subprocess.run(
            [str(BIN / program), *arguments],
            user=self._user,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{program}: {done.stderr}")
        return done.stdout

    def start(self) -> None:
        """Make it and start it; commits are durable, as they are by default."""
        self.run("initdb", "-D", str(self._folder / "data"), "--auth=trust", "-U", "postgres")
        options = f"-p {self._port} -k {self._folder} -c listen_addresses=127.0.0.1 -c max_wal_size=4GB"
        log = str(self._folder / "log")
        self.run("pg_ctl", "-D", str(self._folder / "data"), "-o", options, "-l", log, "-w", "start")

    def stop(self) -> None:
        """Stop it at once."""
        self.run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "-w", "stop")

    def sql(self, text: str) -> str:
        """The rows of some statements, as text."""
        return self.run("psql", *self._where, "-qAtX", "-v", "ON_ERROR_STOP=1", text=text).strip()

    def bench(self, script: str, clients: int) -> str:
        """Run a script again and again."""
        file = self._folder / "script.sql"
        file.write_text(script)
        file.chmod(0o644)
        return self.run(
            "pgbench",
            *self._where,
            "-n",
            "-M",
            "prepared",
            "-T",
            str(SECONDS),
            "-c",
            str(clients),
            "-f",
            str(file),
        )

    def cpu(self) -> float:
        """Seconds of processor so far, of all its processes."""
        pid = int((self._folder / "data" / "postmaster.pid").read_text().split()[0])
        first = psutil.Process(pid)
        own = first.cpu_times()
        others = [process.cpu_times() for process in first.children()]
        return own.children_user + own.children_system + sum(one.user + one.system for one in (own, *others))

    def wal(self) -> int:
        """Bytes of its write-ahead log so far."""
        return int(self.sql("SELECT pg_current_wal_lsn() - '0/0'"))

    @property
    def _where(self) -> tuple[str, ...]:
        return "-h", "127.0.0.1", "-p", self._port, "-U", "postgres", "-d", "postgres"


@contextmanager
def cluster() -> Generator[Cluster]:
    """A cluster in a folder of its own; as root its processes belong to `postgres`, since it refuses root."""
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if user:
            folder.chmod(0o755)
            import shutil

            shutil.chown(folder, user)
        made = Cluster(folder, user)
        made.start()
        try:
            yield made
        finally:
            made.stop()


def transaction(first: str, short: int, transactions: int) -> str:
    """A pipeline of as many transactions: a long row in the first, short ones shared out among all."""
    lines = [r"\set key random(1, 9000000000000000)", r"\set body random(1, 64)", r"\startpipeline"]
    for at in range(transactions):
        lines.append("BEGIN;")
        lines += [first] if at == 0 and first else []
        number = short * (at + 1) // transactions - short * at // transactions
        lines += [f"INSERT INTO items (run, text) VALUES (:key::text, {SHORT});"] * number
        lines.append("COMMIT;")
    return "\n".join([*lines, r"\endpipeline", ""])


LONG = (
    "INSERT INTO calls SELECT :key::text, md5(:key::text), 'reader', repeat('a reply ', 40), 0, body"
    " FROM requests WHERE id = :body;"
)


def measure(call: dict[str, float], document: dict[str, float], request_bytes: float) -> dict[str, Any]:
    """CPU, bytes and time of a call and of a document.

    Args:
        call: rows that each further call writes, by `client`'s lines; one transaction.
        document: the same of a document beside its calls; as many transactions as it has in SQLite.
        request_bytes: of a journal row's request.
    """
    scripts = {
        "call": transaction(LONG, max(int(call["rows"]) - 1, 0), 1),
        "document": transaction("", int(document["rows"]), max(int(document["commits"]), 1)),
    }
    rows: dict[str, Any] = {}
    with cluster() as server:
        server.sql(TABLES.format(blocks=max(1, round(request_bytes / 16))))
        for name, script in scripts.items():
            alone = _figure(server.bench(script, 1), "latency average")
            before = server.wal(), server.cpu()
            output = server.bench(script, CLIENTS)
            done = _figure(output, "number of transactions actually processed")
            rows[name] = {
                "cpu_ms": round(1000 * (server.cpu() - before[1]) / done, 3),
                "wal_bytes": round((server.wal() - before[0]) / done),
                "ms_alone": round(alone, 3),
                f"a_second_at_{CLIENTS}": round(_figure(output, "tps")),
            }
        size = server.sql("SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relname = 'calls'")
        rows["call"]["kept_bytes"] = round(int(size) / int(server.sql("SELECT count(*) FROM calls")))
    return rows


def _figure(output: str, name: str) -> float:
    found = re.search(rf"{name}[:=\s]+([\d.]+)", output)
    assert found, output
    return float(found[1])
