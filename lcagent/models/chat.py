"""The chat client: limit, budget, journal and retries around one transport."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol
from weakref import WeakKeyDictionary

from lcagent.errors import CutReply, EndpointUnavailable
from lcagent.models.budget import Budget
from lcagent.models.transport import ChatRequest, OnDelta, RawReply, Transient, Transport
from lcagent.models.window import Fitted, Window
from lcagent.text import whole_characters

DEFAULT_CONCURRENCY = 8
"""Requests in flight to a server that does not say how many it runs."""
ATTEMPTS = 7
"""Tries of one request before the run stops (it can be resumed): about half a minute of waiting."""
QUIET_SECONDS = 10.0
"""A server in trouble is told of this often, however many requests are in flight."""
MOST_WAIT = 60.0
"""Most seconds that a server's Retry-After is obeyed."""


class Journal(Protocol):
    """Keeps finished calls under the key of their exact request."""

    def get(self, key: str) -> RawReply | None:
        """The reply to a finished call, if there is one."""
        ...

    def put(self, key: str, role: str, reply: RawReply) -> None:
        """Keep a reply; when this returns, it survives a SIGKILL."""
        ...

    def forget(self, keys: Sequence[str]) -> None:
        """Replies that were of no use are not given again; what they cost stays counted."""
        ...


@dataclass(slots=True)
class Faults:
    """What went wrong in this process: requests sent again, replies malformed or cut. What calls
    cost is counted from the journal."""

    retries: int = 0
    malformed: int = 0
    cut: int = 0


_limits: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Semaphore]] = WeakKeyDictionary()


def endpoint_limit(name: str, size: int) -> asyncio.Semaphore:
    """The limit of requests in flight to one endpoint, shared by everything in this event loop."""
    limits = _limits.setdefault(asyncio.get_running_loop(), {})
    return limits.setdefault(name, asyncio.Semaphore(size))


