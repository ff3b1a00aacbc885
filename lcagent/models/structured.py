"""Structured replies: JSON schema or a native call, then repair, then one retry that quotes the error."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any, Self, TypeVar

from pydantic import BaseModel, PrivateAttr, ValidationError, WithJsonSchema

from lcagent.errors import BudgetReached, CutReply, MalformedReply, RetryOverBudget
from lcagent.models.actions import DO, Action, apart_schema, tools_of
from lcagent.models.chat import ChatModel, whole
from lcagent.models.replies import CALLED, OnDelta, RawReply, split_call
from lcagent.models.weak_json import object_in
from lcagent.models.window import Calling, Fitted, Render

T = TypeVar("T", bound=BaseModel)

RETRY_TOKENS = 160
"""Tokens to keep free in the window of a structured call for the retry's quoted error."""
_ERROR_CHARS = 240
_JSON_AGAIN = "Reply again, shorter, with the JSON object alone."
_AGAIN = "the same command asks again"


class Decided(BaseModel):
    """A reply that decides in a field `found` whether something was found; where, each type says itself."""

    _certainty: float | None = PrivateAttr(None)

    @property
    def certainty(self) -> float | None:
        """Probability, from 0 to 1, that the model gave to its decision; None where it is not told."""
        return self._certainty

    def decided(self, certainty: float | None) -> Self:
        """With the certainty that a reply, or the reply it was made from, came with."""
        self._certainty = certainty
        return self


def bounded(chars: int) -> WithJsonSchema:
    """A string that a constrained decoder ends; from one that is not constrained it is taken as it comes."""
    return WithJsonSchema({"type": "string", "maxLength": chars})


def bounded_list(items: int, chars: int, *, least: int | None = None) -> WithJsonSchema:
    """A list of short strings that a constrained decoder ends."""
    schema: dict[str, Any] = {"type": "array", "items": {"type": "string", "maxLength": chars}}
    fewest = {} if least is None else {"minItems": least}
    return WithJsonSchema({**schema, **fewest, "maxItems": items})


