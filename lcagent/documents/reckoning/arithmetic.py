"""What the figures of some sentences come to: sums, differences, averages, shares, ratios, products."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from typing import Literal

from lcagent.documents.values import Value

Kind = Literal[
    "same",
    "count",
    "sum",
    "difference",
    "average",
    "extreme",
    "ratio",
    "percentage",
    "product",
    "age",
    "duration",
    "date",
]
FEW = 6
"""More figures than this are taken all together only: two of many come to anything by chance."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a premise, by the premise's number."""

    premise: int
    value: Value


@dataclass(frozen=True, slots=True)
class Worked:
    """What some premises come to, from `low` to `high`, in `unit`, where one is `factor` of the base unit.

    A date comes to `iso` instead. `told` is the reckoning, as a person would write it.
    """

    kind: Kind
    told: str
    used: tuple[int, ...]
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    unit: str = ""
    factor: Decimal = Decimal(1)
    iso: str = ""


def premises_of(*figures: Figure) -> tuple[int, ...]:
    """Numbers of the premises that figures stand in, each once."""
    return tuple(dict.fromkeys(figure.premise for figure in figures))


def exactly(kind: Kind, told: str, used: tuple[int, ...], number: Decimal, unit: str = "") -> Worked:
    """What comes to one number."""
    return Worked(kind, told, used, number, number, unit)


def written(number: Decimal) -> str:
    """A number as it is told: no idle zeros, four decimals at most."""
    rounded = round(number, 4)
    return f"{rounded.normalize():f}" if rounded else "0"


def alike(figures: Sequence[Figure], *, years: bool) -> list[list[Figure]]:
    """Figures that can be added: those of one unit.

    Args:
        figures: of all premises.
        years: whether bare numbers that may be years count as numbers.
    """
    groups: dict[str, list[Figure]] = {}
    for figure in figures:
        value = figure.value
        if value.number is None or value.kind not in ("number", "quantity") or (value.iso and not years):
            continue
        groups.setdefault(value.unit, []).append(figure)
    return list(groups.values())


def combined(group: Sequence[Figure]) -> Iterator[Worked]:
    """Sum, average and differences of figures of one unit."""
    if len(group) < 2:
        return
    whole = _together("sum", group, sum(_numbers(group), Decimal(0)), " + ")
    yield whole
    average = whole.low / len(group)
    yield _worked("average", group, average, f"({whole.told.split(' is ')[0]}) / {len(group)}")
    if len(group) > FEW:
        return
    for pair in combinations(group, 2):
        one, two = sorted(_numbers(pair), reverse=True)
        yield _worked("difference", pair, one - two, f"{written(one)} − {written(two)}")
        if len(group) > 2:
            yield _together("sum", pair, one + two, " + ")


def compared(group: Sequence[Figure]) -> Iterator[Worked]:
    """Ratios, shares and changes in per cent of two figures of one unit."""
    if not 2 <= len(group) <= FEW:
        return
    for pair in combinations(group, 2):
        for one, two in (_numbers(pair), _numbers(pair)[::-1]):
            if not two:
                continue
            used = premises_of(*pair)
            a, b = written(one), written(two)
            yield exactly("ratio", f"{a} / {b} is {written(one / two)}", used, one / two)
            for number, told in (
                (100 * one / two, f"{a} of {b}"),
                (100 * abs(one - two) / two, f"{b} to {a}"),
            ):
                yield exactly("percentage", f"{told} is {written(number)} %", used, number, "%")


def multiplied(figures: Sequence[Figure]) -> Iterator[Worked]:
    """A number of times a quantity, and a share of one; where there are few figures only."""
    usable = [
        f for f in figures if f.value.number is not None and not f.value.iso and f.value.kind != "ordinal"
    ]
    if len(usable) > FEW // 2:
        return
    for pair in combinations(usable, 2):
        for times, amount in (pair, pair[::-1]):
            one, two = times.value, amount.value
            if one.number is None or two.number is None or one.unit not in ("", "%"):
                continue
            share = one.number / (100 if one.unit == "%" else 1)
            told = f"{written(one.number)}{' % of' if one.unit else ' ×'} {written(two.number)}"
            kind: Kind = "percentage" if one.unit else "product"
            yield _worked(kind, (times, amount), share * two.number, told, of=two)


def _numbers(group: Sequence[Figure]) -> list[Decimal]:
    """In one unit: that which all state, or the base unit."""
    if len({f.value.factor for f in group}) == 1:
        return [f.value.number for f in group if f.value.number is not None]
    return [f.value.magnitude for f in group if f.value.magnitude is not None]


def _together(kind: Kind, group: Sequence[Figure], number: Decimal, sign: str) -> Worked:
    return _worked(kind, group, number, sign.join(map(written, _numbers(group))))


def _worked(
    kind: Kind, group: Sequence[Figure], number: Decimal, told: str, of: Value | None = None
) -> Worked:
    factors = {f.value.factor for f in group}
    first = of or group[0].value
    factor = first.factor if of or len(factors) == 1 else Decimal(1)
    told = f"{told} is {written(number)}"
    return Worked(kind, told, premises_of(*group), number, number, first.unit, factor)
