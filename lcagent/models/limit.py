"""How many requests may be in flight at once, and whose turn it is."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from contextvars import ContextVar
from weakref import WeakKeyDictionary

ON_BEHALF = ContextVar("lcagent_on_behalf", default="")
"""For whom the work at hand is done. Where several wait, they take turns, whoever has more to ask."""


class Limit:
    """How many may be inside at once (`async with`); it can be changed meanwhile.

    Whoever waits on the same behalf is let in in order; those of different behalves take turns, so that one
    with a thousand waiting keeps nobody else from the next free place.

    Args:
        size: how many.
        spare: gives a turn that waits with another limit, where nobody waits here.
    """

    def __init__(self, size: int, spare: Callable[[], Turn | None] = lambda: None) -> None:
        self._size, self._spare = size, spare
        self._inside = 0
        self._waiting: OrderedDict[str, deque[Turn]] = OrderedDict()

    def resize(self, size: int) -> None:
        """Let so many in from now on; those inside already stay to their end."""
        self._size = size
        self.admit()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(len(line) for line in self._waiting.values())

    @property
    def load(self) -> int:
        """How many are inside or wait."""
        return self._inside + self.waiting

    async def enter(self) -> Limit | None:
        """Wait for a place, and take it: `leave` of what this gives gives it back.

        Returns:
            This limit; another one that had a place free before it; None: no place (`scatter`).
        """
        turn: Turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(ON_BEHALF.get(), deque()).append(turn)
        self.admit()
        try:
            return await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and (where := turn.result()):  # let in at that very moment
                where.leave()
            raise

    def leave(self) -> None:
        """Give a place back."""
        self._inside -= 1
        self.admit()

    async def __aenter__(self) -> None:
        await self.enter()

    async def __aexit__(self, *_: object) -> None:
        self.leave()

    def admit(self) -> None:
        """Let in whoever there is a place for."""
        while self._inside < self._size and (turn := self.turn() or self._spare()):
            turn.set_result(self)
            self._inside += 1

    def turn(self) -> Turn | None:
        """Whose turn it is of those who wait; they wait here no more."""
        while self._waiting:
            behalf, line = self._waiting.popitem(last=False)
            turn = line.popleft()
            if line:
                self._waiting[behalf] = line  # behind everybody else
            if not turn.done():  # else it was cancelled
                return turn
        return None

    def scatter(self) -> None:
        """Send away whoever waits, to find a place elsewhere."""
        while turn := self.turn():
            turn.set_result(None)


Turn = asyncio.Future[Limit | None]


_limits: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Limit]] = WeakKeyDictionary()


def endpoint_limit(name: str, size: int) -> Limit:
    """The limit of requests in flight to one endpoint, shared by everything in this event loop.

    Whoever asks last decides its size.
    """
    limits = _limits.setdefault(asyncio.get_running_loop(), {})
    limit = limits.setdefault(name, Limit(size))
    limit.resize(size)
    return limit
