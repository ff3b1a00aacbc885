"""The server itself: asyncio streams, hand-written HTTP/1.1, in a thread of its own."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import re
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.loopback.faults import MALFORMED, Faults
from tests.loopback.tokenizer import count, count_messages


@dataclass
class Request:
    body: dict[str, Any]
    number: int
    prompt_tokens: int
    started: float = 0.0
    ended: float = 0.0
    status: int = 0
    fault: str | None = None
    session: str = ""
    """What its header says by which routers go."""

    @property
    def messages(self) -> list[dict[str, str]]:
        return self.body["messages"]

    @property
    def text(self) -> str:
        return "\n".join(m["content"] for m in self.messages)

    @property
    def schema(self) -> dict[str, Any] | None:
        """Of the JSON object that is asked for; of calls the object that stands for any of them."""
        if functions := self.functions:
            fields = {name: spec for taken in functions.values() for name, spec in taken.items()}
            return {"properties": {**fields, "do": {"type": "string", "enum": list(functions)}}}
        return (self.body.get("response_format") or {}).get("json_schema", {}).get("schema")

    @property
    def functions(self) -> dict[str, dict[str, Any]]:
        """The functions that may be called, and the schemas of their arguments."""
        told = [tool["function"] for tool in self.body.get("tools", [])]
        return {function["name"]: function["parameters"]["properties"] for function in told}

    @property
    def key(self) -> str:
        names = ("messages", "max_tokens", "temperature", "response_format", "tools", "tool_choice")
        exact = {k: self.body.get(k) for k in names}
        return hashlib.sha256(json.dumps(exact, sort_keys=True).encode()).hexdigest()


@dataclass
class Odd:
    """A reply of a server's own kind."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Reply:
    text: str
    finish_reason: str = "stop"
    reasoning: str = ""
    status: int = 200
    retry_after: str = ""
    delay: float | None = None
    held: threading.Event | None = None
    """It is held back until this is set."""
    error: dict[str, Any] | None = None
    """What an error says, where `status` is one."""
    endless: str = ""
    """Piece of a body that is sent for ever in place of the reply."""
    trickle: float = 0.0
    """Seconds between the bytes of the reply."""
    slow_head: float = 0.0
    """Seconds between the bytes of its headers."""
    certainty: float | None = None
    """Probability of the "yes" or "no" that it decides on, where the request asks for that."""
    calls: list[tuple[str, str]] = field(default_factory=list)
    """Functions that it calls, with their arguments as JSON; the text then stands before them."""

    @property
    def written(self) -> str:
        """All that the model wrote."""
        return self.text + "".join(f"{name} {arguments}" for name, arguments in self.calls)

    @property
    def ended(self) -> str:
        return "tool_calls" if self.calls and self.finish_reason == "stop" else self.finish_reason

    def cut(self, text: int, arguments: int) -> Reply:
        """The same without its end, after so many characters."""
        calls = [(name, told[:arguments]) for name, told in self.calls[:1]]
        return Reply(self.text[:text], "length", self.reasoning, calls=calls)


def as_called(request: Request, text: str) -> Reply:
    """A JSON object that names a function, as a server with a tool parser makes a call of it; other text stays."""
    try:
        said = json.loads(text)
        taken = request.functions[said["do"]]
    except (ValueError, KeyError, TypeError):
        return Reply(text)
    arguments = {name: value for name, value in said.items() if name in taken}
    return Reply("", calls=[(said["do"], json.dumps(arguments, ensure_ascii=False))])


def default_reply(request: Request) -> str:
    """Fill in the schema from the request's own text, always in the same way."""
    if request.schema is None:
        return "A memory of what was read: " + request.text[-60:].strip()
    return json.dumps({name: _value(spec) for name, spec in request.schema["properties"].items()})


def two_facts(request: Request) -> str:
    """A reader that finds two sentences of the segment."""
    if request.schema is None or "facts" not in request.schema["properties"]:
        return default_reply(request)
    segment = " ".join(request.text.split("<segment>")[-1].split("</segment>")[0].split())
    facts = [sentence for sentence in segment.split(". ") if 40 < len(sentence) < 170][3:5]
    return json.dumps({"relevant": "yes", "facts": facts, "sufficient": "no"})


