"""Connections to one server, a pool of one each.

httpcore's pool goes over all its connections for each of them at every request: measured with 64 in
flight it takes 8 ms of CPU a call, with one connection a pool 0.8 ms (docs/design/0004-fan-out.md).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx


class Connections(httpx.AsyncBaseTransport):
    """An httpx transport that gives each request in flight a pool of its own, and keeps them for the next.

    There are as many as there were requests in flight at once; the caller's limit bounds that.
    """

    def __init__(self) -> None:
        self._certificates = httpx.create_ssl_context(trust_env=False)  # made once: it reads a file
        self._all: list[httpx.AsyncHTTPTransport] = []
        self._free: list[httpx.AsyncHTTPTransport] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request through a pool that is free."""
        pool = self._free.pop() if self._free else self._new()
        try:
            response = await pool.handle_async_request(request)
        except BaseException:
            self._free.append(pool)
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Lent(response.stream, lambda: self._free.append(pool))
        return response

    def _new(self) -> httpx.AsyncHTTPTransport:
        pool = httpx.AsyncHTTPTransport(verify=self._certificates, trust_env=False)
        self._all.append(pool)
        return pool

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in self._all:
            await pool.aclose()


class _Lent(httpx.AsyncByteStream):
    """A reply's body; the pool is given back once, when it is closed."""

    def __init__(self, body: httpx.AsyncByteStream, give_back: Callable[[], None]) -> None:
        self._body = body
        self._give_back: Callable[[], None] | None = give_back

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._body:
            yield piece

    async def aclose(self) -> None:
        try:
            await self._body.aclose()
        finally:
            if self._give_back is not None:
                self._give_back()
                self._give_back = None
