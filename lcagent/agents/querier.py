"""The querier: from a question and a schema to a query of a closed set, which code runs.

Every argument is one of a list, but for the values of filters, which are compared and never run. Nothing that
a model writes is code or SQL.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, WithJsonSchema, model_validator

from lcagent.agents.labeller import SCHEMA_SHARE, described_type
from lcagent.agents.prompt import load_prompt
from lcagent.memory.schema import PARTS, Column, Schema
from lcagent.models.actions import action, one_of
from lcagent.models.chat import ChatModel
from lcagent.models.prompt import as_data
from lcagent.models.structured import RETRY_TOKENS, ask_typed, bounded
from lcagent.models.window import Part, Window

PROMPT, WORDS_PROMPT = map(load_prompt, ("query", "words"))
REPLY_TOKENS, WORDS_TOKENS = 256, 80
MOST_FILTERS, VALUE_CHARS = 4, 80
USUAL_DECIMALS, MOST_DECIMALS = 2, 9
"""Of a mean, where the question does not say, and at most."""
_BESIDE = 48
"""Tokens of a table's description beside the schema's: how many rows there are, parts of dates."""
NONE = "none"
Measure = Literal["count", "distinct", "pairs", "sum", "mean", "min", "max", "list"]
Test = Literal["is", "is not", "less", "at most", "more", "at least", "between", "contains"]
_TESTS: tuple[Test, ...] = (
    "is",
    "is not",
    "less",
    "at most",
    "more",
    "at least",
    "between",
    "contains",
)
_ORDERED = ("less", "at most", "more", "at least", "between")
_OF_NUMBERS = ("sum", "mean")


class Filter(BaseModel):
    """Which rows count: a field, a test, and the value from the question; `other` ends "between"."""

    field: str
    test: Test
    value: str
    other: str = ""


class Query(BaseModel):
    """What is done with the rows; every name is one of the schema's columns.

    `join_field`, of `item`, and `join_to`, of `join`, are the columns that have to be the same. `top` is the
    number of lines from the first on; 0: all. `decimals` is to how many a mean is rounded.
    """

    item: str
    join: str = NONE
    join_field: str = NONE
    join_to: str = NONE
    filters: list[Filter] = []
    measure: Measure
    field: str = NONE
    group: str = NONE
    order: str = NONE
    direction: Literal["largest", "smallest"] = "largest"
    top: int = 0
    decimals: int = USUAL_DECIMALS


Readable = Callable[[str, str], str]
"""What is wrong with a value for a column (`lcagent.graphs.tally.cells`); empty if nothing is."""


class QueryReply(BaseModel):
    """What the querier is asked for; narrowed to one schema by `_narrowed`."""

    of: ClassVar[Schema | None] = None
    wrong: ClassVar[Readable | None] = None

    item: str
    filters: list[Filter]
    measure: Measure
    field: str
    group: str
    order: str
    direction: Literal["largest", "smallest"]
    top: int
    decimals: int = USUAL_DECIMALS

    @model_validator(mode="after")
    def _can_be_run(self) -> Self:
        if self.of is not None and self.wrong is not None:
            for fault in filter(None, _faults(self.query(), self.of, self.wrong)):
                raise ValueError(fault)
        return self

    def query(self) -> Query:
        """The query that it describes."""
        query = Query.model_validate(self.model_dump())
        return query.model_copy(update={"decimals": min(max(0, query.decimals), MOST_DECIMALS)})


class JoinReply(QueryReply):
    """What is asked for where there are two kinds of items."""

    join: str
    join_field: str
    join_to: str


def _faults(query: Query, schema: Schema, wrong: Readable) -> Iterator[str]:
    """Why a query cannot be run. What decides nothing may be anything."""
    columns = schema.columns
    joined = query.join not in {NONE, query.item}
    used = [*(one.field for one in query.filters), query.field, query.group]
    used += [query.order] if query.measure == "list" else []
    if joined:
        used += [query.join_field, query.join_to]
        if NONE in {query.join_field, query.join_to}:
            yield "join_field and join_to name the fields that have to be the same"
    here = sorted({query.item, query.join if joined else query.item})
    for name in used:
        if name != NONE and (name not in columns or columns[name].kind not in here):
            yield f"{name!r} is no field of {' or '.join(here)}"
            return
    if query.measure != "count" and query.field == NONE:
        yield f"{query.measure!r} needs a field"
    elif query.measure in _OF_NUMBERS and columns[query.field].field.type != "number":
        yield f"{query.measure!r} needs a field of numbers"
    elif query.measure == "list" and query.group != NONE:
        yield "'list' has no group: give the measure that is wanted for each value"
    for one in query.filters:
        if one.test in _ORDERED and columns[one.field].field.type not in {"number", "date"}:
            yield f"{one.test!r} needs a number or a date, and {one.field!r} is neither"
        for value in [one.value, one.other] if one.test == "between" else [one.value]:
            yield "" if one.test == "contains" else wrong(one.field, value)


def _filters(columns: Sequence[str]) -> WithJsonSchema:
    value = {"type": "string", "maxLength": VALUE_CHARS}
    properties = {
        "field": {"type": "string", "enum": list(columns)},
        "test": {"type": "string", "enum": list(_TESTS)},
        "value": value,
        "other": value,
    }
    one = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return WithJsonSchema({"type": "array", "items": one, "maxItems": MOST_FILTERS})


def _narrowed(schema: Schema, wrong: Readable) -> type[QueryReply]:
    """The reply type in which every name is one of a schema's."""
    columns = list(schema.columns)
    kinds = [kind.name for kind in schema.kinds]
    any_column = one_of([NONE, *columns])
    fields: dict[str, Any] = {
        "item": one_of(kinds),
        "filters": Annotated[list[Filter], _filters(columns)],
        "field": any_column,
        "group": any_column,
        "order": any_column,
    }
    if len(kinds) > 1:
        joined = {"join": one_of([NONE, *kinds]), "join_field": any_column, "join_to": any_column}
        made: type[QueryReply] = action(JoinReply, **fields, **joined)
    else:
        made = action(QueryReply, **fields)
    made.of, made.wrong = schema, staticmethod(wrong)
    return made


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the querier is shown it.

    Args:
        schema: its columns.
        rows: how many of each kind.
        values: some of each column's, the most frequent first; of a date's parts none.
        wrong: what is wrong with a filter's value for a column.
    """

    schema: Schema
    rows: Mapping[str, int]
    values: Mapping[str, Sequence[str]]
    wrong: Readable

    def text(self, most: int) -> str:
        """With so many values of each column at most."""
        lines: list[str] = []
        for kind in self.schema.kinds:
            lines.append(f"item {kind.name}: {kind.about} ({self.rows.get(kind.name, 0)} rows)")
            for name, column in self.schema.columns.items():
                if column.kind == kind.name and not column.part:
                    lines.append(self._line(name, column, most))
        return "\n".join(lines)

    def _line(self, name: str, column: Column, most: int) -> str:
        field = column.field
        parts = f"; also {', '.join(f'{name}.{part}' for part in PARTS)}" if field.type == "date" else ""
        some = "; ".join(self.values.get(name, ())[:most])
        about = ", ".join(filter(None, [field.about, described_type(field)]))
        return f"- {name}: {about}{parts}{f'. Such as: {some}' if some else ''}"


_SHOWN = (12, 6, 3, 1, 0)
"""Values of a column, as many as fit."""


def room(window: Window, question: str) -> int:
    """Tokens of a table that a call holds beside the question."""
    bound = PROMPT.bind(joined=True)
    return bound.room(window, "table", question, reply=REPLY_TOKENS + RETRY_TOKENS)


def least(window: Window) -> int:
    """Tokens that a table's description takes at most, without values."""
    return window.size // SCHEMA_SHARE * 3 // 2 + _BESIDE


