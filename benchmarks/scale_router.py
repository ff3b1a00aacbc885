"""What vLLM's own router (vllm-router) takes for a request of a usual length, between two stub servers."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from benchmarks.scale_costs import stubs

PROGRAM = os.environ.get("VLLM_ROUTER", "vllm-router")
REQUESTS = 1_000
AT_ONCE = 16
CHARACTERS = 20_000


def measure() -> dict[str, Any]:
    """CPU of a request; sessions keep to a server, as those about one document do."""
    from tests.helpers import prose

    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, metrics = one.getsockname()[1], other.getsockname()[1]
    body: dict[str, Any] = {"model": "loopback", "max_tokens": 140}
    body["messages"] = [{"role": "user", "content": prose(400)[:CHARACTERS]}]
    with stubs(2, 0.0) as servers:
        arguments = ["--host", "127.0.0.1", "--port", str(port), "--prometheus-port", str(metrics)]
        arguments += ["--policy", "consistent_hash", "--log-level", "warning"]
        child = subprocess.Popen(
            [str(shutil.which(PROGRAM)), *arguments, "--worker-urls", *(server.base for server in servers)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=Path.home(),
        )
        try:
            url = f"http://127.0.0.1:{port}/v1/chat/completions"
            asyncio.run(_ask(url, body, 50))
            before = _cpu(child.pid)
            asyncio.run(_ask(url, body, REQUESTS))
            return {"cpu_ms": round(1000 * (_cpu(child.pid) - before) / REQUESTS, 3), "requests": REQUESTS}
        finally:
            child.terminate()
            child.wait()


def _cpu(pid: int) -> float:
    process = psutil.Process(pid)
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(one.user + one.system for one in times)


async def _ask(url: str, body: dict[str, Any], number: int) -> None:
    gate = asyncio.Semaphore(AT_ONCE)
    until = time.monotonic() + 30
    async with aiohttp.ClientSession() as session:

        async def one(at: int) -> None:
            async with gate:
                while True:
                    try:
                        async with session.post(
                            url, json=body, headers={"x-session-id": f"d{at % 50}"}
                        ) as reply:
                            await reply.read()
                            if reply.ok:
                                return
                    except aiohttp.ClientConnectionError:  # it is not up yet
                        pass
                    if time.monotonic() > until:
                        raise SystemExit("the router does not answer")
                    await asyncio.sleep(0.2)

        await asyncio.gather(*map(one, range(number)))
