"""Telling: the figure, the rule that code followed, and the rows behind it with their places."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypedDict

from lcagent.agents.designer import WORDS
from lcagent.agents.querier import NONE, USUAL_DECIMALS, Query
from lcagent.documents.corpus import Corpus, Place, Region
from lcagent.documents.support import support
from lcagent.graphs.shared.verdict import Statement, Verdict
from lcagent.graphs.tally.merging import Item
from lcagent.graphs.tally.places import Places
from lcagent.graphs.tally.querying import Line, Record, Run, with_unit

MOST_CITED = 12
"""Sentences that the answer cites, shared by its lines; the table has all of them."""
MOST_ROWS = 5000
"""Rows of a table, which is kept with the answer."""
_SIGMAS = 1.96
"""Of an interval that holds in 95 of 100 cases."""


class TableRow(TypedDict):
    """One row: its values, (document, start, end) of the sentences that it stands in, why it is set apart."""

    values: list[str]
    regions: list[list[int]]
    reason: str


class Interval(TypedDict):
    """What is known of a figure where segments were not read: it is no less than `least`, if that is known,
    and estimated to lie between `low` and `high`."""

    unread: int
    segments: int
    least: str
    low: str
    high: str


class Table(TypedDict):
    """The rows behind an answer, in the graph's state."""

    rule: str
    columns: list[str]
    rows: list[TableRow]
    unsure: list[TableRow]
    rows_total: int
    unsure_total: int
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the rows were made of: segments that were read, and how many there are."""

    read: Sequence[Place]
    total: int

    @property
    def unread(self) -> int:
        """Segments of which nothing is known."""
        return self.total - len(set(self.read))


class Teller:
    """Tells one result.

    Args:
        run: the query that gave it.
        corpus: what was read.
        coverage: how much of it was.
    """

    def __init__(self, run: Run, corpus: Corpus, coverage: Coverage) -> None:
        self._run, self._corpus, self._coverage = run, corpus, coverage
        self._query, self._schema, self._result = run.query, run.schema, run.result
        self._places = Places(corpus, run.items, words=run.schema == WORDS)

    def verdict(self) -> Verdict:
        """The answer, and what speaks against it."""
        query, result = self._query, self._result
        told = rule(query)
        if not result.total or not self._says_something():
            return Verdict(warnings=(self._nothing(told), *self._warnings()))
        beside = "; ".join(filter(None, [told, self._unread_told()]))
        figure = query.measure in {"count", "distinct", "pairs", "sum", "mean"}
        each = max(2, MOST_CITED // len(result.lines))
        statements: list[Statement] = []
        for line in result.lines:
            regions = self._cited(line.records, each)
            text = self._line(line)
            stands = "inferred" if figure else support(text, [self._corpus.text(one) for one in regions])
            statements.append(Statement(text, stands, regions, ", "))
        last = statements[-1]
        statements[-1] = Statement(f"{last.text} ({beside})", last.support, last.regions, "")
        return Verdict(tuple(statements), warnings=self._warnings())

    def table(self) -> Table:
        """The rows behind it, and those that are set apart."""
        result = self._result
        kinds = [self._query.item, *([self._query.join] if self._joined else [])]
        before = len(self._schema.kinds) > 1
        columns = [
            (kind, one.name, f"{kind}.{one.name}" if before else one.name)
            for kind in kinds
            for one in self._schema.kind(kind).fields
        ]

        def row(record: Record, reason: str = "") -> TableRow:
            values = [record[kind].cell(name).text if kind in record else "" for kind, name, _ in columns]
            regions = [list(one) for item in record.values() for one in self._regions(item)]
            return {"values": values, "regions": regions, "reason": reason}

        return {
            "rule": rule(self._query),
            "columns": [shown for _, _, shown in columns],
            "rows": [row(record) for record in result.records[:MOST_ROWS]],
            "unsure": [row(record, why) for record, why in result.unsure[:MOST_ROWS]],
            "rows_total": len(result.records),
            "unsure_total": len(result.unsure),
            "interval": self._interval(),
        }

    @property
    def _joined(self) -> bool:
        return self._query.join not in {NONE, self._query.item}

    def _says_something(self) -> bool:
        counts = self._query.measure in {"count", "distinct", "pairs"} and self._query.group == NONE
        return counts or bool(self._result.records and self._result.lines)

    def _nothing(self, told: str) -> str:
        if not self._result.total:
            return f"the text tells of no {self._query.item}"
        return f"of {self._result.total} items none counts: {told}"

    def _line(self, line: Line) -> str:
        if self._query.measure == "list":
            return f"{line.label} ({line.value})" if line.value else line.label
        lower = self._query.group == NONE and self._interval()
        value = f"at least {line.value}" if lower and lower["least"] else line.value
        return ": ".join(filter(None, [line.label, value]))

    def _unread_told(self) -> str:
        unread, interval = self._coverage.unread, self._interval()
        if not unread:
            return ""
        about = f": {interval['low']} to {interval['high']} estimated" if interval and interval["low"] else ""
        return f"{unread} of {self._coverage.total} segments could not be read{about}"

    def _warnings(self) -> tuple[str, ...]:
        query, result = self._query, self._result
        told: list[str] = []
        if result.unsure:
            reasons = Counter(why for _, why in result.unsure)
            first = "; ".join(f"{why} ({n})" if n > 1 else why for why, n in reasons.most_common(3))
            told.append(
                f"set apart, for it is open whether or how they count: {len(result.unsure)} ({first})"
            )
        if result.without:
            told.append(f"left out, for the text does not tell what is asked of them: {result.without}")
        if result.tied:
            told.append(f"{result.tied} more than the {query.top} asked for are as good as the last of these")
        if len(result.records) > MOST_ROWS:
            told.append(f"the table holds the first {MOST_ROWS:,} of {len(result.records):,} rows")
        return tuple(told)

    def _interval(self) -> Interval | None:
        """What the segments that were not read may add to a number of rows or a sum, from those that were."""
        query, unread = self._query, self._coverage.unread
        if not unread or query.measure not in {"count", "sum"} or query.group != NONE:
            return None
        line = self._result.lines[0]
        shares = dict.fromkeys(self._coverage.read, Decimal(0))
        kind = self._run.column(query.field).kind if query.measure == "sum" else query.item
        for record in line.records:
            mention = record[kind].mentions[0]
            figure = self._run.cell(record, query.field).sure if query.measure == "sum" else Decimal(1)
            assert isinstance(figure, Decimal)
            shares[mention.document, mention.segment] += figure
        known = line.exact if isinstance(line.exact, Decimal) else Decimal(0)
        unit = self._run.unit(query.field) if query.measure == "sum" else ""
        least = with_unit(known, unit) if all(share >= 0 for share in shares.values()) else ""
        low, high = _estimated([float(share) for share in shares.values()], unread)
        ends = [known + Decimal(math.floor(low)), known + Decimal(math.ceil(high))] if shares else []
        ends = [max(known, end) if least else end for end in ends] if len(shares) > 1 else []
        told = [with_unit(end, unit) for end in ends] or ["", ""]
        return Interval(unread=unread, segments=self._coverage.total, least=least, low=told[0], high=told[1])

    def _cited(self, records: Sequence[Record], most: int) -> tuple[Region, ...]:
        """The places of some rows, as many as an answer cites."""
        found: dict[Region, None] = {}
        for record in records:
            for item in record.values():
                found.update(dict.fromkeys(self._regions(item)))
            if len(found) >= most:
                break
        return tuple(found)[:most]

    def _regions(self, item: Item) -> list[Region]:
        """The sentences that a row rests on, as far as the query looks at it."""
        columns = [self._run.column(name) for name in self._run.used()]
        return self._places.regions(
            item, dict.fromkeys(one.field.name for one in columns if one.kind == item.kind)
        )


def _estimated(shares: Sequence[float], unread: int) -> tuple[float, float]:
    """What so many further segments add, were they like the others: a range of the total."""
    if len(shares) < 2:
        return 0.0, 0.0
    mean, spread = statistics.fmean(shares), statistics.stdev(shares)
    off = _SIGMAS * spread * math.sqrt(unread + unread**2 / len(shares))
    return unread * mean - off, unread * mean + off


def rule(query: Query) -> str:
    """What code did, in words that are nobody's question: `count of person, where city is Oslo`."""
    of = {
        "count": f"count of {query.item}",
        "distinct": f"count of different {query.field}",
        "pairs": f"pairs of {query.item} with the same {query.field}",
        "list": f"{query.field} of {query.item}",
    }
    parts = [of.get(query.measure, f"{query.measure} of {query.field}")]
    if query.join not in {NONE, query.item}:
        parts.append(f"with the {query.join} where {query.join_to} is its {query.join_field}")
    if query.measure == "mean" and query.decimals != USUAL_DECIMALS:
        parts.append(f"rounded to {query.decimals} decimals" if query.decimals else "rounded")
    if query.group != NONE:
        parts.append(f"by {query.group}")
    tests = [
        f"{one.field} {one.test} {one.value}{f' and {one.other}' if one.test == 'between' else ''}"
        for one in query.filters
    ]
    if tests:
        parts.append(f"where {' and '.join(tests)}")
    sorted_ = query.order != NONE if query.measure == "list" else query.group != NONE and query.top > 0
    if sorted_:
        by = f" {query.order}" if query.measure == "list" else ""
        parts.append(f"{query.direction}{by} first")
    if query.top > 0 and (query.measure == "list" or query.group != NONE):
        parts.append(f"the first {query.top}")
    return ", ".join(parts)
