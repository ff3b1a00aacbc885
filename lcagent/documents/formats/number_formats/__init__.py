"""Numbers as a sheet shows them, by the codes of Office Open XML (ECMA-376 part 1, 18.8.31).

Decimals, thousands, percents, currencies, units and brackets are as the code says. Dates are written as
2021-04-03 whatever the code, since 3/4/21 means two days.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import isfinite

from lcagent.documents.formats.number_formats.codes import BUILT_IN, Section, sections
from lcagent.documents.formats.number_formats.moments import moment
from lcagent.documents.formats.number_formats.places import in_places

__all__ = ["BUILT_IN", "general", "shown", "shown_text"]

_FRACTION_DIGITS = 4
_MOMENTS = frozenset({"y", "m", "d", "h", "minute", "s", "elapsed", "noon"})


def general(number: float) -> str:
    """A number without a code: ten figures, whole ones all they have.

    Args:
        number: any.
    """
    if abs(number) >= 1e15:
        return f"{number:.15g}".upper()
    if number == int(number):
        return str(int(number))
    return f"{number:.{15 if abs(number) >= 1e9 else 10}g}".upper()


def shown(number: float, code: str, *, since_1904: bool = False) -> str:
    """A number as its cell shows it; "" where the code shows nothing.

    Args:
        number: the cell's value.
        code: of its format; "" for none.
        since_1904: the file counts days from 1904, not from 1900.

    Raises:
        ValueError: it is not finite.
    """
    if not isfinite(number):
        raise ValueError(number)
    if not code or code in {"General", "@"}:
        return general(number)
    section, number = _chosen(number, sections(code))
    parts = section.parts
    if parts & _MOMENTS:
        written = moment(number, section, since_1904=since_1904)
        return general(number) if written is None else written
    minus = "-" if number < 0 else ""
    if "digit" in parts:
        written = (_fraction if "fraction" in parts else in_places)(abs(number), section)
        minus = minus if any(figure in written for figure in "123456789") else ""
    else:
        fill = {"general": general(abs(number)), "text": general(abs(number)), "literal": None}
        pieces = (fill.get(one.kind, one.text) or one.text for one in section.tokens)
        written = "".join(pieces)
        minus = minus if parts & {"general", "text"} else ""
    return " ".join((minus + written.strip()).split())


def shown_text(text: str, code: str) -> str:
    """A text as its cell shows it.

    Args:
        text: the cell's value.
        code: of its format; "" for none.
    """
    if not code or code in {"General", "@"}:
        return text
    found = sections(code)
    if len(found) < 4 and "text" not in found[-1].parts:
        return text
    return "".join(text if one.kind == "text" else one.text for one in found[-1].tokens)


def _chosen(number: float, found: Sequence[Section]) -> tuple[Section, float]:
    """The section that a number is shown by, and the number without the sign that the section gives it."""
    if any(one.test for one in found):
        for one in found:
            if one.meets(number):
                return one, number
        return next((one for one in reversed(found) if one.test is None), found[-1]), number
    if len(found) > 1 and number < 0:
        return found[1], -number
    return (found[2], number) if len(found) > 2 and number == 0 else (found[0], number)


def _fraction(number: float, section: Section) -> str:
    """A number as 1 1/2."""
    tokens = section.tokens
    bar = next(at for at, token in enumerate(tokens) if token.kind == "fraction")
    under = "".join(token.text for token in tokens[bar + 1 :])
    before = "".join(token.text for token in tokens[:bar])
    fixed = "".join(character for character in under if character.isdigit())
    if fixed.strip("0"):
        denominator = int(fixed)
        value = Fraction(int(number * denominator + 0.5), denominator)
    else:
        digits = sum(character in "#?0" for character in under)
        value = Fraction(number).limit_denominator(10 ** min(max(digits, 1), _FRACTION_DIGITS) - 1)
        denominator = value.denominator
    numerator = value.numerator * denominator // value.denominator
    whole, rest = divmod(numerator, denominator) if " " in before.strip() else (0, numerator)
    pieces = [str(whole)] * (whole > 0 or not rest) + [f"{rest}/{denominator}"] * (rest > 0)
    return " ".join(pieces)
