"""What came back: a reply of a chat server, at once or in pieces."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lcagent.errors import ModelError

OnDelta = Callable[[str], None]
CALLED = "tool_calls"
"""How a reply ended that calls a function (`finish_reason`)."""


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


class Transient(ModelError):
    """A fault that may pass: time-out, 429, 5xx, a dropped or cut body. Retried by the caller."""

    retry_after: float = 0.0


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


def parsed(data: dict[str, Any], decides: str) -> RawReply:
    """A reply that came at once.

    Args:
        data: the body.
        decides: the field of the decision whose certainty is wanted; empty: none.

    Raises:
        ValueError, KeyError, TypeError, IndexError: it is no chat reply.
    """
    choice = data["choices"][0]
    message = choice["message"]
    reply = RawReply(
        text=message.get("content") or "",
        reasoning=message.get("reasoning_content") or message.get("reasoning") or "",
        finish_reason=choice.get("finish_reason") or "stop",
        certainty=_certainty("", choice, decides),
    )
    calls = message.get("tool_calls")
    function = calls[0]["function"] if calls else {}
    _end(reply, str(function.get("name", "")), _as_text(function.get("arguments")), called=bool(calls))
    _add_usage(reply, data.get("usage"))
    return reply


class Incoming:
    """A reply that comes in pieces; of several calls the first one counts.

    Args:
        decides: the field of the decision whose certainty is wanted; empty: none.
        on_delta: called with each piece of the text, or of the call's arguments.
    """

    def __init__(self, decides: str, on_delta: OnDelta) -> None:
        self.finished = False
        self.size = 0
        """Characters so far."""
        self._reply = RawReply(text="")
        self._decides, self._on_delta = decides, on_delta
        self._call: int | None = None
        self._name = self._arguments = ""

    def add(self, chunk: dict[str, Any]) -> None:
        """Take the next piece.

        Raises:
            Transient: the server broke off.
        """
        if "error" in chunk:
            raise Transient(f"the model server broke off: {chunk['error']}")
        _add_usage(self._reply, chunk.get("usage"))
        for choice in chunk.get("choices") or []:
            self._add(choice, choice.get("delta") or {})
            if choice.get("finish_reason"):
                self._reply.finish_reason = choice["finish_reason"]
                self.finished = True
                return

    def whole(self) -> RawReply:
        """All of it, put together."""
        _end(self._reply, self._name, self._arguments, called=self._call is not None)
        return self._reply

    def _add(self, choice: dict[str, Any], delta: dict[str, Any]) -> None:
        reply = self._reply
        thought = delta.get("reasoning_content") or delta.get("reasoning") or ""
        reply.reasoning += thought
        if reply.certainty is None:
            reply.certainty = _certainty(reply.text, choice, self._decides)
        text = delta.get("content") or ""
        reply.text += text
        said = text + "".join(map(self._of_call, delta.get("tool_calls") or []))
        self.size += len(thought) + len(said)
        if said:
            self._on_delta(said)

    def _of_call(self, piece: dict[str, Any]) -> str:
        """What a piece adds to the arguments of the call."""
        number, function = piece.get("index") or 0, piece.get("function") or {}
        if self._call is None:
            self._call = number
        if number != self._call:
            return ""
        self._name = self._name or function.get("name") or ""
        said = _as_text(function.get("arguments"))
        self._arguments += said
        return said


def _as_text(arguments: Any) -> str:
    """A call's arguments as JSON: some servers send the object itself."""
    return arguments if isinstance(arguments, str) else json.dumps(arguments) if arguments else ""


def _end(reply: RawReply, name: str, arguments: str, *, called: bool) -> None:
    """Give a reply its text where it is a call, and the end that it had, whatever the server calls that."""
    if called:
        reply.reasoning = "\n".join(filter(None, [reply.reasoning, reply.text]))  # what was said before it
        reply.text = as_call(name, arguments)
    if reply.finish_reason != "length":
        ended = "stop" if reply.finish_reason == CALLED else reply.finish_reason
        reply.finish_reason = CALLED if called else ended


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
