"""Ages, durations and dates that the dates of some sentences come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import combinations

from lcagent.documents.reckoning.arithmetic import FEW, Figure, Worked, premises_of, written
from lcagent.documents.reckoning.asked import Asked
from lcagent.documents.reckoning.elapsed import (
    DAY,
    Shift,
    days_between,
    shifted,
    shifts,
    weekday_from,
    weekdays,
    years_between,
)
from lcagent.documents.values import Value

_YEAR = Decimal(12)
_HOUR = Decimal(3600)
_OLDEST = 120
_SPOKEN = frozenset[Asked](("age", "duration"))


def dated_in(figures: Sequence[Figure]) -> list[tuple[int, str]]:
    """The dates with a year, each once, in order of time; of several readings the likeliest."""
    found = {f.value.iso: f.premise for f in figures if f.value.iso[:4].isdigit() and ":" not in f.value.iso}
    return sorted(((premise, iso) for iso, premise in found.items()), key=lambda pair: pair[1])


def durations_in(figures: Sequence[Figure], premise: int) -> list[Value]:
    """The quantities of time that one premise states."""
    return [f.value for f in figures if f.premise == premise and f.value.unit in ("month", "s")]


def periods(
    figure: Value, figures: Sequence[Figure], premises: Sequence[str], asked: frozenset[Asked]
) -> Iterator[Worked]:
    """Ages, durations and dates that may be a figure.

    Args:
        figure: the claim's.
        figures: of the premises.
        premises: the sentences.
        asked: what question and claim ask for.
    """
    dated = dated_in(figures)
    if figure.unit == "s":
        yield from _hours(figures)
    if len(dated) <= FEW and (figure.unit in ("month", "s") or not figure.unit):
        for one, two in combinations(dated, 2):
            yield from elapsed(figure, one, two, asked)
    if figure.iso and figure.iso[:4].isdigit():
        for number, text in enumerate(premises):
            for shift in shifts(text, durations_in(figures, number)):
                yield from moved_by(dated, shift, number)
            for day, sign, told in weekdays(text):
                for premise, iso in dated:
                    if moved := weekday_from(iso, day, sign):
                        yield Worked("date", f"{iso}, {told}: {moved}", _used(premise, number), iso=moved)
        yield from _years_later(dated, figures)


def elapsed(
    figure: Value, one: tuple[int, str], two: tuple[int, str], asked: frozenset[Asked]
) -> Iterator[Worked]:
    """The time between two dates, in the unit of a figure, from the least to the most that they allow."""
    used = _used(one[0], two[0])
    (_, first), (_, last) = one, two
    years, days = years_between(first, last), days_between(first, last)
    if years is None or days is None:
        return
    age = "age" in asked
    exact = min(first.count("-"), last.count("-"))
    if (figure.unit == "month" and figure.factor == _YEAR) or (not figure.unit and asked & _SPOKEN):
        # A year that has only begun is counted by some; a birthday that is still to come is not.
        top = years[1] if age else years[1] + 1
        told = f"{last[:4]} − {first[:4]} is {int(last[:4]) - int(first[:4])}"
        if age and years[0] == top:
            told = f"{first} to {last} is {top} years"
        ends = Decimal(years[0]), Decimal(top)
        yield Worked("age" if age else "duration", told, used, *ends, unit="month", factor=_YEAR)
    elif figure.unit == "month" and exact > 0:
        months = Decimal(_month(last) - _month(first))
        yield Worked(
            "duration", f"{first} to {last} is {months} months", used, months - 1, months + 1, "month"
        )
    elif figure.unit == "s" and exact > 1 and figure.factor <= 7 * DAY:
        # The first day is counted by some.
        told = f"{first} to {last} is {days[1]} days"
        low, high = ((Decimal(n) * DAY / figure.factor).to_integral_value() for n in (days[0], days[1] + 1))
        yield Worked("duration", told, used, low, high, "s", figure.factor)


def _used(*premises: int) -> tuple[int, ...]:
    return tuple(dict.fromkeys(premises))


def _month(iso: str) -> int:
    return int(iso[:4]) * 12 + int(iso[5:7])


def moved_by(dated: Sequence[tuple[int, str]], shift: Shift, number: int) -> Iterator[Worked]:
    """What some dates are moved to by the words of a premise."""
    for premise, iso in dated:
        if moved := shifted(iso, shift):
            told = f"{iso}, {shift.text}: {moved}"
            yield Worked("date", told, _used(premise, number), iso=moved)


def _years_later(dated: Sequence[tuple[int, str]], figures: Sequence[Figure]) -> Iterator[Worked]:
    """The year in which somebody born in 1901 was 28, and the one in which somebody aged 28 was born."""
    for figure in figures:
        value = figure.value
        spoken = value.unit == "month" and value.factor == _YEAR
        bare = value.kind == "number" and not value.unit and not value.iso
        if value.number is None or not (spoken or bare) or not 0 < value.number <= _OLDEST:
            continue
        years = int(value.number)
        for premise, iso in dated:
            # A birthday may be still to come.
            for moved in (years, -years, *((years + 1, -years - 1) if spoken else ())):
                year = int(iso[:4]) + moved
                told = f"{iso[:4]} {'+' if moved > 0 else '−'} {abs(moved)} is {year}"
                yield Worked("date", told, _used(premise, figure.premise), iso=f"{year:04}")


def _hours(figures: Sequence[Figure]) -> Iterator[Worked]:
    """The time between two times of day."""
    times = [f for f in figures if f.value.kind == "time"]
    if len(times) > FEW:
        return
    for one, two in combinations(times, 2):
        used = premises_of(one, two)
        for first in one.value.readings:
            for last in two.value.readings:
                seconds = (_seconds(last.iso) - _seconds(first.iso)) % int(24 * _HOUR)
                hours = Decimal(seconds) / _HOUR
                told = f"{first.iso} to {last.iso} is {written(hours)} hours"
                yield Worked("duration", told, used, hours, hours, "s", _HOUR)


def _seconds(iso: str) -> int:
    hours, minutes = iso.split(":")
    return int(hours) * 3600 + int(minutes) * 60
