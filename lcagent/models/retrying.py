"""Retries, by stamina: it does not print of ours what we tell ourselves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from lcagent.errors import LcagentError

Judge = Callable[[Exception], bool | float]
"""Whether to try again after an error; a number is how many seconds to wait before."""


class Ours(Exception):
    """An error of this package that never leaves it, and is retried."""


class _Hook:
    """A hook of stamina's as it was, which hears of everything but what we retry."""

    def __init__(self, hook: Callable[[Any], Any]) -> None:
        self._hook = hook

    def __call__(self, details: Any) -> AbstractContextManager[None] | None:
        if isinstance(details.caused_by, LcagentError | Ours):
            return None
        return self._hook(details)


def retries(on: Judge, *, attempts: int, **waits: float) -> Any:
    """stamina's retry context, which may be iterated with and without `async`.

    Its own hooks log each retry, and would print that to the terminal of a program that sets up no logging.

    Args:
        on: which errors are retried.
        attempts: tries in all.
        waits: stamina's `wait_initial`, `wait_max` and `wait_jitter`, in seconds.
    """
    import stamina
    from stamina.instrumentation import get_on_retry_hooks, set_on_retry_hooks

    hooks = get_on_retry_hooks()
    if not all(isinstance(hook, _Hook) for hook in hooks):
        set_on_retry_hooks([hook if isinstance(hook, _Hook) else _Hook(hook) for hook in hooks])
    return stamina.retry_context(on=on, attempts=attempts, timeout=None, **waits)
