"""How many requests may be in flight at once, and whose turn it is."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
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
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._inside = 0
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    def resize(self, size: int) -> None:
        """Let so many in from now on; those inside already stay to their end."""
        self._size = size
        self._admit()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(len(line) for line in self._waiting.values())

    async def __aenter__(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(ON_BEHALF.get(), deque()).append(turn)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # let in at that very moment
                await self.__aexit__()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._inside -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._inside < self._size:
            behalf, line = self._waiting.popitem(last=False)
            turn = line.popleft()
            if line:
                self._waiting[behalf] = line  # behind everybody else
            if not turn.done():  # else it was cancelled
                turn.set_result(None)
                self._inside += 1


_limits: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Limit]] = WeakKeyDictionary()


def endpoint_limit(name: str, size: int) -> Limit:
    """The limit of requests in flight to one endpoint, shared by everything in this event loop.

    Whoever asks last decides its size.
    """
    limits = _limits.setdefault(asyncio.get_running_loop(), {})
    limit = limits.setdefault(name, Limit(size))
    limit.resize(size)
    return limit
