"""Who asks in one process what is being answered there already shares the answer, whatever thread asks."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any

from lcagent.answer import Answer
from lcagent.errors import BudgetReached, LcagentError
from lcagent.events import Emit, Event

Told = Answer | LcagentError | None
"""How the work ended for those who wait: None where they must do it themselves."""

_LIVE: dict[str, Live] = {}
_REGISTER = threading.Lock()


class Live:
    """Where the events of one asker's work go: to the asker, and to who has joined.

    Args:
        emit: the asker's.
        limits: what the asker may spend; an answer that met a limit is no answer to who has another.
    """

    def __init__(self, emit: Emit, limits: tuple[Any, ...]) -> None:
        self._emit, self._limits = emit, limits
        self._lock = threading.Lock()
        self._past: list[Event] = []
        self._joined: dict[Future[Told], Emit] = {}

    def emit(self, event: Event) -> None:
        """Pass an event on."""
        with self._lock:
            self._past.append(event)
            for emit in (self._emit, *self._joined.values()):
                emit(event)

    async def share(self, key: str, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """Do the work, or wait for who does the same in this process already.

        Who waits gets the events of that work, the past ones first. If it is cancelled, the next one goes on.

        Args:
            key: names the work.
            work: what answers.

        Raises:
            LcagentError: what the work raised, here or there.
        """
        while True:
            with _REGISTER:
                other = _LIVE.setdefault(key, self)
                if other is self:
                    self._past.clear()  # what comes before the work each asker is told for itself
                    break
                waiting = other._join(self._emit)
            try:
                told = await asyncio.wrap_future(waiting)
            finally:
                other._leave(waiting)
            within = other._limits == self._limits
            if isinstance(told, Answer) and (within or told.status != "budget"):
                return told.model_copy(deep=True)
            if isinstance(told, LcagentError) and (within or not isinstance(told, BudgetReached)):
                raise copy.copy(told) from told
        outcome: Told = None
        try:
            outcome = answer = await work()
        except LcagentError as error:
            outcome = error
            raise
        finally:
            with _REGISTER:
                del _LIVE[key]
            self._end(outcome)
        return answer

    def _join(self, emit: Emit) -> Future[Told]:
        waiting: Future[Told] = Future()
        with self._lock:
            for event in self._past:
                emit(event)
            self._joined[waiting] = emit
        return waiting

    def _leave(self, waiting: Future[Told]) -> None:
        with self._lock:
            self._joined.pop(waiting, None)

    def _end(self, told: Told) -> None:
        with self._lock:
            joined = list(self._joined)
        for waiting in joined:
            if waiting.set_running_or_notify_cancel():  # False: it was given up
                waiting.set_result(told)
