"""What came back: a reply of a chat server, at once or in pieces."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lcagent.errors import RequestRefused
from lcagent.models import wire
from lcagent.models.refusals import Transient, refused_within
from lcagent.models.request import ChatRequest

OnDelta = Callable[[str], None]
CALLED = "tool_calls"
"""How a reply ended that calls a function (`finish_reason`)."""

_ENDS = {
    **dict.fromkeys(("max_tokens", "max_length", "model_length"), "length"),
    **dict.fromkeys(("safety", "recitation", "blocklist", "prohibited_content"), "content_filter"),
}
"""Other names that servers have for an end."""


@dataclass(slots=True)
class RawReply:
    """A reply as served: its text, what was thought before it, how it ended, what it cost.

    Of one that calls a function (`finish_reason` is then `CALLED`) the text is the call, as `as_call` writes
    it. `certainty` is the probability, from 0 to 1, that the model gave to the "yes" or "no" that it wrote
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


def as_call(name: str, arguments: str) -> str:
    """A call as the text of a reply: `read_chunk({"chunks": ["c3"]})`.

    Args:
        name: of the function.
        arguments: JSON, as the server sent it.
    """
    return f"{name}({arguments})"


def split_call(text: str) -> tuple[str, str]:
    """Name and arguments of a call that `as_call` wrote."""
    name, _, arguments = text.partition("(")
    return name, arguments.removesuffix(")")


def parsed(data: Any, request: ChatRequest) -> RawReply:
    """A reply that came at once, whatever shape its server gives it.

    Args:
        data: the body.
        request: what was asked.

    Raises:
        BadBody: it is no chat reply.
        ModelError: it is an error, a refusal, or was held back by a filter.
    """
    body = wire.read(wire.ChatBody, data)
    if not body.choices:
        if body.error or body.detail or body.object == "error":
            raise refused_within(data)
        raise wire.BadBody("it holds no reply")
    choice = body.choices[0]
    incoming = Incoming(request, lambda _: None)
    incoming.take(body, choice, choice.message)
    incoming.ended(choice)
    return incoming.whole()


