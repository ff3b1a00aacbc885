"""A PostgreSQL server of the tests' own: made in a folder, started on a free port, stopped."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from lcagent.work.engine import Beats

QUICK = Beats(every=0.3, dead=1.5, poll=0.2, attempts=3)
"""A worker is dead soon."""


def _binaries() -> Path | None:
    found = shutil.which("pg_ctl")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    return Path(found).parent if found else versions[-1].parent if versions else None


BINARIES = _binaries()
needed = pytest.mark.skipif(BINARIES is None, reason="no PostgreSQL on this machine")


class Cluster:
    """A server; `url` leads to a database of it.

    Args:
        folder: of its own, in which nothing else lies.
    """

    def __init__(self, folder: Path) -> None:
        assert BINARIES is not None
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        folder.mkdir(parents=True)
        if os.getuid() == 0:  # it does not run as root
            shutil.chown(folder, "postgres")
        self._run("initdb", "-A", "trust", "-U", "tests", "--no-sync", "-D", f"{folder}/data")
        self.start()

    @property
    def url(self) -> str:
        """Of its first database."""
        return f"postgresql://tests@127.0.0.1:{self.port}/postgres"

    def create(self) -> str:
        """A new database; its address."""
        name = f"t{secrets.token_hex(8)}"
        with psycopg.connect(self.url, autocommit=True) as made:
            made.execute(f"CREATE DATABASE {name}")
        return self.url.replace("/postgres", f"/{name}")

    def start(self) -> None:
        """Start it; it answers when this returns."""
        options = f"-p {self.port} -k '' -c listen_addresses=127.0.0.1 -c max_connections=200"
        log = f"{self.folder}/log"
        self._run("pg_ctl", "-w", "-D", f"{self.folder}/data", "-l", log, "-o", options, "start")

    def stop(self, how: str = "fast") -> None:
        """Stop it: `fast`, or `immediate` as a crash would."""
        self._run("pg_ctl", "-w", "-D", f"{self.folder}/data", "-m", how, "stop")

    def _run(self, program: str, *arguments: str) -> None:
        as_whom = {}
        if os.getuid() == 0:
            known = pwd.getpwnam("postgres")
            as_whom = {"user": known.pw_uid, "group": known.pw_gid, "extra_groups": []}
        done = subprocess.run(
            [f"{BINARIES}/{program}", *arguments],
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            **as_whom,
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A server for as long as it is needed."""
    made = Cluster(folder)
    try:
        yield made
    finally:
        made.stop("immediate")
