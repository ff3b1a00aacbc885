"""One request to one model server, and its reply: the only place that talks HTTP for chat.

Endpoints that speak the OpenAI protocol (vLLM, llama.cpp, anything with an API base) are asked
directly; every other provider goes through litellm. docs/design/0001-transport.md has the figures.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import warnings
from collections import Counter
from collections.abc import AsyncIterable, Callable, Mapping
from typing import Any, Protocol

from lcagent.errors import CutReply, RequestRefused, WindowExceeded
from lcagent.models import wire
from lcagent.models.endpoint import SESSION, Endpoint, certificates
from lcagent.models.manners import Manners, Refused
from lcagent.models.refusals import Transient
from lcagent.models.replies import CALLED, Incoming, OnDelta, RawReply, parsed
from lcagent.models.request import ChatRequest

Notice = Callable[[str], None]
_MOST_OF_ERROR = 1 << 16
"""Bytes of an error's body that are read."""
_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4}
"""Seconds of silence before the first question whether the other end is there, between two, and how many."""
_FEW = 2
"""Tries of a request whose reply came whole and is none."""
_MOST_MOVED = 4096
"""Beginnings that are known to have met a dead server behind a router."""


class Transport(Protocol):
    """Sends one request; raises Transient for what may pass, another ModelError for what will not."""

    tells_certainty: bool
    """Whether it may be asked how probable a decision was: some servers refuse that."""
    sets_window: bool
    """Whether each request tells the server how large a context to open."""
    answered: Mapping[str, int]
    """Requests that each of several servers has answered; empty where there is one."""

    async def send(self, request: ChatRequest, on_delta: OnDelta | None = None) -> RawReply:
        """Send one request and wait for its whole reply."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


def _lively(address: tuple[Any, ...]) -> socket.socket:
    """A connection that the system looks after: during a long reply a NAT does not forget it, and one whose
    other end has gone fails within half a minute."""
    made = socket.socket(*address[:3])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):  # not everywhere
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return made


class HttpTransport:
    """Asks an OpenAI-compatible endpoint over HTTP.

    Args:
        endpoint: where.
        timeout: seconds for one reply from its first byte sent to its last one received.
        manners: what the endpoint was found not to take.
        notice: gets a sentence for people where something is left out.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout: float,
        manners: Manners | None = None,
        notice: Notice = lambda _: None,
    ) -> None:
        import aiohttp

        self._endpoint = endpoint
        self._manners = manners or Manners(endpoint.base_url)
        self._notice = notice
        self.tells_certainty, self.sets_window = endpoint.kind != "openai", False
        self.answered: Mapping[str, int] = {}
        self._url = endpoint.url("/chat/completions")
        self._client = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, 10.0)),
            headers=endpoint.headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=1 << 20,  # some servers stream a whole reply as one line
            connector=aiohttp.TCPConnector(
                limit=0,
                # Servers commonly drop connections that were idle for 5 s.
                keepalive_timeout=4.0,
                socket_factory=_lively,
                ssl=certificates() if self._url.startswith("https:") else True,
            ),
        )
        self._faults = aiohttp.ClientError
        self._moved: Counter[str] = Counter()

    async def send(self, request: ChatRequest, on_delta: OnDelta | None = None) -> RawReply:
        """Send one request; with `on_delta` the reply is streamed.

        Raises:
            CutReply: the body has no end; what came of it is dropped.
        """

        async def send(body: bytes) -> RawReply:
            return await self._post(body, request, on_delta)

        try:
            return await self._manners.asked(request, self._fields(on_delta), send, self._notice)
        except TimeoutError as error:
            raise _gone(f"{self._endpoint.base_url} did not answer in time") from error
        except self._faults as error:
            raise _gone(
                f"{self._endpoint.base_url} cannot be reached: {error or type(error).__name__}",
                hint="is the server still running? the run can be resumed",
            ) from error
        except (wire.BadBody, ValueError) as error:  # aiohttp's, of a line without end
            fault = Transient(f"{self._endpoint.base_url} sent a body that is no chat reply: {error}")
            fault.tries = _FEW
            raise fault from error

    def _fields(self, on_delta: OnDelta | None) -> dict[str, Any]:
        fields: dict[str, Any] = {"model": self._endpoint.model}
        if on_delta is not None:
            fields |= {"stream": True, "stream_options": {"include_usage": True}}
        return fields

    async def _post(self, body: bytes, request: ChatRequest, on_delta: OnDelta | None) -> RawReply:
        moved = self._moved[request.prefix]
        told = {SESSION: f"{request.prefix}-{moved}" if moved else request.prefix}
        async with self._client.post(self._url, data=body, headers=told, allow_redirects=False) as response:
            if response.status != 200:
                text = await _read(response.content, _MOST_OF_ERROR)
                if response.status >= 500:
                    self._move(request.prefix)
                raise Refused(response.status, text.decode("utf-8", "replace"), response.headers)
            if on_delta is not None and "json" not in response.content_type:
                return await self._stream(response.content, request, on_delta)
            raw = await _read(response.content, request.most_bytes)
            if len(raw) > request.most_bytes:
                raise self._endless(request)
            reply = parsed(wire.loaded(raw), request)
            if on_delta is not None and reply.finish_reason != CALLED:  # it streams nothing
                on_delta(reply.text)
            return reply

    async def _stream(self, lines: AsyncIterable[bytes], request: ChatRequest, on_delta: OnDelta) -> RawReply:
        reply, size, done, other = Incoming(request, on_delta), 0, False, bytearray()
        async for line in lines:
            size += len(line)
            if size > request.most_bytes:
                raise self._endless(request)
            if not line.startswith(b"data:"):
                other += line
                continue
            data = line[5:].strip()
            if done := data == b"[DONE]":
                break
            if data:
                reply.add(wire.loaded(data))
        if not reply.size and other.lstrip().startswith(b"{"):  # a body that is called a stream
            return parsed(wire.loaded(bytes(other)), request)
        # Some servers never say how a reply ended, but say that it did.
        if not reply.finished and not (done and reply.size):
            raise _gone(f"{self._endpoint.base_url} broke off in the middle of a reply")
        return reply.whole()

    def _move(self, prefix: str) -> None:
        """Name a beginning otherwise from now on: a router that hashes names led it to a server that fails,
        and leads it to another so."""
        if len(self._moved) >= _MOST_MOVED:
            self._moved.clear()
        self._moved[prefix] += 1

    def _endless(self, request: ChatRequest) -> CutReply:
        return CutReply(
            f"{self._endpoint.base_url} sent over {request.most_bytes >> 20} MiB for a reply of at most"
            f" {request.max_tokens} tokens: cut"
        )

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()


