"""The chat client: limit, budget, journal and retries around one transport."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from lcagent.errors import CutReply, EndpointUnavailable, WindowExceeded
from lcagent.models.budget import Budget
from lcagent.models.limit import Limit
from lcagent.models.refusals import Transient
from lcagent.models.replies import CALLED, OnDelta, RawReply
from lcagent.models.request import ChatRequest
from lcagent.models.retrying import retries
from lcagent.models.thoughts import split_reasoning
from lcagent.models.transport import Transport
from lcagent.models.usage import PromptReads, charged
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
_CLOCK = 0.05
"""An event loop may ring this many seconds early."""


class Journal(Protocol):
    """Keeps finished calls under the key of their exact request."""

    async def recall(self, key: str) -> RawReply | None:
        """The reply to a finished call, if there is one."""
        ...

    async def keep(self, key: str, role: str, reply: RawReply, request: bytes) -> None:
        """Keep a reply beside its request, a JSON body; when this returns, both survive a SIGKILL."""
        ...

    async def drop(self, keys: Sequence[str]) -> None:
        """Replies that were of no use are not given again; what they cost stays counted."""
        ...


@dataclass(slots=True)
class Faults:
    """What went wrong in this process: requests sent again, replies malformed or cut. What calls
    cost is counted from the journal."""

    retries: int = 0
    malformed: int = 0
    cut: int = 0


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of `ChatModel.ask`, but for the prompt."""

    role: str
    schema: dict[str, object] | None
    final: bool
    retry: bool
    decides: str
    on_delta: OnDelta | None


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
        timeout: seconds for one call, its retries and waits included, from when it has its turn.
        reserve_tokens: tokens kept back from the budget for the answering call.
        tools: actions are asked for as native tool calls.
        notice: called with a sentence for people when a request is retried.
    """

    name: str
    transport: Transport
    window: Window
    journal: Journal
    budget: Budget
    limit: Limit
    timeout: float = 600.0
    temperature: float = 0.0
    top_p: float | None = None
    reserve_tokens: int = 0
    tools: bool = False
    notice: Callable[[str], None] = lambda _: None
    faults: Faults = field(default_factory=Faults)
    _pending: dict[str, asyncio.Future[RawReply]] = field(default_factory=dict)
    _reads: PromptReads = field(default_factory=PromptReads)
    _told: float = float("-inf")

    async def ask(
        self,
        role: str,
        fitted: Fitted,
        *,
        schema: dict[str, object] | None = None,
        final: bool = False,
        retry: bool = False,
        decides: str = "",
        on_delta: OnDelta | None = None,
    ) -> RawReply:
        """Send one fitted prompt; a call finished before is answered from the journal.

        Args:
            role: which agent asks; kept in the journal.
            fitted: a prompt from `Window.fit`; one with functions is answered by calling one of them.
            schema: JSON schema of the reply.
            final: this is the answering call, which the budget has kept room for.
            retry: an earlier reply to the same was of no use; no time is kept for that.
            decides: the reply's field that is "yes" or "no" and of which the certainty is wanted.
            on_delta: called with each piece of the reply as it arrives.

        Raises:
            BudgetReached: before sending, or the time was up before the reply was there.
            EndpointUnavailable: the server stayed silent or failing over all retries, or over `timeout`.
            WindowExceeded: the server finds the call over its window, however small it is made.
            TruncatedPrompt: it read a part of the prompt only, without a word.
        """
        call = _Call(role, schema, final, retry, decides, on_delta)
        while True:
            try:
                return await self._ask(fitted, call)
            except WindowExceeded as error:
                fitted = await self._smaller(fitted, error)

    async def _smaller(self, fitted: Fitted, refused: WindowExceeded) -> Fitted:
        try:
            smaller = await self.window.replan(fitted)
        except WindowExceeded:
            raise refused from None
        self._tell("the server counts more tokens than were reckoned with: the call is made smaller")
        return smaller

    async def _ask(self, fitted: Fitted, call: _Call) -> RawReply:
        request = ChatRequest(
            messages=fitted.messages,
            max_tokens=fitted.reply_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            schema=call.schema,
            decides=call.decides if self.transport.tells_certainty else "",
            tools=fitted.tools,
        )
        key = self._key(request)
        if (known := await self.journal.recall(key)) is not None:
            return self._split(known, key)
        if key in self._pending:
            return self._split(await asyncio.shield(self._pending[key]), key)
        async with self._in_flight(key, fitted.total, call) as future:
            reply = await self._send(request, call)
            exact = self.window.counter.exact or self.transport.sets_window
            self._reads.check(reply, fitted, exact=exact)
            reply = charged(reply, fitted)
            await self.journal.keep(key, call.role, reply, request.encoded)
            self.budget.spend(reply.prompt_tokens, reply.completion_tokens)
            future.set_result(reply)
        return self._split(reply, key)

    async def forget(self, *replies: RawReply) -> None:
        """Let the journal forget replies that were of no use: the same requests are then sent anew."""
        await self.journal.drop([reply.key for reply in replies])

    def _key(self, request: ChatRequest) -> str:
        exact = json.dumps(self.name).encode() + request.encoded
        return hashlib.sha256(exact).hexdigest()

    @asynccontextmanager
    async def _in_flight(
        self, key: str, tokens: int, call: _Call
    ) -> AsyncGenerator[asyncio.Future[RawReply]]:
        """Two identical requests at once are one call; both get its reply."""
        future: asyncio.Future[RawReply] = asyncio.get_running_loop().create_future()
        self._pending[key] = future
        try:
            async with self.budget.call(
                tokens=tokens,
                reserve_calls=0 if call.final else 1,
                reserve_tokens=0 if call.final else self.reserve_tokens,
                late=call.final and not call.retry,
            ):
                yield future
        except BaseException as error:
            future.set_exception(error)
            future.exception()  # marks it as seen: often nobody else waits
            raise
        finally:
            del self._pending[key]

    async def _send(self, request: ChatRequest, call: _Call) -> RawReply:
        clock = asyncio.timeout(None)
        try:
            async with clock:
                try:
                    return await self._try(request, call.on_delta, clock, call.final)
                except Transient as error:
                    return await self._retry(request, error, clock, call.final)
        except TimeoutError as error:
            left = self.budget.seconds_left(final=call.final)
            if left is not None and left <= _CLOCK:
                raise self.budget.time_is_up() from error
            raise EndpointUnavailable(
                f"the model server gave no reply within {self.timeout:g} s",
                hint="a larger --timeout waits longer; nothing is lost: the same command goes on from here",
            ) from error

    async def _try(
        self, request: ChatRequest, on_delta: OnDelta | None, clock: asyncio.Timeout, final: bool
    ) -> RawReply:
        async with self.limit:
            if clock.when() is None:  # its first turn: to wait for that is no fault of the server's
                left = self.budget.seconds_left(final=final)
                seconds = self.timeout if left is None else min(self.timeout, left)
                clock.reschedule(asyncio.get_running_loop().time() + seconds)
            start = time.perf_counter()
            try:
                reply = await self.transport.send(request, on_delta)
            except Transient as error:
                # At the same moment as aiohttp's own, which took the interruption for its own.
                if clock.expired():
                    raise TimeoutError from error
                raise
            reply.seconds = time.perf_counter() - start
            reply.text = whole_characters(reply.text)
            reply.reasoning = whole_characters(reply.reasoning)
            return reply

    async def _retry(
        self, request: ChatRequest, first: Transient, clock: asyncio.Timeout, final: bool
    ) -> RawReply:
        """Try again; stamina counts the failed first try, but is not set up for calls that succeed."""
        tried = 1

        def wait(error: Exception) -> bool | float:
            """Whether to try again; a number is how many seconds the server asked to be left alone."""
            if not isinstance(error, Transient) or tried >= error.tries:
                return False
            return min(error.retry_after, MOST_WAIT) or True

        try:
            async for attempt in retries(
                wait, attempts=ATTEMPTS, wait_initial=0.2, wait_max=15.0, wait_jitter=1.0
            ):
                with attempt:
                    if attempt.num == 1:
                        raise first
                    tried = attempt.num
                    self.faults.retries += 1
                    self._tell(f"{first.message}: asking again ({tried} of {first.tries})")
                    # A reply that broke off has been shown in part; it is not shown twice.
                    return await self._try(request, None, clock, final)
        except Transient as error:
            raise EndpointUnavailable(
                f"{error.message} ({tried} tries)",
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
        finish = reply.finish_reason
        # A call's text is what the server made of the reply.
        text, thought = (reply.text, "") if finish == CALLED else split_reasoning(reply.text)
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


def whole(reply: RawReply) -> str:
    """The text of a reply that ended by itself.

    Raises:
        CutReply: it ended at its limit, so its end is missing.
    """
    if reply.finish_reason == "length":
        thought = " while it was still thinking" if reply.reasoning and not reply.text else ""
        cut = CutReply(
            f"the model's reply was cut at its limit{thought}",
            hint="a reasoning model needs --set reasoning_tokens=N" if thought else "",
        )
        cut.partial = reply.text
        raise cut
    return reply.text.strip()
