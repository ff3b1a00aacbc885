"""Schemas: what one item of a text is, and what is noted of each, a row an item.

A schema is part of what a work of rows follows from, so equal ones must be written alike: names are short and
plain (`plain_name`), and code alone writes them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Literal

from pydantic import TypeAdapter

from lcagent.documents.words import folded

Type = Literal["text", "number", "date", "label"]
PARTS = ("year", "month")
"""What a date is also told, counted and joined by: `born.year` is 1911, `born.month` 1911-03."""
UNSURE = "unsure"
"""What a model says in a label's place where the text does not tell which one it is."""
_NAME_CHARS = 32


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that is noted of an item.

    Args:
        name: short and plain.
        about: what it is, for who reads the text.
        type: how values are compared.
        labels: of a label those that there are.
        unit: of a number; may be empty.
        identifies: items with the same value in all such fields are one item, told twice.
    """

    name: str
    about: str = ""
    type: Type = "text"
    labels: tuple[str, ...] = ()
    unit: str = ""
    identifies: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of item: what one is, and what is noted of it."""

    name: str
    about: str
    fields: tuple[Field, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """The fields that tell which item it is; none: each mention is an item of its own."""
        return tuple(field.name for field in self.fields if field.identifies)


@dataclass(frozen=True, slots=True)
class Column:
    """A field of a kind as a query names it; `part` of a date, or all of it."""

    kind: str
    field: Field
    part: str = ""


@dataclass(frozen=True)
class Schema:
    """One kind of item, or two that may be joined."""

    kinds: tuple[Kind, ...]

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        """Every field by the name that a query gives it: `born`, `born.year`; `person.born` where there are
        two kinds."""
        found: dict[str, Column] = {}
        for kind in self.kinds:
            before = f"{kind.name}." if len(self.kinds) > 1 else ""
            for field in kind.fields:
                found[f"{before}{field.name}"] = Column(kind.name, field)
                if field.type == "date":
                    for part in PARTS:
                        found[f"{before}{field.name}.{part}"] = Column(kind.name, field, part)
        return found

    def kind(self, name: str) -> Kind:
        """A kind by its name."""
        return next(kind for kind in self.kinds if kind.name == name)

    def as_json(self) -> str:
        """One line; equal schemas have equal ones."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @staticmethod
    def from_json(text: str) -> Schema:
        """The schema that `as_json` wrote."""
        return TypeAdapter(Schema).validate_json(text)

    def covers(self, other: Schema) -> bool:
        """Whether its rows hold all that another schema asks for: the same kinds, told apart by the same, and
        for each field one of the same name, type, labels and unit."""
        return all(any(_covers(own, kind) for own in self.kinds) for kind in other.kinds)


def _covers(own: Kind, other: Kind) -> bool:
    held = {(f.name, f.type, frozenset(map(str.casefold, f.labels)), f.unit) for f in own.fields}
    wanted = {(f.name, f.type, frozenset(map(str.casefold, f.labels)), f.unit) for f in other.fields}
    return own.name == other.name and own.key == other.key and wanted <= held


def plain_name(name: str, taken: Sequence[str] = ()) -> str:
    """A name of letters, digits and underscores, unlike those that are taken; empty if it has none."""
    plain = "_".join(re.findall(r"[^\W_]+", folded(name)))[:_NAME_CHARS].strip("_")
    number, unlike = 2, plain
    while unlike in taken and plain:
        number, unlike = number + 1, f"{plain}_{number}"
    return unlike
