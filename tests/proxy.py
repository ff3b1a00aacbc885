"""A network that can be cut: a proxy on TCP, before a database or a model server."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Self

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_AT_ONCE = struct.pack("ii", 1, 0)


class _Link:
    """One connection, and the one behind it.

    Args:
        near: who connected.
        far: to whom.
        passes: set where what comes is passed on.
    """

    def __init__(self, near: Ends, far: Ends, passes: asyncio.Event) -> None:
        self._ends = near[1], far[1]
        ways = ((near[0], far[1]), (far[0], near[1]))
        self._pumps = [asyncio.ensure_future(_pump(*way, passes)) for way in ways]

    async def last(self) -> None:
        """Pass on what comes until one side has ended."""
        await asyncio.wait(self._pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        for end in self._ends:
            end.close()

    def cut(self) -> None:
        """Close both, as one does who knows nothing of them (RST)."""
        for end in self._ends:
            with suppress(OSError):  # it has ended by itself
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            end.transport.abort()
        for pump in self._pumps:
            pump.cancel()


class Proxy:
    """`with Proxy(port) as proxy:` passes on what comes to `proxy.port`.

    Args:
        behind: the port, on this machine, of who is behind it.
    """

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self._links: set[_Link] = set()

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = 0
        self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def instead(self, url: str) -> str:
        """An address, by way of here."""
        return url.replace(f":{self._behind}", f":{self.port}")

    def cut(self) -> None:
        """Close every connection; new ones are passed on."""
        self._do(self._cut())

    def refuse(self) -> None:
        """Close every connection, and take no new ones."""
        self._do(self._refuse())

    def silence(self, *, new: bool = True) -> None:
        """Keep every connection open and pass nothing; what comes is acknowledged, as by a hanging proxy.

        Args:
            new: new ones too. False: those alone that are open, for ever, as a NAT does that forgot them.
        """
        self._do(self._silence(new=new))

    def mend(self) -> None:
        """Pass on again, what was held back first, and take new connections."""
        self._do(self._mend())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._passes = asyncio.Event()
        self._passes.set()
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _pass_on(self, *near: Any) -> None:
        try:
            far = await asyncio.open_connection("127.0.0.1", self._behind)
        except OSError:
            near[1].transport.abort()
            return
        link = _Link(near, far, self._passes)
        self._links.add(link)
        await link.last()
        self._links.discard(link)

    async def _cut(self) -> None:
        for link in self._links:
            link.cut()

    async def _refuse(self) -> None:
        self._server.close()
        await self._cut()

    async def _silence(self, *, new: bool) -> None:
        self._passes.clear()
        if not new:
            self._passes = asyncio.Event()
            self._passes.set()

    async def _mend(self) -> None:
        self._passes.set()
        if not self._server.is_serving():
            await self._listen()

    async def _end(self) -> None:
        await self._refuse()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: asyncio.Event) -> None:
    with suppress(OSError):
        while not writer.is_closing() and (data := await reader.read(1 << 16)):
            await passes.wait()
            writer.write(data)
            await writer.drain()
