"""For tests of work that is handed out."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from lcagent.place import Place
from lcagent.work.engine import Beats, Engine
from tests.helpers import ROOT

QUICK = Beats(every=0.3, dead=1.5, poll=0.2, attempts=3)
"""A worker is dead soon."""
_WORKER = """
import asyncio, sys
from lcagent.server.worker import work
from lcagent.settings import load_settings
from lcagent.work.engine import Engine
from tests.handing import QUICK
home, store, url, base, *pairs = sys.argv[1:]
settings = load_settings({"home": home, "api_base": base, "window": 2048, "store": store or None}, pairs)
engine = Engine(url, QUICK) if url else Engine.of(settings.place, QUICK)
asyncio.run(work(settings, engine, places=4))
"""


def ready(place: Place) -> None:
    """Wait for a worker."""
    engine, until = Engine.of(place), time.monotonic() + 60
    while not asyncio.run(engine.served()):
        assert time.monotonic() < until
        time.sleep(0.05)


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
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, *pairs: str, base: str = "") -> subprocess.Popen[bytes]:
        """One more.

        Args:
            pairs: settings, as of `--set`.
            base: of another model.
        """
        home = f"{self.home}-{len(self.running)}" if self._store else str(self.home)
        given = [home, self._store, self._url, base or self._base, *pairs]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.running.append(subprocess.Popen([sys.executable, "-c", _WORKER, *given], cwd=ROOT, env=env))
        return self.running[-1]

    def end(self) -> None:
        for process in self.running:
            process.kill()
            process.wait()
