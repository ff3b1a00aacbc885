"""Querying: a query of the closed set run over items, in plain Python over exact numbers.

Nothing that a model wrote is executed: names of columns are looked up, values are compared. A row of which it
is open whether it counts, or what its value is, is set apart with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import combinations

from lcagent.agents.querier import NONE, USUAL_DECIMALS, Query
from lcagent.graphs.tally.cells import NOT_TOLD, Cell, Reading, Values, holds
from lcagent.graphs.tally.merging import Item
from lcagent.memory.schema import Column, Schema

MOST_PAIRS = 12
"""Pairs that are told by name."""
Record = Mapping[str, Item]
"""One row, or two that are joined: an item by the name of its kind."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a result.

    Args:
        label: what it is of: a group's value, an item's name; empty where the result is one figure.
        value: the figure, or what is told.
        exact: it as a number or date; None where there is none.
        records: the rows behind it.
    """

    label: str
    value: str
    exact: Reading | None
    records: Sequence[Record]


@dataclass(slots=True)
class Result:
    """What a query gives.

    Args:
        lines: in the order in which they are told.
        records: the rows that count.
        unsure: rows set apart, with the reason.
        without: rows that would count, but do not tell what is measured.
        total: items of the kind, counted or not.
        tied: lines beyond those asked for, which are as good as the last of them.
    """

    lines: list[Line] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    unsure: list[tuple[Record, str]] = field(default_factory=list)
    without: int = 0
    total: int = 0
    tied: int = 0


class Run:
    """One query over some items.

    Args:
        query: it can be run (`lcagent.agents.querier`).
        schema: its columns.
        items: by kind.
        read: what reads the values of each field.
    """

    def __init__(
        self,
        query: Query,
        schema: Schema,
        items: Mapping[str, Sequence[Item]],
        read: Mapping[tuple[str, str], Values],
    ) -> None:
        self.query, self.schema, self.items, self._read = query, schema, items, read
        self.result = Result(total=len(items[query.item]))

    def go(self) -> Result:
        """The result."""
        query, result = self.query, self.result
        for record in self._joined():
            self._sift(record)
        if query.measure == "list":
            lines = self._listed()
        elif query.group != NONE:
            lines = self._grouped()
        elif query.measure in {"min", "max"}:
            lines = self._extremes()
        else:
            lines = [self._measured("", result.records)]
        result.lines = self._first(lines)
        if query.measure == "list" or query.group != NONE:
            result.records = [record for line in result.lines for record in line.records]
        return result

    def column(self, name: str) -> Column:
        """A column by its name."""
        return self.schema.columns[name]

    def used(self) -> list[str]:
        """The columns that the query looks at."""
        query = self.query
        joined = [query.join_field, query.join_to] if query.join not in {NONE, query.item} else []
        filtered = (one.field for one in query.filters)
        names = [*filtered, self._of_interest(), query.group, self._order(), *joined]
        return [name for name in dict.fromkeys(names) if name != NONE]

    def cell(self, record: Record, name: str) -> Cell:
        """What a row tells in a column."""
        column = self.column(name)
        return record[column.kind].cell(column.field.name).part(column.part)

    def unit(self, name: str) -> str:
        """What the numbers of a column are in; empty for others."""
        column = self.column(name)
        return self._read[column.kind, column.field.name].unit if column.field.type == "number" else ""

    def name_of(self, item: Item) -> str:
        """An item by the fields that identify it, else by the first text that is told of it."""
        kind = self.schema.kind(item.kind)
        texts = [one.name for one in kind.fields if one.type == "text"]
        return ", ".join(filter(None, (item.cell(one).text for one in kind.key or texts[:1])))

    def _joined(self) -> Iterable[Record]:
        """Each item of the query, with each of the other kind that belongs to it."""
        query = self.query
        if query.join in {NONE, query.item}:
            return [{query.item: item} for item in self.items[query.item]]
        other = self.items[query.join]
        known: dict[Reading, list[Item]] = {}
        for item in other:
            if (exact := self.cell({query.join: item}, query.join_to).sure) is not None:
                known.setdefault(exact, []).append(item)
        records: list[Record] = []
        for item in self.items[query.item]:
            alone = {query.item: item}
            cell = self.cell(alone, query.join_field)
            if (exact := cell.sure) is not None:
                records += [{**alone, query.join: one} for one in known.get(exact, ())]
            elif cell.why:
                self.result.unsure.append((alone, cell.why))
        return records

    def _sift(self, record: Record) -> None:
        """Let a row count, drop it, or set it apart."""
        reasons = [item.doubt for item in record.values()]
        for one in self.query.filters:
            cell, column = self.cell(record, one.field), self.column(one.field)
            value, other = (wanted(self._read, column, text) for text in (one.value, one.other))
            outcome = holds(cell, one.test, value, other)
            if outcome is False:
                return
            if outcome is None:
                open_ = f"it is open whether {one.field} {cell.text!r} {one.test} {one.value!r}"
                reasons.append(cell.why or open_)
        for name in dict.fromkeys(filter(None, [self._of_interest(), self.query.group, self._order()])):
            if name == NONE:
                continue
            cell = self.cell(record, name)
            if not cell.text:
                self.result.without += 1
                return
            reasons.append(cell.why)
        if why := next(filter(None, reasons), ""):
            self.result.unsure.append((record, why))
        else:
            self.result.records.append(record)

    def _of_interest(self) -> str:
        return NONE if self.query.measure == "count" else self.query.field

    def _order(self) -> str:
        return self.query.order if self.query.measure == "list" else NONE

    def _exact(self, record: Record, name: str) -> Reading:
        exact = self.cell(record, name).sure
        assert exact is not None  # what has none was sifted
        return exact

    def _owned(self, records: Iterable[Record], name: str) -> list[Record]:
        """Rows with each item that a column is of once: a join repeats some."""
        kind = self.column(name).kind if name != NONE else self.query.item
        return list({record[kind].number: record for record in reversed(list(records))}.values())[::-1]

    def _by(self, records: Iterable[Record], name: str) -> dict[Reading, list[Record]]:
        """Rows by what they tell in a column, in the order in which that is first told."""
        groups: dict[Reading, list[Record]] = {}
        for record in records:
            groups.setdefault(self._exact(record, name), []).append(record)
        return groups

    def _measured(self, label: str, records: Sequence[Record]) -> Line:
        """One figure of some rows."""
        query = self.query
        own = self._owned(records, self._of_interest())
        if query.measure == "count":
            return Line(label, str(len(own)), Decimal(len(own)), own)
        if query.measure == "pairs":
            return self._pairs(label, own)
        if query.measure == "distinct":
            figure = len(self._by(own, query.field))
            return Line(label, str(figure), Decimal(figure), own)
        exacts = [self._exact(record, query.field) for record in own]
        if query.measure in {"min", "max"}:
            exact = _extreme(exacts, query.measure)
            held = [record for record in own if self._exact(record, query.field) == exact]
            return Line(label, self._told(held[0], query.field), exact, held)
        numbers = [one for one in exacts if isinstance(one, Decimal)]
        if not numbers and query.measure == "mean":
            return Line(label, "", None, own)
        total = sum(numbers, Decimal(0)) / (len(numbers) if query.measure == "mean" else 1)
        decimals = query.decimals if query.measure == "mean" else USUAL_DECIMALS
        return Line(label, with_unit(total, self.unit(query.field), decimals), total, own)

    def _pairs(self, label: str, own: Sequence[Record]) -> Line:
        """How many pairs have a value in common, and where these are few, who they are."""
        pairs: list[tuple[Record, Record]] = []
        figure = 0
        for some in self._by(own, self.query.field).values():
            figure += len(some) * (len(some) - 1) // 2
            if figure <= MOST_PAIRS:
                pairs += combinations(some, 2)
        if not 0 < figure <= MOST_PAIRS:
            return Line(label, str(figure), Decimal(figure), own)
        kind = self.column(self.query.field).kind
        names = [" and ".join(self.name_of(one[kind]) for one in pair) for pair in pairs]
        held = self._owned([one for pair in pairs for one in pair], self.query.field)
        return Line(label, f"{figure}: {'; '.join(names)}", Decimal(figure), held)

    def _told(self, record: Record, name: str) -> str:
        """What a row tells in a column, as written; of a date's part the part."""
        cell = self.cell(record, name)
        return str(cell.sure) if self.column(name).part else cell.text

    def _extremes(self) -> list[Line]:
        """The least or the greatest value, and each item that has it."""
        if not self.result.records:
            return []
        line = self._measured("", self.result.records)
        kind = self.column(self.query.field).kind
        return [Line(self.name_of(r[kind]), line.value, line.exact, [r]) for r in line.records]

    def _grouped(self) -> list[Line]:
        """A figure for each value: those with the most first, or in the order of the values."""
        query, column = self.query, self.column(self.query.group)
        groups = self._by(self.result.records, query.group)
        lines = [self._measured(self._told(some[0], query.group), some) for some in groups.values()]
        if query.top <= 0 and column.field.type in {"date", "number"}:
            ordered = sorted(zip(groups, lines, strict=True), key=lambda pair: pair[0])
            return [line for _, line in ordered]
        return _sorted(lines, query.direction == "largest")

    def _listed(self) -> list[Line]:
        """What each row tells, each value once."""
        query = self.query
        lines: list[Line] = []
        for some in self._by(self.result.records, query.field).values():
            label = self._told(some[0], query.field)
            if query.order in {NONE, query.field}:
                exact = None if query.order == NONE else self._exact(some[0], query.field)
                lines.append(Line(label, "", exact, some))
                continue
            exacts = [self._exact(record, query.order) for record in some]
            exact = _extreme(exacts, "max" if query.direction == "largest" else "min")
            told = self._told(some[exacts.index(exact)], query.order)
            lines.append(Line(label, told, exact, some))
        return lines if query.order == NONE else _sorted(lines, query.direction == "largest")

    def _first(self, lines: list[Line]) -> list[Line]:
        """As many as are asked for; those that are as good as the last of them are told too."""
        top = self.query.top
        if not 0 < top < len(lines) or (self.query.measure == "list" and self.query.order == NONE):
            return lines[:top] if top > 0 else lines
        last = lines[top - 1].exact
        more = next((n for n, line in enumerate(lines[top:]) if line.exact != last), len(lines) - top)
        self.result.tied = more
        return lines[: top + more]


