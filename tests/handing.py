"""For tests of work that is handed out."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

from lcagent.place import Place
from lcagent.settings import load_settings
from lcagent.work import engine, missing
from lcagent.work.engine import Beats, Engine
from lcagent.work.missing import no_worker
from tests.killable import started

QUICK = Beats(every=0.3, dead=1.5, poll=0.2, attempts=3)
"""A worker is dead soon."""
PATIENT = Beats(dead=6)
"""Whoever waits misses a worker soon, and none that is only busy, as with what it imports."""


def _work(home: str, store: str, url: str, base: str, pairs: Sequence[str]) -> None:
    from lcagent.server.worker import work

    logging.basicConfig(filename=f"{home}.log", force=True)
    settings = load_settings({"home": home, "api_base": base, "window": 2048, "store": store or None}, pairs)
    handing = Engine(url, QUICK) if url else Engine.of(settings.place, QUICK)
    asyncio.run(work(settings, handing, places=4))


def note(url: str, out: Path, seconds: float) -> None:
    """A worker that does nothing and writes down that it does it.

    Args:
        url: of the engine's database.
        out: there it writes lines: "begin", "end" or "lost", the job and its own process.
        seconds: that a job takes.
    """

    def write(what: str, *given: object) -> None:
        with out.open("a") as file:
            file.write(f"{' '.join(map(str, [what, *given, os.getpid()]))}\n")

    async def handle(tenant: str, job: str) -> None:
        write("begin", tenant, job)
        await asyncio.sleep(seconds)
        write("end", tenant, job)

    async def lost(tenant: str, job: str) -> None:
        write("lost", tenant, job)

    async def main() -> None:
        handing = Engine(url, QUICK)
        async with handing.open():
            await handing.work(handle, lost, places=2)

    asyncio.run(main())


def ready(place: Place) -> None:
    """Wait for a worker."""
    there, until = Engine.of(place), time.monotonic() + 60
    while asyncio.run(there.silent_since()) is not None:
        assert time.monotonic() < until
        time.sleep(0.05)


def interrupted_without(worker: int) -> None:
    """A command that `first` does this is interrupted when it says that no worker is there, and this one has ended.

    Args:
        worker: the id of its process.
    """
    engine.Beats = lambda: PATIENT  # type: ignore[assignment, misc]
    missing._AGAIN = 0  # type: ignore[attr-defined]

    def interrupts(since: float) -> str:
        if not Path(f"/proc/{worker}").exists():  # else a busy machine has kept it from giving signs
            os.kill(os.getpid(), signal.SIGINT)
        return no_worker(since)

    missing.no_worker = interrupts


class Workers:
    """Workers in processes of their own: over one home, or over a store, with a home each.

    Args:
        home: where all is kept.
        base: of the model.
        store: in a PostgreSQL, if it is kept there.
        url: of the engine's database; empty: that of the store.
    """

    def __init__(self, home: Path, base: str, store: str, url: str = "") -> None:
        self.home, self._base, self._store, self._url = home, base, store, url
        self.running: list[BaseProcess] = []

    def start(self, *pairs: str, base: str = "") -> BaseProcess:
        """One more.

        Args:
            pairs: settings, as of `--set`.
            base: of another model.
        """
        home = f"{self.home}-{len(self.running)}" if self._store else str(self.home)
        self.running.append(started(_work, home, self._store, self._url, base or self._base, pairs))
        return self.running[-1]

    @property
    def warned(self) -> str:
        """The warnings of all."""
        return "".join(log.read_text() for log in self.home.parent.glob(f"{self.home.name}*.log"))

    @property
    def alive(self) -> bool:
        """Whether any of them is."""
        return any(process.is_alive() for process in self.running)

    def kill(self) -> None:
        """SIGKILL for the last one; returns when it is gone."""
        self.running[-1].kill()
        self.running[-1].join()

    def end(self) -> None:
        for process in self.running:
            process.kill()
            process.join()
