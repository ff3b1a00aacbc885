"""What an endpoint does not take of a request: found out by asking, left out from then on, told once."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from lcagent.errors import LcagentError
from lcagent.models import wire
from lcagent.models.estimate import Messages
from lcagent.models.kept_manners import KeptManners
from lcagent.models.refusals import refusal
from lcagent.models.replies import CALLED, RawReply
from lcagent.models.request import ChatRequest
from lcagent.models.thoughts import split_reasoning
from lcagent.models.weak_json import object_of

SYSTEM = "a system message"
_SCHEMA, _FORMAT = "a JSON schema", "response_format"
_LIMIT, _NO_LIMIT = "max_tokens", "max_completion_tokens"
_PLAIN = ("temperature", "top_p", "stream_options", "stream", "parallel_tool_calls")
"""Parameters that are just left out."""
_NAMED = {
    _FORMAT: r"response_?format|json_?schema|json_?object|structured[ _-]?outputs?|guided|grammar|\bschema\b",
    _LIMIT: r"\bmax_tokens\b",
    _NO_LIMIT: r"\bmax_completion_tokens\b",
    "logprobs": r"\b(?:top_)?log_?probs\b",
    SYSTEM: r"\bsystem\b[\"'` ]{0,3}(?:role|message|prompt|instruction)|\brole\b[^.]{0,30}\bsystem\b"
    r"|roles must alternate|developer instruction",
    **{name: rf"\b{name}\b" for name in _PLAIN},
}
_NAMES = frozenset({*_NAMED, _SCHEMA})
"""All that may be found to be refused; another version may know others."""
_VALUE = re.compile(r"too (?:large|big|high|many)|at most|exceed|maximum|less than or equal|must be <=", re.I)
"""A limit of tokens that is refused for its value is not refused for its name."""
_REFUSING = frozenset({400, 415, 422, 500, 501})
"""Statuses with which servers refuse a parameter, an exception in their chat template among them."""
_MOST_WORDS = 500
"""Characters of an error in which the parameter is looked for: some servers quote the whole request."""


class Refused(Exception):
    """A reply of a status other than 200.

    Args:
        status: of the reply.
        text: its body.
        headers: its headers.
    """

    def __init__(self, status: int, text: str, headers: Mapping[str, str]) -> None:
        super().__init__(f"{status}: {text[:200]}")
        self.status, self.text, self.headers = status, text, headers

    @property
    def error(self) -> LcagentError:
        """The error of our tree that it stands for."""
        return refusal(self.status, self.text, self.headers)


class Manners:
    """What one endpoint does not take.

    Args:
        name: of the endpoint, for people.
        kept: where it is remembered; None: as long as the endpoint is open.
    """

    def __init__(self, name: str, kept: KeptManners | None = None) -> None:
        self._name, self._kept = name, kept
        known = kept.row() if kept else None
        self._out = self._told = known.refused & _NAMES if known else frozenset[str]()

    def leaves_out(self, what: str) -> bool:
        """Whether something was found to be refused.

        Args:
            what: such as `SYSTEM`.
        """
        return what in self._out

    def learn(self, *what: str) -> None:
        """Remember what is refused."""
        if self._out >= set(what):
            return
        self._out |= set(what)
        if self._kept:
            self._kept.put(self._out)

    async def asked(
        self,
        request: ChatRequest,
        fields: Mapping[str, Any],
        send: Callable[[bytes], Awaitable[RawReply]],
        notice: Callable[[str], None],
    ) -> RawReply:
        """The reply to a request, without what the endpoint refuses: each refusal costs one request, once.

        Args:
            request: with all that is wanted.
            fields: what its body holds besides.
            send: sends a body; raises `Refused`.
            notice: gets one sentence for each thing that is left out, the first time.

        Raises:
            LcagentError: what is refused for another reason.
        """
        out = self._out
        while True:
            # Joins two JSON objects: the long one is encoded already.
            whole = request.encoded if not fields else _joined(fields, request.encoded)
            body = _without(json.loads(whole), out) if out else whole
            try:
                reply = await send(body if isinstance(body, bytes) else json.dumps(body).encode())
            except Refused as refused:
                found = refused_part(refused, json.loads(whole), out)
                if not found:
                    raise refused.error from refused
                out |= {found}
                continue
            self.learn(*out)
            if new := self._out - self._told:
                self._told |= new
                notice(f"{self._name} does not take {' and '.join(sorted(new))}: asked without")
            return _as_asked(reply, request) if out & {_SCHEMA, _FORMAT} else reply


def _as_asked(reply: RawReply, request: ChatRequest) -> RawReply:
    """A reply that was decoded under no schema: where one text was wanted, bare text is that one."""
    if request.schema is None or reply.finish_reason in {"length", CALLED}:
        return reply
    text, thought = split_reasoning(reply.text)
    told = object_of(text, request.schema)
    return replace(reply, text=told, reasoning=reply.reasoning or thought) if told else reply


def _joined(fields: Mapping[str, Any], encoded: bytes) -> bytes:
    return json.dumps(fields)[:-1].encode() + b", " + encoded[1:]


def refused_part(refused: Refused, body: Mapping[str, Any], out: frozenset[str]) -> str:
    """What of a request a server says that it does not take; empty where it says nothing of the kind.

    Args:
        refused: its reply.
        body: the whole request.
        out: what was left out already.
    """
    if refused.status not in _REFUSING:
        return ""
    words = _words(refused.text)
    first: dict[str, int] = {}
    for name in _sent(body, out):
        if match := re.search(_NAMED[name], words, re.I):
            first[name] = match.start()
    if not first:
        return ""
    name = min(first, key=lambda one: first[one])
    if name in {_LIMIT, _NO_LIMIT} and _VALUE.search(words):
        return ""
    if name == _FORMAT and _SCHEMA not in out:
        return _SCHEMA
    return name


def _words(text: str) -> str:
    """What the server says, the parameter that it names itself first."""
    try:
        data = wire.loaded(text)
    except wire.BadBody:
        data = None
    error = data.get("error") if isinstance(data, dict) else None
    named = error.get("param") if isinstance(error, dict) else None
    return f"{named if isinstance(named, str) else ''} {wire.said(text)}"[:_MOST_WORDS]


def _sent(body: Mapping[str, Any], out: frozenset[str]) -> list[str]:
    """The names under which something of the request may be refused that was sent."""
    names = [name for name in (*_PLAIN, "logprobs", _FORMAT) if name in body and name not in out]
    if SYSTEM not in out and any(message["role"] == "system" for message in body["messages"]):
        names.append(SYSTEM)
    if _NO_LIMIT not in out:
        names.append(_NO_LIMIT if _LIMIT in out else _LIMIT)
    return names


def _without(body: dict[str, Any], out: frozenset[str]) -> dict[str, Any]:
    for name in _PLAIN:
        if name in out:
            body.pop(name, None)
    if "stream" in out:
        body.pop("stream_options", None)
    if "logprobs" in out:
        body.pop("logprobs", None)
        body.pop("top_logprobs", None)
    if _FORMAT in out:
        body.pop("response_format", None)
    elif _SCHEMA in out and "response_format" in body:
        body["response_format"] = {"type": "json_object"}
    if _LIMIT in out:
        limit = body.pop("max_tokens")
        if _NO_LIMIT not in out:
            body["max_completion_tokens"] = limit
    if SYSTEM in out:
        body["messages"] = without_system(body["messages"])
    return body


def without_system(messages: Messages) -> Messages:
    """The messages with what the system's say put before what the user says first.

    Args:
        messages: of one prompt.
    """
    system = [message["content"] for message in messages if message["role"] == "system"]
    others = [message for message in messages if message["role"] != "system"]
    if not system or not others:
        return messages
    first = {**others[0], "content": "\n\n".join([*system, others[0]["content"]])}
    return [first, *others[1:]]
