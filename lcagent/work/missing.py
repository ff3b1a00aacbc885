"""Telling that nobody is there who would do what was handed out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lcagent.errors import StoreError
from lcagent.events import Emit, Notice
from lcagent.text import told_time

if TYPE_CHECKING:
    from lcagent.work.engine import Engine

_AGAIN = 600.0
"""Seconds after which it is told again."""


def no_worker(since: float) -> str:
    """A sentence on workers that are missing.

    Args:
        since: seconds since 1970; 0: there never was one.
    """
    when = f"has given a sign of life since {told_time(since)} UTC" if since else "was ever there"
    return f"no worker {when}: start one with `lcagent worker` and the same --store"


class Missing:
    """Tells a command that waits whether anybody is there; what waits is done once somebody comes.

    Args:
        engine: hands out.
        emit: gets notices.
    """

    def __init__(self, engine: Engine, emit: Emit) -> None:
        self._engine, self._emit = engine, emit
        self._looked = time.monotonic()
        self._told: float | None = None

    async def look(self, waits: str) -> None:
        """Look, if the last look is long enough ago.

        Args:
            waits: what waits: "3 documents wait".
        """
        now = time.monotonic()
        if now < self._looked + self._engine.pause:
            return
        self._looked = now
        try:
            since = await self._engine.silent_since()
        except StoreError:  # who waits finds that out, and tries again what can be tried again
            return
        if since is None and self._told is not None:
            self._told = None
            self._emit(Notice("a worker is there: it goes on"))
        elif since is not None and (self._told is None or now >= self._told + _AGAIN):
            self._told = now
            self._emit(Notice(f"{waits}, and {no_worker(since)}"))
