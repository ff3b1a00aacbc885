"""Where a model is served: one OpenAI-compatible endpoint; and short requests to it beside chat."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from http.client import HTTPResponse
from io import BufferedReader, RawIOBase
from pathlib import Path
from socket import socket
from ssl import SSLContext, SSLError
from typing import Any, Literal

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, connection_from_url
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util import Timeout, parse_url

from lcagent.errors import SettingsError
from lcagent.models.address import Address

Kind = Literal["vllm", "llamacpp", "openai"]
SESSION = "X-Session-ID"
"""The header by which routers keep requests to one server: vLLM's takes it first of all, production-stack's
where it is told so (`--session-key`). A server that stands alone does not look at it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One OpenAI-compatible server and the model asked of it.

    Args:
        base_url: where its paths begin, as a rule with `/v1` at its end; holds no password.
        model: the name the server knows the model by.
        kind: how tokens are counted there: vLLM's `/tokenize`, llama.cpp's, or not at all.
        api_key: sent as bearer token; None sends none that matters.
        max_model_len: the server's own limit in tokens, prompt and reply; None if not told.
        slots: how many requests it says it runs at once; None if not told.
        origin: one clause for people: why this endpoint is used.
        fingerprint: names the very model by the server's own facts; empty where it tells none.
        query: sent with every request.
        user: `name:password`, sent as basic authorization in place of the key.
    """

    base_url: str
    model: str
    kind: Kind = "openai"
    api_key: str | None = field(default=None, repr=False)
    max_model_len: int | None = None
    slots: int | None = None
    origin: str = ""
    fingerprint: str = ""
    query: str = ""
    user: str = field(default="", repr=False)

    @property
    def address(self) -> Address:
        """Where it is."""
        return Address(self.base_url, self.query, self.user)

    @property
    def root(self) -> str:
        """The server's root, without `/v1`; `/tokenize` and `/health` live there."""
        return self.address.root.base

    @property
    def headers(self) -> dict[str, str]:
        """What every request to it carries."""
        return self.address.headers(self.api_key)

    def url(self, path: str) -> str:
        """A path behind its base, with its query.

        Args:
            path: begins with a slash.
        """
        return self.address.url(path)


def certificates() -> SSLContext:
    """What a server's certificate is checked against, the same for all requests here: well-known authorities,
    or those that SSL_CERT_FILE or SSL_CERT_DIR name.

    Raises:
        SettingsError: what these variables name cannot be read.
    """
    import httpx

    try:
        return httpx.create_ssl_context()
    except (OSError, SSLError) as error:
        named = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]
        there = " and ".join(f"{name} ({Path(os.environ[name])})" for name in named)
        raise SettingsError(
            f"certificates cannot be read from {there}: {error}",
            hint=f"correct or unset {' and '.join(named)}",
        ) from error


def connections(
    address: Address, api_key: str | None, *, timeout: float, kept: int = 1
) -> HTTPConnectionPool:
    """Connections to a server, for the short requests beside chat; no proxy, no redirect, no second try.

    Args:
        address: where.
        api_key: bearer token.
        timeout: seconds for one request, from when it connects (10 of them at most) to the last byte of the
            reply.
        kept: most connections kept open.

    Raises:
        SettingsError: no header can carry the key, or certificates cannot be read.
    """
    options: dict[str, Any] = {
        "headers": address.headers(api_key),
        "timeout": Timeout(total=timeout, connect=min(timeout, 10.0), read=timeout),
        "retries": False,
        "maxsize": kept,
    }
    if address.base.startswith("https:"):
        options["ssl_context"] = certificates()
    pool = connection_from_url(address.base, **options)
    kind: Any = _TimedTls if pool.scheme == "https" else _TimedPlain
    pool.ConnectionCls = kind
    return pool


class _TimedResponse(HTTPResponse):
    """A reply that has a time for all of its bytes, those of its headers among them."""

    def __init__(self, sock: socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp.close()
        self.fp = BufferedReader(_Timed(sock))


class _Timed(RawIOBase):
    """What a socket receives, in the time that it had when this was made: its own time-out is for the next
    byte alone."""

    def __init__(self, sock: socket) -> None:
        self._socket, self._file = sock, sock.makefile("rb", buffering=0)
        self._end = time.monotonic() + (sock.gettimeout() or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _TimedPlain(HTTPConnection):
    response_class = _TimedResponse


class _TimedTls(HTTPSConnection):
    response_class = _TimedResponse


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one short request.

    Args:
        status: of the reply.
        body: after decompression.
        location: where it sends us; empty as a rule.
    """

    status: int
    body: bytes
    location: str = ""


def answered(
    pool: HTTPConnectionPool, url: str, body: bytes | None = None, *, most: int, session: str = ""
) -> Told:
    """One short request: a GET, or a POST where there is something to send.

    Args:
        pool: from `connections`.
        url: of the server.
        body: what is sent.
        most: bytes that are taken, after decompression.
        session: what a router may go by; empty: it chooses by itself.

    Raises:
        HTTPError: it cannot be had, not in the time that the pool gives it, or has no end.
    """
    path = parse_url(url).request_uri
    method = "GET" if body is None else "POST"
    headers = {**pool.headers, SESSION: session} if session else None
    try:
        response = pool.urlopen(method, path, body, headers, redirect=False, preload_content=False)
        try:
            where = response.headers.get("location", "")
            return Told(response.status, _body(response, most), where)
        except BaseException:
            response.close()
            raise
        finally:
            response.release_conn()
    except ReadTimeoutError as error:
        raise HTTPError(f"the reply was not whole after {pool.timeout.total:g} s") from error


def _body(response: BaseHTTPResponse, most: int) -> bytes:
    whole = bytearray()
    while piece := response.read1(1 << 16, decode_content=True):
        whole += piece
        if len(whole) > most:
            raise HTTPError(f"over {most >> 20} MiB came: cut")
    return bytes(whole)
