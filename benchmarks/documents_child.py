"""What it costs that documents are parsed in a process of their own.

    python -m benchmarks.documents_child [--files 200] [--rounds 10] [--picture-mib 93]

First a folder of small HTML files (22 kB) and one of small PDFs, read as `load_all` reads them and with their
parsing in this process, by turns: `wall` and `cpu` are the second's share of the first, the median of the
rounds. CPU seconds are those of both processes. Wall time is of use on a quiet machine alone.

Then `lcagent inspect` of a PDF of 500 pages, 2,000 characters each, and of a DOCX file of pictures: seconds
of the whole command, and the most memory of each of its processes, added up. Linux only: /proc has it.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import psutil

from benchmarks.documents_markup import made_docx, sentence
from lcagent.documents import Document, load_all, parsing
from lcagent.documents.formats import Content, parse
from lcagent.errors import DocumentError
from tests.documents.pdf_writer import Pdf, text

PAGES, LINES, LINE_CHARS = 500, 27, 75


class Here:
    """Parses in this process."""

    def parse(
        self, contents: Sequence[tuple[str, Content]], *, password: str | None, **_: object
    ) -> list[Document | DocumentError]:
        return [parse(content, name=name, password=password) for name, content in contents]


def main() -> None:
    """Print a line for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--picture-mib", type=int, default=93)
    given = parser.parse_args()
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        many = {"html": lambda: html(chance), "pdf": lambda: pdf(chance, 3)}
        for kind, made in many.items():
            inside = folder / kind
            inside.mkdir()
            for number in range(given.files):
                (inside / f"{number}.{kind}").write_bytes(made())
            print(f"{given.files} files, {kind}: {_beside(inside, given.rounds)}")
        (folder / "long.pdf").write_bytes(pdf(chance, PAGES))
        (folder / "pictures.docx").write_bytes(made_docx(chance, 1, given.picture_mib))
        for file in ("long.pdf", "pictures.docx"):
            print(_inspected(folder / file))


def html(chance: random.Random) -> bytes:
    """A page of 22 kB."""
    parts = (f"<h2>{sentence(chance, 3)}</h2><p>{sentence(chance, 62)}.</p>" for _ in range(60))
    return f"<html><body>{''.join(parts)}</body></html>".encode()


def pdf(chance: random.Random, pages: int) -> bytes:
    """Full pages, each other words."""
    return Pdf([_page(chance) for _ in range(pages)]).made()


def _page(chance: random.Random) -> str:
    lines = (sentence(chance, LINE_CHARS // 5)[:LINE_CHARS] for _ in range(LINES))
    return "".join(text(line, y=740 - 24 * number, size=11) for number, line in enumerate(lines))


def _beside(folder: Path, rounds: int) -> str:
    """Reading a folder as it is done, as a share of reading it in this process."""
    shares: list[tuple[float, float]] = []
    least = float("inf")
    for number in range(rounds + 1):
        with patch.object(parsing, "PARSER", Here()):
            wall, cpu = _seconds(lambda: load_all([folder]))
        ours = _seconds(lambda: load_all([folder]))
        if number:  # the first starts the child, and warms what is compiled
            shares.append((ours[0] / wall, ours[1] / cpu))
            least = min(least, wall)
    walls, cpus = zip(*shares, strict=True)
    middle, best = statistics.median(walls), min(walls)
    return (
        f"wall {middle:.2f} x parsing in one process (best round {best:.2f}),"
        f" cpu {statistics.median(cpus):.2f} x; in one process {least:.2f} s"
    )


def _seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of this process and its children."""
    before, start = _cpu(), time.perf_counter()
    work()
    return time.perf_counter() - start, _cpu() - before


def _cpu() -> float:
    return time.process_time() + sum(
        int(Path(f"/proc/{child.pid}/schedstat").read_text().split()[0]) / 1e9
        for child in psutil.Process().children()
    )


def _inspected(path: Path) -> str:
    """What the command costs for one file."""
    size, start = path.stat().st_size / 2**20, time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryFile() as out:
        command = [sys.executable, "-m", "lcagent.cli.main", "inspect", "--json", str(path)]
        done = subprocess.Popen(command, stdout=out)
        peaks: dict[int, int] = {}
        while done.poll() is None:
            for pid in [done.pid, *(one.pid for one in psutil.Process(done.pid).children())]:
                with suppress(OSError, StopIteration):  # it has just ended
                    peaks[pid] = _peak(pid)
            time.sleep(0.005)
        wall = time.perf_counter() - start
        out.seek(0)
        (told,) = json.loads(out.read())["documents"]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)  # with those that it has waited for
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    each = " + ".join(f"{peak / 1024:.0f}" for peak in peaks.values())
    return (
        f"inspect {path.name}: {size:.0f} MiB, {told['pages']:,} pages, {told['characters']:,} characters:"
        f" {wall:.2f} s, cpu {cpu:.2f} s, {sum(peaks.values()) / 1024:.0f} MB ({each})"
    )


def _peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
