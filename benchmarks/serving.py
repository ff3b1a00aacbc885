"""What the server bears, and what it costs beside the SDK: load, CPU a chat, and being killed.

    python -m benchmarks.serving [--seconds 60] [--chats 200] [--each 100] [--parts load,cost,killed]
                                 [--out FILE]

The model is the loopback server with replies of 0.2 s, in a process of its own; `lcagent serve` is another
one; this process is all of its clients. Half of the chats ask a question about a short document, half are
turns of conversations; each is said once only, so that nothing is answered from what is kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from multiprocessing import Queue
from pathlib import Path
from statistics import quantiles
from typing import Any

import aiohttp
import psutil

from lcagent import ChatSession, Reader
from lcagent.models.serving.session import ModelSession
from lcagent.settings import load_settings
from tests.helpers import NEEDLE, QUESTION, haystack
from tests.killable import FORKED
from tests.loopback import Loopback
from tests.server.serving import able

LATENCY = 0.2
AT_ONCE = 8
"""Chats at once where CPU is measured."""
ACKNOWLEDGED = 4
"""Uploads, and conversations with a reply, before the server is killed."""
ROOT = Path(__file__).parents[1]
NAME, TEXT = "town.txt", f"The pilots of Vellmere keep a book of each ship.\n\n{NEEDLE}\n"
KINDS = ("question", "session", "stateless")
SERVING = ("--port", "0", "--rate", "1000000", "--running", "256")


def _serves(url: Queue[str]) -> None:
    with Loopback(reply=able, latency=LATENCY, keep_requests=False) as server:
        url.put(server.url)
        time.sleep(1 << 20)


@contextmanager
def model() -> Iterator[str]:
    """The model's address."""
    url = FORKED.Queue()
    process = FORKED.Process(target=_serves, args=(url,), daemon=True)
    process.start()
    yield url.get(timeout=60)
    process.kill()


class Server:
    """`lcagent serve` in a process of its own.

    Args:
        home: its folder.
        base: of the model.
    """

    def __init__(self, home: str, base: str) -> None:
        command = [sys.executable, "-m", "lcagent.cli.main", "serve", "--home", home, "--api-base", base]
        self._log = (Path(home).parent / "server.log").open("a+")
        began = self._log.tell()
        self._process = subprocess.Popen([*command, *SERVING], cwd=ROOT, stderr=self._log)
        self._seen = psutil.Process(self._process.pid)
        while not (found := re.search(r"serving at (\S+)", self._said(began))):
            assert self._process.poll() is None, self._said(began)
            time.sleep(0.05)
        self.url = found[1]

    def _said(self, began: int) -> str:
        return Path(self._log.name).read_text()[began:]

    def cpu(self) -> float:
        """Seconds that it took so far."""
        times = self._seen.cpu_times()
        return times.user + times.system

    def resident(self) -> float:
        """MB that it holds."""
        return self._seen.memory_info().rss / (1 << 20)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        self._process.send_signal(how)
        self._process.wait()
        self._log.close()


class Client:
    """A chat app.

    Args:
        http: its connections.
        url: of the server.
    """

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self.url = http, url
        self.file = ""

    async def upload(self, text: str, name: str = NAME) -> str:
        """Upload a document; its id."""
        form = aiohttp.FormData()
        form.add_field("file", text.encode(), filename=name)
        async with self._http.post(f"{self.url}/v1/files", data=form, raise_for_status=True) as reply:
            return (await reply.json())["id"]

    async def get(self, path: str) -> Any:
        """What is at a path: data, or bytes."""
        async with self._http.get(f"{self.url}/v1/{path}", raise_for_status=True) as reply:
            return await (reply.json() if reply.content_type == "application/json" else reply.read())

    async def run(self, question: str, file: str) -> str:
        """Start a reading that outlives who asked; its id."""
        body = {"question": question, "files": [file], "model": "lcagent/memagent"}
        async with self._http.post(f"{self.url}/v1/runs", json=body, raise_for_status=True) as reply:
            return (await reply.json())["id"]

    async def ended(self, run: str) -> None:
        """Follow a run to its end."""
        await self.get(f"runs/{run}/events")

    async def chat(self, kind: str, number: int, session: str) -> tuple[float, float]:
        """One chat, streamed; seconds to the first byte, and to the end.

        Raises:
            ValueError: its reply is not whole, or wrong.
        """
        content: Any = said(kind, number)
        body: dict[str, Any] = {"model": "lcagent", "stream": True}
        if kind == "question":
            content = [{"type": "file", "file": {"file_id": self.file}}, {"type": "text", "text": content}]
        elif kind == "session":
            body["user"] = session
        began, first, text = time.perf_counter(), 0.0, b""
        body["messages"] = [{"role": "user", "content": content}]
        async with self._http.post(f"{self.url}/v1/chat/completions", json=body) as reply:
            async for piece in reply.content.iter_any():
                first = first or time.perf_counter() - began
                text += piece
        expected = b"Oskar Brandvold" if kind == "question" else f"Noted: {content}".encode()
        if b"data: [DONE]" not in text or expected not in text:
            raise ValueError(text.decode()[-500:])
        return first, time.perf_counter() - began


