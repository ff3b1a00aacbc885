"""How sure a score is: 95 % intervals, and two strategies compared item by item.

Only the standard library: intervals come with every install, and the same rows give the same figures.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from lcagent.evals.items import Row

RESAMPLES = 10_000
SEED = 20_240_701
_BLOCK = 100
"""Resamples drawn by one call: the calls cost more than the drawing."""
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
        p: two-sided; how often a resampled difference lies on the other side of 0, twice. Never
            under what flipping signs at random could reach on the items that differ: resampling
            two items that both gained would else prove a gain.
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
    """Mean and 95 % interval: Wilson where all values are 0 or 1, else percentile bootstrap.

    No value, or a single one between 0 and 1, bounds nothing: the interval is 0 to 1. The interval
    is widened to hold the mean, which a percentile interval of a very skewed sample need not.
    """
    n = len(values)
    if n == 0:
        return Score(0, 0.0, 0.0, 1.0)
    mean = math.fsum(values) / n
    if all(value in (0, 1) for value in values):
        low, high = wilson(round(math.fsum(values)), n)
    elif n == 1:
        low, high = 0.0, 1.0
    else:
        low, high, _ = _bootstrap(tuple(sorted(values)))
    return Score(n, mean, min(low, mean), max(high, mean))


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The score interval of a proportion (Wilson 1927), which stays honest at 0 and n hits."""
    share, z2 = hits / n, Z95 * Z95
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


@lru_cache(maxsize=4096)
def _bootstrap(values: tuple[float, ...]) -> tuple[float, float, float]:
    """Percentile interval of the mean (Efron 1979), and the two-sided p of its being 0.

    Args:
        values: sorted, so that the result does not hang on the order of the items.
    """
    rng = random.Random(SEED)  # noqa: S311 - resampling, no secret
    n = len(values)
    means: list[float] = []
    for _ in range(RESAMPLES // _BLOCK):
        drawn = rng.choices(values, k=n * _BLOCK)
        means.extend(sum(drawn[at : at + n]) / n for at in range(0, n * _BLOCK, n))
    means.sort()
    tail = round(RESAMPLES * 0.025)
    # Add-one smoothing: 10,000 resamples cannot show that p is 0. What rounding leaves of 0 is 0.
    at_most = (bisect_right(means, 1e-12) + 1) / (RESAMPLES + 1)
    at_least = (RESAMPLES - bisect_left(means, -1e-12) + 1) / (RESAMPLES + 1)
    return means[tail], means[-1 - tail], min(1.0, 2 * min(at_most, at_least))


Key = tuple[str, int, int, str]


def item_key(row: Row) -> Key:
    """What makes an item the same one in two runs."""
    return row.task, row.length, row.seed, row.item


def paired(a: Sequence[Row], b: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Rows of both that answer the same item, in a's order; the last row of an item counts."""
    first, second = ({item_key(row): row for row in rows} for rows in (a, b))
    return [(row, second[key]) for key, row in first.items() if key in second]


def paired_bootstrap(a: Sequence[Row], b: Sequence[Row]) -> Comparison:
    """Compare two strategies item by item; each list holds the rows of one strategy.

    Items, not answers, are resampled, so that an item which is hard for both tells nothing apart
    (Berg-Kirkpatrick 2012). Failed items score 0 and take part. `p` is not corrected for the
    number of pairs that are compared.
    """
    gains = [right.score - left.score for left, right in paired(a, b)]
    if not gains:
        return Comparison(0, 0.0, -1.0, 1.0, 1.0, 0, 0, 0)
    mean = math.fsum(gains) / len(gains)
    low, high, p = _bootstrap(tuple(sorted(gains))) if len(gains) > 1 else (-1.0, 1.0, 1.0)
    better, worse = sum(g > 0 for g in gains), sum(g < 0 for g in gains)
    p = min(1.0, max(p, 2.0 ** (1 - better - worse)))
    same = len(gains) - better - worse
    return Comparison(len(gains), mean, min(low, mean), max(high, mean), p, better, worse, same)