class Incoming:
    """A reply that comes in pieces, or in one; of several calls the first one counts.

    Args:
        request: what was asked.
        on_delta: called with each piece of the text, or of the call's arguments.
    """

    def __init__(self, request: ChatRequest, on_delta: OnDelta) -> None:
        self.finished = False
        self.size = 0
        """Characters so far."""
        self._reply = RawReply(text="")
        self._request, self._on_delta = request, on_delta
        self._call: int | None = None
        self._name = self._arguments = self._refusal = self._filter = ""

    def add(self, data: Any) -> None:
        """Take the next piece.

        Raises:
            BadBody: it is no piece of a chat reply.
            ModelError: the server broke off, and says why.
        """
        body = wire.read(wire.ChatBody, data)
        if body.error or body.object == "error":
            if self.size:
                raise Transient(f"the model server broke off: {wire.said(wire.dumped(data))}")
            raise refused_within(data)
        for choice in body.choices[:1]:
            self.take(body, choice, choice.delta)
            if choice.finish_reason:
                self.ended(choice)
        self._count(body.usage)

    def take(self, body: wire.ChatBody, choice: wire.Choice, said: wire.Message) -> None:
        """Take what a choice of a body says.

        Args:
            body: with its usage.
            choice: of its choices the first.
            said: the message, or a piece of one.
        """
        reply, thought, text = self._reply, said.thoughts, said.text or choice.text
        reply.reasoning += thought
        if reply.certainty is None and self._request.decides:
            reply.certainty = _certainty(reply.text, choice.chances, self._request.decides)
        reply.text += text
        self._refusal += said.refusal
        # Pieces of a stream say which call they belong to; of whole calls the first one counts.
        calls = said.calls if said is choice.delta else said.calls[:1]
        told = text + "".join(map(self._of_call, calls))
        self.size += len(thought) + len(told) + len(said.refusal)
        self._count(body.usage)
        if told:
            self._on_delta(told)

    def ended(self, choice: wire.Choice) -> None:
        """Note how the reply ended.

        Args:
            choice: the one that tells it.
        """
        self._reply.finish_reason = _ENDS.get(choice.finish_reason.lower(), choice.finish_reason) or "stop"
        self._filter = wire.dumped(choice.content_filter_results) if choice.content_filter_results else ""
        self.finished = True

    def whole(self) -> RawReply:
        """All of it, put together.

        Raises:
            RequestRefused: the model refuses, or a filter held the reply back; in the server's own words.
        """
        reply = self._reply
        if reply.finish_reason == "content_filter":
            told = wire.shortened(self._refusal or self._filter or reply.text)
            raise RequestRefused(f"the server's content filter held the reply back{told and f': {told}'}")
        if self._refusal and not reply.text.strip():
            raise RequestRefused(f"the model refuses: {wire.shortened(self._refusal)}")
        called = self._call is not None
        if called and self._request.tools:
            # What was said before it.
            reply.reasoning = "\n".join(filter(None, [reply.reasoning, reply.text]))
            reply.text = as_call(self._name, self._arguments)
        elif not reply.text.strip() and reply.finish_reason != "length":
            reply.text = self._elsewhere()
        if reply.finish_reason != "length":
            ended = "stop" if reply.finish_reason == CALLED else reply.finish_reason
            reply.finish_reason = CALLED if called and self._request.tools else ended
        return reply

    def _elsewhere(self) -> str:
        """The reply of a server that has put it where it does not belong: in a call that nobody asked for, or
        among the thoughts, where its parser has taken all for one."""
        if self._arguments:
            return self._arguments
        thoughts = self._reply.reasoning
        if self._request.schema is None:
            self._reply.reasoning = ""
            return thoughts
        return _last_object(thoughts, self._request.fields)

    def _of_call(self, piece: wire.ToolCall) -> str:
        """What a piece adds to the arguments of the call."""
        if self._call is None:
            self._call = piece.index
        if piece.index != self._call or (self._name and piece.function.name not in {"", self._name}):
            return ""
        self._name = self._name or piece.function.name
        said = piece.function.json_arguments
        self._arguments += said
        return said

    def _count(self, usage: wire.Usage) -> None:
        reply = self._reply
        reply.prompt_tokens = usage.prompt_tokens or reply.prompt_tokens
        reply.completion_tokens = usage.completion_tokens or reply.completion_tokens
        reply.cached_tokens = usage.prompt_tokens_details.cached_tokens or reply.cached_tokens


def _last_object(text: str, fields: frozenset[str]) -> str:
    """The last JSON object in a text that has any of some fields, as it stands there; empty: none."""
    decoder = json.JSONDecoder()
    for opening in reversed(list(_OPENING.finditer(text))[-_MOST_OPENINGS:]):
        try:
            data, end = decoder.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(data, dict) and (not fields or fields & data.keys()):
            return text[opening.start() : end]
    return ""


_OPENING = re.compile(r"\{\s*\"")
_MOST_OPENINGS = 64
"""Objects of a text that are tried."""


def _certainty(before: str, chances: wire.Chances, decides: str) -> float | None:
    """How probable the decision in a reply, or in a piece of it, was among "yes" and "no".

    Args:
        before: the reply's text before this piece.
        chances: the probabilities of its tokens.
        decides: the field of the decision.
    """
    for token in chances.content:
        if (chosen := _decision(token.token)) and f'"{decides}"' in before:
            likely = {other.token: other.logprob for other in (*token.top_logprobs, token)}
            share = {"yes": 0.0, "no": 0.0}
            for text, logprob in likely.items():
                if said := _decision(text):
                    share[said] += math.exp(logprob)
            total = sum(share.values())
            return share[chosen] / total if total else None
        before += token.token
    return None


def _decision(token: str) -> str:
    """The decision that a token writes or begins; empty if none."""
    letters = token.strip(' "\n').casefold()
    return next((word for word in ("yes", "no") if letters and word.startswith(letters)), "")
