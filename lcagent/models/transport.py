"""One request to one model server, and its reply: the only place that talks HTTP for chat.

Endpoints that speak the OpenAI protocol (vLLM, llama.cpp, anything with an API base) are asked
directly; every other provider goes through litellm. docs/design/0001-transport.md has the figures.
"""

from __future__ import annotations

import json
import math
import os
import re
import warnings
from collections.abc import AsyncIterable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import orjson

from lcagent.errors import (
    AccessRefused,
    CutReply,
    LcagentError,
    ModelError,
    NotServed,
    RequestRefused,
    WindowExceeded,
)
from lcagent.models.endpoint import Endpoint, certificates
from lcagent.models.estimate import Messages

OnDelta = Callable[[str], None]

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


@dataclass(slots=True)
class RawReply:
    """A reply as served: its text, what was thought before it, how it ended, what it cost.

    `certainty` is the probability, from 0 to 1, that the model gave to the "yes" or "no" that it wrote
    where it had to decide; None where it was not asked or is not told.
    """

    text: str
    reasoning: str = ""
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = field(default=0.0, compare=False)
    certainty: float | None = None
    key: str = field(default="", compare=False)
    """Names it in the journal."""


class Transient(ModelError):
    """A fault that may pass: time-out, 429, 5xx, a dropped or cut body. Retried by the caller."""

    retry_after: float = 0.0


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
                return _parse(json.loads(raw), request.decides)
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
        reply, finished, size = RawReply(text=""), False, 0
        async for line in lines:
            size += len(line)
            if size > request.most_bytes:
                raise self._endless(request)
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                break
            finished |= _add_chunk(reply, json.loads(data), request.decides, on_delta)
        if not finished:
            raise Transient(f"{self._endpoint.base_url} broke off in the middle of a reply")
        return reply

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
        """Send one request; with `on_delta` the reply is streamed."""
        body = request.body
        options = {"model": self._model, "api_key": self._api_key, "timeout": self._timeout, "num_retries": 0}
        errors = self._litellm.exceptions
        try:
            if on_delta is None:
                reply: Any = await self._litellm.acompletion(**body, **options, drop_params=True)
                return _parse(reply.model_dump(), request.decides)
            stream: Any = await self._litellm.acompletion(
                **body,
                **options,
                drop_params=True,
                stream=True,
                stream_options={"include_usage": True},
            )
            whole, finished = RawReply(text=""), False
            async for chunk in stream:
                finished |= _add_chunk(whole, chunk.model_dump(), request.decides, on_delta)
                if len(whole.text) + len(whole.reasoning) > request.most_bytes:
                    raise CutReply(f"{self._model} sent a reply without end: cut")
        except errors.ContextWindowExceededError as error:
            raise WindowExceeded(str(error)) from error
        # Most of litellm's errors have no base of litellm's in common, only openai's.
        except self._openai.APIError as error:
            status = getattr(error, "status_code", None) or 500  # none: no connection
            headers = getattr(getattr(error, "response", None), "headers", {})
            raise refusal(int(status), str(error), headers) from error
        if not finished:
            raise Transient(f"{self._model} broke off in the middle of a reply")
        return whole

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


def _parse(data: dict[str, Any], decides: str) -> RawReply:
    choice = data["choices"][0]
    message = choice["message"]
    reply = RawReply(
        text=message.get("content") or "",
        reasoning=message.get("reasoning_content") or message.get("reasoning") or "",
        finish_reason=choice.get("finish_reason") or "stop",
        certainty=_certainty("", choice, decides),
    )
    _add_usage(reply, data.get("usage"))
    return reply


def _add_chunk(reply: RawReply, chunk: dict[str, Any], decides: str, on_delta: OnDelta) -> bool:
    if "error" in chunk:
        raise Transient(f"the model server broke off: {chunk['error']}")
    _add_usage(reply, chunk.get("usage"))
    for choice in chunk.get("choices") or []:
        delta = choice.get("delta") or {}
        reply.reasoning += delta.get("reasoning_content") or delta.get("reasoning") or ""
        if reply.certainty is None:
            reply.certainty = _certainty(reply.text, choice, decides)
        if text := delta.get("content"):
            reply.text += text
            on_delta(text)
        if choice.get("finish_reason"):
            reply.finish_reason = choice["finish_reason"]
            return True
    return False


def _add_usage(reply: RawReply, usage: dict[str, Any] | None) -> None:
    if not usage:
        return
    reply.prompt_tokens = int(usage.get("prompt_tokens") or 0)
    reply.completion_tokens = int(usage.get("completion_tokens") or 0)
    details = usage.get("prompt_tokens_details") or {}
    reply.cached_tokens = int(details.get("cached_tokens") or 0)


def _certainty(before: str, choice: dict[str, Any], decides: str) -> float | None:
    """How probable the decision in a reply, or in a piece of it, was among "yes" and "no".

    Args:
        before: the reply's text before this piece.
        choice: as served, with the probabilities of its tokens.
        decides: the field of the decision; empty: none was asked for.
    """
    if not decides:
        return None
    for token in (choice.get("logprobs") or {}).get("content") or []:
        if (chosen := _decision(token["token"])) and f'"{decides}"' in before:
            told = [*(token.get("top_logprobs") or []), token]
            likely = {other["token"]: other["logprob"] for other in told}
            share = {"yes": 0.0, "no": 0.0}
            for text, logprob in likely.items():
                if said := _decision(text):
                    share[said] += math.exp(logprob)
            return share[chosen] / sum(share.values())
        before += token["token"]
    return None


def _decision(token: str) -> str:
    """The decision that a token writes or begins; empty if none."""
    letters = token.strip(' "\n').casefold()
    return next((word for word in ("yes", "no") if letters and word.startswith(letters)), "")
