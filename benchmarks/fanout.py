"""What a fan-out costs beside the model's own time: wall, CPU a call and memory, against a bare floor.

    python -m benchmarks.fanout [--strategies segment,memagent:mode=parallel] [--sizes 200:8,2000:32]
                                [--out FILE]

Each size is SEGMENTS:LIMIT, segments read and requests in flight at once. The server is a process of its
own that answers after 0.2 s; each measurement is a process of its own too. The bare floor sends requests
of the same size with plain asyncio and the same HTTP client at the same limit, just before and just
after the strategies, so that what else the machine does weighs on both.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
LATENCY = 0.2
WINDOW = 8192
SEGMENT_CHARS = 14_000
"""About 5,000 tokens by the loopback server's tokenizer."""

STRATEGY = """
import asyncio, collections, json, resource, sqlite3, sys, time
from lcagent import Reader
from lcagent.events import RunStarted, SegmentRead
from lcagent.settings import load_settings, split_strategy
base, home, path, spec, limit = sys.argv[1:6]
before = resource.getrusage(resource.RUSAGE_SELF)
marks = {}
async def ask():
    strategy, pairs = split_strategy(spec)
    shared = {"api_base": base, "home": home, "window": 8192, "concurrency": int(limit), "strategy": strategy}
    same_size = f"{strategy}.segment_tokens=5000"
    with Reader(load_settings(shared, [same_size, *pairs])) as reader:
        async for event in reader.astream(path, "Who was the harbour master of Vellmere?"):
            if isinstance(event, RunStarted):
                used = resource.getrusage(resource.RUSAGE_SELF)
                marks.update(at=time.time(), cpu=used.ru_utime + used.ru_stime, segments=event.segments)
            elif isinstance(event, SegmentRead) and event.done == event.total:
                used = resource.getrusage(resource.RUSAGE_SELF)
                marks["cpu_end"] = used.ru_utime + used.ru_stime
    return time.time()
ended = asyncio.run(ask())
rows = sqlite3.connect(home + "/lcagent.db").execute(
    "SELECT role, created - seconds, created FROM calls ORDER BY created").fetchall()
(role, _), = collections.Counter(row[0] for row in rows).most_common(1)
wave = sorted(row for row in rows if row[0] == role)[:marks["segments"]]
plan = max((row[2] for row in rows if row[0] == "plan"), default=0)
begun = max(marks["at"], plan)
used = resource.getrusage(resource.RUSAGE_SELF)
cpu = marks.get("cpu_end", used.ru_utime + used.ru_stime) - marks["cpu"]
print(json.dumps({"segments": marks["segments"], "calls": len(rows), "wave": max(r[2] for r in wave) - begun,
    "first": min(r[1] for r in wave) - begun, "after": ended - max(r[2] for r in wave),
    "cpu_ms": 1000 * cpu / len(wave), "peak_mb": used.ru_maxrss / 1024, "start_mb": before.ru_maxrss / 1024}))
"""

FLOOR = """
import asyncio, json, resource, sys, time
import aiohttp
base, path, number, limit = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
text = open(path).read()
size = len(text) // number
schema = {"type": "object", "properties": {"relevant": {"enum": ["yes", "no"]}}, "required": ["relevant"]}
async def main():
    gate = asyncio.Semaphore(limit)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        async def one(at):
            async with gate:
                message = {"role": "user", "content": text[at * size : (at + 1) * size]}
                form = {"name": "reply", "schema": schema}
                body = {"model": "loopback", "messages": [message], "max_tokens": 200}
                body["response_format"] = {"type": "json_schema", "json_schema": form}
                async with client.post(base + "/v1/chat/completions", json=body) as response:
                    (await response.json())["choices"][0]
        start = time.perf_counter()
        await asyncio.gather(*map(one, range(number)))
        return time.perf_counter() - start
wave = asyncio.run(main())
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"wave": wave, "cpu_ms": 1000 * (used.ru_utime + used.ru_stime) / number,
    "peak_mb": used.ru_maxrss / 1024}))
"""


@contextmanager
def server():
    arguments = ["-m", "tests.loopback", "--window", str(WINDOW), "--latency", str(LATENCY)]
    child = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield f"http://127.0.0.1:{int(child.stdout.readline())}"
    finally:
        child.stdin.close()
        child.wait()


def measured(script: str, *arguments: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


def write_text(path: Path, characters: int) -> None:
    """Prose without end; no two parts of it are alike, so that no request is a repetition."""
    from tests.helpers import WORDS

    rng, written, number = random.Random(0), 0, 0
    with path.open("w") as file:
        while written < characters:
            words = " ".join(rng.choices(WORDS, k=12))
            number += 1
            written += file.write(f"{words.capitalize()} {number}." + ("\n\n" if number % 6 == 0 else " "))


def measure(name: str, base: str, path: Path, limit: int) -> dict:
    with tempfile.TemporaryDirectory() as home:
        row = measured(STRATEGY, base, home, str(path), name, str(limit))
    ideal = math.ceil(row["segments"] / limit) * LATENCY
    return {
        "segments": row["segments"],
        "calls": row["calls"],
        "wave_s": round(row["wave"], 2),
        "times_ideal": round(row["wave"] / ideal, 3),
        "first_request_after_s": round(row["first"], 3),
        "rest_after_wave_s": round(row["after"], 2),
        "cpu_ms_per_call": round(row["cpu_ms"], 2),
        "peak_mb": round(row["peak_mb"], 1),
        "peak_beyond_text_mb": round(row["peak_mb"] - path.stat().st_size / 2**20, 1),
    }


def floor(base: str, path: Path, number: int, limit: int) -> dict:
    row = measured(FLOOR, base, str(path), str(number), str(limit))
    ideal = math.ceil(number / limit) * LATENCY
    return {
        "wave_s": round(row["wave"], 2),
        "times_ideal": round(row["wave"] / ideal, 3),
        "cpu_ms_per_call": round(row["cpu_ms"], 2),
        "peak_mb": round(row["peak_mb"], 1),
    }


def one_size(names: list[str], number: int, limit: int, folder: Path) -> dict:
    path = folder / f"{number}.txt"
    write_text(path, number * SEGMENT_CHARS)
    with server() as base:
        before = floor(base, path, number, limit)
        rows = {name: measure(name, base, path, limit) for name in names}
        after = floor(base, path, number, limit)
    bare = (before["times_ideal"] + after["times_ideal"]) / 2
    for row in rows.values():
        row["times_floor"] = round(row["times_ideal"] / bare, 3)
    return {
        "segments": number,
        "limit": limit,
        "text_mb": round(path.stat().st_size / 2**20, 1),
        "floor": [before, after],
        "strategies": rows,
        "load_average": os.getloadavg()[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strategies", default="segment,memagent:mode=parallel")
    parser.add_argument("--sizes", default="200:8,400:16,2000:32")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    names = options.strategies.split(",")
    with tempfile.TemporaryDirectory() as folder:
        sizes = [size.split(":") for size in options.sizes.split(",")]
        results = {
            "latency_s": LATENCY,
            "sizes": [one_size(names, int(n), int(limit), Path(folder)) for n, limit in sizes],
            "machine": f"{os.cpu_count()} cores",
        }
    print(json.dumps(results, indent=2))
    if options.out:
        options.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
