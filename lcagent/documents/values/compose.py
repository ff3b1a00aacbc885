"""Figures put together: a number with its unit and the place it is stated to, two quantities that are one."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from lcagent.documents.values.quantities import Value
from lcagent.documents.values.vocabulary import Unit

_JOINED = re.compile(r"(?:,? (?:and |und |et |y |e |i |и )?)")
_VAGUE = 10_000
"""From here zeros at the end may stand for figures that are not given."""


def enlarged(number: Decimal, half: Decimal, scale: int, sign: int) -> Decimal:
    """A number with a fraction after it, times its scale; a product rounds, so none is taken idly."""
    whole = number if scale == 1 and not half else (number + half) * scale
    return whole if sign > 0 else whole.copy_negate()


def number_value(number: Decimal, unit: Unit | None, step: Decimal, *, year: bool) -> Value:
    """A number with its unit.

    Args:
        number: scale words multiplied out.
        unit: that stands with it.
        step: the last place that its digits state.
        year: whether it is written as a year may be.
    """
    if unit is None:
        iso = str(int(number)) if year and 1000 <= number < 2200 else ""
        return Value("number", "", (0, 0), number, step=_step(number, step), iso=iso)
    return Value("quantity", "", (0, 0), number, unit.base, Decimal(unit.factor), _step(number, step))


def _step(number: Decimal, step: Decimal) -> Decimal:
    """The last place that is stated; zeros at the end of a large number state none."""
    if step != 1 or abs(number) < _VAGUE or number != number.to_integral_value():
        return step
    return min(last_place(number), _second_place(number))


def last_place(number: Decimal) -> Decimal:
    """The place of the last digit that is not zero."""
    return Decimal(1).scaleb(int(number.normalize().as_tuple().exponent)) if number else Decimal(1)


def _second_place(number: Decimal) -> Decimal:
    return Decimal(1).scaleb(number.adjusted() - 1)


def joined(text: str, found: list[Value]) -> list[Value]:
    """Two quantities that are one: "2 hours and 30 minutes", "5 feet 3 inches", "two thirds"."""
    whole: list[Value] = []
    for value in found:
        before = whole[-1] if whole else None
        if (
            before is not None
            and before.unit == value.unit != ""
            and before.unit in ("s", "month", "m", "kg")
            and before.factor > value.factor
            and before.number is not None
            and value.number is not None
            and value.number * value.factor < before.factor
            and _JOINED.fullmatch(text[before.span[1] : value.span[0]])
        ):
            number = before.number * before.factor / value.factor + value.number
            span = (before.span[0], value.span[1])
            whole[-1] = replace(value, text=text[slice(*span)], span=span, number=number)
        elif before is not None and _is_rest(text, before, value):
            assert before.number is not None and value.number is not None
            span = (before.span[0], value.span[1])
            whole[-1] = replace(
                value, text=text[slice(*span)], span=span, number=before.number + value.number
            )
        elif before is not None and _is_share(text, before, value):
            assert before.number is not None and value.number
            span = (before.span[0], value.span[1])
            share = before.number / value.number
            whole[-1] = replace(
                before, text=text[slice(*span)], span=span, number=share, step=Decimal("0.01")
            )
        else:
            whole.append(value)
    return whole


def _is_rest(text: str, before: Value, value: Value) -> bool:
    """Whether a number goes on with its lower places: "1億2000万"."""
    if before.number is None or value.number is None or before.kind != "number" or value.number < 0:
        return False
    beside = before.span[1] == value.span[0] and text[before.span[1] - 1] in "万萬億亿만억"
    return beside and value.number < last_place(before.number)


def _is_share(text: str, before: Value, value: Value) -> bool:
    """Whether a number and an ordinal are one: "one third", "two thirds"."""
    plural = value.text.endswith("s") or (before.number == 1 and before.text.casefold() == "one")
    between = text[before.span[1] : value.span[0]]
    spelt = before.text.isalpha() and before.kind == "number"
    return spelt and value.kind == "ordinal" and bool(value.number) and plural and between in (" ", "-")
