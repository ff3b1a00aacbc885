"""vLLM's own router, in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

_PROGRAM = Path(sys.executable).with_name("vllm-router")


@contextmanager
def vllm_router(backends: Sequence[str], folder: Path, *options: str) -> Iterator[str]:
    """The address of a router before some servers.

    Args:
        backends: the servers' addresses, without `/v1`.
        folder: for its log.
        options: of its command line.
    """
    if not _PROGRAM.exists():
        pytest.skip("vllm-router is not installed (extra dev, Linux on x86-64)")
    port, metrics = _free(), _free()
    given = ["--host", "127.0.0.1", "--port", str(port), "--prometheus-port", str(metrics)]
    log = folder / "router.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [_PROGRAM, *given, "--worker-urls", *backends, *options], stdout=out, stderr=subprocess.STDOUT
        )
    try:
        while not _is_up(port):
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _is_up(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
    except httpx.TransportError:
        return False


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]
