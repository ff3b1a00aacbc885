"""A figure of a text and how two are compared: by what they are, and not how they are written.

Nothing here rules anything out: a value that may be read in two ways has both readings, and either may hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Kind = Literal["number", "ordinal", "quantity", "ratio", "date", "time"]
ROUNDED = Decimal("0.1")
"""A figure that is off by more of itself is not the same one rounded: "1 million" is not 1,400,000."""
_LIKE_POUNDS = {"GBP", "kg"}
"""What "pounds" may mean."""


@dataclass(frozen=True, slots=True)
class Value:
    """A figure of a text.

    Args:
        kind: what it is; a year that stands alone is a number with `iso`.
        text: as written.
        span: its characters in the text, start and end.
        number: as stated, scale words multiplied out; None for dates and times.
        unit: what `magnitude` is in: m, kg, s, month, K, EUR, %; empty for a bare number.
        factor: how much of `unit` one of the stated unit is.
        step: the last place that is stated: 100,000 for "1.5 million".
        iso: a date or time, see `documents.values.dates`.
        others: what it may mean as well.
    """

    kind: Kind
    text: str
    span: tuple[int, int]
    number: Decimal | None = None
    unit: str = ""
    factor: Decimal = Decimal(1)
    step: Decimal = Decimal(1)
    iso: str = ""
    others: tuple[Value, ...] = ()

    @property
    def magnitude(self) -> Decimal | None:
        """How much it is in the base unit; degrees in kelvin."""
        if self.number is None:
            return None
        if self.unit == "K":
            celsius = self.number if self.factor == 1 else (self.number - 32) * self.factor
            return celsius + Decimal("273.15")
        return self.number if self.factor == 1 else self.number * self.factor  # a product rounds

    @property
    def readings(self) -> tuple[Value, ...]:
        """All that it may mean, the likeliest first."""
        return (self, *self.others)


def same_value(one: Value, other: Value) -> bool:
    """Whether two figures state the same: 1.5 million and 1,500,000, 5 pm and 17:00, 5 km and 3.1 miles.

    A figure without a unit is that of any unit, since what it counts stands elsewhere. Units are changed to
    the place that the coarser figure states.
    """
    return any(_same(a, b) for a in one.readings for b in other.readings)


def rounds_to(coarse: Value, fine: Value) -> bool:
    """Whether one figure is the other, rounded: 1.5 million for 1,512,300; equal ones are so too."""
    return any(_same(a, b) or _rounded(a, b) for a in coarse.readings for b in fine.readings)


def within(fine: Value, coarse: Value) -> bool:
    """Whether a date lies in a coarser one, or is the same: 5 March 1911 in 1911, in the 1910s.

    A day without a year holds that day of every year.
    """
    return any(iso_within(a.iso, b.iso) for a in fine.readings for b in coarse.readings)


def iso_within(fine: str, coarse: str) -> bool:
    """As `within`, for dates in ISO notation; an empty one is none."""
    if not fine or not coarse or ":" in fine + coarse:
        return False
    if coarse.startswith("--"):
        return fine.endswith(coarse[1:])
    if coarse.endswith("X"):
        return fine.startswith(coarse[:3])
    return fine == coarse or fine.startswith(f"{coarse}-")


def _same(a: Value, b: Value) -> bool:
    if a.iso and a.iso == b.iso:
        return True
    if a.number is None or b.number is None or a.magnitude is None or b.magnitude is None:
        return False
    if "ratio" in (a.kind, b.kind) and a.kind != b.kind:
        return False
    if a.unit == b.unit:
        return a.magnitude == b.magnitude or (a.factor != b.factor and (_rounded(a, b) or _rounded(b, a)))
    loose = not a.unit or not b.unit or {a.unit, b.unit} == _LIKE_POUNDS
    return loose and a.number == b.number


def _rounded(coarse: Value, fine: Value) -> bool:
    if coarse.magnitude is None or fine.magnitude is None or coarse.kind == "ordinal":
        return False
    bare = not coarse.unit or not fine.unit
    if (coarse.unit != fine.unit and not bare) or "ratio" in (coarse.kind, fine.kind):
        return False
    a, b = (coarse.number, fine.number) if bare else (coarse.magnitude, fine.magnitude)
    if a is None or b is None or coarse.iso:
        return False
    step = coarse.step * (1 if bare else coarse.factor)
    return abs(a - b) <= min(step / 2, abs(a) * ROUNDED)
