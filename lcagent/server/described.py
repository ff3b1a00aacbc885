"""What replies hold that are made by hand, for the description of the interface."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel


class ChatUsage(BaseModel):
    """What was spent."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, int]


class ChatMessage(BaseModel):
    """The answer."""

    role: Literal["assistant"]
    content: str
    refusal: None
    annotations: list[dict[str, Any]]


class ChatChoice(BaseModel):
    """The only choice."""

    index: Literal[0]
    message: ChatMessage
    finish_reason: Literal["stop", "length"]
    logprobs: None


class ChatCompletion(BaseModel):
    """A reply of Chat Completions; `lcagent` is the run and all of its evidence."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: ChatUsage
    lcagent: dict[str, Any]


class ResponseObject(BaseModel):
    """A reply of Responses, as far as it is not always the same."""

    id: str
    object: Literal["response"]
    created_at: int
    status: Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]
    background: bool
    error: dict[str, str] | None
    incomplete_details: dict[str, str] | None
    model: str
    output: list[dict[str, Any]]
    usage: dict[str, Any] | None


Responses = dict[int | str, dict[str, Any]]


def streamed(model: type[BaseModel] | None = None) -> Responses:
    """A success that is a stream of events or, where it can be that, an object."""
    fields = {name: {"type": "string"} for name in ("data", "event", "id")}
    event = {"type": "object", "properties": fields, "required": ["data"]}
    events: dict[str, Any] = {"content": {"text/event-stream": {"schema": event}}}
    return {200: {"model": model, **events} if model is not None else events}


def raw(kind: str) -> Responses:
    """A success that is no JSON.

    Args:
        kind: its media type.
    """
    binary = {} if kind.startswith("text/") else {"format": "binary"}
    return {200: {"content": {kind: {"schema": {"type": "string", **binary}}}}}