def said(kind: str, number: int) -> str:
    """What is said in a chat, once."""
    return f"{QUESTION} ({number})" if kind == "question" else f"Ship {number} came in."


@asynccontextmanager
async def client_of(url: str) -> AsyncGenerator[Client]:
    """A client whose document is uploaded."""
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as http:
        client = Client(http, url)
        client.file = await client.upload(TEXT)
        yield client


async def load(server: Server, seconds: float, chats: int) -> dict[str, Any]:
    """So many chats at once, each followed by the next."""
    done: list[tuple[float, float]] = []
    lost: list[str] = []
    sizes: list[float] = []
    async with client_of(server.url) as client:
        for number in range(-20, 0):  # the first ones load the code
            await client.chat(KINDS[number % 2], number, "warm")
        began, before = time.perf_counter(), server.cpu()

        async def one(number: int) -> None:
            turn = 0
            while time.perf_counter() - began < seconds:
                try:
                    done.append(await client.chat(KINDS[number % 2], number + turn * chats, f"u{number}"))
                except (ValueError, OSError, aiohttp.ClientError) as error:
                    lost.append(repr(error))
                turn += 1

        async def watch() -> None:
            while True:
                sizes.append(server.resident())
                await asyncio.sleep(1)

        watching = asyncio.create_task(watch())
        await asyncio.gather(*(one(number) for number in range(chats)))
        watching.cancel()
        took, used = time.perf_counter() - began, server.cpu() - before
    return {
        "chats at once": chats,
        "seconds": round(took, 1),
        "answered": len(done),
        "lost": len(lost),
        "first lost": lost[:1],
        "first byte, s (p50, p95)": _spread([first for first, _ in done]),
        "whole reply, s (p50, p95)": _spread([whole for _, whole in done]),
        "server, CPU ms a chat": round(1000 * used / max(1, len(done)), 1),
        "resident, MB (every half minute)": [round(size) for size in sizes[3::30]],
    }


def _spread(values: list[float]) -> list[float]:
    cut = quantiles(values, n=20) if len(values) > 1 else [0.0] * 19
    return [round(cut[9], 3), round(cut[18], 3)]


async def _several(work: Callable[[int], Awaitable[Any]], numbers: range) -> None:
    waiting = iter(numbers)

    async def one() -> None:
        for number in waiting:
            await work(number)

    await asyncio.gather(*(one() for _ in range(AT_ONCE)))


async def served(server: Server, each: int) -> dict[str, float]:
    """The server's CPU of a chat of each kind, in ms."""
    cost: dict[str, float] = {}
    async with client_of(server.url) as client:
        for kind in KINDS:

            async def chat(number: int, kind: str = kind) -> None:
                await client.chat(kind, number, f"c{number % AT_ONCE}")

            await _several(chat, range(10_000, 10_000 + 2 * AT_ONCE))
            before = server.cpu()
            await _several(chat, range(20_000, 20_000 + each))
            cost[kind] = 1000 * (server.cpu() - before) / each
    return cost


def by_sdk(base: str, home: str, each: int, told: Queue[dict[str, float]]) -> None:
    """The same by the SDK in a process of its own; its CPU goes to `told`."""
    told.put(asyncio.run(_by_sdk(base, home, each)))


async def _by_sdk(base: str, home: str, each: int) -> dict[str, float]:
    path = Path(home).parent / NAME
    path.write_text(TEXT)
    settings = load_settings({"home": home, "api_base": base})
    models = ModelSession(settings)
    reader = Reader(settings, models=models)
    sessions = [ChatSession(f"c{number}", settings=settings, models=models) for number in range(AT_ONCE)]

    async def chat(kind: str, number: int) -> None:
        if kind == "question":
            events = reader.astream(path, said(kind, number))
        elif kind == "session":
            events = sessions[number % AT_ONCE].astream(said(kind, number))
        else:
            folder = Path(tempfile.mkdtemp(dir=Path(home).parent))
            with ChatSession("passing", settings=settings, models=models, folder=folder) as session:
                async for _ in session.astream(said(kind, number)):
                    pass
            return
        async for _ in events:
            pass

    cost: dict[str, float] = {}
    for kind in KINDS:

        async def one(number: int, kind: str = kind) -> None:
            await chat(kind, number)

        await _several(one, range(10_000, 10_000 + 2 * AT_ONCE))
        before = time.process_time()
        await _several(one, range(20_000, 20_000 + each))
        cost[kind] = 1000 * (time.process_time() - before) / each
    return cost


