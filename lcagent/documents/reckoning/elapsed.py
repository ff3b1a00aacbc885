"""Time that passes between dates, and dates that are told by others: "the year after", "two weeks before"."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from lcagent.documents.values import Value
from lcagent.documents.values.language import language_of
from lcagent.documents.values.vocabulary import LATIN, Unit, Vocabulary, plain, vocabulary

DAY = Decimal(86400)
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}
_LATER = (
    "follow next after later folg nächst darauf später suivant prochain après siguiente próxim después "
    "seguente successiv dopo następn późnie następując следующ спустя после"
).split()
_EARLIER = (
    "previous preced before earlier last prior ago vorig vorher letzt vergangen zuvor précédent dernier "
    "avant anterior pasad antes precedent scors prima fa poprzedni ubiegł wcześnie прошл предыдущ раньше "
    "назад"
).split()
_ABBREVIATED = 4
_WORD = re.compile(r"\w+")


class Shift(NamedTuple):
    """How far one date lies from another: so many months and days, and the words that say so."""

    months: int
    days: int
    text: str


def span_of(iso: str) -> tuple[date, date] | None:
    """The first and the last day of a date in ISO notation; None without a year, or if there is none such."""
    parts = iso.split("-")
    if not parts[0].isdigit() or ":" in iso:
        return None
    try:
        numbers = [int(part) for part in parts]
        if len(numbers) == 3:
            day = date(*numbers)
            return day, day
        first = date(numbers[0], numbers[1] if len(numbers) > 1 else 1, 1)
        month = first.month if len(numbers) > 1 else 12
        return first, date(first.year, month, calendar.monthrange(first.year, month)[1])
    except ValueError:
        return None


def years_between(earlier: str, later: str) -> tuple[int, int] | None:
    """The least and the most full years between two dates as exactly as they are stated."""
    one, two = span_of(earlier), span_of(later)
    if one is None or two is None:
        return None
    return _full_years(one[1], two[0]), _full_years(one[0], two[1])


def days_between(earlier: str, later: str) -> tuple[int, int] | None:
    """The least and the most days between two dates as exactly as they are stated."""
    one, two = span_of(earlier), span_of(later)
    return ((two[0] - one[1]).days, (two[1] - one[0]).days) if one and two else None


def _full_years(one: date, two: date) -> int:
    return max(0, two.year - one.year - ((two.month, two.day) < (one.month, one.day)))


def shifted(iso: str, shift: Shift) -> str:
    """A date moved, as exactly as it was stated; empty where the shift is finer than the date."""
    span = span_of(iso)
    exact = iso.count("-")
    if span is None or (shift.days and exact < 2) or (shift.months % 12 and exact < 1):
        return ""
    months = span[0].year * 12 + span[0].month - 1 + shift.months
    year, month = divmod(months, 12)
    if not 1 <= year <= 9999:
        return ""
    day = min(span[0].day, calendar.monthrange(year, month + 1)[1])
    try:
        moved = date(year, month + 1, day) + timedelta(days=shift.days)
    except OverflowError:
        return ""
    return (f"{moved.year:04}", f"{moved.year:04}-{moved.month:02}", moved.isoformat())[exact]


def shifts(text: str, durations: Sequence[Value]) -> list[Shift]:
    """How far from a date a text says that something was: "yesterday", "two weeks before", "im Jahr darauf".

    Args:
        text: a sentence.
        durations: its quantities of time.
    """
    words = _vocabulary(text)
    whole = plain(text)
    found = [
        _shift(number, field, told)
        for told, (number, field) in words.relative.items()
        if told in whole and (not told.isascii() or re.search(rf"\b{re.escape(told)}\b", whole))
    ]
    for told, (sign, field) in words.counted.items():
        of_field = [value for value in durations if _is_of(value, field)]
        if of_field and re.search(re.escape(told).replace(r"\{0\}", r"[\w.,]{1,20}"), whole):
            found += [shift for value in of_field for shift in _by_duration(value, sign)]
    rest = text
    for value in durations:
        start, end = value.span
        beside = [*_WORD.findall(text[:start])[-1:], *_WORD.findall(text[end:])[:1]]
        for sign in _directions(beside):
            found += _by_duration(value, sign)
        rest = f"{rest[:start]}{'0' * (end - start)}{rest[end:]}"
    found += _by_neighbours(rest, words.unit)
    return list(dict.fromkeys(found))


def weekdays(text: str) -> list[tuple[int, int, str]]:
    """The days of the week that a text tells a date by ("last Friday"): which, before or after, its words."""
    known = _vocabulary(text).weekdays
    words = _WORD.findall(text)
    found: list[tuple[int, int, str]] = []
    for at, word in enumerate(words):
        day = known.get(plain(word))
        if day is not None:
            beside = [*words[max(0, at - 1) : at], *words[at + 1 : at + 2]]
            found += [
                (day, sign, " ".join(words[max(0, at - 1) : at + 2])) for sign in _directions(beside) or [-1]
            ]
    return found


def weekday_from(iso: str, day: int, sign: int) -> str:
    """The nearest such day before or after a date; empty unless the date is one day."""
    span = span_of(iso)
    if span is None or span[0] != span[1]:
        return ""
    distance = (span[0].weekday() - day) % 7 if sign < 0 else (day - span[0].weekday()) % 7
    try:
        return (span[0] + timedelta(days=sign * (distance or 7))).isoformat()
    except OverflowError:
        return ""


def _vocabulary(text: str) -> Vocabulary:
    """The words of a text's language and of English; of the likeliest ones where it does not tell."""
    language = language_of(text)
    return vocabulary((language, "en") if language else LATIN)


def _is_of(value: Value, field: str) -> bool:
    if field in _MONTHS:
        return value.unit == "month" and value.factor == _MONTHS[field]
    return value.unit == "s" and value.factor == _DAYS[field] * DAY


def _shift(number: int, field: str, text: str) -> Shift:
    return Shift(number * _MONTHS.get(field, 0), number * _DAYS.get(field, 0), text)


def _by_duration(value: Value, sign: int) -> Iterator[Shift]:
    magnitude = value.magnitude or Decimal(0)
    if value.unit == "month" and magnitude == int(magnitude):
        yield Shift(sign * int(magnitude), 0, value.text)
    elif value.unit == "s" and magnitude % DAY == 0:
        yield Shift(0, sign * int(magnitude / DAY), value.text)


def _by_neighbours(text: str, unit: Callable[[str], Unit | None]) -> Iterator[Shift]:
    """ "The following year", "das Jahr darauf": a word of time beside one that says before or after."""
    words = _WORD.findall(text)
    for at, word in enumerate(words):
        meant = unit(word)
        if meant is None or meant.base not in ("s", "month") or len(word) < 3:
            continue
        factor = Decimal(meant.factor)
        for sign in _directions([*words[max(0, at - 1) : at], *words[at + 1 : at + 2]]):
            told = " ".join(words[max(0, at - 1) : at + 2])
            if meant.base == "month":
                yield Shift(sign * int(factor), 0, told)
            elif factor % DAY == 0:
                yield Shift(0, sign * int(factor / DAY), told)


def _directions(words: Sequence[str]) -> list[int]:
    folded = [word.casefold() for word in words]
    later = any(w.startswith(d) for w in folded for d in _LATER)
    earlier = any(w.startswith(d) for w in folded for d in _EARLIER)
    return [1] * later + [-1] * earlier
