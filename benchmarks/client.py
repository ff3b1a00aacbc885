"""What the client itself costs, on the loopback server: CPU a call, memory, segmenting, PDF loading.

    python -m benchmarks.client [--data FOLDER] [--rounds N] [--megabytes N] [--out FILE.json]

FOLDER may hold war_and_peace.txt and PDFs to read; without it, text of our own making is used. The
server runs as its own process, so that only the client is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
QUESTION = "Who was the harbour master of Vellmere?"


@contextmanager
def server(*options: str):
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.loopback", *options],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield f"http://127.0.0.1:{int(child.stdout.readline())}"
    finally:
        child.stdin.close()
        child.wait()


ASK = """
import json, resource, sys, time
from lcagent import Reader
base, home, path = sys.argv[1:4]
with Reader(api_base=base, home=home, strategy="memagent") as reader:
    answer = reader.ask(path, {question!r})
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({{"calls": answer.usage.calls, "cpu": usage.ru_utime + usage.ru_stime,
                  "peak_mb": usage.ru_maxrss / 1024, "seconds": answer.usage.seconds}}))
"""


def ask(base: str, path: Path) -> dict:
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, "-c", ASK.format(question=QUESTION), base, home, str(path)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    return json.loads(done.stdout.strip().splitlines()[-1])


def text_of(data: Path | None) -> str:
    if data and (data / "war_and_peace.txt").exists():
        return (data / "war_and_peace.txt").read_text("utf-8")
    from tests.helpers import prose

    return prose(40_000)


def calls(text: str, folder: Path, rounds: int) -> dict:
    """CPU a further call: the slope between a short and a long text, so that start-up is no part.

    Twice: with a reader that finds nothing, and with one that finds two facts in every segment, each
    of which is looked for in the text, compared with the ledger, recorded and shown to later calls.
    Each as a ratio to a bare POST of the same body too; they take turns, and of each the least is kept.
    """
    short, long = folder / "short.txt", folder / "long.txt"
    short.write_text(text[: len(text) // 8])
    long.write_text(text)
    none, facts, posts = [], [], []
    for _ in range(rounds):
        none.append(_slope(short, long))
        facts.append(_slope(short, long, "--facts"))
        posts.append(bare(text[:15_000], folder))
    post = {client: min(row[client] for row in posts) for client in posts[0]}
    least, least_facts = (min(rows, key=_cpu) for rows in (none, facts))
    return {
        **least,
        "with_two_facts_a_call": least_facts,
        "cpu_ms_per_bare_post": {client: round(ms, 3) for client, ms in post.items()},
        "times_bare_post": round(_cpu(least) / post["aiohttp"], 1),
        "times_bare_post_two_facts": round(_cpu(least_facts) / post["aiohttp"], 1),
    }


def _cpu(row: dict) -> float:
    return row["cpu_ms_per_further_call"]


def _slope(short: Path, long: Path, *options: str) -> dict:
    with server(*options) as base:
        few, many = ask(base, short), ask(base, long)
    further = many["calls"] - few["calls"]
    return {
        "calls": [few["calls"], many["calls"]],
        "cpu_ms_per_further_call": round(1000 * (many["cpu"] - few["cpu"]) / further, 2),
        "peak_mb": round(many["peak_mb"], 1),
    }


BARE = """
import asyncio, json, resource, sys
import aiohttp, httpx, urllib3
base, path, client = sys.argv[1:4]
body = json.dumps({"model": "loopback", "max_tokens": int(sys.argv[4]), "messages": [
    {"role": "user", "content": open(path).read()}]}).encode()
headers = {"content-type": "application/json"}

def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime

async def main():
    if client == "aiohttp":
        async with aiohttp.ClientSession() as session:
            async def post():
                async with session.post(f"{base}/v1/chat/completions", data=body, headers=headers) as reply:
                    await reply.read()
            await timed(post)
    elif client == "urllib3":
        pool = urllib3.connection_from_url(base)
        async def post():
            pool.urlopen("POST", "/v1/chat/completions", body, headers)
        await timed(post)
    else:
        async with httpx.AsyncClient(trust_env=False) as session:
            async def post():
                await session.post(f"{base}/v1/chat/completions", content=body, headers=headers)
            await timed(post)

