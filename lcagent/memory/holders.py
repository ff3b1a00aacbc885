"""Who holds a lease: a process, told from a later one of its number, and known to be gone on its machine."""

from __future__ import annotations

import os
import secrets
import socket

_TAKING = "#"
"""Divides the process from which of its takings it is; no name of a host holds it."""


def this_process() -> str:
    """This process, as a lease names its holder."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def taking() -> str:
    """This process, as it takes one lease: who is not told that it was given it knows its own by that."""
    return f"{this_process()}{_TAKING}{secrets.token_hex(8)}"


def gone(holder: str) -> bool:
    """Whether a holder is a process of this machine that has ended."""
    host, pid, started = holder.partition(_TAKING)[0].rsplit(":", 2)
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return bool(started) and _started(int(pid)) != started


def _started(pid: int) -> str:
    """When a process began, which tells it from a later one of its number; empty where that is not told.

    One that has ended, and that nobody has taken note of, never began.
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - no path
            told = file.read().rpartition(")")[2].split()
            return "never" if told[0] in {"Z", "X"} else told[19]
    except (OSError, IndexError):
        return ""
