"""Records that a document tells of, and questions over all of them, answered by code.

A perfect labeller would read exactly these records out of the text; what a query gives over them is the
answer by construction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Literal

from lcagent.evals.haystack import Span

Value = str | int
Kind = Literal["person", "company", "line"]
Operation = Literal["count", "distinct", "most", "top", "sum", "mean", "list", "order", "pairs"]
MOST_LISTED = 12
"""Names that a list may have: longer ones test patience, not counting."""
_NEAR_HALF = Fraction(1, 20)
"""A mean this near to a half could be rounded either way."""


@dataclass(frozen=True, slots=True)
class Record:
    """One person, company or line of a log.

    Args:
        kind: what it is.
        fields: all that the text says of it; dates as ISO 8601 has them, what is not told left out.
        text: the words that say so.
    """

    kind: Kind
    fields: dict[str, Value]
    text: str

    @property
    def name(self) -> str:
        """What it is told by."""
        return str(self.fields["time" if self.kind == "line" else "name"])


@dataclass(frozen=True, slots=True)
class Where:
    """A condition: a field equals a value, is under it, or at least it.

    Args:
        field: of the record, or of what `joined` leads to.
        how: the comparison.
        value: compared with.
        joined: whether the field is the company's that employs a person.
    """

    field: str
    how: Literal["=", "<", ">="]
    value: Value
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A question over all records of a kind.

    Args:
        kind: of the records.
        operation: what is worked out.
        where: conditions that all hold.
        field: what is grouped, added up, ranked or shared; empty where the records themselves count.
        k: how many, or the place in the order, from 1.
    """

    kind: Kind
    operation: Operation
    where: tuple[Where, ...] = ()
    field: str = ""
    k: int = 0


@dataclass(frozen=True, slots=True)
class Solved:
    """What a query gives, and the records that it rests on."""

    answers: tuple[str, ...]
    records: list[Record]


def solve(query: Query, records: Sequence[Record]) -> Solved | None:
    """The answer over all records; None where the question has no single one (none, a tie, too many)."""
    employers = {record.name: record for record in records if record.kind == "company"}
    rows = [
        record
        for record in records
        if record.kind == query.kind
        and all(_holds(condition, record, employers) for condition in query.where)
    ]
    solved = _OPERATIONS[query.operation](query, rows) if rows else None
    if solved is not None and any(condition.joined for condition in query.where):
        needed = dict.fromkeys(str(row.fields["employer"]) for row in solved.records)
        solved.records.extend(employers[name] for name in needed)
    return solved


def _holds(condition: Where, record: Record, employers: dict[str, Record]) -> bool:
    if condition.joined:
        record = employers[str(record.fields["employer"])]
    value = record.fields.get(condition.field)
    if value is None:
        return False
    if condition.how == "=":
        return value == condition.value
    # Numbers, or dates as ISO 8601 has them: both are in order as they are.
    below = value < condition.value  # pyright: ignore[reportOperatorIssue]
    return below if condition.how == "<" else not below


def _count(_: Query, rows: list[Record]) -> Solved:
    return Solved((str(len(rows)),), rows)


def _distinct(query: Query, rows: list[Record]) -> Solved:
    return Solved((str(len({row.fields[query.field] for row in rows})),), rows)


def _most(query: Query, rows: list[Record]) -> Solved | None:
    (value, times), *others = Counter(row.fields[query.field] for row in rows).most_common(2)
    if not others or others[0][1] == times:
        return None
    return Solved((str(value),), [row for row in rows if row.fields[query.field] == value])


def _top(query: Query, rows: list[Record]) -> Solved | None:
    ranked = sorted(rows, key=lambda row: row.fields[query.field], reverse=True)
    if len(rows) <= query.k or ranked[query.k - 1].fields[query.field] == ranked[query.k].fields[query.field]:
        return None
    return _named(ranked[: query.k])


def _sum(query: Query, rows: list[Record]) -> Solved:
    return Solved((str(sum(int(row.fields[query.field]) for row in rows)),), rows)


def _mean(query: Query, rows: list[Record]) -> Solved | None:
    mean = Fraction(sum(int(row.fields[query.field]) for row in rows), len(rows))
    if abs(mean % 1 - Fraction(1, 2)) < _NEAR_HALF:
        return None
    return Solved((str(round(mean)),), rows)


def _list(_: Query, rows: list[Record]) -> Solved | None:
    return _named(rows) if 2 <= len(rows) <= MOST_LISTED else None


def _order(query: Query, rows: list[Record]) -> Solved | None:
    ranked = sorted(rows, key=lambda row: row.fields[query.field])
    if query.k > len(rows):
        return None
    chosen = ranked[query.k - 1]
    if sum(row.fields[query.field] == chosen.fields[query.field] for row in rows) > 1:
        return None
    return _named([chosen])


def _pairs(query: Query, rows: list[Record]) -> Solved | None:
    if len(rows) < 3:
        return None
    sharing = [
        pair for pair in combinations(rows, 2) if pair[0].fields[query.field] == pair[1].fields[query.field]
    ]
    return _named(list(sharing[0])) if len(sharing) == 1 else None


def _named(rows: list[Record]) -> Solved:
    return Solved(tuple(row.name for row in rows), rows)


_OPERATIONS: dict[Operation, Callable[[Query, list[Record]], Solved | None]] = {
    "count": _count,
    "distinct": _distinct,
    "most": _most,
    "top": _top,
    "sum": _sum,
    "mean": _mean,
    "list": _list,
    "order": _order,
    "pairs": _pairs,
}


@dataclass(frozen=True, slots=True)
class Placed:
    """A record, and where the text tells it."""

    record: Record
    span: Span
