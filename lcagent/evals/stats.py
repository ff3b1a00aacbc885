"""How sure a score is: 95 % intervals, and two strategies compared item by item.

Only the standard library: intervals come with every install, and the same rows give the same figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lcagent.evals.items import Row

Z95 = 1.959963984540054
"""Two-sided 95 % point of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Score:
    """A mean of n values from 0 to 1 with its 95 % interval."""

    n: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What b gains over a on the items that both have a row for.

    Args:
        n: items compared.
        difference: mean of b's score minus a's, item by item.
        low: lower end of its 95 % interval.
        high: upper end.
        p: two-sided, of there being no difference; under 0.05 exactly where the interval leaves out 0.
        better: items on which b scores more than a.
        worse: items on which b scores less.
        same: the others.
    """

    n: int
    difference: float
    low: float
    high: float
    p: float
    better: int
    worse: int
    same: int


def score_of(values: Sequence[float]) -> Score:
    """Mean and 95 % interval of values from 0 to 1.

    Wilson's interval. Values between 0 and 1 scatter less than hits and misses of the same mean, so that
    as many hits and misses as are equally sure stand for them. Their scatter is taken with one value of 0
    and one of 1 added: a few equal values do not show that there is none. No value bounds nothing.
    """
    n, total = len(values), math.fsum(values)
    if n == 0:
        return Score(0, 0.0, 0.0, 1.0)
    mean, added = total / n, (total + 1) / (n + 2)
    scatter = (math.fsum(value * value for value in values) + 1) / (n + 2) - added * added
    worth = n * added * (1 - added) / scatter
    low, high = wilson(mean * worth, worth)
    return Score(n, mean, min(low, mean), max(high, mean))


def wilson(hits: float, n: float) -> tuple[float, float]:
    """The score interval of a proportion (Wilson 1927), which stays honest at 0 and n hits."""
    share, z2 = hits / n, Z95 * Z95
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


Key = tuple[str, int, int, str]


def item_key(row: Row) -> Key:
    """What makes an item the same one in two runs."""
    return row.task, row.length, row.seed, row.item


def paired(a: Sequence[Row], b: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Rows of both that answer the same item, in a's order; the last row of an item counts."""
    first, second = ({item_key(row): row for row in rows} for rows in (a, b))
    return [(row, second[key]) for key, row in first.items() if key in second]


def paired_difference(a: Sequence[Row], b: Sequence[Row]) -> Comparison:
    """Compare two strategies item by item; each list holds the rows of one strategy.

    An item that is hard for both tells nothing apart. Failed items score 0 and take part. Interval and p
    are of one normal distribution, after two gains and two losses of the usual size (root mean square of
    the items that differ) are added, as Agresti and Coull (1998) do for a share: five items that all gain
    prove nothing yet, and p is near that of the exact sign test. It is not corrected for the number of
    pairs that are compared.
    """
    gains = [right.score - left.score for left, right in paired(a, b)]
    if not gains:
        return Comparison(0, 0.0, -1.0, 1.0, 1.0, 0, 0, 0)
    better, worse = sum(g > 0 for g in gains), sum(g < 0 for g in gains)
    same = len(gains) - better - worse
    squares = math.fsum(g * g for g in gains)
    usual = squares / max(1, better + worse) or 1.0  # that of an answer right or wrong where nothing differs
    mean, n = math.fsum(gains) / len(gains), len(gains) + 4
    middle = mean * len(gains) / n
    error = math.sqrt(((squares + 4 * usual) / n - middle * middle) / (n - 1))
    low, high = max(-1.0, middle - Z95 * error), min(1.0, middle + Z95 * error)
    p = math.erfc(abs(middle) / error / math.sqrt(2))
    return Comparison(len(gains), mean, min(low, mean), max(high, mean), p, better, worse, same)
