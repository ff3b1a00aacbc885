"""Several servers of one model: which of them are there, and to which one a request goes.

A request goes to the server that its beginning leads to (`ChatRequest.prefix`), by rendezvous hashing (Thaler
and Ravishankar, 1998): that server has the beginning in its prefix cache, and where a server comes or goes
only its own share moves. No server is given more than half above its share of what is in flight (Mirrokni,
Thorup and Zadimoghaddam, "Consistent Hashing with Bounded Loads", 2018), nobody waits for one while another
has a free place, and one where a place becomes free for which nobody waits takes over who waits for another.
docs/design/0034-many-servers.md has the reasons.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import ceil
from statistics import median
from weakref import WeakKeyDictionary

from lcagent.errors import LcagentError
from lcagent.models.endpoint import Endpoint
from lcagent.models.limit import Limit, Turn
from lcagent.models.manners import Manners
from lcagent.models.probing import now, same
from lcagent.models.refusals import Transient
from lcagent.models.tokens import TokenCounter

Notice = Callable[[str], None]

_SHARE = 1.5
"""What a server may have in flight or waiting, of its share."""
_FIRST_PAUSE, _MOST_PAUSE = 1.0, 60.0
"""Seconds for which a server that failed is left out: doubled each time, and half more or less by chance."""
_REPLIES = 64
"""Last replies by which it is known how long one takes."""
_TOLD_BY = 16
"""Fewer of them tell nothing."""
_SLOW = 6.0
"""A reply may take so many times as long as usual, for as many tokens as it may have."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a server that has answered."""

    endpoint: Endpoint
    manners: Manners
    counter: TokenCounter
    places: int
    """Requests that it has in flight at once."""


@dataclass(eq=False, slots=True)
class Server:
    """One of several.

    Args:
        address: as it was given.
        name: its address as it is shown; the same for all who ask it, since it decides what it is asked.
        places: requests that it has in flight at once.
        known: None until it has answered for the first time.
        why: it is left out; empty: it is there.
        answered: requests that it has answered.
        failed: times that it was found not to be there.
    """

    address: str
    name: str
    places: int
    known: Known | None = None
    why: str = ""
    answered: int = 0
    failed: int = 0
    in_a_row: int = 0
    look_at: float = 0.0


def chosen(prefix: str, loads: Mapping[Server, int]) -> Server:
    """Which server a request goes to.

    Args:
        prefix: names its beginning.
        loads: the servers that are there, with what each has in flight or waiting; at least one.
    """
    most = _SHARE * (sum(loads.values()) + 1) / sum(server.places for server in loads)
    within = [server for server, load in loads.items() if load < ceil(most * server.places)]
    # One that has nothing to do until somebody comes takes nothing over from others.
    free = [server for server in within if loads[server] < server.places]
    return max(free or within, key=lambda server: _weight(server.name, prefix))


def _weight(name: str, prefix: str) -> bytes:
    return hashlib.blake2b(f"{name}\0{prefix}".encode(), digest_size=8).digest()


