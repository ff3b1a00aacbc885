"""A stand-in of a router before several servers: by the session header where there is one, else in turns."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from hashlib import sha256

import aiohttp
from aiohttp import web


class Router:
    """`with Router(urls) as router:` gives its `url`.

    Args:
        backends: the servers' addresses, without `/v1`.
        header: by which requests of one session go to one of them.
    """

    def __init__(self, backends: Sequence[str], header: str = "x-session-id") -> None:
        self._backends, self._header = backends, header
        self.sessions: dict[str, set[int]] = {}
        """Where each session went."""
        self._turn = 0

    def __enter__(self) -> Router:
        ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)

    def _run(self, ready: threading.Event) -> None:
        self._loop.run_until_complete(self._serve(ready))
        self._loop.close()

    async def _serve(self, ready: threading.Event) -> None:
        self._stopped = asyncio.Event()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        async with aiohttp.ClientSession() as self._client:
            ready.set()
            await self._stopped.wait()
        await runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.Response:
        at, session = self._turn % len(self._backends), request.headers.get(self._header, "")
        self._turn += 1
        if session:
            at = int(sha256(session.encode()).hexdigest(), 16) % len(self._backends)
            self.sessions.setdefault(session, set()).add(at)
        headers = {"content-type": "application/json", self._header: session}
        url, body = f"{self._backends[at]}{request.path_qs}", await request.read()
        try:
            async with self._client.request(request.method, url, data=body, headers=headers) as reply:
                told = await reply.read()
                return web.Response(status=reply.status, body=told, content_type="application/json")
        except aiohttp.ClientError as error:
            return web.Response(status=502, text=str(error))
