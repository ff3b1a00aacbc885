"""What servers send, read as data from a stranger: the one place where their objects become ours.

Whatever is not as it should be is taken for not told, where something else can do without it; where nothing
can, `BadBody` says so. Nothing here raises anything else.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from lcagent.text import whole_characters

_MOST_COUNT = 1 << 31
"""Tokens that no server counts honestly."""
_MOST_SAID = 300
"""Characters of an error that are told."""


class BadBody(Exception):
    """A body that is not what was asked for."""


def _text(value: Any) -> str:
    return whole_characters(value) if isinstance(value, str) else ""


def _count(value: Any) -> int:
    """A number of tokens; 0 where none is told."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:12])
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _MOST_COUNT:
        return 0  # nan is in no interval
    return int(value)


def _number(value: Any) -> float:
    """A logarithm of a probability; one that is none is that of what does not happen."""
    told = isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
    return min(0.0, max(-1e4, value)) if told else -1e4


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any] | None:
    return value if isinstance(value, list) else None


def _told_text(value: Any) -> str | None:
    return whole_characters(value) if isinstance(value, str) else None


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


Text = Annotated[str, BeforeValidator(_text)]
Count = Annotated[int, BeforeValidator(_count)]
LogProbability = Annotated[float, BeforeValidator(_number)]


class _Told(BaseModel):
    model_config = ConfigDict(extra="ignore")


class CachedTokens(_Told):
    """Details of a prompt's tokens."""

    cached_tokens: Count = 0


class Usage(_Told):
    """Tokens of one call; 0 where they are not told."""

    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    prompt_tokens_details: Annotated[CachedTokens, BeforeValidator(_object)] = CachedTokens()


class Called(_Told):
    """A function that a reply calls, or a piece of it; the arguments are JSON, or the object itself."""

    name: Text = ""
    arguments: Any = None

    @property
    def json_arguments(self) -> str:
        """The arguments as JSON."""
        if isinstance(self.arguments, str):
            return self.arguments  # half a surrogate pair may have its other half in the next piece
        return dumped(self.arguments) if self.arguments else ""


class ToolCall(_Told):
    """A call, or a piece of one; of several pieces those of one index belong together."""

    index: Count = 0
    function: Annotated[Called, BeforeValidator(_object)] = Called()


class Message(_Told):
    """What the model said, or a piece of it."""

    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    thinking: Any = None
    refusal: Text = ""
    tool_calls: Annotated[list[ToolCall], BeforeValidator(_objects)] = []
    function_call: Annotated[Called, BeforeValidator(_object)] = Called()

    @property
    def text(self) -> str:
        """What it said, thoughts excepted."""
        return "".join(text for text, thought in _parts(self.content) if not thought)

    @property
    def thoughts(self) -> str:
        """What it thought."""
        told = next((one for one in (self.reasoning_content, self.reasoning, self.thinking) if one), None)
        apart = "".join(text for text, _ in _parts(told))
        return apart + "".join(text for text, thought in _parts(self.content) if thought)

    @property
    def calls(self) -> list[ToolCall]:
        """The functions it calls, also in the form before there were several."""
        if self.tool_calls or not self.function_call.arguments:
            return self.tool_calls
        return [ToolCall.model_construct(index=0, function=self.function_call)]


class TokenChance(_Told):
    """One token and how probable it was."""

    token: Text = ""
    logprob: LogProbability = -1e4


class Token(TokenChance):
    """A token of a reply, and what else was likely in its place."""

    top_logprobs: Annotated[list[TokenChance], BeforeValidator(_objects)] = []


class Chances(_Told):
    """How probable the tokens of a reply were."""

    content: Annotated[list[Token], BeforeValidator(_objects)] = []


class Choice(_Told):
    """One reply of a body, or of a piece of a stream."""

    message: Annotated[Message, BeforeValidator(_object)] = Message()
    delta: Annotated[Message, BeforeValidator(_object)] = Message()
    text: Text = ""
    finish_reason: Text = ""
    logprobs: Any = None
    content_filter_results: Any = None

    @property
    def chances(self) -> Chances:
        """How probable its tokens were; read only where that was asked."""
        return Chances.model_validate(_object(self.logprobs))


class ChatBody(_Told):
    """The body of a chat reply, or a piece of a stream."""

    choices: Annotated[list[Choice], BeforeValidator(_objects)] = []
    usage: Annotated[Usage, BeforeValidator(_object)] = Usage()
    error: Any = None
    object: Text = ""
    detail: Any = None


class ModelRow(_Told):
    """A model that a server lists; `facts` is all that it tells of it."""

    id: Text = ""
    owned_by: Text = ""
    type: Text = ""
    max_model_len: Count = 0
    context_length: Count = 0
    facts: dict[str, Any] = {}


