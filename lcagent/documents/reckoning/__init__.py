"""Reckoned again: whether what a claim states follows from its premises by arithmetic.

A reckoning proves (`right`), or warns where the premises leave one result only. It decides nothing, and where
it is in doubt there is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import permutations

from lcagent.documents.quotes import occurrences
from lcagent.documents.reckoning.arithmetic import (
    Figure,
    Kind,
    Worked,
    alike,
    combined,
    compared,
    exactly,
    multiplied,
    written,
)
from lcagent.documents.reckoning.asked import Asked, asked_for
from lcagent.documents.reckoning.counting import count_of, listed, named
from lcagent.documents.reckoning.determined import determined
from lcagent.documents.reckoning.elapsed import Shift, shifted, shifts, weekdays
from lcagent.documents.reckoning.periods import dated_in, durations_in, periods
from lcagent.documents.support import held_figure
from lcagent.documents.values import Value, iso_within, rounds_to, same_value, values

_FACTORS = {
    Decimal(2): r"twice|double|doppel\w*|zweimal|deux fois|el doble|dos veces|il doppio|due volte|вдвое",
    Decimal(3): r"thrice|triple|three times|dreimal|trois fois|tres veces|tre volte|втрое",
    Decimal("0.5"): r"half|hälfte|halb\w*|moitié|mitad|metà|połow\w*|половин\w*|вполовину",
}
_FACTOR = {number: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for number, words in _FACTORS.items()}
_MOST_COUNTED = 200
_NEAR = Decimal("0.05")
"""How far from twice as much "twice" may be."""


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What a claim's figure comes to when it is reckoned again.

    Args:
        kind: the operation.
        expected: the result.
        right: whether the claim states it.
        premises: numbers of the premises it was reckoned from.
        told: the reckoning in a sentence, for a note or a warning.
    """

    kind: Kind
    expected: str
    right: bool
    premises: tuple[int, ...]
    told: str


def reckon(claim: str, premises: Sequence[str], question: str = "") -> Reckoning | None:
    """Reckon a claim's figure again from its premises.

    Args:
        claim: a statement of the answer, or the bare figure.
        premises: sentences of the document that it was made from; all of the items, where it counts them.
        question: tells the operation where the claim does not.

    Returns:
        A right one where some simple operation gives the figure; a wrong one where question or claim name the
        operation, and the premises have no other figures than it needs; else None.
    """
    stated = [Figure(n, value) for n, text in enumerate(premises) for value in values(text)]
    # "How old was he in 1929?": the question's own figures enter into it.
    figures = [*stated, *(Figure(len(premises), value) for value in values(question))]
    claimed = values(claim)
    asked = asked_for(f"{question} {claim}")
    new = [v for v in claimed if not held_figure(v, [f.value for f in stated])]
    if len(new) > 1:
        return None
    if not new:
        found = (
            _extreme(claimed, figures, premises, asked),
            _by_words(claim, claimed, figures, premises),
            None if shifts(claim, ()) or weekdays(claim) else _same(claimed, stated, premises),
        )
        return next((one for one in found if one), None)
    figure = new[0]
    for one in _workings(figure, figures, premises, asked):
        if any(_gives(one, reading) for reading in figure.readings):
            return _reckoned(one, premises, right=True)
    wrong = None if shifts(claim, ()) or weekdays(claim) else determined(figure, figures, premises, asked)
    if wrong is None or any(_gives(wrong, reading) for reading in figure.readings):
        return None
    return _reckoned(wrong, premises, right=False, said=figure.text)


def _reckoned(worked: Worked, premises: Sequence[str], *, right: bool, said: str = "") -> Reckoning:
    ends = (worked.iso,) if worked.iso else dict.fromkeys((written(worked.low), written(worked.high)))
    used = tuple(n for n in worked.used if n < len(premises))
    told = worked.told if right else f"reckoned again: {worked.told}, the answer says {said}"
    return Reckoning(worked.kind, " to ".join(ends), right, used, told)


def _workings(
    figure: Value, figures: Sequence[Figure], premises: Sequence[str], asked: frozenset[Asked]
) -> Iterator[Worked]:
    """All that may give a figure, the likeliest operation first."""
    yield from _counts(figure, premises, counted="count" in asked)
    yield from periods(figure, figures, premises, asked)
    shares = figure.unit == "%" or figure.kind == "ratio" or "ratio" in asked
    for years in (False, True):
        for group in alike(figures, years=years):
            if shares:
                yield from compared(group)
            if not figure.iso or not any(f.value.iso for f in group):
                yield from combined(group)
    yield from multiplied(figures)