def _gone(message: str, *, hint: str = "") -> Transient:
    fault = Transient(message, hint=hint)
    fault.gone = True
    return fault


async def _read(content: Any, most: int) -> bytes:
    """A body after decompression (an aiohttp stream); no more is read once it is over `most` bytes."""
    body = bytearray()
    async for piece in content.iter_any():
        body += piece
        if len(body) > most:
            break
    return bytes(body)


def imported_litellm() -> Any:
    """litellm, imported without what its own code warns of: none of its users can mend that. It sends nothing
    of its own accord, and prints nothing: what goes wrong is told by our errors."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else fetched at import
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import litellm
    # These come later, when it makes its types: about a field that only it writes.
    warnings.filterwarnings("ignore", message="Items? .* on TypedDict class", category=UserWarning)
    litellm.suppress_debug_info = True
    setattr(litellm, "telemetry", False)  # noqa: B010 - which it does not declare
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return litellm


class LiteLlmTransport:
    """Asks any provider that litellm knows, by its name `provider/model`.

    Args:
        model: litellm's name.
        api_key: the provider's key; None: litellm reads the provider's own variable.
        timeout: seconds to wait for one reply.
        window: tokens of a call; Ollama is told, which else cuts what is longer than its default.
        notice: gets a sentence for people where something is left out.
    """

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None,
        timeout: float,
        window: int | None = None,
        manners: Manners | None = None,
        notice: Notice = lambda _: None,
    ) -> None:
        litellm = imported_litellm()
        import openai

        self._litellm, self._openai = litellm, openai
        self._model, self._manners, self._notice = model, manners or Manners(model), notice
        key = (api_key or "").strip() or None
        self.answered: Mapping[str, int] = {}
        self._options: dict[str, Any] = {"model": model, "api_key": key, "timeout": timeout, "num_retries": 0}
        self.tells_certainty, self.sets_window = False, bool(window) and model.startswith(_OLLAMA)
        if self.sets_window:
            self._options["num_ctx"] = window

    async def send(self, request: ChatRequest, on_delta: OnDelta | None = None) -> RawReply:
        """Send one request; with `on_delta` the reply is streamed.

        Raises:
            RequestRefused: a function is to be called, which litellm cannot ask this provider for: it
                would leave the functions out (`drop_params`).
        """
        if request.tools and not self._takes_tools():
            raise RequestRefused(f"litellm knows no way to have {self._model} call functions")
        fields: dict[str, Any] = {}
        if on_delta is not None:
            fields = {"stream": True, "stream_options": {"include_usage": True}}

        async def send(body: bytes) -> RawReply:
            return await self._complete(json.loads(body), request, on_delta)

        try:
            return await self._manners.asked(request, fields, send, self._notice)
        except wire.BadBody as error:
            fault = Transient(f"{self._model} sent what is no chat reply: {error}")
            fault.tries = _FEW
            raise fault from error

    async def _complete(
        self, body: dict[str, Any], request: ChatRequest, on_delta: OnDelta | None
    ) -> RawReply:
        errors = self._litellm.exceptions
        try:
            reply: Any = await self._litellm.acompletion(**body, **self._options, drop_params=True)
            if not body.get("stream"):
                return parsed(reply.model_dump(), request)
            incoming = Incoming(request, on_delta or (lambda _: None))
            async for chunk in reply:
                incoming.add(chunk.model_dump())
                if incoming.size > request.most_bytes:
                    raise CutReply(f"{self._model} sent a reply without end: cut")
        except errors.ContextWindowExceededError as error:
            raise WindowExceeded(str(error)) from error
        # Most of litellm's errors have no base of litellm's in common, only openai's.
        except self._openai.APIError as error:
            status = getattr(error, "status_code", None) or 500  # none: no connection
            headers = getattr(getattr(error, "response", None), "headers", {})
            raise Refused(int(status), str(error), headers) from error
        if not incoming.finished:
            raise Transient(f"{self._model} broke off in the middle of a reply")
        return incoming.whole()

    def _takes_tools(self) -> bool:
        known = self._litellm.get_supported_openai_params(model=self._model) or []
        return {"tools", "tool_choice"} <= set(known)

    async def close(self) -> None:
        """litellm keeps its own connections."""


_OLLAMA = ("ollama/", "ollama_chat/")
