"""How much a command may spend: calls, tokens, seconds."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from lcagent.errors import BudgetReached

LEAST_GRACE = 10.0
"""Seconds that the answering call has at least, after the time is up."""


@dataclass(slots=True)
class Budget:
    """Spending limits of one command; None is no limit.

    A reserve of one call and its tokens is kept back from all other calls, so that the best answer
    so far can still be given when a limit is reached.
    """

    max_calls: int | None = None
    max_tokens: int | None = None
    max_seconds: float | None = None
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    started: float = field(default_factory=time.monotonic)
    _in_flight: list[int] = field(default_factory=list[int])
    """Most tokens of each call that is sent and not yet counted, whoever of those who share this sent it."""

    @asynccontextmanager
    async def call(
        self, *, tokens: int, reserve_calls: int, reserve_tokens: int, late: bool = False
    ) -> AsyncGenerator[None]:
        """Send one more call, if it fits; arguments and errors as for `check`."""
        self.check(tokens=tokens, reserve_calls=reserve_calls, reserve_tokens=reserve_tokens, late=late)
        with self.in_flight(tokens):
            yield

    @contextmanager
    def in_flight(self, tokens: int) -> Generator[None]:
        """A call is sent, and counted or given up at the end.

        Args:
            tokens: most that it can take.
        """
        self._in_flight.append(tokens)
        try:
            yield
        finally:
            self._in_flight.remove(tokens)

    @property
    def tokens(self) -> int:
        """Those of prompts and replies."""
        return self.prompt_tokens + self.completion_tokens

    def spend(self, prompt_tokens: int, completion_tokens: int, calls: int = 1) -> None:
        """Count finished calls and their tokens."""
        self.calls += calls
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens

    def check(self, *, tokens: int, reserve_calls: int, reserve_tokens: int, late: bool = False) -> None:
        """Raise unless one more call fits beside those in flight, and what is kept back after it.

        Args:
            tokens: most tokens that the next call can take.
            reserve_calls: calls kept back.
            reserve_tokens: tokens kept back.
            late: the call may be sent although the time is up.

        Raises:
            BudgetReached: with the limit that would be passed.
        """
        sent, tokens = len(self._in_flight), tokens + sum(self._in_flight)
        if self.max_calls is not None and self.calls + sent + 1 + reserve_calls > self.max_calls:
            raise self.is_reached(f"{self.max_calls} calls")
        if self.max_tokens is not None and self.tokens + tokens + reserve_tokens > self.max_tokens:
            raise self.is_reached(f"{self.max_tokens} tokens")
        if not late and (left := self.seconds_left()) is not None and left < 0:
            raise self.time_is_up()

    def seconds_left(self, *, final: bool = False) -> float | None:
        """Seconds until a call in flight is broken off; None: no limit is set.

        Args:
            final: the answering call, which may begin when the time is up: it gets half as long again.
        """
        if self.max_seconds is None:
            return None
        grace = max(LEAST_GRACE, self.max_seconds / 2) if final else 0.0
        return self.started + self.max_seconds + grace - time.monotonic()

    def time_is_up(self) -> BudgetReached:
        """The error that says so."""
        return self.is_reached(f"{self.max_seconds:g} s")

    @staticmethod
    def is_reached(what: str) -> BudgetReached:
        """The error that says so.

        Args:
            what: the limit, in words.
        """
        return BudgetReached(f"the budget of {what} is reached", hint=_HINT)


_HINT = "the same command with a larger budget goes on where this one stopped"