@dataclass(slots=True)
class ChatModel:
    """Asks the model: each finished call is journalled, each fault that may pass is retried.

    Args:
        name: the model's name, part of the journal's key.
        transport: how it is reached.
        window: its window; no request is sent that was not fitted to it.
        journal: finished calls of this run.
        budget: what this command may spend.
        limit: requests in flight at once.
        reserve_tokens: tokens kept back from the budget for the answering call.
        notice: called with a sentence for people when a request is retried.
    """

    name: str
    transport: Transport
    window: Window
    journal: Journal
    budget: Budget
    limit: asyncio.Semaphore
    temperature: float = 0.0
    top_p: float | None = None
    reserve_tokens: int = 0
    notice: Callable[[str], None] = lambda _: None
    faults: Faults = field(default_factory=Faults)
    _pending: dict[str, asyncio.Future[RawReply]] = field(default_factory=dict)
    _reserved: dict[str, int] = field(default_factory=dict)
    _told: float = float("-inf")

    async def ask(
        self,
        role: str,
        fitted: Fitted,
        *,
        schema: dict[str, object] | None = None,
        sample: int = 0,
        final: bool = False,
        retry: bool = False,
        decides: str = "",
        on_delta: OnDelta | None = None,
    ) -> RawReply:
        """Send one fitted prompt; a call finished before is answered from the journal.

        Args:
            role: which agent asks; kept in the journal.
            fitted: a prompt from `Window.fit`.
            schema: JSON schema of the reply.
            sample: tells deliberate repetitions of one request apart.
            final: this is the answering call, which the budget has kept room for.
            retry: an earlier reply to the same was of no use; no time is kept for that.
            decides: the reply's field that is "yes" or "no" and of which the certainty is wanted.
            on_delta: called with each piece of the reply as it arrives.

        Raises:
            BudgetReached: before sending.
            EndpointUnavailable: the server stayed silent or failing over all retries.
        """
        request = ChatRequest(
            messages=fitted.messages,
            max_tokens=fitted.reply_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            schema=schema,
            sample=sample,
            decides=decides if self.transport.tells_certainty else "",
        )
        key = self._key(request)
        if (known := self.journal.get(key)) is not None:
            return self._split(known, key)
        if key in self._pending:
            return self._split(await asyncio.shield(self._pending[key]), key)
        self.budget.check(
            in_flight=len(self._reserved),
            tokens=fitted.total + sum(self._reserved.values()),
            reserve_calls=0 if final else 1,
            reserve_tokens=0 if final else self.reserve_tokens,
            late=final and not retry,
        )
        async with self._in_flight(key, fitted.total) as future:
            reply = await self._send(request, on_delta)
            self.journal.put(key, role, reply)
            self.budget.spend(reply.prompt_tokens + reply.completion_tokens)
            future.set_result(reply)
        return self._split(reply, key)

    def forget(self, *replies: RawReply) -> None:
        """Let the journal forget replies that were of no use: the same requests are then sent anew."""
        self.journal.forget([reply.key for reply in replies])

    def _key(self, request: ChatRequest) -> str:
        exact = json.dumps([self.name, request.sample]).encode() + request.encoded
        return hashlib.sha256(exact).hexdigest()

    @asynccontextmanager
    async def _in_flight(self, key: str, tokens: int) -> AsyncGenerator[asyncio.Future[RawReply]]:
        """Two identical requests at once are one call; both get its reply."""
        future: asyncio.Future[RawReply] = asyncio.get_running_loop().create_future()
        self._pending[key] = future
        self._reserved[key] = tokens
        try:
            yield future
        except BaseException as error:
            future.set_exception(error)
            future.exception()  # marks it as seen: often nobody else waits
            raise
        finally:
            del self._pending[key], self._reserved[key]

    async def _send(self, request: ChatRequest, on_delta: OnDelta | None) -> RawReply:
        try:
            return await self._try(request, on_delta)
        except Transient as error:
            return await self._retry(request, error)

    async def _try(self, request: ChatRequest, on_delta: OnDelta | None) -> RawReply:
        async with self.limit:
            start = time.perf_counter()
            reply = await self.transport.send(request, on_delta)
            reply.seconds = time.perf_counter() - start
            reply.text = whole_characters(reply.text)
            reply.reasoning = whole_characters(reply.reasoning)
            return reply

    async def _retry(self, request: ChatRequest, first: Transient) -> RawReply:
        """Try again; stamina counts the failed first try, but is not set up for calls that succeed."""
        import stamina

        try:
            async for attempt in stamina.retry_context(
                on=_wait,
                attempts=ATTEMPTS,
                timeout=None,
                wait_initial=0.2,
                wait_max=15.0,
                wait_jitter=1.0,
            ):
                with attempt:
                    if attempt.num == 1:
                        raise first
                    self.faults.retries += 1
                    self._tell(f"{first.message}: asking again ({attempt.num} of {ATTEMPTS})")
                    # A reply that broke off has been shown in part; it is not shown twice.
                    return await self._try(request, None)
        except Transient as error:
            raise EndpointUnavailable(
                f"{error.message} ({ATTEMPTS} tries)",
                hint=error.hint or "nothing is lost: the same command goes on from here",
            ) from error
        raise AssertionError("stamina ends by returning or raising")  # pragma: no cover

    def _tell(self, text: str) -> None:
        now = time.monotonic()
        if now - self._told > QUIET_SECONDS:
            self._told = now
            self.notice(text)

    def _split(self, reply: RawReply, key: str) -> RawReply:
        """What a reasoning model thought is no part of the reply."""
        text, thought = split_reasoning(reply.text)
        finish = reply.finish_reason
        return RawReply(
            text=text,
            reasoning=reply.reasoning or thought,
            finish_reason=finish,
            prompt_tokens=reply.prompt_tokens,
            cached_tokens=reply.cached_tokens,
            completion_tokens=reply.completion_tokens,
            seconds=reply.seconds,
            certainty=reply.certainty,
            key=key,
        )


def _wait(error: Exception) -> bool | float:
    """Whether to try again; a number is how many seconds the server asked to be left alone."""
    if not isinstance(error, Transient):
        return False
    return min(error.retry_after, MOST_WAIT) or True


def whole(reply: RawReply) -> str:
    """The text of a reply that ended by itself.

    Raises:
        CutReply: it ended at its limit, so its end is missing.
    """
    if reply.finish_reason == "length":
        thought = " while it was still thinking" if reply.reasoning and not reply.text else ""
        raise CutReply(
            f"the model's reply was cut at its limit{thought}",
            hint="a reasoning model needs --set reasoning_tokens=N" if thought else "",
        )
    return reply.text.strip()


_THINK = re.compile(r"^\s*<think>(.*?)(?:</think>|\Z)", re.S)


def split_reasoning(text: str) -> tuple[str, str]:
    """Split a reply into (answer, what was thought before `</think>`)."""
    if match := _THINK.match(text):
        return text[match.end() :].lstrip(), match.group(1).strip()
    before, sep, after = text.partition("</think>")  # some templates open the tag in the prompt
    return (after.lstrip(), before.strip()) if sep else (text, "")
