"""Numbers in digits, with any separators and in any script.

"1.234" is one number in Berlin and another in London. What a text shows elsewhere ("1.234,50") settles it,
else its language; else both readings are kept.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from lcagent.documents.values.language import language_of

Mark = Literal[".", ","]
"""The decimal mark."""
_SPACES = " \u00a0\u2009\u202f"
_APOSTROPHES = "'’"
DIGITS = re.compile(rf"\d+(?:(?:[.,٫٬·]|[{_APOSTROPHES}{_SPACES}](?=\d{{3}}(?!\d)))\d+)*")
"""One number in digits, or several that stand as close as the digits of one."""
_SEPARATOR = re.compile(r"\D")
# Languages and countries that write 1,234.5; the others that are known write 1.234,5.
_POINT = frozenset("en zh ja ko hi he th bn ta te ur ms".split())
_EITHER = frozenset("ar fa".split())
"""Those that have marks of their own, and write the digits of Europe either way."""
_POINT_COUNTRIES = frozenset("US GB IE MX CH LI IN AU NZ CA".split())
# Shapes that only one decimal mark allows, then those that it makes likely.
_SURE: Sequence[tuple[Mark, re.Pattern[str]]] = (
    (",", re.compile(r"\d\.\d{3},\d|\d\.\d{3}\.\d{3}(?!\d)|(?<![\d.,])0,\d|\d[ \u00a0\u202f]\d{3},\d")),
    (".", re.compile(r"\d,\d{3}\.\d|\d,\d{2,3},\d{3}(?!\d)|(?<![\d.,])0\.\d|\d[ \u00a0\u202f'’]\d{3}\.\d")),
)
_LIKELY: Sequence[tuple[Mark, re.Pattern[str]]] = (
    (",", re.compile(r"(?<![\d.,])\d+,\d{1,2}(?![\d.,]*\d)")),
    (".", re.compile(r"(?<![\d.,:])\d+\.(?:\d{1,2}|\d{4,})(?![\d.,:]*\d)")),
)


def decimal_mark(text: str, language: str | None = None) -> Mark | None:
    """The decimal mark that a text uses; None where neither its numbers nor its language tell.

    Args:
        text: as much of the document as is at hand.
        language: of the document, such as "de" or "de-CH"; default: guessed from the text.
    """
    if (mark := _shown(text, _SURE)) is not None:
        return mark
    likely = _shown(text, _LIKELY)
    if language is None and likely is not None:
        return likely
    name, _, country = (language or language_of(text) or "").replace("_", "-").partition("-")
    if not name or name in _EITHER:
        return likely
    return "." if name in _POINT or country.upper() in _POINT_COUNTRIES else ","


def _shown(text: str, shapes: Sequence[tuple[Mark, re.Pattern[str]]]) -> Mark | None:
    marks: list[Mark] = [mark for mark, shape in shapes if shape.search(text)]
    return marks[0] if len(marks) == 1 else None


def read_digits(written: str, mark: Mark | None) -> tuple[Decimal, ...]:
    """The readings of a number in digits, the likeliest first; none where it is no single number.

    Args:
        written: as `DIGITS` finds it.
        mark: the decimal mark that the text uses; None: unknown.
    """
    plain = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in written)
    plain = plain.replace("٬", "'").replace("٫", ";").replace("·", ";")
    marks = _SEPARATOR.findall(plain)
    groups = _SEPARATOR.split(plain)
    if not marks:
        return (Decimal(plain),)
    last = marks[-1]
    grouped = _grouped(groups) and len(set(marks)) == 1
    if last == ";" or (last in ".," and len(marks) > 1 and marks.count(last) == 1):
        # Two kinds of marks: the last one parts off the decimals.
        fits = len(marks) == 1 or (len(set(marks[:-1])) == 1 and _grouped(groups[:-1]))
        return (Decimal("".join(groups[:-1]) + "." + groups[-1]),) if fits else ()
    whole = Decimal("".join(groups))
    if len(marks) > 1 or last not in ".,":
        return (whole,) if grouped else ()
    part = Decimal(f"{groups[0]}.{groups[1]}")
    if not grouped:
        # An English comma parts no decimals: "1,2" is a list, and so are two long numbers anywhere.
        listed = mark == "." or (mark is None and min(map(len, groups)) > 3)
        return () if last == "," and listed else (part,)
    if mark is not None:
        return (part,) if last == mark else (whole,)
    return (whole, part) if last == "," else (part, whole)


def _grouped(groups: Sequence[str]) -> bool:
    """Whether digits stand in groups of three, or as in India: 1,50,000."""
    first, *rest = groups
    if not rest or not 1 <= len(first) <= 3 or first.startswith("0"):
        return not rest
    return len(rest[-1]) == 3 and (
        all(len(g) == 3 for g in rest) or (len(first) <= 2 and all(len(g) == 2 for g in rest[:-1]))
    )


_ROMAN = re.compile("M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def roman(written: str) -> int:
    """The number of a Roman numeral below four thousand; 0 if it is none."""
    if not _ROMAN.fullmatch(written):
        return 0
    digits = [_ROMAN_DIGITS[c] for c in written]
    return sum(-one if one < after else one for one, after in zip(digits, [*digits[1:], 0], strict=True))
