"""Actions: replies whose arguments are taken from a list, so that an invalid one cannot be written.

A server that decodes under a schema can only write what is on the list. From any other a reply that names
something else is malformed, and asked for again with the list quoted. An `Action` is asked for in one of two
forms, as the model's profile says (`lcagent.models.structured.as_asked`): as a JSON object, or as a native
call of one of its functions. Either way the same reply comes of it (docs/design/0016).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import BaseModel, WithJsonSchema, create_model, model_validator

from lcagent.models.estimate import Tools

T = TypeVar("T", bound=BaseModel)
DO = "do"
"""The field of an action that names its function."""


@dataclass(frozen=True, slots=True)
class Function:
    """What may be called.

    Args:
        description: what calling it does, in a sentence.
        takes: fields of the reply that are this function's alone, or its and some others'; those that no
            function takes are every function's.
    """

    description: str
    takes: tuple[str, ...] = ()


class Action(BaseModel):
    """A reply that names in a field `do` the function to call; its other fields are the arguments.

    Fields that not every function takes have a default, which they keep where the function does not take
    them.

    Attributes:
        functions: all there are, by name; which may be called now, the type of `do` says.
        apart: the JSON object of each function holds its own arguments alone. Where there are many of them a
            model would else write empty ones for most of its reply.
    """

    functions: ClassVar[Mapping[str, Function]]
    apart: ClassVar[bool] = False

    @model_validator(mode="after")
    def _given(self) -> Self:
        name = getattr(self, DO)
        for argument in self.functions[name].takes:
            if argument not in self.model_fields_set:
                raise ValueError(f"{name} needs {argument!r}")
        return self


def one_of(options: Sequence[str]) -> Any:
    """The type of a field that names one of some options.

    Args:
        options: at least one; such as the names of functions, or of a graph's nodes.
    """
    spec = {"type": "string", "enum": list(options)}
    return Annotated[Literal[tuple(options)], WithJsonSchema(spec)]


def some_of(options: Sequence[str], *, most: int | None = None) -> Any:
    """The type of a field that names any number of some options; none where there is no option.

    Args:
        options: what may be named.
        most: items after which a constrained decoder ends the list.
    """
    if not options:
        return Annotated[
            list[str], WithJsonSchema({"type": "array", "items": {"type": "string"}, "maxItems": 0})
        ]
    items = {"type": "string", "enum": list(options)}
    spec: dict[str, Any] = {"type": "array", "items": items}
    limit = {} if most is None else {"maxItems": most}
    return Annotated[list[Literal[tuple(options)]], WithJsonSchema({**spec, **limit})]


def action(reply_type: type[T], **fields: Any) -> type[T]:
    """A reply type with the fields named narrowed to what may be said this time.

    Args:
        reply_type: a flat pydantic model.
        fields: by name, a type from `one_of` or `some_of`.
    """
    before = reply_type.model_fields
    given: dict[str, Any] = {
        name: (kind, ... if before[name].is_required() else before[name].default)
        for name, kind in fields.items()
    }
    return create_model(reply_type.__name__, __base__=reply_type, **given)


def tools_of(kind: type[Action], properties: Mapping[str, Any]) -> Tools:
    """One tool for each function that may be called now, as the chat API has them.

    Args:
        kind: the action.
        properties: JSON schemas of its fields.
    """
    tools: list[dict[str, Any]] = []
    for name, taken in _taken(kind, properties).items():
        parameters = {
            "type": "object",
            "properties": {field: properties[field] for field in taken},
            "required": taken,
        }
        told = {"name": name, "description": kind.functions[name].description, "parameters": parameters}
        tools.append({"type": "function", "function": told})
    return tools


def apart_schema(kind: type[Action], properties: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON schema of an action whose functions are asked for apart: one object for each of them.

    Args:
        kind: the action.
        properties: JSON schemas of its fields.
    """
    objects: list[dict[str, Any]] = []
    for name, taken in _taken(kind, properties).items():
        do = {"type": "string", "enum": [name]}
        fields = {
            field: do if field == DO else properties[field]
            for field in properties
            if field in taken or field == DO
        }
        objects.append(
            {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
        )
    return objects[0] if len(objects) == 1 else {"anyOf": objects}


def _taken(kind: type[Action], properties: Mapping[str, Any]) -> dict[str, list[str]]:
    """The fields that each function takes that may be called now, those of every function among them."""
    some = {name for function in kind.functions.values() for name in function.takes}
    every = {name for name in properties if name not in some and name != DO}
    return {
        name: [field for field in properties if field in every or field in kind.functions[name].takes]
        for name in properties[DO]["enum"]
    }
