"""One client process of `benchmarks.scale`: readers that share documents out among model servers.

A child: its argument is a JSON object (`Job`); it warms up, prints a line, waits for one, reads all the
documents, and prints what that took as JSON.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

QUESTION = "Who was the harbour master of Vellmere?"


@dataclass
class Job:
    """What one client process does.

    Args:
        bases: addresses of model servers.
        home: folder of its store.
        strategy: how it reads.
        slots: documents, and requests, in flight at each server.
        documents: files to be read, in this order.
        warm: a file to be read first at each server, and not counted.
        count: also count what is written, which takes time of its own.
    """

    bases: list[str]
    home: str
    strategy: str
    slots: int
    documents: list[str]
    warm: str
    count: bool = False

    def as_argument(self) -> str:
        """The command line's argument."""
        return json.dumps(asdict(self))


class Counted(sqlite3.Connection):
    """A connection that counts what is asked of it, and keeps its write-ahead log so that its bytes count."""

    told: ClassVar[Counter[str]] = Counter()
    opened: ClassVar[list[Counted]] = []
    """All connections of the process."""

    def __init__(self, path: str, *arguments: Any, **named: Any) -> None:
        super().__init__(path, *arguments, **named)
        self._log = Path(f"{path}-wal")
        self.execute("PRAGMA wal_autocheckpoint=0")
        self.set_trace_callback(self._note)
        Counted.opened.append(self)

    def _note(self, sql: str) -> None:
        word = sql.split(maxsplit=1)[0].upper()
        writes = word in {"INSERT", "UPDATE", "DELETE", "REPLACE"}
        Counted.told["selects"] += word == "SELECT"
        Counted.told["writes"] += writes
        Counted.told["commits"] += word in {"COMMIT", "END"} or (writes and not self.in_transaction)

    def close(self) -> None:
        """See there; the last one to close a file ends its log."""
        Counted.opened.remove(self)
        Counted.told["rows"] += self.total_changes
        if all(other._log != self._log for other in Counted.opened):
            Counted.told["wal_bytes"] += self._bytes()
        super().close()

    def _bytes(self) -> int:
        return self._log.stat().st_size if self._log.exists() else 0

    @classmethod
    def so_far(cls) -> Counter[str]:
        """Statements, commits, rows changed and bytes of write-ahead logs."""
        told = Counter(
            {name: cls.told[name] for name in ("selects", "writes", "commits", "rows", "wal_bytes")}
        )
        told["rows"] += sum(connection.total_changes for connection in cls.opened)
        told["wal_bytes"] += sum({str(one._log): one._bytes() for one in cls.opened}.values())
        return told


def count_sqlite() -> None:
    """Have every connection of this process counted; before anything of ours is imported."""
    plain = sqlite3.connect
    sqlite3.connect = lambda *given, **named: plain(*given, **{**named, "factory": Counted})  # type: ignore[assignment]


def cpu() -> float:
    """Seconds of processor that this process and its ended children have taken."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


async def read(job: Job) -> dict[str, Any]:
    """Warm up, wait for the word, and read."""
    from contextlib import ExitStack

    from lcagent import Reader
    from lcagent.settings import load_settings

    with ExitStack() as stack:
        readers = [stack.enter_context(Reader(load_settings(_options(job, base), []))) for base in job.bases]
        for reader in readers:
            await reader.aask(job.warm, QUESTION)
        before = Counted.so_far(), cpu()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        begun = time.time()
        left = iter(job.documents)
        turns = [reader for _ in range(job.slots) for reader in readers]
        rows = [
            row for some in await asyncio.gather(*(_reads(reader, left) for reader in turns)) for row in some
        ]
        ended, used, after = time.time(), cpu(), Counted.so_far()
        return {
            "begun": begun,
            "ended": ended,
            "cpu": used - before[1],
            "documents": rows,
            "written": {name: after[name] - before[0][name] for name in after},
        }


async def _reads(reader: Any, left: Iterable[str]) -> list[dict[str, Any]]:
    """One of the documents in flight at a server: the next one, as long as there are any."""
    rows = []
    for path in left:
        start = time.perf_counter()
        usage = (await reader.aask(path, QUESTION)).usage
        rows.append(
            {
                "calls": usage.calls,
                "prompt": usage.prompt_tokens,
                "reply": usage.completion_tokens,
                "seconds": time.perf_counter() - start,
            }
        )
    return rows


def _options(job: Job, base: str) -> dict[str, Any]:
    return {
        "api_base": base,
        "home": job.home,
        "window": 8192,
        "concurrency": job.slots,
        "strategy": job.strategy,
    }


def main() -> None:
    """Do the job that the command line gives."""
    job = Job(**json.loads(sys.argv[1]))
    if job.count:
        count_sqlite()
    print(json.dumps(asyncio.run(read(job))), flush=True)


if __name__ == "__main__":
    main()
