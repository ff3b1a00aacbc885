"""One request to a chat server: what decides its reply, and its body."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from lcagent.models.estimate import Messages, Tools

_HEAD = 2048
"""Characters of the first message that is no system's which name a prefix. Fewer would take documents that
begin with the same page for one; with more, a conversation would have another name with each of its first
turns."""


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

    @cached_property
    def prefix(self) -> str:
        """Names how its prompt begins: of requests of one name a server computes the beginning once, and has
        it in its prefix cache for the others. Another role, document, segment or conversation has another."""
        digest = hashlib.blake2b(digest_size=12)
        for message in self.messages:
            system = message["role"] == "system"
            said = message["content"] if system else message["content"][:_HEAD]
            digest.update(f"{message['role']}\0{said}\0".encode("utf-8", "surrogatepass"))
            if not system:
                break
        return digest.hexdigest()

    @property
    def fields(self) -> frozenset[str]:
        """What of a reply to it has to hold, by the schema; none where it may be free text."""
        return frozenset((self.schema or {}).get("required", ()))

    @property
    def most_bytes(self) -> int:
        """Bytes that no honest reply reaches: 4 KiB for each token, with its probabilities, and 1 MiB."""
        return (1 << 20) + (self.max_tokens << 12)
