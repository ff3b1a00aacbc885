"""What the rest of the package uses of a store, so that another engine than SQLite could stand there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from lcagent.errors import LcagentError
from lcagent.place import Place

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from lcagent.memory.tiers.bitmaps import Ids
    from lcagent.models.vectors import Vectors

T = TypeVar("T")
MOST_VALUES = 500
"""Values in one statement."""

NUMBERS = "(SELECT CAST(value AS INTEGER) FROM json_each(?))"
"""Numbers within `IN`, of which there may be many: their value is one JSON array."""


def parts(values: Sequence[T], most: int = MOST_VALUES) -> Iterator[Sequence[T]]:
    """Values in as many parts as there are statements needed for them."""
    for start in range(0, len(values), most):
        yield values[start : start + most]


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


class FullText(Protocol):
    """The full text of a store's facts."""

    def make(self) -> None:
        """Make it where it is missing.

        Raises:
            SettingsError: this Python's SQLite has no full-text search.
        """
        ...

    def update(self) -> None:
        """Take in what was put since; errors as for `make`."""
        ...

    def compact(self) -> None:
        """Drop the words of deleted rows."""
        ...

    def best(
        self, words: Sequence[str], works: Sequence[int], limit: int, node: tuple[int, str] | None
    ) -> list[tuple[Any, ...]]:
        """The facts that share most with some words by BM25, the best first.

        Args:
            words: stems; a single character of a script without spaces also stands for what it begins.
            works: ids of those whose facts are looked at.
            limit: facts at most.
            node: only facts of this node of a graph: the graph's work, and the node.

        Returns:
            Id, work, segment, text and spans of each.
        """
        ...


class Near(Protocol):
    """What compares vectors where they lie."""

    def entries(self, tenant: str, model: str, query: Vectors, among: Ids, limit: int) -> dict[int, float]:
        """The entries whose vectors are most like a query's, each with its cosine.

        Args:
            tenant: whose entries.
            model: whose vectors.
            query: a unit vector of the same model.
            among: entries that may be found.
            limit: entries at most.
        """
        ...

    def items(
        self,
        work: int,
        owner: str,
        model: str,
        query: Vectors,
        *,
        limit: int | None = None,
        among: Sequence[int] | None = None,
    ) -> list[tuple[int, float]]:
        """Numbers and cosines of a work's items, the most alike first, and of those alike the first ones.

        Args:
            work: the work's id.
            owner: what the vectors belong to, such as "node".
            model: what made them.
            query: a unit vector of the same model.
            limit: items at most; None: all.
            among: only these numbers; None: all.
        """
        ...


class Rows(Protocol):
    """An open store: `lcagent.memory.store.Store`, or that of a PostgreSQL (`lcagent.memory.postgres`)."""

    @property
    def place(self) -> Place:
        """Where it is, and what is no row beside it."""
        ...

    @property
    def full_text(self) -> FullText:
        """What finds facts by their words."""
        ...

    @property
    def near(self) -> Near | None:
        """What compares vectors there; None: they are read, and compared here."""
        ...

    def locked(self, name: str, busy: LcagentError) -> AbstractContextManager[None]:
        """Be the one who writes something, such as a run; the lock goes with the process, however it ends.

        Args:
            name: of what is written.
            busy: raised where somebody else is at it.

        Raises:
            LcagentError: `busy`.
        """
        ...

    def checkpoints(self) -> AbstractContextManager[BaseCheckpointSaver[Any]]:
        """The steps of runs, as LangGraph keeps them.

        Raises:
            StoreDamaged: some of them cannot be read.
            StoreError: they cannot be read or written.
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

    def table(self, name: str) -> str:
        """A table as statements of other stores of the same server name it."""
        ...

    def given(self, table: str, at_least: int = 0) -> int:
        """The last id that a table has given, of those that give no id twice.

        Args:
            table: which.
            at_least: it goes on above this one.
        """
        ...

    def size(self, scope: str = "") -> int:
        """Bytes that are in use.

        Args:
            scope: whose calls, and rows of a work, are about to change (`lcagent.memory.journal`): before and
                after that it is asked, and no more than these need be counted.
        """
        ...

    def now(self) -> float:
        """Seconds since 1970, by a clock that all who write there share."""
        ...

    def engine(self) -> str:
        """What keeps it, and its version."""
        ...

    def release(self) -> None:
        """Give the space of what was deleted back."""
        ...

    def drop_steps(self, run: str) -> None:
        """Delete the steps of a run, and leave nothing of them; errors as for `checkpoints`."""
        ...

    def rewrite(self) -> bool:
        """Write everything that is kept anew, so that what was deleted stands nowhere any more.

        Returns:
            Whether that is so; not while others still read what was there.
        """
        ...

    def close(self) -> None:
        """Close it."""
        ...
