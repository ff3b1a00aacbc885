"""Requests and counts spread over several servers of one model."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import count
from typing import TypeVar

from lcagent.errors import AccessRefused, EndpointUnavailable, LcagentError, NotServed
from lcagent.models.estimate import Messages, Tools
from lcagent.models.probing import same
from lcagent.models.refusals import Transient
from lcagent.models.replies import OnDelta, RawReply
from lcagent.models.request import ChatRequest
from lcagent.models.retrying import retries
from lcagent.models.serving.servers import Known, Notice, Server, Servers
from lcagent.models.tokens import TokenCounter
from lcagent.models.transport import Transport

T = TypeVar("T")


class SpreadTransport:
    """Asks several servers: each request one of them, another one where that is not there (`Transport`).

    Made and used in one event loop.

    Args:
        servers: see there.
        reach: makes the transport to one.
        notice: gets a sentence for people where one is left out, or is there again.
    """

    def __init__(self, servers: Servers, reach: Callable[[Known], Transport], notice: Notice) -> None:
        self._servers, self._reach, self._notice = servers, reach, notice
        self._places = servers.here()
        self._reached: dict[Server, tuple[Known, Transport]] = {}
        self.tells_certainty = all(known.endpoint.kind != "openai" for known in servers.known)
        self.sets_window = False
        self._answered = Counter[str]()
        self.answered: Mapping[str, int] = self._answered

    async def send(self, request: ChatRequest, on_delta: OnDelta | None = None) -> RawReply:
        """Send one request; with `on_delta` the reply is streamed, and shown once.

        A server that does not answer, breaks off or is no longer what it was is left out for a while, and the
        next one asked; what a server says of this one request (429, 500) is put to one other.

        Raises:
            Transient: a fault that may pass, at the last one that was asked.
        """
        tried: set[Server] = set()
        while True:
            async with self._places.place(request.prefix, tried, self._notice) as server:
                try:
                    return await self._asked(server, request, None if tried else on_delta, not tried)
                except (Transient, NotServed, AccessRefused) as error:
                    # A loop of no end it is not: one that was tried before may be given again once.
                    again = server in tried
                    tried.add(server)
                    self._judge(server, error)
                    others = [one for one in self._servers.there if one not in tried]
                    if again or not others or not (_gone(error) or len(tried) == 1):
                        raise

    async def _asked(
        self, server: Server, request: ChatRequest, on_delta: OnDelta | None, first: bool
    ) -> RawReply:
        """The reply of one server; its first one has only so long where the others were much quicker."""
        started, clock = time.monotonic(), asyncio.timeout(None)
        patience = (lambda: self._patience(request)) if first else (lambda: None)
        watch = _Watch(patience, server, clock, self._servers.least_patience)
        try:
            async with clock:
                reply = await self._transport(server).send(request, on_delta)
        except TimeoutError as error:
            fault = Transient(f"{server.name} {watch.why}")
            fault.gone = True
            raise fault from error
        finally:
            watch.end()
        self._answered[server.name] += 1
        self._servers.answered(server, time.monotonic() - started, reply.completion_tokens)
        return reply

    def _patience(self, request: ChatRequest) -> float | None:
        others = len(self._servers.there) > 1
        return self._servers.patience(request.max_tokens) if others else None

    def _transport(self, server: Server) -> Transport:
        known = server.known
        assert known is not None  # it is there
        reached = self._reached.get(server)
        if reached is None or reached[0] is not known:
            reached = self._reached[server] = known, self._reach(known)
        return reached[1]

    def _judge(self, server: Server, error: LcagentError) -> None:
        if not _gone(error):
            return
        if self._servers.fell(server, error.message):
            self._notice(f"{server.name} is left out for now: {error.message}")
        self._places.scatter(server)

    async def close(self) -> None:
        """Close connections."""
        for _, transport in self._reached.values():
            await transport.close()


class _Watch:
    """Ends a request that takes too long, by what is known when it has taken long: nobody knows before.

    While that is not known the server is asked whether it is there: a network that says nothing has no usual.

    Args:
        patience: seconds that it may take; None: not known.
        server: that was asked.
        clock: ends it.
        least: seconds that it has in any case.
    """

    why = "takes much longer for a reply than usual"
    """Why it was ended."""

    def __init__(
        self, patience: Callable[[], float | None], server: Server, clock: asyncio.Timeout, least: float
    ) -> None:
        self._patience, self._server, self._clock, self._least = patience, server, clock, least
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self._look: asyncio.Task[None] | None = None
        self._wait()

    def _wait(self) -> None:
        self._handle = self._loop.call_later(self._least, self._judge)

    def _judge(self) -> None:
        seconds = self._patience()
        if seconds is None:
            self._look = self._loop.create_task(self._looked())
        else:
            self._clock.reschedule(self._started + seconds)

    async def _looked(self) -> None:
        known = self._server.known
        if known and await asyncio.to_thread(same, known.endpoint):
            self._wait()
        else:
            self.why = "says nothing more, nor what it serves"
            self._clock.reschedule(self._loop.time())

    def end(self) -> None:
        """It is there."""
        self._handle.cancel()
        if self._look is not None:
            self._look.cancel()


def _gone(error: LcagentError) -> bool:
    """Whether it is the server that is not there, or not what it was, and not this request that is wrong."""
    return error.gone if isinstance(error, Transient) else True


class SpreadCounter:
    """Asks whichever server is there to count, in turns (`TokenCounter`): their tokenizers are the same.

    Args:
        servers: see there.
        source: names the tokenizer.
    """

    exact = True

    def __init__(self, servers: Servers, source: str) -> None:
        self.source = source
        self._servers, self._turn = servers, count()

    def count(self, text: str) -> int:
        """Tokens of a text alone."""
        return self._counted(lambda counter: counter.count(text))

    def count_messages(self, messages: Messages, tools: Tools = ()) -> int:
        """Tokens of a whole prompt."""
        return self._counted(lambda counter: counter.count_messages(messages, tools))

    def close(self) -> None:
        """The servers are closed by whoever opened them."""

    def _counted(self, work: Callable[[TokenCounter], T]) -> T:
        try:
            return self._by_any(work)
        except EndpointUnavailable as first:
            return self._retry(work, first)

    def _by_any(self, work: Callable[[TokenCounter], T]) -> T:
        there = self._servers.there or [one for one in self._servers.all if self._servers.look(one)]
        fault = EndpointUnavailable("; ".join(server.why for server in self._servers.all))
        turn = next(self._turn)
        for at in range(len(there)):
            server = there[(turn + at) % len(there)]
            assert server.known is not None  # it is there
            try:
                return work(server.known.counter)
            except EndpointUnavailable as error:
                self._servers.fell(server, error.message)
                fault = error
        raise fault

    def _retry(self, work: Callable[[TokenCounter], T], first: EndpointUnavailable) -> T:
        for attempt in retries(lambda error: isinstance(error, EndpointUnavailable), attempts=5):
            with attempt:
                if attempt.num == 1:
                    raise first
                return self._by_any(work)
        raise AssertionError("stamina ends by returning or raising")  # pragma: no cover
