"""The labeller: the items that one segment tells of, a row each, whatever will be asked of them.

Source: OOLONG (2511.02817), whose models fail at counting what they label well. A row begins with a few words
of the text, which code finds, so that each has its place; values stay as written, and code compares them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Annotated, Any

from pydantic import BaseModel, WithJsonSchema, model_validator

from lcagent.agents.prompt import load_prompt
from lcagent.documents import Segment, Span, find_quote
from lcagent.documents.placing import Placing
from lcagent.documents.quotes import occurrences
from lcagent.documents.segments import halved
from lcagent.errors import CutReply
from lcagent.memory.items import Told
from lcagent.memory.schema import UNSURE, Field, Kind, Schema, plain_name
from lcagent.models.actions import action
from lcagent.models.chat import ChatModel
from lcagent.models.halves import in_halves
from lcagent.models.prompt import as_data
from lcagent.models.structured import RETRY_TOKENS, ask_typed
from lcagent.models.window import Part, Window

PROMPT = load_prompt("label")
MOST_ITEMS, BRIEF_ITEMS = 120, 24
"""Where a constrained decoder ends a list; a segment that tells of more is read in halves."""
BRIEF_TOKENS = 640
QUOTE_CHARS, VALUE_CHARS = 80, 120
_LINE = re.compile(r"\n\s*")
_LARGE = 4096
"""Tokens of a window that holds a segment worth reading beside a reply of half of it."""
SCHEMA_SHARE = 8
"""A schema's description takes an eighth of the window at most, so that segments are the same for all."""
BEFORE_CHARS = 240
"""What is shown of the text before a segment: whom "he" means."""
_BEFORE_TOKENS = 64
"""Most of it in tokens; where a script takes more, less is shown."""


def described(schema: Schema) -> str:
    """A schema as prompts show it, a line a field."""
    return "\n".join(_kind(kind) for kind in schema.kinds)


def _kind(kind: Kind) -> str:
    lines = [f"item {kind.name}: {kind.about}".rstrip(": ")]
    for field in kind.fields:
        lines.append(f"- {field.name}: {', '.join(filter(None, [field.about, described_type(field)]))}")
    return "\n".join(lines)


def described_type(field: Field) -> str:
    """What a field's values are, as prompts say it; empty for a text."""
    if field.type == "label":
        return f"one of: {'; '.join(field.labels)}"
    if field.type == "number":
        return f"a number{f' in {field.unit}' if field.unit else ''}"
    return "a date or year" if field.type == "date" else ""


class RowsReply(BaseModel):
    """What the labeller is asked for."""

    items: list[dict[str, Any]]

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, data: Any) -> Any:
        """A single row is a list of one."""
        if isinstance(data, dict) and isinstance(data.get("items"), dict):
            return {"items": [data["items"]]}
        return data


@lru_cache(maxsize=64)
def _reply_type(schema: Schema, most: int) -> type[RowsReply]:
    rows = [_row(schema, kind) for kind in schema.kinds]
    spec = {
        "type": "array",
        "maxItems": most,
        "items": rows[0] if len(rows) == 1 else {"anyOf": rows},
    }
    return action(RowsReply, items=Annotated[list[dict[str, Any]], WithJsonSchema(spec)])


def _row(schema: Schema, kind: Kind) -> dict[str, Any]:
    several = {"item": {"type": "string", "const": kind.name}} if len(schema.kinds) > 1 else {}
    properties: dict[str, Any] = {**several, "quote": {"type": "string", "maxLength": QUOTE_CHARS}}
    for field in kind.fields:
        labels = [*field.labels, UNSURE, ""]
        free = {"type": "string", "maxLength": VALUE_CHARS}
        properties[field.name] = {"type": "string", "enum": labels} if field.type == "label" else free
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def reply_tokens(window: int, *, brief: bool) -> int:
    """Most tokens of a reply: rows may be several times as long as the text that they are taken from."""
    most = window // 2 if window >= _LARGE else window // 3
    return min(BRIEF_TOKENS, most) if brief else most


def room(window: Window, *, brief: bool) -> int:
    """Tokens of a segment that a call and its retry can hold beside any schema; no question is part of it."""
    reply = reply_tokens(window.size, brief=brief) + RETRY_TOKENS
    left = window.room(PROMPT.bind(brief=brief), ("segment", "schema", "before"), reply=reply)
    return left - window.size // SCHEMA_SHARE - _BEFORE_TOKENS - window.size // 100


