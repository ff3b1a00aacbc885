"""One request to one model server, and its reply: the only place that talks HTTP for chat.

Endpoints that speak the OpenAI protocol (vLLM, llama.cpp, anything with an API base) are asked
directly; every other provider goes through litellm. docs/design/0001-transport.md has the figures.
"""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import orjson

from lcagent.errors import (
    AccessRefused,
    CutReply,
    LcagentError,
    NotServed,
    RequestRefused,
    WindowExceeded,
)
from lcagent.models.endpoint import Endpoint, certificates
from lcagent.models.estimate import Messages, Tools
from lcagent.models.replies import Incoming, OnDelta, RawReply, Transient, parsed

_MOST_OF_ERROR = 1 << 16
"""Bytes of an error's body that are read."""


@dataclass(frozen=True)
class ChatRequest:
    """Everything but the model that decides a reply."""

    messages: Messages
    max_tokens: int
    temperature: float = 0.0
    top_p: float | None = None
    schema: dict[str, Any] | None = None
    decides: str = ""
    """The reply's field that is "yes" or "no" and of which it is asked how probable it was."""
    tools: Tools = ()
    """Functions of which one has to be called."""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> ChatRequest:
        """The request that had a body, but that no probabilities are asked for.

        Args:
            body: as `encoded` has it.
        """
        form = body.get("response_format")
        return cls(
            messages=body["messages"],
            max_tokens=body["max_tokens"],
            temperature=body["temperature"],
            top_p=body.get("top_p"),
            schema=form["json_schema"]["schema"] if form else None,
            tools=body.get("tools", ()),
        )

    @property
    def body(self) -> dict[str, Any]:
        """The request as the OpenAI chat API has it, but for the model."""
        body: dict[str, Any] = {
            "messages": self.messages,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
        }
        if self.top_p is not None:
            body["top_p"] = self.top_p
        if self.schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "reply", "schema": self.schema, "strict": True},
            }
        if self.tools:
            one = {"tool_choice": "required", "parallel_tool_calls": False}
            body |= {"tools": list(self.tools), **one}
        if self.decides:
            body |= {"logprobs": True, "top_logprobs": 5}
        return body

    @cached_property
    def encoded(self) -> bytes:
        """`body` as JSON: encoded once, for the journal's key and for every try."""
        try:
            return orjson.dumps(self.body)
        except orjson.JSONEncodeError:  # half a surrogate pair, which only an escape can carry
            return json.dumps(self.body).encode()

    @property
    def most_bytes(self) -> int:
        """Bytes that no honest reply reaches: 4 KiB for each token, with its probabilities, and 1 MiB."""
        return (1 << 20) + (self.max_tokens << 12)


class Transport(Protocol):
    """Sends one request; raises Transient for what may pass, another ModelError for what will not."""

    tells_certainty: bool
    """Whether it may be asked how probable a decision was: some servers refuse that."""

    async def send(self, request: ChatRequest, on_delta: OnDelta | None = None) -> RawReply:
        """Send one request and wait for its whole reply."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


class HttpTransport:
    """Asks an OpenAI-compatible endpoint over HTTP.

    Args:
        endpoint: where.
        timeout: seconds for one reply from its first byte sent to its last one received.
    """

    def __init__(self, endpoint: Endpoint, *, timeout: float) -> None:
        import aiohttp

        self._endpoint = endpoint
        self.tells_certainty = endpoint.kind != "openai"
        self._url = endpoint.base_url + "/chat/completions"
        headers = {"Content-Type": "application/json"}
        if endpoint.api_key:
            headers["Authorization"] = f"Bearer {endpoint.api_key}"
        self._client = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, 10.0)),
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(
                limit=0,
                # Servers commonly drop connections that were idle for 5 s.
                keepalive_timeout=4.0,
                ssl=certificates() if self._url.startswith("https:") else True,
            ),
        )
        self._faults = aiohttp.ClientError

    async def send(self, request: ChatRequest, on_delta: OnDelta | None = None) -> RawReply:
        """Send one request; with `on_delta` the reply is streamed.

        Raises:
            CutReply: the body has no end; what came of it is dropped.
        """
        fields = {"model": self._endpoint.model}
        if on_delta is not None:
            fields |= {"stream": True, "stream_options": {"include_usage": True}}
        # Joins two JSON objects: the long one is encoded already.
        body = json.dumps(fields)[:-1].encode() + b", " + request.encoded[1:]
        try:
            async with self._client.post(self._url, data=body, allow_redirects=False) as response:
                if response.status != 200:
                    text = await _read(response.content, _MOST_OF_ERROR)
                    raise refusal(response.status, text.decode("utf-8", "replace"), response.headers)
                if on_delta is not None:
                    return await self._stream(response.content, request, on_delta)
                raw = await _read(response.content, request.most_bytes)
                if len(raw) > request.most_bytes:
                    raise self._endless(request)
                return parsed(json.loads(raw), request.decides)
        except TimeoutError as error:
            raise Transient(f"{self._endpoint.base_url} did not answer in time") from error
        except self._faults as error:
            raise Transient(
                f"{self._endpoint.base_url} cannot be reached: {error or type(error).__name__}",
                hint="is the server still running? the run can be resumed",
            ) from error
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise Transient(f"{self._endpoint.base_url} sent a body that is no chat reply") from error

    async def _stream(self, lines: AsyncIterable[bytes], request: ChatRequest, on_delta: OnDelta) -> RawReply:
        reply, size = Incoming(request.decides, on_delta), 0
        async for line in lines:
            size += len(line)
            if size > request.most_bytes:
                raise self._endless(request)
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                break
            reply.add(json.loads(data))
        if not reply.finished:
            raise Transient(f"{self._endpoint.base_url} broke off in the middle of a reply")
        return reply.whole()

    def _endless(self, request: ChatRequest) -> CutReply:
        return CutReply(
            f"{self._endpoint.base_url} sent over {request.most_bytes >> 20} MiB for a reply of at most"
            f" {request.max_tokens} tokens: cut"
        )

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()


async def _read(content: Any, most: int) -> bytes:
    """A body after decompression (an aiohttp stream); no more is read once it is over `most` bytes."""
    body = bytearray()
    async for piece in content.iter_any():
        body += piece
        if len(body) > most:
            break
    return bytes(body)


def imported_litellm() -> Any:
    """litellm, imported without what its own code warns of: none of its users can mend that."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else fetched at import
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import litellm
    # These come later, when it makes its types: about a field that only it writes.
    warnings.filterwarnings("ignore", message="Items? .* on TypedDict class", category=UserWarning)
    return litellm


