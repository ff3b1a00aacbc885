"""Eight model servers against one: calls a second, client CPU a call, and how much keeps to one server.

    python -m benchmarks.servers [--servers 8] [--places 2] [--documents 6] [--out FILE.json]

Each server is the loopback server in a process of its own, with replies of 0.2 s and a limit of requests in
flight (--places). The client is this process: it asks all documents at once, and then once more with another
question. "kept" is the share of requests with a common beginning that went to the server that most of those
went to: 1 where each beginning is in one prefix cache alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from lcagent import Reader
from tests.helpers import QUESTION, clever, haystack
from tests.killable import FORKED
from tests.loopback import Loopback, Request

LATENCY = 0.2
OTHER = "Which town lies at the old mill?"


def _serves(pipe: Connection, latency: float) -> None:
    sessions: Counter[str] = Counter()

    def reply(request: Request) -> str:
        sessions[request.session] += 1
        return clever(request)

    with Loopback(reply=reply, latency=latency, window=2048, keep_requests=False) as server:
        pipe.send(server.url)
        pipe.recv()
        pipe.send((sessions, server.peak_in_flight))


@contextmanager
def fleet(number: int, latency: float = LATENCY) -> Iterator[tuple[list[str], list[Connection]]]:
    """Addresses of so many servers, and how each is asked what it has seen.

    Args:
        number: of servers.
        latency: seconds of a reply.
    """
    pipes, processes = [], []
    for _ in range(number):
        ours, theirs = FORKED.Pipe()
        processes.append(FORKED.Process(target=_serves, args=(theirs, latency), daemon=True))
        processes[-1].start()
        pipes.append(ours)
    yield [pipe.recv() for pipe in pipes], pipes
    for process in processes:
        process.kill()
        process.join()


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def _ask_all(reader: Reader, paths: list[Path], question: str) -> int:
    answers = await asyncio.gather(*(reader.aask(path, question) for path in paths))
    return sum(answer.usage.calls for answer in answers)


def measure(number: int, places: int, paths: list[Path]) -> dict[str, Any]:
    """What so many servers do."""
    with fleet(number) as (urls, pipes), tempfile.TemporaryDirectory() as home:
        options = {"concurrency": places, "home": home, "strategy": "mapreduce", "window": 2048}
        with Reader(api_base=urls, **options) as reader:
            reader.ask(paths[-1], QUESTION)  # imports, segments of a document, connections
            started, before = time.perf_counter(), cpu()
            calls = asyncio.run(_ask_all(reader, paths[:-1], QUESTION))
            calls += asyncio.run(_ask_all(reader, paths[:-1], OTHER))
            seconds, used = time.perf_counter() - started, cpu() - before
        for pipe in pipes:
            pipe.send("told")
        seen = [pipe.recv() for pipe in pipes]
    whole = sum((sessions for sessions, _ in seen), Counter())
    shared = {session for session, times in whole.items() if times > 1}
    kept = sum(max(sessions[session] for sessions, _ in seen) for session in shared)
    return {
        "servers": number,
        "calls": calls,
        "seconds": round(seconds, 1),
        "calls_per_s": round(calls / seconds, 1),
        "share_of_what_they_could": round(calls / seconds * LATENCY / number / places, 3),
        "cpu_ms_per_call": round(1000 * used / calls, 2),
        "kept": round(kept / max(1, sum(whole[session] for session in shared)), 3),
        "most_in_flight": max(peak for _, peak in seen),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--servers", type=int, default=8)
    parser.add_argument("--places", type=int, default=2, help="requests in flight at each")
    parser.add_argument("--documents", type=int, default=6)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.txt" for number in range(options.documents + 1)]
        for number, path in enumerate(paths):
            path.write_text(haystack(960).replace("river", f"river{number}"))
        one, many = (measure(number, options.places, paths) for number in (1, options.servers))
    ratio = many["calls_per_s"] / one["calls_per_s"]
    results = {"one": one, "many": many, "times": round(ratio, 2)}
    print(json.dumps(results, indent=2))
    if options.out:
        options.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