async def label(
    model: ChatModel, schema: Schema, text: str, segment: Segment, *, brief: bool
) -> tuple[Told, ...]:
    """The items of one segment, in its order.

    Args:
        model: who reads.
        schema: what an item is.
        text: the document's text.
        segment: which segment of it.
        brief: ask for little.

    Raises:
        MalformedReply, CutReply: after a retry; the segment then counts as not read.
    """

    async def read(piece: Segment) -> tuple[Told, ...]:
        return await _label_piece(model, schema, text, piece, brief=brief)

    def joined(one: tuple[Told, ...], other: tuple[Told, ...]) -> tuple[Told, ...]:
        return (*one, *other)

    return await in_halves(segment, read, joined, partial(_halved, text))


def _halved(text: str, segment: Segment) -> tuple[Segment, Segment] | None:
    """A segment in two, between lines where there are some about its middle: a line may be an item."""
    quarter = (segment.end - segment.start) // 4
    middle = segment.start + 2 * quarter
    ends = [match.end() for match in _LINE.finditer(text, middle - quarter, middle + quarter)]
    if not ends:
        return halved(text, segment)
    cut = min(ends, key=lambda end: abs(end - middle))
    return replace(segment, end=cut), replace(segment, start=cut)


async def _label_piece(
    model: ChatModel, schema: Schema, text: str, segment: Segment, *, brief: bool
) -> tuple[Told, ...]:
    shown = as_data(text[segment.start : segment.end])
    parts = [
        Part("schema", as_data(described(schema))),
        Part("segment", shown, tokens=segment.tokens),
        Part("before", as_data(_before(text, segment.start)), shrink=lambda _: ""),
    ]
    tokens = reply_tokens(model.window.size, brief=brief)
    fitted = await model.window.fit(PROMPT.bind(brief=brief), parts, reply=tokens, spare=RETRY_TOKENS)
    most = BRIEF_ITEMS if brief else MOST_ITEMS
    reply = await ask_typed(model, "label", fitted, _reply_type(schema, most), shorter=False)
    if len(reply.items) >= most:
        raise CutReply("the segment tells of more items than one reply lists")
    return placed(schema, reply.items, text, segment)


def _before(text: str, start: int) -> str:
    """The end of what comes before a segment, from the beginning of a word on."""
    piece = text[max(0, start - BEFORE_CHARS) : start].strip()
    return piece if start <= BEFORE_CHARS else piece.partition(" ")[2] or piece


def placed(schema: Schema, rows: Sequence[dict[str, Any]], text: str, segment: Segment) -> tuple[Told, ...]:
    """Rows with the places of their quotes; what has neither a quote nor a value is no row.

    Args:
        schema: what an item is.
        rows: as a model wrote them.
        text: the document's text.
        segment: what was read.
    """
    told: list[Told] = []
    placing, at = Placing(text, segment.start, segment.end), segment.start
    for row in rows:
        kind = _kind_of(schema, row)
        values = {f.name: value for f in kind.fields if (value := _value(row, f.name))}
        quote = _value(row, "quote")
        if not values:
            continue
        span = _place(placing, quote, text, at, segment)
        at = span.end if span else at
        told.append(Told(kind.name, quote, span, values))
    return tuple(told)


def _kind_of(schema: Schema, row: dict[str, Any]) -> Kind:
    """The kind that a row says it is of, else the one that has most of its fields."""
    said = plain_name(_value(row, "item"))
    named = next((kind for kind in schema.kinds if kind.name == said), None)
    return named or max(schema.kinds, key=lambda kind: sum(f.name in row for f in kind.fields))


def _value(row: dict[str, Any], name: str) -> str:
    """A value in one line: a model may write a number as one, or several values as a list."""
    said = row.get(name)
    if isinstance(said, list):
        said = ", ".join(str(one) for one in said)
    if said is None or isinstance(said, dict):
        return ""
    if isinstance(said, bool):
        return "yes" if said else "no"
    return " ".join(str(said).split())


def _place(placing: Placing, quote: str, text: str, at: int, segment: Segment) -> Span | None:
    """Where a quote stands: rows are in the text's order, so behind the one before it if it stands there."""
    if not quote:
        return None
    for start in dict.fromkeys((at, segment.start)):
        short = next(occurrences(text, quote, start, segment.end), None)
        if span := short or find_quote(text, quote, start, segment.end):
            return span
    carriers = placing.carriers(quote)
    return Span(carriers[0].start, carriers[-1].end) if carriers else None
