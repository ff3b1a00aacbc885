"""The columns of a table: what is asked of each document, and of which type the answer is."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import SchemaError

from lcagent.documents.values import Value, values
from lcagent.errors import UsageError
from lcagent.settings import Settings

Kind = Literal["str", "int", "float", "bool", "date", "enum"]
PYTHON: dict[Kind, type] = {"str": str, "int": int, "float": float, "bool": bool, "date": date, "enum": str}
_SAMPLES = {"str": "a", "int": 1, "float": 1.0, "bool": True, "date": date(2000, 1, 1), "enum": "a"}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
}
_KINDS: dict[str, Kind] = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
_RULES = {
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
    "minLength": "min_length",
    "maxLength": "max_length",
    "pattern": "pattern",
}
"""What JSON schema says of one value, as pydantic calls it."""
_LIST_RULES = {"minItems": "min_length", "maxItems": "max_length"}
_SAYS_NOTHING = {"type", "format", "enum", "const", "title", "description", "default", "examples", "unit"}
_HINT = "types are str, int, float, bool, date, enum (with values), and list[…] of these"


@dataclass(frozen=True, slots=True)
class Column:
    """One question that every document is asked.

    Args:
        name: of the column, an identifier.
        question: in any words.
        kind: of the answer, or of each item where there are `many`.
        many: the answer is a list.
        allowed: what an `enum` may be.
        unit: a number is turned into it, and the model is asked for it.
        rules: what else must hold of a value, as pydantic's `Field` takes it.
        list_rules: and of the list.
    """

    name: str
    question: str
    kind: Kind = "str"
    many: bool = False
    allowed: tuple[str, ...] = ()
    unit: str = ""
    rules: tuple[tuple[str, Any], ...] = ()
    list_rules: tuple[tuple[str, Any], ...] = ()

    @property
    def asked(self) -> str:
        """The question as the model gets it."""
        hints = [f"in {self.unit}"] if self.unit else []
        if self.kind == "bool":
            hints.append("yes or no")
        if self.kind == "enum":
            hints.append(f"{'some' if self.many else 'one'} of: {', '.join(self.allowed)}")
        if self.many:
            hints.append("all of them, one a line")
        return f"{self.question} ({'; '.join(hints)})" if hints else self.question

    def style(self, settings: Settings) -> Settings:
        """The settings for this question: what becomes a value is asked for in few words."""
        if self.kind == "str" and not self.many:
            return settings
        return settings.model_copy(update={"style": "short"})

    def measure(self) -> Value | None:
        """One of its unit; None where it has none."""
        if not self.unit:
            return None
        found = values(f"1 {self.unit}")
        if len(found) != 1 or found[0].kind != "quantity" or found[0].span[1] != len(self.unit) + 2:
            raise UsageError(
                f"column {self.name}: no unit is known as {self.unit!r}", hint="for example km, EUR, days, %"
            )
        return found[0]

    def check(self) -> TypeAdapter[Any]:
        """What a value must pass."""
        whole: Any = Annotated[PYTHON[self.kind], Field(**dict(self.rules))]
        if self.many:
            # Made by hand: what stands in brackets is a type to who checks types, and here it is known late.
            whole = Annotated[list.__class_getitem__(whole), Field(**dict(self.list_rules))]
        return TypeAdapter(whole)


Questions = str | type[BaseModel] | Mapping[str, Any] | Sequence[Column]
"""One question; or a pydantic model or a JSON schema of an object, whose fields are the columns and whose
descriptions are the questions; or columns."""


def columns_of(questions: Questions) -> tuple[Column, ...]:
    """The columns that a table is asked for.

    Args:
        questions: see `Questions`.

    Raises:
        UsageError: there is none, or one is of a type that is not known.
    """
    if isinstance(questions, str):
        columns: Sequence[Column] = [Column("answer", questions)]
    elif isinstance(questions, type):
        columns = _of_schema(questions.model_json_schema())
    elif isinstance(questions, Mapping):
        columns = _of_schema(questions)
    else:
        columns = questions
    _check(columns)
    return tuple(columns)


def columns_in(file: Path) -> tuple[Column, ...]:
    """The columns that a TOML file names: a table each, with `question` and `type` or `schema`.

    Args:
        file: the file.

    Raises:
        UsageError: it cannot be read, or says something else.
    """
    try:
        told = tomllib.loads(file.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(
            f"no questions can be read from {file}: {why}", hint="a TOML table for each, docs/map.md"
        ) from error
    columns: list[Column] = []
    for name, given in told.items():
        if not isinstance(given, dict):
            raise UsageError(
                f"{file}: {name} is no table", hint=f'[{name}], and below it question = "…", type = "str"'
            )
        columns.append(_of_table(name, cast("dict[str, Any]", given)))
    return columns_of(columns)


def table_key(columns: Sequence[Column]) -> str:
    """Names a table by what it asks, so that no row gets into another.

    Args:
        columns: of the table.
    """
    return hashlib.sha256(json.dumps([astuple(one) for one in columns]).encode()).hexdigest()[:16]


def _of_table(name: str, given: dict[str, Any]) -> Column:
    unknown = set(given) - {"question", "type", "schema", "values", "unit"}
    if unknown:
        raise UsageError(
            f"column {name}: {sorted(unknown)[0]!r} is not known", hint="question, type, values, unit, schema"
        )
    schema = given.get("schema") or _typed(name, str(given.get("type", "str")), given.get("values"))
    return _column(name, str(given.get("question", "")), {**schema, "unit": given.get("unit", "")}, {})


def _typed(name: str, kind: str, allowed: object) -> dict[str, Any]:
    """The JSON schema of a type that is named."""
    if kind.startswith("list[") and kind.endswith("]"):
        return {"type": "array", "items": _typed(name, kind[5:-1], allowed)}
    if kind == "enum" and isinstance(allowed, list):
        return {"enum": allowed}
    if kind not in _SCHEMAS:
        raise UsageError(f"column {name}: {kind!r} is no type", hint=_HINT)
    return _SCHEMAS[kind]


def _of_schema(schema: Mapping[str, Any]) -> list[Column]:
    fields = cast("Mapping[str, Mapping[str, Any]]", schema.get("properties", {}))
    return [
        _column(name, str(told.get("description", "")), told, schema.get("$defs", {}))
        for name, told in fields.items()
    ]


def _column(name: str, question: str, schema: Mapping[str, Any], defined: Mapping[str, Any]) -> Column:
    """A column of a JSON schema."""
    plain = _plain(schema, defined)
    many = plain.get("type") == "array"
    one = _plain(plain.get("items", {}), defined) if many else plain
    known = _SAYS_NOTHING | _RULES.keys()
    unknown = (set(one) - known) | (set(plain) - _SAYS_NOTHING - {"items", *_LIST_RULES} if many else set())
    allowed = one.get("enum", [one["const"]] if "const" in one else [])
    kind = _kind(one, allowed)
    if unknown or kind is None:
        what = f"{sorted(unknown)[0]!r} of its schema is" if unknown else "its type is"
        raise UsageError(f"column {name}: {what} not known", hint=_HINT)
    return Column(
        name,
        question,
        kind,
        many,
        tuple(map(str, allowed)),
        str(plain.get("unit", "")),
        tuple((_RULES[key], one[key]) for key in _RULES if key in one),
        tuple((_LIST_RULES[key], plain[key]) for key in _LIST_RULES if many and key in plain),
    )


def _kind(schema: Mapping[str, Any], allowed: Sequence[object]) -> Kind | None:
    if allowed:
        return "enum" if all(isinstance(one, str) for one in allowed) else None
    if schema.get("format") == "date":
        return "date"
    return None if "format" in schema else _KINDS.get(str(schema.get("type")))


def _plain(schema: Mapping[str, Any], defined: Mapping[str, Any]) -> dict[str, Any]:
    """A schema without references and without what says that nothing may stand there too."""
    plain = dict(schema)
    if "$ref" in plain:
        plain = {**defined.get(str(plain.pop("$ref")).rpartition("/")[2], {}), **plain}
    if (
        isinstance(plain.get("type"), list)
        and len(some := [one for one in plain["type"] if one != "null"]) == 1
    ):
        plain["type"] = some[0]
    if "anyOf" in plain:
        some = [one for one in plain["anyOf"] if one.get("type") != "null"]
        if len(some) == 1:
            del plain["anyOf"]
            plain = {**_plain(some[0], defined), **plain}
    return plain


ABOUT = ("document", "status", "copy_of", "code", "message", "hint", "sha256")
COST = ("calls", "tokens", "seconds")


def flat_names(column: Column) -> list[str]:
    """The names of what a flat table tells of a column: value, status, words, citations, run."""
    return [column.name, *(f"{column.name}_{part}" for part in ("status", "text", "citations", "run"))]


def _check(columns: Sequence[Column]) -> None:
    if not columns:
        raise UsageError("nothing is asked", hint='lcagent map DOC… "question", or --questions FILE')
    names = [*ABOUT, *COST]
    for column in columns:
        if not column.name.isidentifier():
            raise UsageError(
                f"{column.name!r} is no name of a column", hint="letters, digits and _, no digit first"
            )
        if not column.question.strip():
            raise UsageError(
                f"column {column.name} has no question",
                hint="`question` in TOML, `description` in a model or schema",
            )
        if column.kind == "enum" and not column.allowed:
            raise UsageError(f"column {column.name} allows no value", hint='values = ["lease", "sale"]')
        if column.unit and column.kind not in {"int", "float"}:
            raise UsageError(f"column {column.name} has a unit and is no number", hint='type = "float"')
        column.measure()
        sample: Any = _SAMPLES[column.kind]
        try:  # some rules are looked at only where there is a value
            with suppress(ValidationError):
                column.check().validate_python([sample] if column.many else sample)
        except (TypeError, RuntimeError, SchemaError) as error:
            raise UsageError(
                f"column {column.name}: its schema does not fit its type: {error}", hint=_HINT
            ) from error
        names += flat_names(column)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"two columns would be named {twice}", hint="name one of them otherwise")
