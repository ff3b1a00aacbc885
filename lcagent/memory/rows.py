"""What the rest of the package uses of a store, so that another engine than SQLite could stand there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

T = TypeVar("T")
MOST_VALUES = 500
"""Values in one statement."""

NUMBERS = "(SELECT CAST(value AS INTEGER) FROM json_each(?))"
"""Numbers within `IN`, of which there may be many: their value is one JSON array."""


def parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Values in as many parts as there are statements needed for them."""
    for start in range(0, len(values), MOST_VALUES):
        yield values[start : start + MOST_VALUES]


def marks(values: Sequence[object]) -> str:
    """Stand for values within `IN (...)`."""
    return ",".join("?" * len(values))


class Result(Protocol):
    """The rows that a statement gives, one after the other."""

    @property
    def rowcount(self) -> int:
        """Rows that the statement changed."""
        ...

    def fetchone(self) -> Any:
        """The next row as a tuple; None after the last."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Rows(Protocol):
    """An open store (`lcagent.memory.store.Store` is the one there is)."""

    @property
    def folder(self) -> Path:
        """Where what is no row lies beside it: locks, checkpoints."""
        ...

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the store of a folder, or make it.

        Raises:
            StoreError: it cannot be read or written there.
            SettingsError: a newer version made it.
        """
        ...

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> Result:
        """Run one statement; outside a transaction it is committed when this returns."""
        ...

    def execute_many(self, sql: str, values: Iterable[tuple[Any, ...] | dict[str, Any]]) -> None:
        """Run one statement for each of some values, within a transaction."""
        ...

    def rows(self, sql: str, values: tuple[Any, ...] | dict[str, Any] = ()) -> list[dict[str, Any]]:
        """All rows of one query, by the names of their columns."""
        ...

    def insert_many(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Insert rows in one transaction; a row that stands there already stays as it is."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Everything in it, or nothing; one within another is part of it."""
        ...

    def size(self) -> int:
        """Bytes that are in use."""
        ...

    def release(self) -> None:
        """Give the space of what was deleted back."""
        ...

    def rewrite(self) -> None:
        """Write everything that is kept anew, so that what was deleted stands nowhere any more."""
        ...

    def close(self) -> None:
        """Close it."""
        ...