async def timed(post):
    for number in range(520):
        if number == 20:
            start = cpu()
        await post()
    print(1000 * (cpu() - start) / 500)

asyncio.run(main())
"""


CLIENTS = ("aiohttp", "urllib3", "httpx")


def bare(
    text: str, folder: Path, *options: str, clients: tuple[str, ...] = CLIENTS, most: int = 140
) -> dict[str, float]:
    """CPU in ms of one bare POST of a text, and nothing else, by HTTP client."""
    body = folder / "body.txt"
    body.write_text(text)
    rows = {}
    with server(*options) as base:
        for client in clients:
            done = subprocess.run(
                [sys.executable, "-c", BARE, base, str(body), client, str(most)],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            )
            rows[client] = float(done.stdout)
    return rows


def memory(text: str, folder: Path, megabytes: int) -> dict:
    """Peak memory with a quarter of the text and with all of it, and what grew beside the text itself."""
    rows = [_peak(text, folder, megabytes // 4), _peak(text, folder, megabytes)]
    grown, held = (rows[1][name] - rows[0][name] for name in ("peak_mb", "text_in_memory_mb"))
    return {"runs": rows, "grown_beside_text_mb": round(grown - held, 1)}


def _peak(text: str, folder: Path, megabytes: int) -> dict:
    whole = folder / "whole.txt"
    written = copies = held = 0
    with whole.open("w") as file:
        while written < megabytes * 10**6:
            copies += 1
            # Its number before each paragraph: equal segments would be one call, made once.
            copy = text.replace("\n\n", f"\n\n[{copies}] ")
            written += len(copy.encode())
            held += sys.getsizeof(copy)
            file.write(copy)
    with server() as base:
        result = ask(base, whole)
    return {
        "mb_of_text": round(written / 1e6),
        "text_in_memory_mb": round(held / 2**20, 1),
        "peak_mb": round(result["peak_mb"], 1),
        "calls": result["calls"],
        "wall_s": result["seconds"],
    }


def segmenting(text: str) -> dict:
    from lcagent.documents import split

    size = len(text.encode()) / 1e6
    rows = {}
    for budget in (5000, 1000):
        start = time.perf_counter()
        segments = split(text, budget, lambda piece: len(piece) // 4 + 1)
        rows[f"mb_per_s_at_{budget}"] = round(size / (time.perf_counter() - start), 1)
        rows[f"fill_at_{budget}"] = round(sum(s.tokens for s in segments) / len(segments) / budget, 2)
    return rows


def pdf(files: list[Path]) -> dict:
    import pypdfium2

    from lcagent.documents import load

    rows = {}
    for file in files:
        ratios = []
        for _ in range(3):
            start = time.perf_counter()
            document = pypdfium2.PdfDocument(file)
            for page in document:
                page.get_textpage().get_text_range()
            bare = time.perf_counter() - start
            start = time.perf_counter()
            load(file)
            ratios.append((time.perf_counter() - start) / bare)
        rows[file.name] = round(sorted(ratios)[1], 2)
    return {"times_bare_pypdfium2": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3, help="of what is measured in turn")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    text = text_of(options.data)
    files = sorted(options.data.glob("**/*10K.pdf")) if options.data else []
    with tempfile.TemporaryDirectory() as folder:
        results = {
            "calls": calls(text, Path(folder), options.rounds),
            "segmenting": segmenting(text),
            "pdf": pdf(files or [ROOT / "examples" / "skarholm-report.pdf"]),
            "memory": memory(text, Path(folder), options.megabytes),
            "machine": f"{os.cpu_count()} cores",
        }
    print(json.dumps(results, indent=2))
    if options.out:
        options.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
