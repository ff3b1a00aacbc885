"""Waiting for a model that a person can break off: threads cannot be cancelled, they have to look."""

from __future__ import annotations

import threading
import time

from lcagent.errors import EndpointUnavailable


def pause(halt: threading.Event | None, seconds: float = 0.0) -> None:
    """Sleep, unless the wait is broken off.

    Args:
        halt: set where nobody waits any more; None: somebody always does.
        seconds: how long; 0 only looks.

    Raises:
        EndpointUnavailable: it is broken off.
    """
    if halt is None:
        time.sleep(seconds)
    elif halt.wait(seconds):
        raise EndpointUnavailable(
            "the wait for a model was broken off", hint="the same command goes on from here"
        )
