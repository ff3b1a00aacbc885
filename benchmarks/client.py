"""What the client itself costs, on the loopback server: CPU a call, memory, segmenting, PDF loading.

    python -m benchmarks.client [--data FOLDER] [--out FILE.json]

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
def server(window: int = 8192):
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.loopback", "--window", str(window)],
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


def calls(text: str, folder: Path) -> dict:
    """CPU a further call: the slope between a short and a long text, so that start-up is no part."""
    short, long = folder / "short.txt", folder / "long.txt"
    short.write_text(text[: len(text) // 8])
    long.write_text(text)
    with server() as base:
        few, many = ask(base, short), ask(base, long)
    further = many["calls"] - few["calls"]
    return {
        "calls": [few["calls"], many["calls"]],
        "cpu_ms_per_further_call": round(1000 * (many["cpu"] - few["cpu"]) / further, 2),
        "peak_mb": round(many["peak_mb"], 1),
    }


def memory(text: str, folder: Path, megabytes: int) -> dict:
    whole = folder / "whole.txt"
    with whole.open("w") as file:
        written = 0
        while written < megabytes * 10**6:
            written += file.write(text)
    with server() as base:
        result = ask(base, whole)
    return {"mb_of_text": megabytes, "peak_mb": round(result["peak_mb"], 1), "calls": result["calls"],
            "wall_s": result["seconds"]}  # fmt: skip


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
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    text = text_of(options.data)
    files = sorted(options.data.glob("**/*10K.pdf")) if options.data else []
    with tempfile.TemporaryDirectory() as folder:
        results = {
            "calls": calls(text, Path(folder)),
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