async def ask_query(model: ChatModel, question: str, table: Table) -> Query:
    """The query that answers a question.

    Args:
        model: who is asked.
        question: as asked.
        table: what there is.

    Raises:
        MalformedReply, CutReply: after a retry.
        BudgetReached: before sending.
    """
    shown = await asyncio.to_thread(_fitting, model.window, question, table)
    parts = [Part("question", as_data(question)), Part("table", shown)]
    bound = PROMPT.bind(joined=len(table.schema.kinds) > 1)
    fitted = await model.window.fit(bound, parts, reply=REPLY_TOKENS, spare=RETRY_TOKENS)
    reply = await ask_typed(model, "query", fitted, _narrowed(table.schema, table.wrong), final=True)
    return reply.query()


def _fitting(window: Window, question: str, table: Table) -> str:
    left = room(window, question)
    texts = (as_data(table.text(most)) for most in _SHOWN)
    return next((text for text in texts if window.count(text) <= left), as_data(table.text(0)))


class WordsReply(BaseModel):
    """What is asked where the text's own words are counted: a weak model fills in no whole query."""

    asks: Literal["most common", "least common", "how often", "how many words", "how many different"]
    word: Annotated[str, bounded(VALUE_CHARS)]
    top: int

    def query(self, kind: str, column: str) -> Query:
        """The query that it describes.

        Args:
            kind: of the words' schema.
            column: its only one.
        """
        if self.asks == "how many different":
            return Query(item=kind, measure="distinct", field=column)
        if self.asks == "how often":
            one = Filter(field=column, test="is", value=self.word)
            return Query(item=kind, measure="count", filters=[one] if self.word else [])
        if self.asks == "how many words":
            return Query(item=kind, measure="count")
        direction = "largest" if self.asks == "most common" else "smallest"
        return Query(item=kind, measure="count", group=column, direction=direction, top=max(0, self.top))


async def ask_words(model: ChatModel, question: str, schema: Schema) -> Query:
    """The query that answers a question about the text's own words.

    Args:
        model: who is asked.
        question: as asked; it is shorter than what `room` holds.
        schema: of words.

    Raises:
        MalformedReply, CutReply: after a retry.
        BudgetReached: before sending.
    """
    parts = [Part("question", as_data(question))]
    fitted = await model.window.fit(WORDS_PROMPT.bind(), parts, reply=WORDS_TOKENS, spare=RETRY_TOKENS)
    reply = await ask_typed(model, "query", fitted, WordsReply, final=True)
    return reply.query(schema.kinds[0].name, next(iter(schema.columns)))
