"""One thing that was asked, as it is worked on: everybody who looks on is told the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from lcagent.errors import LcagentError, RunNotFound, error_of
from lcagent.memory.served.jobs import UNFINISHED, JobStatus, StoredJobs
from lcagent.server.asks import Ask
from lcagent.server.came import Outcome, outcome_from
from lcagent.server.tenants import Tenant
from lcagent.work.asked import Asked

AskT = TypeVar("AskT", bound=Asked)
CameT = TypeVar("CameT", bound=BaseModel)


@dataclass(eq=False)
class Job(Generic[AskT, CameT]):
    """One thing that was asked, while it is worked on and for as long as somebody holds it.

    Args:
        id: of it.
        tenant: who asked.
        ask: what.
        kept: it outlives the connection and the server.
        rows: where it is kept, written by who holds it alone; None where nothing is.
        left: its process ends, or was thought dead, and another one goes on with it.
    """

    id: str
    tenant: Tenant
    ask: AskT
    kept: bool
    rows: StoredJobs | None = None
    left: bool = False
    created: float = field(default_factory=time.time)
    status: JobStatus = "queued"
    run: str = ""
    events: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    outcome: CameT | None = None
    error: LcagentError | None = None
    last: dict[str, Any] | None = None
    """The event with which it will end: it is told once what came of it is kept."""
    task: asyncio.Task[None] | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ended(self) -> bool:
        """Whether nothing more happens."""
        return self.status not in UNFINISHED

    @property
    def _next(self) -> int:
        return self.events[-1][0] + 1 if self.events else 1

    async def end(self, status: JobStatus, last: dict[str, Any] | None, error: dict[str, Any] | None) -> None:
        """Note that it has ended, then tell everybody who looks on.

        Args:
            status: how.
            last: event.
            error: why, where it failed.
        """
        told = None if last is None else (self._next, last)
        if self.rows is not None:
            outcome = self.outcome.model_dump(mode="json") if self.outcome else None
            await self.tenant.aside(self.rows.end, self.id, status, told, outcome=outcome, error=error)
        if told is not None:
            self.events.append(told)
        self.status = status
        self.wake()

    async def tell(self, event: dict[str, Any]) -> None:
        """Tell everybody who looks on; cancelled, it is told all the same."""
        seq = self._next
        try:
            if self.rows is not None:
                await self.tenant.aside(self.rows.tell, self.id, seq, event)
        except asyncio.CancelledError:
            self._told(seq, event)
            raise
        self._told(seq, event)

    def _told(self, seq: int, event: dict[str, Any]) -> None:
        self.events.append((seq, event))
        self.wake()

    def wake(self) -> None:
        """Have everybody who waits look again."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def follow(self, after: int = 0) -> AsyncGenerator[tuple[int, dict[str, Any]]]:
        """Events after a number, those that were and those that come, to the last."""
        at = next((n for n, (seq, _) in enumerate(self.events) if seq > after), len(self.events))
        while True:
            while at < len(self.events):
                yield self.events[at]
                at += 1
            if self.ended or self.left:
                return
            await self._news.wait()

    async def wait(self) -> CameT:
        """What came of it.

        Raises:
            LcagentError: why nothing did.
        """
        while not self.ended:
            await self._news.wait()
        if self.outcome is None:
            raise self.error or RunNotFound(f"run {self.id} was cancelled", hint="ask again to go on with it")
        return self.outcome


AnyJob = Job[Any, Any]
Question = Job[Ask, Outcome]
"""What was asked over HTTP."""


@dataclass(eq=False)
class Elsewhere(Question):
    """A question that another process works on: what is kept of it is looked at again and again.

    Args:
        looked: its events after a number, to the last.
    """

    looked: Callable[[int], AsyncGenerator[tuple[int, dict[str, Any]]]] = field(kw_only=True)

    async def follow(self, after: int = 0) -> AsyncGenerator[tuple[int, dict[str, Any]]]:
        """Events after a number, those that were and those that come, to the last."""
        async with aclosing(self.looked(after)) as events:
            async for event in events:
                yield event
        row = await self.tenant.aside(self.tenant.jobs.get, self.id)
        self.status, self.run = row.status, row.run
        self.outcome = outcome_from(row.outcome) if row.outcome else None
        self.error = error_of(row.error) if row.error else None

    async def wait(self) -> Outcome:
        """What came of it; errors as for any job."""
        async with aclosing(self.follow()) as events:
            async for _ in events:
                pass
        return await super().wait()