class TokenCount(_Told):
    """What /tokenize tells."""

    count: Count = 0
    tokens: Annotated[list[Any] | None, BeforeValidator(_list)] = None
    prompt: Annotated[str | None, BeforeValidator(_told_text)] = None


class _Slot(_Told):
    n_ctx: Count = 0


class Props(_Told):
    """What llama.cpp tells of itself; it divides its context among the slots."""

    default_generation_settings: Annotated[_Slot, BeforeValidator(_object)] = _Slot()
    total_slots: Count = 0


T = TypeVar("T", bound=BaseModel)


def loaded(raw: bytes | str) -> Any:
    """JSON as it came.

    Args:
        raw: of any content, of any depth.

    Raises:
        BadBody: it is none, or nested so deep that nobody means it.
    """
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:  # a UnicodeDecodeError is a ValueError
        raise BadBody(f"it is no JSON: {shortened(str(error))}") from error


def read(kind: type[T], data: Any) -> T:
    """Data that a server told, as one of the types here.

    Args:
        kind: the type.
        data: from `loaded`, or as a library gave it.

    Raises:
        BadBody: it is no object.
    """
    if not isinstance(data, dict):
        raise BadBody(f"it is no object but {type(data).__name__}")
    try:
        return kind.model_validate(data)
    except (ValidationError, RecursionError) as error:
        raise BadBody(shortened(str(error))) from error


def models(raw: bytes) -> list[ModelRow]:
    """The models of a list: `{"data": […]}`, or the list itself.

    Args:
        raw: the body.

    Raises:
        BadBody: it is no such list.
    """
    data = loaded(raw)
    rows = data if isinstance(data, list) else _object(data).get("data", _object(data).get("models"))
    if not isinstance(rows, list):
        raise BadBody("it lists no models")
    several = [read(ModelRow, {**row, "facts": row}) for row in _objects(rows)]
    return [row for row in several if row.id]


def said(text: str) -> str:
    """What a server says of an error, in its own words, in one line.

    Args:
        text: the body, of whatever form.
    """
    try:
        data = loaded(text)
    except BadBody:
        title = re.search(r"<title>(.*?)</title>", text[:4096], re.I | re.S)
        return shortened(title[1] if title else re.sub(r"<[^>]*>", " ", text[:4096]))
    return shortened(_words(data))


def _words(data: Any, depth: int = 0) -> str:
    """The words of an error object: `{"error": {"message": …}}` and its many relatives."""
    if isinstance(data, str):
        return data
    if depth > 3:
        return ""
    if isinstance(data, list):
        return "; ".join(filter(None, (_words(item, depth + 1) for item in data[:3])))
    told = _object(data)
    for name in ("error", "message", "msg", "detail", "errors", "title"):
        if words := _words(told.get(name), depth + 1):
            where = [str(part) for part in told["loc"]] if isinstance(told.get("loc"), list) else []
            return f"{'.'.join(where)}: {words}" if where else words
    return "" if depth else dumped(told)


def shortened(text: str) -> str:
    """A text in one line, without its end where it is long."""
    return " ".join(whole_characters(text[: 4 * _MOST_SAID]).split())[:_MOST_SAID]


def error_code(data: Mapping[str, Any]) -> int:
    """The status that an error object names; 0 where it names none.

    Args:
        data: the body of a reply.
    """
    error = data.get("error")
    for told in (error, data):
        for name in ("code", "status", "status_code"):
            if code := _count(_object(told).get(name)):
                return code
    kind = f"{_object(error).get('type', '')} {data.get('error_type', '')} {_object(error).get('code', '')}"
    return 400 if re.search(r"invalid_request|validation|bad_?request|context_length", kind, re.I) else 0


def _parts(content: Any) -> list[tuple[str, bool]]:
    """The texts of a message's content, and whether each was thought: a string, a part, or a list of both."""
    if isinstance(content, str):
        return [(content, False)]  # half a surrogate pair may have its other half in the next piece
    if isinstance(content, list):
        return [one for item in content[:4096] if not isinstance(item, list) for one in _parts(item)]
    part = _object(content)
    thought = any(word in _text(part.get("type")) for word in ("think", "reason"))
    for name in ("text", "thinking", "reasoning", "content", "value"):
        inner = part.get(name)
        if isinstance(inner, str):
            return [(inner, thought or name in {"thinking", "reasoning"})]
        if isinstance(inner, list | dict) and name != "content":
            texts = [one for one in (inner if isinstance(inner, list) else [inner]) if isinstance(one, dict)]
            return [(_text(one.get("text", one.get("value"))), thought) for one in texts]
    return []


def dumped(data: Any) -> str:
    """Data as JSON again; empty where that cannot be.

    Args:
        data: from `loaded`.
    """
    try:
        return json.dumps(data, ensure_ascii=False)
    except (ValueError, TypeError, RecursionError):
        return ""
