"""What a question about a 1 KB file costs the client in CPU, beside the import of langgraph alone.

    python -m benchmarks.start [--rounds N] [--out FILE.json]

Each case is a process of its own, and its user and system seconds are taken, from the interpreter's start
to its end: wall time says little where a machine is shared. The cases take turns, and of each the least is
kept. The loopback server is a process of its own and not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.client import QUESTION, ROOT, server

YARDSTICK = "from langgraph.graph import StateGraph"
SDK = """
import sys
from lcagent import Reader
base, home, path, question = sys.argv[1:]
with Reader(api_base=base, home=home) as reader:
    reader.ask(path, question)
"""
TEXT = "The harbour master of Vellmere keeps the lamps of the west pier and writes each ship into a book. "
NOT_FOUND = 3
CASES = ("import_langgraph", "help", "sdk", "cli")


def arguments(case: str, base: str, home: Path, path: Path) -> list[str]:
    """What Python is called with."""
    if case == "import_langgraph":
        return ["-c", YARDSTICK]
    if case == "sdk":
        return ["-c", SDK, base, str(home), str(path), QUESTION]
    asked = (
        ["--help"]
        if case == "help"
        else ["ask", str(path), QUESTION, "--api-base", base, "--home", str(home)]
    )
    return ["-m", "lcagent.cli.main", *asked]


def cpu(given: list[str]) -> float:
    """User and system seconds of one Python process.

    Raises:
        RuntimeError: it failed.
    """
    child = subprocess.Popen(
        [sys.executable, *given], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in {0, NOT_FOUND}:
        raise RuntimeError(f"{given} ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime


def start(rounds: int) -> dict[str, dict[str, float]]:
    """The least CPU seconds of each case over some rounds, and how many times the yardstick's that is."""
    least: dict[str, float] = {}
    with server() as base, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "short.txt"
        path.write_text(TEXT * (1024 // len(TEXT)))
        for number in range(rounds + 1):
            for name in CASES:
                # A folder of its own each time, so that no run finds what another one kept.
                seconds = cpu(arguments(name, base, Path(folder) / f"{name}-{number}", path))
                if number:  # the first round warms the disk's cache and the compiled files
                    least[name] = min(seconds, least.get(name, seconds))
    yardstick = least["import_langgraph"]
    return {
        "cpu_seconds": {name: round(seconds, 3) for name, seconds in least.items()},
        "times_import_langgraph": {name: round(seconds / yardstick, 2) for name, seconds in least.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results = start(options.rounds) | {"yardstick": YARDSTICK}
    print(json.dumps(results, indent=2))
    if options.out:
        options.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
