"""Results that premises leave no choice about: only these may show that a claim's figure is wrong.

Each needs words that name the operation, and premises without any other figure that could enter into it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lcagent.documents.reckoning.arithmetic import Figure, Worked, alike, combined
from lcagent.documents.reckoning.asked import Asked, asked_for
from lcagent.documents.reckoning.counting import MOST_WORDS, count_of, listed
from lcagent.documents.reckoning.elapsed import shifts, weekdays
from lcagent.documents.reckoning.periods import dated_in, durations_in, elapsed, moved_by
from lcagent.documents.values import Value

_LEAST_COUNTED = 3
_CONJUNCTION = re.compile(r"\s(?:and|und|et|y|e|i|и|og|och|en|or|oder|ou)\s", re.IGNORECASE)
_OPERATIONS: tuple[Asked, ...] = ("sum", "average", "difference")


def determined(
    figure: Value, figures: Sequence[Figure], premises: Sequence[str], asked: frozenset[Asked]
) -> Worked | None:
    """The one result that the premises allow; None where they leave a choice.

    Args:
        figure: the claim's.
        figures: of the premises.
        premises: the sentences.
        asked: what question and claim ask for.
    """
    return (
        _period(figure, figures, asked)
        or _day(figure, figures, premises)
        or _total(figure, figures, premises, asked)
        or _number(figure, figures, premises, asked)
    )


def _period(figure: Value, figures: Sequence[Figure], asked: frozenset[Asked]) -> Worked | None:
    """An age or a number of years between the only two dates."""
    dated = dated_in(figures)
    spoken = figure.unit == "month" and figure.factor == 12
    if not asked & {"age", "duration"} or not (spoken or ("age" in asked and not figure.unit)):
        return None
    if len(dated) != 2 or any(f.value.others or not f.value.iso for f in figures):
        return None
    return next(elapsed(figure, dated[0], dated[1], asked), None)


def _day(figure: Value, figures: Sequence[Figure], premises: Sequence[str]) -> Worked | None:
    """A day that is told by one other day and one word: "yesterday"."""
    dated = dated_in(figures)
    if len(dated) != 1 or figure.iso.count("-") != 2 or figure.others or any(f.value.others for f in figures):
        return None
    found = [
        worked
        for number, text in enumerate(premises)
        for shift in shifts(text, durations_in(figures, number))
        if shift.days
        for worked in moved_by(dated, shift, number)
    ]
    told_otherwise = any(weekdays(text) for text in premises)
    return found[0] if len(found) == 1 and not told_otherwise else None


def _total(
    figure: Value, figures: Sequence[Figure], premises: Sequence[str], asked: frozenset[Asked]
) -> Worked | None:
    """The sum, average or difference of figures of which each premise has one."""
    kinds = [kind for kind in _OPERATIONS if kind in asked]
    if len(kinds) != 1 or asked & {"ratio", "largest", "smallest", "age", "duration"} or figure.iso:
        return None
    groups = alike(figures, years=False)
    if len(groups) != 1 or len(groups[0]) != len(figures) or figure.unit not in ("", groups[0][0].value.unit):
        return None
    group = groups[0]
    if [f.premise for f in group] != list(range(len(premises))) or any(f.value.others for f in group):
        return None
    told = any(kinds[0] in asked_for(text) for text in premises)  # then it is the text that says what it is
    if told or (kinds[0] == "difference" and len(group) != 2):
        return None
    return next((worked for worked in combined(group) if worked.kind == kinds[0]), None)


def _number(
    figure: Value, figures: Sequence[Figure], premises: Sequence[str], asked: frozenset[Asked]
) -> Worked | None:
    """How many things the only list of the only premise has."""
    if asked != frozenset[Asked](("count",)) or figure.unit or figure.iso or figures or len(premises) != 1:
        return None
    things = listed(premises[0])
    plain = len(things) >= _LEAST_COUNTED and all(len(thing.split()) <= MOST_WORDS for thing in things[1:])
    if not plain or len(_CONJUNCTION.findall(premises[0])) != 1:
        return None
    return count_of(things, (0,))
