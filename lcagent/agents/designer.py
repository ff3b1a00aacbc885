"""The designer: from a question to a schema, what one item is and what is noted of each.

Source: OOLONG (2511.02817): questions over all of a text, which no model answers by itself. Here a model says
what is to be noted, and code does the rest. Fields that other questions about the same items may need are
asked for too, so that these find the document read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, WithJsonSchema, model_validator

from lcagent.agents.labeller import described
from lcagent.agents.prompt import load_prompt
from lcagent.memory.schema import Field, Kind, Schema, Type, plain_name
from lcagent.models.actions import action, one_of
from lcagent.models.chat import ChatModel
from lcagent.models.prompt import as_data
from lcagent.models.structured import RETRY_TOKENS, ask_typed, reply_limit
from lcagent.models.window import Part, Window, most_first

PROMPT = load_prompt("schema")
WORDS = Schema((Kind("word", "a word of the text", (Field("word", "the word itself"),)),))
"""For questions about the text's own words: code finds them, and nothing is read."""
MOST_KINDS, MOST_FIELDS, BRIEF_FIELDS, MOST_LABELS = 2, 10, 5, 16
NAME_CHARS, ABOUT_CHARS, SHORT_CHARS, LABEL_CHARS, UNIT_CHARS = 32, 100, 30, 40, 16
"""`SHORT_CHARS` of a description in a window that is too small for all fields with longer ones."""
_BESIDE_FIELDS, _FIELD_TOKENS, _TOKEN_CHARS = 160, 76, 3
"""Tokens of a reply beside its fields (the items, and the labels of one field), tokens of a field without its
description, and characters of a description that make a token."""
_RESERVED = ("quote", "item")
"""What a row has besides its fields."""
_NONE = "none"
_STEP = 48
"""Characters by which a sample is cut."""


class KindReply(BaseModel):
    """One kind of item."""

    item: str
    means: str = ""


class FieldReply(BaseModel):
    """One thing that is noted of an item."""

    item: str = ""
    field: str
    means: str = ""
    type: Type = "text"
    identifies: Literal["yes", "no"] = "no"
    labels: list[str] = []
    unit: str = ""


def _listed(most: int, properties: dict[str, Any]) -> WithJsonSchema:
    one = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return WithJsonSchema({"type": "array", "items": one, "maxItems": most})