class LiteLlmTransport:
    """Asks any provider that litellm knows, by its name `provider/model`.

    Args:
        model: litellm's name.
        api_key: the provider's key; None: litellm reads the provider's own variable.
        timeout: seconds to wait for one reply.
    """

    def __init__(self, model: str, *, api_key: str | None, timeout: float) -> None:
        litellm = imported_litellm()
        import openai

        litellm.suppress_debug_info = True
        self._litellm, self._openai = litellm, openai
        self._model, self._api_key, self._timeout = model, api_key, timeout
        self.tells_certainty = False

    async def send(self, request: ChatRequest, on_delta: OnDelta | None = None) -> RawReply:
        """Send one request; with `on_delta` the reply is streamed.

        Raises:
            RequestRefused: a function is to be called, which litellm cannot ask this provider for: it
                would leave the functions out (`drop_params`).
        """
        body = request.body
        options = {"model": self._model, "api_key": self._api_key, "timeout": self._timeout, "num_retries": 0}
        errors = self._litellm.exceptions
        try:
            if request.tools and not self._takes_tools():
                raise RequestRefused(f"litellm knows no way to have {self._model} call functions")
            if on_delta is None:
                reply: Any = await self._litellm.acompletion(**body, **options, drop_params=True)
                return parsed(reply.model_dump(), request.decides)
            stream: Any = await self._litellm.acompletion(
                **body,
                **options,
                drop_params=True,
                stream=True,
                stream_options={"include_usage": True},
            )
            incoming = Incoming(request.decides, on_delta)
            async for chunk in stream:
                incoming.add(chunk.model_dump())
                if incoming.size > request.most_bytes:
                    raise CutReply(f"{self._model} sent a reply without end: cut")
        except errors.ContextWindowExceededError as error:
            raise WindowExceeded(str(error)) from error
        # Most of litellm's errors have no base of litellm's in common, only openai's.
        except self._openai.APIError as error:
            status = getattr(error, "status_code", None) or 500  # none: no connection
            headers = getattr(getattr(error, "response", None), "headers", {})
            raise refusal(int(status), str(error), headers) from error
        if not incoming.finished:
            raise Transient(f"{self._model} broke off in the middle of a reply")
        return incoming.whole()

    def _takes_tools(self) -> bool:
        known = self._litellm.get_supported_openai_params(model=self._model) or []
        return {"tools", "tool_choice"} <= set(known)

    async def close(self) -> None:
        """litellm keeps its own connections."""


_OVERRUN = re.compile(
    # OpenAI's code, llama.cpp's
    r"context_length_exceeded|exceed_context_size_error|exceeds? the available context size"
    # OpenAI, vLLM, xAI, Mistral; vLLM's older engine; SGLang; LM Studio
    r"|maximum (?:context|prompt|model|input) length (?:is|of) \d|\d maximum context length"
    r"|longer than the (?:maximum model|model's (?:maximum )?context) length|when context the overflows"
    # Anthropic; Gemini; text-generation-inference; Bedrock
    r"|prompt is too long: \d+ tokens|exceed context limit: \d|exceeds the maximum number of tokens allowed"
    r"|must be <= \d+\. Given: \d|input is too long for requested model",
    re.I,
)
"""How servers say that a prompt and its reply do not fit the window, and nothing else."""


def refusal(status: int, text: str, headers: Mapping[str, str]) -> LcagentError:
    """The error of the tree that a status other than 200 stands for.

    Args:
        status: of the reply.
        text: its body.
        headers: its headers, of which `retry-after` counts.
    """
    try:
        error = json.loads(text)
        error = error.get("error", error)
        message = str(error.get("message") or error) if isinstance(error, dict) else str(error)
    except (ValueError, AttributeError):
        message = text[:300]
    if status in {408, 409, 425, 429} or status >= 500:
        fault = Transient(f"the model server says {status}: {message[:300]}")
        retry_after = headers.get("retry-after", "")
        fault.retry_after = float(retry_after) if retry_after.replace(".", "", 1).isdigit() else 0.0
        return fault
    if status in {401, 402, 403}:
        hint = "its account there has no credit" if status == 402 else "set LCAGENT_API_KEY or --api-key"
        return AccessRefused(f"the model server refuses us ({status}): {message[:300]}", hint=hint)
    if status in {404, 405, 410}:
        return NotServed(
            f"the model server has no such model or path ({status}): {message[:300]}",
            hint="check --model and --api-base; `lcagent doctor` says what is asked",
        )
    if _OVERRUN.search(text):
        return WindowExceeded(f"the model server says: {message[:300]}")
    return RequestRefused(f"the model server refuses the request ({status}): {message[:300]}")
