"""A PostgreSQL of the tests' own: in a folder of its own, on a free port, begun once a session and ended with it."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

only_files = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
"""Marks a test of what only a store of files has."""
PASSWORD = "a-secret-of-tests"


def programs() -> Path | None:
    """Where PostgreSQL's programs are; Debian has those of each version in a folder, and none on PATH."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


class Cluster:
    """One PostgreSQL.

    Args:
        folder: where it lies.
        bin: its programs.
    """

    def __init__(self, folder: Path, bin: Path) -> None:
        self.folder, self._bin = folder, bin
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        # It refuses to be run by root.
        self._as = pwd.getpwnam("postgres").pw_uid if os.getuid() == 0 else None
        if self._as is not None:
            shutil.chown(folder, self._as)
        secret = folder / "secret"
        secret.write_text(PASSWORD)
        if self._as is not None:
            shutil.chown(secret, self._as)
        self._run(
            "initdb", "-U", "owner", "-A", "scram-sha-256", "--pwfile", str(secret), "-E", "UTF8", "--no-sync"
        )

    @property
    def url(self) -> str:
        return f"postgresql://owner:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def create(self) -> str:
        """A new database; its address."""
        import psycopg

        name = f"t{secrets.token_hex(8)}"
        with psycopg.connect(self.url, autocommit=True) as made:
            made.execute(f"CREATE DATABASE {name}")
        return self.url.replace("/postgres", f"/{name}")

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c max_connections=200"
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self, how: str = "fast") -> None:
        self._run("pg_ctl", "-w", "-m", how, "stop")

    def _run(self, program: str, *arguments: str) -> None:
        command: Sequence[str] = (str(self._bin / program), "-D", str(self.folder / "data"), *arguments)
        done = subprocess.run(
            command,
            user=self._as,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr + done.stdout


@contextmanager
def running() -> Iterator[Cluster | None]:
    """A cluster that runs; None where there is no PostgreSQL."""
    bin = programs()
    if bin is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="lcagent-pg-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    folder.chmod(0o711)
    try:
        cluster = Cluster(folder, bin)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