def _gives(worked: Worked, figure: Value) -> bool:
    """Whether a result is the figure, at the place that the figure states."""
    if worked.iso or figure.number is None:
        return iso_within(worked.iso, figure.iso)
    kind = figure.kind if worked.kind == "ratio" else "quantity"
    low = Value(kind, "", (0, 0), worked.low, worked.unit, worked.factor)
    if worked.low == worked.high:
        return rounds_to(figure, low)
    number = figure.number * figure.factor / worked.factor if figure.unit else figure.number
    return (figure.unit in ("", worked.unit)) and worked.low <= number <= worked.high


def _same(claimed: Sequence[Value], figures: Sequence[Figure], premises: Sequence[str]) -> Reckoning | None:
    """The figure stands there in another notation or unit."""
    for value in claimed:
        if any(next(occurrences(text, value.text), None) for text in premises):
            continue
        for figure in figures:
            if same_value(value, figure.value) or rounds_to(value, figure.value):
                told = f"{figure.value.text} is {value.text}"
                return Reckoning("same", value.text, True, (figure.premise,), told)
    return None


def _counts(figure: Value, premises: Sequence[str], *, counted: bool) -> Iterator[Worked]:
    """How many things a sentence lists; where a count is asked for, also how many names or sentences."""
    if figure.unit or figure.number is None or not 1 < figure.number <= _MOST_COUNTED:
        return
    every = [things for text in premises if (things := listed(text))]
    used = tuple(range(len(premises)))
    for number, text in enumerate(premises):
        things = listed(text)
        if things and (counted or len(things) > 2):
            yield count_of(things, (number,))
    if counted:
        yield count_of([thing for things in every for thing in things], used)
        yield count_of(named(premises), used)
        yield exactly("count", f"{len(premises)} sentences, one each", used, Decimal(len(premises)))


def _extreme(
    claimed: Sequence[Value], figures: Sequence[Figure], premises: Sequence[str], asked: frozenset[Asked]
) -> Reckoning | None:
    """Whether a figure is the largest, or the smallest, where each premise has one of its kind."""
    ends = asked & {"largest", "smallest"}
    if len(claimed) != 1 or len(ends) != 1 or claimed[0].magnitude is None or claimed[0].iso:
        return None
    figure = claimed[0]
    group = [f for f in figures if f.value.magnitude is not None and not f.value.iso]
    if len(group) < 2 or [f.premise for f in group] != list(range(len(premises))):
        return None
    if len({f.value.unit for f in group}) > 1 or figure.unit not in ("", group[0].value.unit):
        return None
    if any(asked_for(text) & ends for text in premises):  # then it is the text that says which
        return None
    choose = max if "largest" in ends else min
    best = choose(group, key=lambda f: f.value.magnitude or Decimal(0))
    told = f"{best.value.text} is the {next(iter(ends))} of {', '.join(f.value.text for f in group)}"
    used = tuple(f.premise for f in group)
    right = rounds_to(figure, best.value)
    told = told if right else f"reckoned again: {told}, the answer says {figure.text}"
    return Reckoning("extreme", best.value.text, right, used, told)


def _by_words(
    claim: str, claimed: Sequence[Value], figures: Sequence[Figure], premises: Sequence[str]
) -> Reckoning | None:
    """What a claim says without a figure of its own: "the following year", "twice as many"."""
    wanted = shifts(claim, [v for v in claimed if v.unit in ("month", "s")])
    dated = dated_in(figures)
    for shift in wanted:
        for (one, first), (two, last) in permutations(dated, 2):
            if (moved := shifted(first, shift)) and iso_within(last, moved):
                told = f"{first}, {shift.text}: {last}"
                return Reckoning("date", last, True, tuple(dict.fromkeys((one, two))), told)
    if claimed and (wanted or weekdays(claim)):
        return _told_alike(claim, wanted, figures, premises)
    return _times_as_much(claim, figures)


def _told_alike(
    claim: str, wanted: Sequence[Shift], figures: Sequence[Figure], premises: Sequence[str]
) -> Reckoning | None:
    """ "The week before 9 June" from "last week", said on 9 June."""
    meant = {(shift.months, shift.days) for shift in wanted}
    days = {day[:2] for day in weekdays(claim)}
    for number, text in enumerate(premises):
        in_text = shifts(text, durations_in(figures, number))
        said = [s.text for s in in_text if (s.months, s.days) in meant]
        said += [told for day, sign, told in weekdays(text) if (day, sign) in days]
        if said:
            return Reckoning("date", claim, True, (number,), f"“{said[0]}” is {claim}")
    return None


def _times_as_much(claim: str, figures: Sequence[Figure]) -> Reckoning | None:
    for number, pattern in _FACTOR.items():
        if not pattern.search(claim):
            continue
        for group in alike(figures, years=False):
            for worked in compared(group):
                if worked.kind == "ratio" and abs(worked.low - number) <= number * _NEAR:
                    return Reckoning("ratio", written(worked.low), True, worked.used, worked.told)
    return None