async def bare(base: str, each: int) -> float:
    """CPU of a bare POST to the model, in ms."""
    message = {"role": "user", "content": TEXT * 10}
    body = {"model": "loopback", "messages": [message], "max_tokens": 200}
    async with aiohttp.ClientSession() as http:

        async def post(_: int) -> None:
            async with http.post(f"{base}/v1/chat/completions", json=body) as reply:
                await reply.json()

        await _several(post, range(2 * AT_ONCE))
        before = time.process_time()
        await _several(post, range(each))
        return 1000 * (time.process_time() - before) / each


def cost(base: str, folder: Path, server: Server, each: int) -> dict[str, Any]:
    """CPU of a chat, of the server and of the SDK, which take turns; of each the least of two is kept."""
    rows: dict[str, list[dict[str, float]]] = {"server": [], "SDK": []}
    for number in range(2):
        rows["server"].append(asyncio.run(served(server, each)))
        told = FORKED.Queue()
        (folder / f"sdk{number}").mkdir()
        home = str(folder / f"sdk{number}" / "home")
        process = FORKED.Process(target=by_sdk, args=(base, home, each, told))
        process.start()
        rows["SDK"].append(told.get(timeout=300))
        process.join()
    least = {who: {kind: min(row[kind] for row in every) for kind in KINDS} for who, every in rows.items()}
    over = {kind: least["server"][kind] - least["SDK"][kind] for kind in KINDS}
    table = {**least, "overhead": over}
    shown = {who: {kind: round(ms, 1) for kind, ms in row.items()} for who, row in table.items()}
    return {"CPU ms a chat": shown, "a bare POST": round(asyncio.run(bare(base, each)), 2)}


async def busy(client: Client, server: Server) -> tuple[list[str], dict[str, str], dict[str, list[str]]]:
    """Runs, uploads and messages until the server is killed: what of them it has acknowledged."""
    long = await client.upload(haystack(600), "long.txt")
    runs = [await client.run(f"{QUESTION} ({number})", long) for number in range(20)]
    files: dict[str, str] = {}
    messages: dict[str, list[str]] = {}
    gone = asyncio.Event()

    async def kill() -> None:
        while len(files) < ACKNOWLEDGED or len(messages) < ACKNOWLEDGED:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        gone.set()
        server.end(signal.SIGKILL)

    async def uploads(who: int) -> None:
        for number in range(1 << 20):
            text = f"Note {who}.{number}. " * 200
            files[await client.upload(text, f"{who}-{number}.txt")] = text
            await asyncio.sleep(0.02)

    async def talks(who: int) -> None:
        for number in range(1 << 20):
            await client.chat("session", number, f"k{who}")
            messages.setdefault(f"k{who}", []).append(said("session", number))

    async def until_gone(work: Callable[[int], Awaitable[None]], who: int) -> None:
        try:
            await work(who)
        except (OSError, aiohttp.ClientError, ValueError):
            if not gone.is_set():
                raise

    clients = (until_gone(work, who) for work in (uploads, talks) for who in range(4))
    await asyncio.gather(kill(), *clients)
    return runs, files, messages


async def killed(home: str, base: str) -> dict[str, Any]:
    """Kill a server in the middle, start another one, and look what is missing."""
    server = Server(home, base)
    async with client_of(server.url) as client:
        runs, files, messages = await busy(client, server)
        server = Server(home, base)
        client.url = server.url
        first = [(await client.get(f"runs/{run}"))["status"] for run in runs]
        await asyncio.wait_for(asyncio.gather(*map(client.ended, runs)), 120)
        last = [(await client.get(f"runs/{run}"))["status"] for run in runs]
        gone = [id for id, text in files.items() if await client.get(f"files/{id}/content") != text.encode()]
        missing = 0
        for session, every in messages.items():
            held = {
                one["text"] for one in (await client.get(f"sessions/{session}/messages?limit=1000"))["data"]
            }
            missing += len(set(every) - held)
    server.end()
    return {
        "runs": len(runs),
        "unfinished when it came back": sum(status in {"queued", "running"} for status in first),
        "finished": last.count("finished"),
        "uploads acknowledged": len(files),
        "uploads gone or changed": len(gone),
        "messages acknowledged": sum(map(len, messages.values())),
        "messages gone": missing,
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--chats", type=int, default=200)
    parser.add_argument("--each", type=int, default=100)
    parser.add_argument("--parts", default="load,cost,killed")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    parts = options.parts.split(",")
    told: dict[str, Any] = {"load average": round(os.getloadavg()[0], 1)}
    with model() as base, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if {"load", "cost"} & {*parts}:
            server = Server(str(folder / "home"), base)
            if "load" in parts:
                told["load"] = asyncio.run(load(server, options.seconds, options.chats))
            if "cost" in parts:
                told["cost"] = cost(base, folder, server, options.each)
            server.end()
        if "killed" in parts:
            told["killed"] = asyncio.run(killed(str(folder / "killed"), base))
    for part in parts:
        print(f"\n{part}")
        for what, value in told[part].items():
            print(f"  {what:<36}{json.dumps(value)}")
    if options.out:
        options.out.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