class Servers:
    """What is known of several servers, by everything in this process.

    Args:
        all_of_them: in the order in which they were named.
        meet: asks one what it is; raises where it cannot be asked, or is another model.
    """

    least_patience = 20.0
    """Seconds that a reply may take, however quick the others were."""

    def __init__(self, all_of_them: Sequence[Server], meet: Callable[[Server], Known]) -> None:
        self.all = tuple(all_of_them)
        self._meet = meet
        self._lock = threading.Lock()
        self._rates: deque[float] = deque(maxlen=_REPLIES)
        self._places: WeakKeyDictionary[asyncio.AbstractEventLoop, Places] = WeakKeyDictionary()

    @property
    def there(self) -> list[Server]:
        """Those that answer, as far as is known."""
        return [server for server in self.all if not server.why]

    @property
    def known(self) -> list[Known]:
        """What is known of those that have answered at some time."""
        return [server.known for server in self.all if server.known]

    @property
    def places(self) -> int:
        """Requests that all of them have in flight at once."""
        return sum(server.places for server in self.all)

    def due(self) -> list[Server]:
        """Those that are left out, and may be looked at again."""
        at = time.monotonic()
        return [server for server in self.all if server.why and at >= server.look_at]

    def fell(self, server: Server, why: str) -> bool:
        """Leave a server out for a while.

        Args:
            server: that did not answer.
            why: in words.

        Returns:
            Whether it was there until now: of many requests that fail together one says so.
        """
        with self._lock:
            was_there = not server.why
            if was_there:
                server.failed += 1
                self._left_out(server, why)
            return was_there

    def look(self, server: Server) -> bool:
        """Ask a server that was left out; whether it is there, as the same model. Not for the event loop."""
        try:
            known = self._meet(server)
        except LcagentError as error:
            with self._lock:
                self._left_out(server, error.message)
            return False
        with self._lock:
            if server.known and server.known.endpoint == known.endpoint:
                known.counter.close()
            else:
                server.known, server.places = known, known.places
            server.why = ""
        return True

    def _left_out(self, server: Server, why: str) -> None:
        pause = min(_MOST_PAUSE, _FIRST_PAUSE * 2**server.in_a_row)
        server.in_a_row = min(server.in_a_row + 1, 16)
        server.look_at = time.monotonic() + pause * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
        server.why = why

    def answered(self, server: Server, seconds: float, tokens: int) -> None:
        """Note a reply.

        Args:
            server: whose.
            seconds: that it took.
            tokens: that were written.
        """
        server.answered += 1
        server.in_a_row = 0  # that it tells its models again would be no proof
        self._rates.append(seconds / max(tokens, 1))

    def patience(self, tokens: int) -> float | None:
        """Seconds after which a reply takes much longer than those of late did; None where that is not known.

        Args:
            tokens: that it may have.
        """
        if len(self._rates) < _TOLD_BY:
            return None
        return max(self.least_patience, _SLOW * median(tuple(self._rates)) * tokens)

    def still(self) -> bool:
        """Whether one is there and what it was. Not for the event loop."""
        for server in self.there:
            if server.known and same(server.known.endpoint):
                return True
            self.fell(server, f"{server.name} answers no more, or is another one by now")
        return False

    def any_answers(self) -> bool:
        """Whether one can be asked at all. Not for the event loop."""
        return any(now(known.endpoint) is not None for known in self.known)

    def here(self) -> Places:
        """Their places in this event loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._places:
            self._places[loop] = Places(self)
        return self._places[loop]

    def close(self) -> None:
        """Close connections."""
        for known in self.known:
            known.counter.close()


class Places:
    """Whose turn it is at each of several servers, in one event loop.

    Args:
        servers: see there.
    """

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._limits = {one: Limit(one.places, lambda one=one: self._spare(one)) for one in servers.all}
        self._of = {limit: server for server, limit in self._limits.items()}
        self._looks: dict[Server, asyncio.Task[None]] = {}

    @asynccontextmanager
    async def place(self, prefix: str, but: Collection[Server], notice: Notice) -> AsyncGenerator[Server]:
        """A place at a server for one request.

        Args:
            prefix: names its beginning.
            but: servers that it was sent to in vain.
            notice: gets a sentence where a server is there again.

        Raises:
            Transient: none is there.
        """
        for server in self._servers.due():
            self._looking(server, notice)
        while True:
            there = self._servers.there or await self._found(notice)
            several = [server for server in there if server not in but] or there
            home = chosen(prefix, {server: self._limits[server].load for server in several})
            limit = await self._limits[home].enter()
            if limit and not self._of[limit].why:
                break
            if limit:  # whoever counts, or another loop, has found meanwhile that it is not there
                limit.leave()
        try:
            yield self._of[limit]
        finally:
            limit.leave()

    def scatter(self, server: Server) -> None:
        """Have those who wait for a server wait for others: it is not there."""
        self._limits[server].scatter()

    def _spare(self, server: Server) -> Turn | None:
        if server.why:
            return None
        return max(self._limits.values(), key=lambda limit: limit.waiting).turn()

    async def _found(self, notice: Notice) -> list[Server]:
        """Those that are there after all, where none seemed to be."""
        looks = [self._looking(server, notice) for server in self._servers.all]
        await asyncio.wait(looks)  # which goes on with them when this is cancelled: others wait for them too
        if there := self._servers.there:
            return there
        told = "; ".join(server.why for server in self._servers.all)
        raise Transient(
            f"none of the {len(looks)} model servers can be asked: {told}",
            hint="are they still running? the run can be resumed",
        )

    def _looking(self, server: Server, notice: Notice) -> asyncio.Task[None]:
        if server not in self._looks:
            self._looks[server] = asyncio.ensure_future(self._look(server, notice))
        return self._looks[server]

    async def _look(self, server: Server, notice: Notice) -> None:
        try:
            before = server.why
            if await asyncio.to_thread(self._servers.look, server):
                notice(f"{server.name} is there again")
                self._limits[server].resize(server.places)
            elif before != server.why:
                notice(f"{server.name} is still left out: {server.why}")
        finally:
            del self._looks[server]