def wanted(read: Mapping[tuple[str, str], Values], column: Column, text: str) -> Cell:
    """A filter's value as its column's values are read; of a date's part its own is enough."""
    if not text:
        return NOT_TOLD
    cell = read[column.kind, column.field.name].read(text)
    return cell.part(column.part) if column.part else cell


def wrong(schema: Schema, read: Mapping[tuple[str, str], Values]) -> Callable[[str, str], str]:
    """What tells why a value cannot be compared with a column's; empty if it can.

    Args:
        schema: its columns.
        read: what reads the values of each field.
    """

    def fault(name: str, text: str) -> str:
        cell = wanted(read, schema.columns[name], text)
        return "" if cell.readings else f"a filter on {name!r}: {cell.doubt or 'it has no value'}"

    return fault


def _extreme(exacts: Sequence[Reading], which: str) -> Reading:
    return max(exacts, key=_sortable) if which == "max" else min(exacts, key=_sortable)


def _sortable(exact: Reading | None) -> tuple[int, Decimal, str]:
    """Numbers by size, dates and texts by their letters; what has no value first."""
    if exact is None:
        return 0, Decimal(0), ""
    return (1, exact, "") if isinstance(exact, Decimal) else (1, Decimal(0), str(exact))


def _sorted(lines: Sequence[Line], largest: bool) -> list[Line]:
    """By their figures; equal ones stay in their order."""
    return sorted(
        sorted(lines, key=lambda line: _sortable(line.exact), reverse=largest),
        key=lambda line: line.exact is None,
    )


def with_unit(figure: Decimal, unit: str, decimals: int = USUAL_DECIMALS) -> str:
    """A figure for people: exact, or to so many decimals."""
    if figure == figure.to_integral_value():
        return f"{figure.to_integral_value():f} {unit}".strip()
    told = f"{figure:.{decimals}f}"
    return f"{told.rstrip('0').rstrip('.') if '.' in told else told} {unit}".strip()
