"""An answer's words turned into a value of a column's type, by code; nothing where that is open."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lcagent.documents.answers import normalise
from lcagent.documents.forms import form
from lcagent.documents.values import Value, bare_number, values
from lcagent.many.columns import Column

_YES = frozenset("yes true ja oui sí si sim da tak да так evet 是 是的 はい 네 예 kyllä".split())
_NO = frozenset("no false nein non não nie nej nei nee ne нет ні hayır 否 不 いいえ 아니요 ei".split())
_FIRST = re.compile(r"[^\W\d_]+")
_ITEM = re.compile(r"\s*(?:[-*•–]|\(?\d{1,3}[.)])\s+")
_AND = re.compile(r",?\s+(?:and|und|et|y|e|и|en|og|och)\s+", re.IGNORECASE)
_WHOLE_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOST_BESIDE = 2000
_MOST_INT = 1 << 63
"""What a column of integers holds in every form of a table."""


def turned(column: Column, text: str, quotes: Iterable[str] = ()) -> Any:
    """The value that an answer states; None where it states none, or it is open which.

    Args:
        column: what is wanted.
        text: the answer, without marks.
        quotes: the sentences that it rests on: they may tell which of two readings is meant.
    """
    said = text.strip()
    beside = "\n".join(quotes)[:_MOST_BESIDE]
    value = _many(column, said, beside) if column.many else _one(column, said, beside)
    if value is None:
        return None
    try:
        return _check(column).validate_python(value)
    except ValidationError:
        return None


@lru_cache(maxsize=256)
def _check(column: Column) -> TypeAdapter[Any]:
    return column.check()


def _one(column: Column, text: str, beside: str) -> Any:
    some: Sequence[Any]
    match column.kind:
        case "str":
            return text or None
        case "bool":
            return _yes_or_no(text)
        case "enum":
            some = _allowed(column, text)
        case "date":
            some = _dates(text, beside)
        case _:
            some = _numbers(column, text, beside)
    different = list(dict.fromkeys(some))
    return different[0] if len(different) == 1 else None


def _many(column: Column, text: str, beside: str) -> list[Any] | None:
    if column.kind == "enum":
        return _allowed(column, text) or None
    found = [_one(column, item, beside) for item in _items(text)] if text else []
    if None in found and column.kind == "date":  # "April 5, 1911, May 6, 1912"
        return _dates(text, beside) or None
    return found if found and None not in found else None


def _items(text: str) -> list[str]:
    """The items of a list: a line each, else between semicolons, else between commas."""
    lines = [_ITEM.sub("", line, count=1).strip() for line in text.splitlines() if line.strip()]
    if len(lines) > 1:
        return [line.rstrip(",;") for line in lines]
    (line,) = lines
    if ";" in line:
        parts = line.split(";")
    else:
        *parts, last = re.split(r",\s+", line)
        parts += _AND.split(last) if parts or len(_AND.split(last)) == 2 else [last]
    return [part.strip().rstrip(".") for part in parts if part.strip()]


def _yes_or_no(text: str) -> bool | None:
    first = _FIRST.match(text)
    if first is None:
        return None
    # "No employee may" is no "no".
    rest = text[first.end() :]
    if rest and (rest[0] not in ",.;:!。，、" and not rest.startswith((" –", " —", " -", "\n"))):
        return None
    word = first.group().casefold()
    return True if word in _YES else False if word in _NO else None


def _allowed(column: Column, text: str) -> list[str]:
    """Those of the allowed values that a text names, in its order."""
    same = [one for one in column.allowed if normalise(one) == normalise(text)]
    if same:
        return same[:1]
    if form(text).denied:
        return []
    found: list[tuple[int, int, str]] = []
    for one in sorted(column.allowed, key=len, reverse=True):  # "part-time" is no "time"
        pattern = rf"(?<!\w){re.escape(one)}(?!\w)"
        for match in re.finditer(pattern, text, re.IGNORECASE):
            start, end = match.span()
            if all(end <= other[0] or start >= other[1] for other in found):
                found.append((start, end, one))
    return list(dict.fromkeys(one for _, _, one in sorted(found)))


def _dates(text: str, beside: str) -> list[date]:
    found: list[date] = []
    for value in _figures(text, beside):
        if value.kind != "date":
            continue
        if value.others or not _WHOLE_DATE.fullmatch(value.iso):
            return []
        try:
            found.append(date.fromisoformat(value.iso))
        except ValueError:  # 30 February
            return []
    return found


def _numbers(column: Column, text: str, beside: str) -> Sequence[int | float]:
    measure = column.measure()
    alone = bare_number(text.rstrip("."), beside)
    if alone is not None:
        numbers: list[Decimal] = [alone]
    else:
        figures = [v for v in _figures(text, beside) if v.kind in {"number", "quantity", "ratio", "ordinal"}]
        if measure is not None and any(v.unit for v in figures):
            figures = [v for v in figures if v.unit]
        found = [_in(measure, value, beside) for value in figures]
        if None in found:
            return []
        numbers = [one for one in found if one is not None]
    if column.kind == "float":
        return [float(number) for number in numbers]
    whole = [int(number) for number in numbers if number == number.to_integral_value()]
    return whole if len(whole) == len(numbers) and all(abs(one) < _MOST_INT for one in whole) else []


def _in(measure: Value | None, value: Value, beside: str) -> Decimal | None:
    """A figure in a unit, or as it is stated where there is none; None where it is another kind of thing."""
    if value.number is None:
        return None
    if value.others and {other.number for other in value.others} != {value.number}:
        written = re.search(r"[\d.,]+", value.text)
        number = bare_number(written.group(), beside) if written else None
        if number is None:
            return None
    else:
        number = value.number
    if measure is None or not value.unit:
        return number
    if value.unit != measure.unit or (value.unit == "K" and value.factor != measure.factor):
        return None
    return number * value.factor / measure.factor


def _figures(text: str, beside: str) -> list[Value]:
    """The figures of a text; one that may be read in two ways is read as those of the quotes are."""
    found = list(values(text))
    if not beside or not any(value.others for value in found):
        return found
    return [
        value for value in values(f"{beside}\n{text}") if value.span[0] > len(beside)
    ] or found  # read together with the quote's end
