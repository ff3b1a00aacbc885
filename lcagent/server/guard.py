"""Who may ask: keys, hosts and origins, sizes and rates. All before a route sees a request."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from aiolimiter import AsyncLimiter

from lcagent.errors import (
    DocumentTooLarge,
    Forbidden,
    KeyRefused,
    LcagentError,
    LimitReached,
    ServerEnding,
    UsageError,
)
from lcagent.memory.served.keys import OWN, PREFIX
from lcagent.server.faults import fault_of, status_of
from lcagent.server.options import MIB, ServeOptions
from lcagent.server.tenants import Tenants

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN = frozenset({"/health", "/ready", "/", "/favicon.ico"})
"""What is shown to who has no key: that the server is there, and its page, which asks for one."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", PAGE_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),  # what one key may see lies in no cache
]
_HOST = re.compile(r"[\w.-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?", re.ASCII)
_START_SECONDS = 60.0
_SLOWEST = 16 << 10
"""Bytes a second, on average, that a body comes at after its first minute."""
_MOST_PARTS = 1 << 20
"""Commas and brackets of a body in JSON: each may become an object, of twenty times its size."""


class Guard:
    """Lets through what may pass, and notes whose request it is (`scope["state"]["tenant"]`).

    Args:
        app: what is guarded.
        tenants: whose keys are taken.
        options: how the server is bound.
        require_keys: nobody asks without one.
    """

    def __init__(self, app: App, tenants: Tenants, options: ServeOptions, *, require_keys: bool) -> None:
        self._app, self._tenants, self._options = app, tenants, options
        self._require_keys = require_keys
        self._rates: dict[str, AsyncLimiter] = {}
        # What is sent as text within JSON is a third longer.
        self._most = options.limits.upload * 4 // 3 + MIB

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            self._check_host(headers)
            self._check_origin(headers, scope)
            tenant = await self._tenant(headers, scope["path"])
            if tenant is not None:
                await self._check_rate(tenant)
                scope.setdefault("state", {})["tenant"] = await self._tenants.found(tenant)
            length = headers.get("content-length", "0")
            if length.isdigit() and int(length) > self._most:
                raise self._too_large()
        except LcagentError as error:
            await _refuse(error, send)
            return
        form = headers.get("content-type", "").startswith("multipart/")
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(
                scope, self._counted(receive, sys.maxsize if form else _MOST_PARTS), _with_headers(sent)
            )
        except asyncio.CancelledError:  # this server was told to end, and waits no longer
            if not begun:
                await _refuse(ServerEnding("the server is ending", hint="ask again"), send)

    def _check_host(self, headers: dict[str, str]) -> None:
        """A page elsewhere whose name was made to lead here has its own name as host (DNS rebinding)."""
        if not _HOST.fullmatch(headers.get("host", "")):
            raise Forbidden("the host is no name", hint="Host: NAME:PORT")
        if self._require_keys and not self._options.local:
            return  # nobody has a key by accident, and no browser sends one along
        host = _host(headers.get("host", ""))
        if host not in _LOOPBACK and host not in {self._options.host, *self._options.hosts}:
            raise Forbidden(
                f"the host {host!r} is none of this server's", hint="`lcagent serve --allow-host NAME`"
            )

    def _check_origin(self, headers: dict[str, str], scope: Scope) -> None:
        origin = headers.get("origin")
        if origin is None or origin in self._options.origins:
            return
        own = f"{scope.get('scheme', 'http')}://{headers.get('host', '')}"
        if origin != own:
            raise Forbidden("pages from elsewhere may not ask", hint="`lcagent serve --allow-origin URL`")

    async def _tenant(self, headers: dict[str, str], path: str) -> str | None:
        """Whose request it is; None for what is shown to everybody, whatever key comes along: that the server
        is there is told while the keys cannot be read."""
        if self._is_open(path):
            return None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        secret = given.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        # Clients that want some key are given any; one of ours that opens nothing is told so.
        if secret and (self._require_keys or secret.startswith(PREFIX)):
            if (holder := await self._tenants.holder(secret)) is not None:
                return holder
            raise KeyRefused("the key opens nothing", hint="`lcagent keys list` shows those in use")
        if not self._require_keys:
            return OWN
        raise KeyRefused("a key is needed", hint="Authorization: Bearer …; `lcagent keys create` makes one")

    @staticmethod
    def _is_open(path: str) -> bool:
        return path in OPEN or path.startswith("/page/")

    async def _check_rate(self, tenant: str) -> None:
        most = self._options.limits.requests
        limiter = self._rates.setdefault(tenant, AsyncLimiter(most, 60))
        if not limiter.has_capacity():
            error = LimitReached(f"more than {most:,} requests in a minute", hint="ask more slowly")
            error.retry_after = max(1.0, 60 / most)
            raise error
        await limiter.acquire()

    def _counted(self, receive: Receive, most_parts: int) -> Receive:
        """A body is counted as it comes, whatever its header says, and has to come."""
        began, size, parts, whole = time.monotonic(), 0, 0, False

        async def counted() -> Message:
            nonlocal size, parts, whole
            if whole:  # all that comes now is that the client leaves
                return await receive()
            left = began + _START_SECONDS + size / _SLOWEST - time.monotonic()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, left))
            except TimeoutError as error:
                raise UsageError("the request comes too slowly", hint="send it again") from error
            whole = not message.get("more_body", False)
            body = message.get("body", b"")
            size += len(body)
            if size > self._most:
                raise self._too_large()
            parts += sum(body.count(sign) for sign in (b",", b"[", b"{"))
            if parts > most_parts:
                raise DocumentTooLarge(
                    f"the request has more than {most_parts:,} parts", hint="documents are sent as files"
                )
            return message

        return counted

    def _too_large(self) -> DocumentTooLarge:
        return DocumentTooLarge(
            f"the request is larger than {self._options.limits.upload / MIB:,.0f} MiB",
            hint="`lcagent serve --max-upload` raises it",
        )


def _host(header: str) -> str:
    try:
        return (urlsplit(f"//{header}").hostname or "").lower()
    except ValueError:
        return ""


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            held = {name for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *(h for h in _HEADERS if h[0] not in held)]
        await send(message)

    return sent


async def _refuse(error: LcagentError, send: Send) -> None:
    body = json.dumps(fault_of(error)).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *_HEADERS,
    ]
    if isinstance(error, LimitReached):
        headers.append((b"retry-after", str(max(1, round(error.retry_after))).encode()))
    if isinstance(error, KeyRefused):
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status_of(error)[0], "headers": headers})
    await send({"type": "http.response.body", "body": body})
