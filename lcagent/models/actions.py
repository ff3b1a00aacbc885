"""Actions: replies whose arguments are taken from a list, so that an invalid one cannot be written.

A server that decodes under a schema can only write what is on the list. From any other a reply that names
something else is malformed, and asked for again with the list quoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, WithJsonSchema, create_model

T = TypeVar("T", bound=BaseModel)


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
    given: dict[str, Any] = {name: (kind, ...) for name, kind in fields.items()}
    return create_model(reply_type.__name__, __base__=reply_type, **given)