def reply_limit(least: int, window: int, *, brief: bool, part: int = 8) -> int:
    """Most tokens of a reply: of a model that is believed a part of the window is the only limit.

    Args:
        least: what a weak model is given.
        window: tokens of a call.
        brief: the model is known to be weak.
        part: 8 for an eighth of the window.
    """
    return least if brief else max(least, window // part)


def as_asked(model: ChatModel, prompt: Render, kind: Callable[[], type[BaseModel]]) -> Render:
    """A prompt as its reply is asked for: an action's with functions to call, where the model does that.

    Args:
        model: who is asked.
        prompt: says what the fields of a JSON object are, `do` the function.
        kind: makes the reply's type, where it is needed.
    """
    made = kind() if model.tools else None
    if made is None or not issubclass(made, Action):
        return prompt
    return Calling(prompt, json.dumps(tools_of(made, reply_schema(made)["properties"])))


async def ask_typed(
    model: ChatModel,
    role: str,
    fitted: Fitted,
    reply_type: type[T],
    *,
    final: bool = False,
    shorter: bool = True,
    on_delta: OnDelta | None = None,
) -> T:
    """Ask for one reply of a pydantic type.

    Args:
        model: who is asked.
        role: which agent asks.
        fitted: a prompt planned with `spare=RETRY_TOKENS`; of an action the one that `as_asked` gives.
        reply_type: a flat pydantic model.
        final: this is the answering call (see `ChatModel.ask`).
        shorter: a reply that was cut is asked for again, shorter; else it is an error at once.
        on_delta: called with each piece of the first reply as it arrives.

    Raises:
        MalformedReply: not valid after repair and one retry.
        CutReply: cut at its limit, twice.
        BudgetReached: before sending; `RetryOverBudget` where it is the answering call's retry.
    """
    schema = None if fitted.tools else _sent(reply_type)
    read = parse_call if fitted.tools else parse
    decides = "found" if issubclass(reply_type, Decided) else ""
    reply = await model.ask(role, fitted, schema=schema, final=final, decides=decides, on_delta=on_delta)
    try:
        return read(reply, reply_type)
    except (MalformedReply, CutReply) as error:
        _note(model, error)
        if isinstance(error, CutReply) and not shorter:
            raise
        first = error
    try:
        retry = _quoting(fitted, first.message)
        again = await model.ask(role, retry, schema=schema, final=final, retry=True, decides=decides)
    except BudgetReached as reached:
        if not final:
            raise
        raise RetryOverBudget(f"{first.message}, and {reached.message}", hint=reached.hint) from first
    try:
        return read(again, reply_type)
    except (MalformedReply, CutReply) as error:
        _note(model, error)
        # Given from the journal for ever, they would make the run fail for ever.
        await model.forget(reply, again)
        error.hint = "; ".join(filter(None, [error.hint, _AGAIN]))
        raise


def parse(reply: RawReply, reply_type: type[T]) -> T:
    """Read a reply as a type, repairing weak JSON; never an empty default.

    Raises:
        MalformedReply: it is not what was asked for.
        CutReply: its end is missing.
    """
    if reply.finish_reason == "length" and len(reply.text.strip()) * 2 < len(reply.text):
        # A decoder that may write free white space does so up to the limit.
        raise MalformedReply("the reply is a run of white space; write the JSON on one line")
    data = object_in(whole(reply))
    if not data:
        raise MalformedReply("the reply is not a JSON object")
    value = _validated(data, reply_type)
    return value.decided(reply.certainty) if isinstance(value, Decided) else value


def parse_call(reply: RawReply, reply_type: type[T]) -> T:
    """Read a native call as the action that it stands for: what its function does not take has its default.

    Raises:
        MalformedReply: it is text, another function's call, or its arguments are not on the list.
        CutReply: its end is missing.
    """
    text = whole(reply)
    if reply.finish_reason != CALLED:
        raise MalformedReply("the reply is text and calls no function")
    name, told = split_call(text)
    properties = reply_schema(reply_type)["properties"]
    assert issubclass(reply_type, Action)
    takes = {
        tool["function"]["name"]: tool["function"]["parameters"]["properties"]
        for tool in tools_of(reply_type, properties)
    }
    if name not in takes:
        raise MalformedReply(f"there is no function {name[:40]!r}; there are {', '.join(takes)}")
    arguments = object_in(told) if told.strip() else {}
    if arguments is None:
        raise MalformedReply(f"the arguments of {name} are not a JSON object")
    taken = {field: value for field, value in arguments.items() if field in takes[name]}
    return _validated({**taken, DO: name}, reply_type)


def _validated(data: dict[str, Any], reply_type: type[T]) -> T:
    try:
        return reply_type.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MalformedReply(f"field {where!r}: {first['msg']}" if where else first["msg"]) from error


@lru_cache(maxsize=64)  # an action's type is made for one call
def reply_schema(reply_type: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema sent to the server: all fields required, nothing else allowed."""
    schema = reply_type.model_json_schema()
    properties = {
        name: {k: v for k, v in spec.items() if k not in {"title", "default", "description"}}
        for name, spec in schema["properties"].items()
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _sent(reply_type: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema that a reply is decoded under."""
    schema = reply_schema(reply_type)
    if issubclass(reply_type, Action) and reply_type.apart:
        return apart_schema(reply_type, schema["properties"])
    return schema


def _quoting(fitted: Fitted, error: str) -> Fitted:
    """The same prompt with the error quoted at its end, so that the shared prefix stays cached."""
    *before, last = fitted.messages
    how = "Call one function again, and say less." if fitted.tools else _JSON_AGAIN
    note = f"\n\nYour last reply could not be used: {error[:_ERROR_CHARS]}\n{how}"
    messages = [*before, {**last, "content": last["content"] + note}]
    tokens = fitted.prompt_tokens + RETRY_TOKENS
    return replace(fitted, messages=messages, prompt_tokens=tokens, plan=None, safety=1.0)


def _note(model: ChatModel, error: MalformedReply | CutReply) -> None:
    if isinstance(error, CutReply):
        model.faults.cut += 1
    else:
        model.faults.malformed += 1