def _text(chars: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": chars}


class SchemaReply(BaseModel):
    """What the designer is asked for; bounded to a reply's room by `_reply_type`."""

    kept: str = _NONE
    counts: Literal["words", "items"]
    items: list[KindReply]
    fields: list[FieldReply]

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.kept == _NONE and self.counts == "items" and not self.schema_().kinds:
            raise ValueError("no item with a field is named")
        return self

    def schema_(self) -> Schema:
        """The schema that it describes; what has no name is left out."""
        names: dict[str, KindReply] = {}
        for one in self.items[:MOST_KINDS]:
            if plain := plain_name(one.item):
                names.setdefault(plain, one)
        kinds: list[Kind] = []
        for name, one in names.items():
            fields: dict[str, Field] = {}
            for field in self.fields[:MOST_FIELDS]:
                mine = len(names) == 1 or plain_name(field.item) == name
                if mine and (plain := plain_name(field.field, [*_RESERVED, *fields])):
                    fields[plain] = _field(plain, field)
            if fields:
                kinds.append(Kind(name, _line(one.means, ABOUT_CHARS), tuple(fields.values())))
        return Schema(tuple(kinds))


def _field(name: str, said: FieldReply) -> Field:
    labels = dict.fromkeys(filter(None, (_line(label, LABEL_CHARS) for label in said.labels)))
    # A label of no classes, or of one, tells nothing apart.
    kind: Type = "text" if said.type == "label" and len(labels) < 2 else said.type
    return Field(
        name,
        _line(said.means, ABOUT_CHARS),
        kind,
        tuple(labels)[:MOST_LABELS] if kind == "label" else (),
        _line(said.unit, UNIT_CHARS) if kind == "number" else "",
        said.identifies == "yes",
    )


def _line(text: str, chars: int) -> str:
    return " ".join(text.split())[:chars].strip()


@dataclass(frozen=True, slots=True)
class _Asked:
    """How much is asked for: tokens of the reply, fields, characters of a description."""

    reply: int
    fields: int
    chars: int

    @property
    def bound(self) -> dict[str, object]:
        """What the prompt says of it."""
        return {"most": self.fields, "short": self.chars < ABOUT_CHARS}


def _asked(window: int, *, brief: bool) -> _Asked:
    """All fields where a third of the window holds them; else short descriptions, and as many as it holds."""
    most = BRIEF_FIELDS if brief else MOST_FIELDS
    reply = reply_limit(_BESIDE_FIELDS + most * _field_tokens(ABOUT_CHARS), window, brief=brief, part=5)
    if reply <= window // 3:
        return _Asked(reply, most, ABOUT_CHARS)
    fits = (window // 3 - _BESIDE_FIELDS) // _field_tokens(SHORT_CHARS)
    return _Asked(window // 3, max(1, min(most, fits)), SHORT_CHARS)


def _field_tokens(chars: int) -> int:
    return _FIELD_TOKENS + chars // _TOKEN_CHARS


def _reply_type(asked: _Asked, numbers: Sequence[str]) -> type[SchemaReply]:
    about = _text(asked.chars)
    field = {
        "item": _text(NAME_CHARS),
        "field": _text(NAME_CHARS),
        "means": about,
        "type": {"type": "string", "enum": ["text", "number", "date", "label"]},
        "identifies": {"type": "string", "enum": ["yes", "no"]},
        "labels": {"type": "array", "items": _text(LABEL_CHARS), "maxItems": MOST_LABELS},
        "unit": _text(UNIT_CHARS),
    }
    return action(
        SchemaReply,
        kept=one_of(numbers),
        items=Annotated[list[KindReply], _listed(MOST_KINDS, {"item": _text(NAME_CHARS), "means": about})],
        fields=Annotated[list[FieldReply], _listed(asked.fields, field)],
    )


def room(window: Window, question: str, *, brief: bool) -> int:
    """Tokens of a sample, and of tables that are kept, beside the question."""
    asked = _asked(window.size, brief=brief)
    names = ("question", "sample", "kept")
    left = window.room(PROMPT.bind(**asked.bound), names, reply=asked.reply + RETRY_TOKENS)
    return left - window.count(as_data(question)) - window.size // 100


async def design(
    model: ChatModel, question: str, sample: str, kept: Sequence[Schema], most: int, *, brief: bool
) -> Schema:
    """The schema by which a question is answered: one that is kept, or a new one.

    Args:
        model: who is asked.
        question: as asked.
        sample: some of the document, cut to what fits.
        kept: schemas by which the documents were read before.
        most: tokens that the description of a new one may take.
        brief: ask for little.

    Raises:
        MalformedReply, CutReply: after a retry.
    """
    window, asked = model.window, _asked(model.window.size, brief=brief)
    listed, shown = await asyncio.to_thread(_fitted, window, question, sample, kept, brief)
    parts = [Part("question", as_data(question)), Part("sample", shown)]
    if listed:
        parts.append(Part("kept", "\n\n".join(listed.values())))
    bound = PROMPT.bind(**asked.bound, **({} if listed else {"kept": ""}))
    fitted = await window.fit(bound, parts, reply=asked.reply, spare=RETRY_TOKENS)
    reply = await ask_typed(model, "design", fitted, _reply_type(asked, [_NONE, *listed]))
    if reply.kept in listed:
        return kept[int(reply.kept) - 1]
    if reply.counts == "words":
        return WORDS
    made = reply.schema_()
    held = next((one for one in kept if one.covers(made)), None)
    return held or await asyncio.to_thread(_shortened, window, made, most)


def _fitted(
    window: Window, question: str, sample: str, kept: Sequence[Schema], brief: bool
) -> tuple[dict[str, str], str]:
    """The tables that are kept by their numbers, and the sample, as much of both as there is room for."""
    left = room(window, question, brief=brief)
    listed = [f"{number}.\n{as_data(described(one))}" for number, one in enumerate(kept, 1)]
    shown = most_first(len(listed), left * 2 // 3, lambda n: window.count("\n\n".join(listed[:n])))
    left -= window.count("\n\n".join(listed[:shown]))
    sample = as_data(sample)
    steps = -(-len(sample) // _STEP)
    fits = most_first(steps, min(left, window.size // 4), lambda n: window.count(sample[: n * _STEP]))
    return {str(number): listed[number - 1] for number in range(1, shown + 1)}, sample[: fits * _STEP]


def _shortened(window: Window, schema: Schema, most: int) -> Schema:
    """A schema whose description fits each reading call: its last fields go, the ones that identify last."""
    while window.count(as_data(described(schema))) > most:
        kinds = list(schema.kinds)
        at = max(range(len(kinds)), key=lambda number: len(kinds[number].fields))
        fields = kinds[at].fields
        if len(fields) == 1:
            kinds[at] = replace(kinds[at], about="", fields=(replace(fields[0], about=""),))
            if kinds[at] == schema.kinds[at]:
                return Schema(tuple(kinds[:1]))
        else:
            last = next((field for field in reversed(fields) if not field.identifies), fields[-1])
            kinds[at] = replace(kinds[at], fields=tuple(field for field in fields if field != last))
        schema = Schema(tuple(kinds))
    return schema