def twenty_facts(request: Request) -> str:
    """An extractor that states twenty sentences of the segment, every second one without some of its words,
    each with three elements."""
    segment = " ".join(request.text.split("<segment>")[-1].split("</segment>")[0].split())
    facts: list[dict[str, Any]] = []
    for sentence in [s for s in segment.split(". ") if 40 < len(s) < 250][:20]:
        words = sentence.split(" ")
        said = [word for at, word in enumerate(words) if at % 5 != 4] if len(facts) % 2 else words
        named = sorted(words, key=lambda word: (not word[:1].isupper(), -len(word)))[:3]
        facts.append({"fact": " ".join(said), "elements": named})
    return json.dumps({"facts": facts})


def _value(spec: dict[str, Any]) -> Any:
    if "enum" in spec:
        return spec["enum"][0]
    if spec.get("const"):
        return spec["const"]
    return {"array": [], "boolean": True, "integer": 0, "number": 0.0}.get(spec.get("type", ""), "harbour")


@dataclass
class Loopback:
    """A loopback server; `with Loopback(...) as server:` gives its `url`."""

    window: int = 8192
    reply: Callable[[Request], str | Reply] = default_reply
    faults: Faults | None = None
    latency: float = 0.0
    model: str = "loopback"
    tokenize: bool = True
    tool_parser: bool = True
    """Else whoever has a function to be called is refused, as by vLLM."""
    tokenize_tools: bool = True
    """Else /tokenize leaves functions out, as older servers do."""
    tokenize_faults: list[int] = field(default_factory=list)
    """Statuses of the next requests to /tokenize; 0 drops the connection."""
    models_fault: Reply | None = None
    """An endless or trickling body in place of the list of models."""
    tokenize_fault: Reply | None = None
    """The same for /tokenize."""
    embed: Callable[[list[str]], Any] | None = None
    """What /v1/embeddings makes of some texts: its `data`, or a status; None: there is no such path."""
    embedded: list[list[str]] = field(default_factory=list)
    """The texts of each request to it."""
    embed_keys: list[str] = field(default_factory=list)
    """What each of them came with as authorization."""
    api_key: str | None = None
    prefix: str = "/v1"
    """Where its paths begin."""
    owner: str = "vllm"
    """Of its model, as it is listed; of another one no window is told."""
    meets: Callable[[str, Any], Odd | None] | None = None
    """Gets the path and the body of a request, and what it gives is sent in place of the reply."""
    reshape: Callable[[dict[str, Any]], Any] | None = None
    """What is sent in place of a chat reply's body."""
    streams: bool = True
    """Else whoever asks for a stream gets the reply at once."""
    tls: ssl.SSLContext | None = None
    refused: int = 0
    """Chat requests that `meets` has turned away."""
    port: int = 0
    keep_requests: bool = True
    requests: list[Request] = field(default_factory=list)
    calls: int = 0
    overruns: int = 0
    peak_in_flight: int = 0
    tokenized: int = 0
    sent: int = 0
    """Bytes of bodies without end."""

    def __enter__(self) -> Loopback:
        self._ready = threading.Event()
        self._in_flight = self._number = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    def die(self) -> None:
        """Stop at once: no more connections, open ones are reset."""
        if self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)

    def stop_soon(self) -> None:
        """Die in the middle of the request being answered (called by a reply function)."""
        self._stopped.set()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}{self.prefix}"

    @property
    def keys(self) -> list[str]:
        return [r.key for r in self.requests if r.status == 200 and r.fault is None]

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stopped = asyncio.Event()
        server = await asyncio.start_server(self._client, "127.0.0.1", self.port, limit=1 << 26, ssl=self.tls)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopped.wait()
        server.close()
        for _ in range(3):  # whoever has just come in is known by then
            await asyncio.sleep(0)
        for writer in list(self._writers):
            writer.transport.abort()
        tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *lines = head.split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (x.partition(":") for x in lines if x)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                if not await self._route(line.split()[1], body, headers, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _route(
        self, path: str, body: bytes, headers: dict[str, str], writer: asyncio.StreamWriter
    ) -> bool:
        if self.api_key and headers.get("authorization") != f"Bearer {self.api_key}":
            return await _send(writer, 401, {"error": {"message": "wrong key", "code": 401}})
        if self.meets and (odd := self.meets(path, json.loads(body or b"null"))):
            self.refused += path.endswith("/chat/completions")
            return await _send(writer, odd.status, odd.body, headers=odd.headers)
        if path.startswith(f"{self.prefix}/"):
            path = f"/v1{path.removeprefix(self.prefix)}"
        elif path.startswith("/v1/"):
            path = "/nowhere"
        fault = {"/v1/models": self.models_fault, "/tokenize": self.tokenize_fault}.get(path)
        if fault:
            return await self._slowly(fault, {"data": []}, writer)
        if path == "/v1/models":
            row = {
                "id": self.model,
                "object": "model",
                "owned_by": self.owner,
                **({"max_model_len": self.window} if self.owner == "vllm" else {}),
            }
            return await _send(writer, 200, {"object": "list", "data": [row]})
        if path in {"/health", "/version"}:
            return await _send(writer, 200, {"version": "loopback"})
        if path == "/tokenize" and self.tokenize:
            self.tokenized += 1
            if self.tokenize_faults:
                status = self.tokenize_faults.pop(0)
                return bool(status) and await _send(writer, status, {"error": {"message": "fault"}})
            data = json.loads(body)
            if "prompt" not in data and "messages" not in data:
                return await _send(writer, 400, {"error": {"message": "no prompt"}})
            tools = data.get("tools") if self.tokenize_tools else None
            tokens = count_messages(data["messages"], tools) if "messages" in data else count(data["prompt"])
            return await _send(writer, 200, {"count": tokens, "max_model_len": self.window, "tokens": []})
        if path == "/v1/embeddings" and self.embed:
            texts = json.loads(body)["input"]
            self.embedded.append(texts)
            self.embed_keys.append(headers.get("authorization", ""))
            data = self.embed(texts)
            if isinstance(data, int):
                return await _send(writer, data, {"error": {"message": "on purpose"}})
            return await _send(writer, 200, {"object": "list", "data": data})
        if path == "/v1/chat/completions":
            session = headers.get("x-session-id", "")
            return await self._chat(json.loads(body), session, writer)
        return await _send(writer, 404, {"detail": "Not Found"})

    async def _chat(self, body: dict[str, Any], session: str, writer: asyncio.StreamWriter) -> bool:
        tokens = count_messages(body["messages"], body.get("tools"))
        request = Request(body, self._number, tokens, time.monotonic(), session=session)
        self._number += 1
        if self.keep_requests:
            self.requests.append(request)
        most = body.get("max_tokens") or body.get("max_completion_tokens") or 256
        if request.prompt_tokens + most > self.window:
            self.overruns += 1
            request.status = 400
            return await _send(writer, 400, _too_long(self.window, request.prompt_tokens, most))
        if body.get("tools") and not self.tool_parser:
            request.status = 400
            told = 'tool_choice="required" requires --tool-call-parser to be set'
            return await _send(writer, 400, {"error": {"message": told, "code": 400}})
        self._in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self._in_flight)
        try:
            request.fault = self.faults.next() if self.faults else None
            answer = self.reply(request)
            reply = as_called(request, answer) if isinstance(answer, str) else answer
            await asyncio.sleep(self.latency if reply.delay is None else reply.delay)
            while reply.held and not (reply.held.is_set() or self._stopped.is_set()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            if self._stopped.is_set():
                return False
            return await self._answer(request, reply, most, writer)
        finally:
            self._in_flight -= 1
            request.ended = time.monotonic()

    async def _answer(self, request: Request, reply: Reply, most: int, writer: asyncio.StreamWriter) -> bool:
        fault = request.fault
        request.status = reply.status
        if reply.status != 200:
            error = {"error": reply.error or {"message": "on purpose"}}
            return await _send(writer, reply.status, error, retry_after=reply.retry_after)
        if reply.endless:
            return await self._slowly(reply, {}, writer)
        if fault in {"500", "429"}:
            request.status = int(fault)
            return await _send(writer, int(fault), {"error": {"message": f"fault {fault}"}})
        if fault == "drop":
            return False
        if fault == "malformed":
            reply = Reply(MALFORMED[len(self.faults.injected) % len(MALFORMED)] if self.faults else "{")
        elif fault == "cut":
            reply = reply.cut(len(reply.text) // 2, len(reply.written) // 2)
        elif fault == "whitespace":
            reply = Reply("{" + " " * 400, "length")
        if count(reply.written) > most:
            reply = reply.cut(most * 2, most)
        usage = {
            "prompt_tokens": request.prompt_tokens,
            "completion_tokens": count(reply.written),
            "total_tokens": request.prompt_tokens + count(reply.written),
            "prompt_tokens_details": {"cached_tokens": 0},
        }
        if fault is None:
            self.calls += 1
        if request.body.get("stream") and self.streams:
            certainty = reply.certainty if request.body.get("logprobs") else None
            return await self._stream(reply, usage, fault, certainty, writer)
        message = {"role": "assistant", "content": reply.text}
        if reply.reasoning:
            message["reasoning_content"] = reply.reasoning
        if reply.calls:
            calls = [_function(*call) for call in reply.calls]
            message["tool_calls"] = [{"id": f"c{n}", "type": "function", **c} for n, c in enumerate(calls)]
        choice = {"index": 0, "message": message, "finish_reason": reply.ended}
        if request.body.get("logprobs") and reply.certainty is not None:
            choice["logprobs"] = {"content": _logprobs(reply.text, reply.certainty)}
        data = {
            "id": "x",
            "object": "chat.completion",
            "model": self.model,
            "choices": [choice],
            "usage": usage,
        }
        if fault == "half_body":
            raw = json.dumps(data).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(raw)
            )
            writer.write(raw[: len(raw) // 2])
            await writer.drain()
            return False
        if reply.trickle or reply.slow_head:
            return await self._slowly(reply, data, writer)
        return await _send(writer, 200, self.reshape(data) if self.reshape else data)

    async def _slowly(self, reply: Reply, data: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
        """Headers or a body byte by byte, or a body without end."""
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
        for piece in [bytes([byte]) for byte in head] if reply.slow_head else [head]:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(reply.slow_head)
        block = reply.endless.encode() * (1 + (1 << 16) // max(len(reply.endless), 1))
        while reply.endless:
            writer.write(block)
            await writer.drain()
            self.sent += len(block)
        for byte in json.dumps(data).encode():
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(reply.trickle)
        return False

    async def _stream(
        self,
        reply: Reply,
        usage: dict[str, Any],
        fault: str | None,
        certainty: float | None,
        writer: asyncio.StreamWriter,
    ) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        pieces = [reply.text[i : i + 7] for i in range(0, len(reply.text), 7)]
        if certainty is not None:
            for token in _logprobs(reply.text, certainty):
                choice = {"index": 0, "delta": {"content": token["token"]}, "logprobs": {"content": [token]}}
                writer.write(_event({"choices": [choice]}))
            pieces = []
        deltas = [{"content": piece} for piece in pieces]
        for number, (name, arguments) in enumerate(reply.calls):
            parts = [arguments[i : i + 7] for i in range(0, len(arguments), 7)]
            several = [_function(name, ""), *({"function": {"arguments": part}} for part in parts)]
            deltas += [{"tool_calls": [{"index": number, **one}]} for one in several]
        for delta in deltas[: len(deltas) // 2] if fault == "half_body" else deltas:
            writer.write(_event({"choices": [{"index": 0, "delta": delta}]}))
        if fault != "half_body":
            writer.write(_event({"choices": [{"index": 0, "delta": {}, "finish_reason": reply.ended}]}))
            writer.write(_event({"choices": [], "usage": usage}) + b"data: [DONE]\n\n")
        await writer.drain()
        writer.write_eof()
        return False


def _function(name: str, arguments: str) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}}


def _logprobs(text: str, certainty: float) -> list[dict[str, Any]]:
    """The tokens of a reply with the probabilities of its first decision, as vLLM and llama.cpp give them."""
    before, said, after = re.split(r"(?<=\")(yes|no)(?=\")", text, maxsplit=1)
    other = {"yes": "no", "no": "yes"}[said]
    share = {said: certainty * 0.9, other: (1 - certainty) * 0.9, "maybe": 0.1}
    top = [{"token": token, "logprob": math.log(p)} for token, p in share.items() if p]
    sure = {"logprob": 0.0, "top_logprobs": []}
    tokens = [{"token": token, **sure} for token in re.findall(r"\w+|\W", before)]
    tokens.append({**top[0], "top_logprobs": top})
    return [*tokens, *({"token": token, **sure} for token in re.findall(r"\w+|\W", after))]


def _too_long(window: int, prompt: int, most: int) -> dict[str, Any]:
    message = (
        f"This model's maximum context length is {window} tokens. However, you requested {prompt + most} tokens"
        f" ({prompt} in the messages, {most} in the completion)."
    )
    return {"error": {"message": message, "type": "BadRequestError", "param": None, "code": 400}}


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


async def _send(
    writer: asyncio.StreamWriter,
    status: int,
    data: Any,
    *,
    retry_after: str = "",
    headers: dict[str, str] | None = None,
) -> bool:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    told = {**({"retry-after": retry_after} if retry_after else {}), **(headers or {})}
    more = "".join(f"{name}: {value}\r\n" for name, value in told.items()).encode()
    writer.write(
        b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n"
        % (status, more, len(raw))
        + raw
    )
    await writer.drain()
    return True
