"""The deadline of each file's parsing, kept by one thread for all: a thread a file costs 0.1 ms."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager


class Watchdog:
    """Ends what does not answer in time.

    Args:
        end: does so; called at most once, from a thread of its own.
    """

    def __init__(self, end: Callable[[], None]) -> None:
        self.late = False
        """Whether it was ended."""
        self._end = end
        self._changed = threading.Condition()
        self._due = math.inf
        self._wakes = math.inf
        """When the thread looks next: not woken for a deadline that is later than this."""
        self._stopped = False
        threading.Thread(target=self._watch, name="parsing-watchdog", daemon=True).start()

    @contextmanager
    def within(self, seconds: float) -> Generator[None]:
        """What is done inside has to be done in time.

        Args:
            seconds: of the clock.
        """
        with self._changed:
            self._due = time.monotonic() + seconds
            if self._due < self._wakes:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._due = math.inf

    def stop(self) -> None:
        """There is nothing to watch any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while not self._stopped:
                now = time.monotonic()
                if self._due <= now:
                    self.late = True
                    self._end()
                    return
                self._wakes = self._due
                self._changed.wait(None if self._due == math.inf else self._due - now)
