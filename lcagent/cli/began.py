"""When a command was given: of many that are given at once some start yet when the first is done."""

from __future__ import annotations

import os
import time
from pathlib import Path

_given: list[float] = []


def note() -> None:
    """Note that this process is one command, given when the process was started."""
    _given[:] = [_process()]


def when() -> float:
    """When the command was given, in seconds since 1970; now, where a process gives several."""
    return _given[0] if _given else time.time()


def _process() -> float:
    now = time.time()
    try:
        ticks = int(Path("/proc/self/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[19])
        up = time.clock_gettime(time.CLOCK_BOOTTIME)
        return now - max(0.0, up - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError, AttributeError):  # not Linux
        return now - time.process_time()
