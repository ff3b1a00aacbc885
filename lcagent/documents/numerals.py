"""Numbers as they are written: digits with any separators, in any script, and words.

"1.234" is one number in Berlin and another in London. What a text shows elsewhere ("1.234,50") settles it,
else its language; else both readings are kept.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from lcagent.documents.lexical import folded
from lcagent.documents.vocabulary import language_of

Mark = Literal[".", ","]
"""The decimal mark."""
_SPACES = " \u00a0\u2009\u202f"
_APOSTROPHES = "'’"
DIGITS = re.compile(rf"\d+(?:(?:[.,٫٬·]|[{_APOSTROPHES}{_SPACES}](?=\d{{3}}(?!\d)))\d+)*")
"""One number in digits, or several that stand as close as the digits of one."""
_SEPARATOR = re.compile(r"\D")
# Languages and countries that write 1,234.5; the others that are known write 1.234,5.
_POINT = frozenset("en zh ja ko hi he th bn ta te ur ms".split())
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
_SPELT = ("en", "de", "fr", "es", "it", "pt", "nl", "da")
_TOKEN = re.compile(r"\w+|[^\w\s]|\s+")
# "One" that counts nothing, and articles that are spelt like it.
_ARTICLES = frozenset("ein eine einen einem einer eines un une uno una um uma een en et det".split())
# Numbers of one language that are other words of another, where nothing tells which it is.
_CLASHES = frozenset("once due elf to fire ti sei tre".split())
_NO_COUNT = re.compile(
    r"\b(?:no|any|every|some|the|this|that|which|each|another|other|first|last|only) one\b|\bone (?:of|another|who)\b",
    re.IGNORECASE,
)
_STEMS = {
    "ru": "ноль|один/одна/одно|два/две/двух/двое|три/трех/трое|четыре/четырех|пять/пяти|шесть/шести|семь/семи|"
    "восемь/восьми|девять/девяти|десять/десяти|одиннадцать|двенадцать|тринадцать|четырнадцать|пятнадцать|"
    "шестнадцать|семнадцать|восемнадцать|девятнадцать|двадцать|тридцать=30|сорок=40|пятьдесят=50|шестьдесят=60|"
    "семьдесят=70|восемьдесят=80|девяносто=90|сто=100|двести=200|триста=300|четыреста=400|пятьсот=500|"
    "шестьсот=600|семьсот=700|восемьсот=800|девятьсот=900",
    "pl": "zero|jeden/jedna/jedno|dwa/dwie/dwoch/dwaj/dwoje|trzy/trzech/troje|cztery/czterech|piec/pieciu|"
    "szesc/szesciu|siedem/siedmiu|osiem/osmiu|dziewiec/dziewieciu|dziesiec/dziesieciu|jedenascie|dwanascie|"
    "trzynascie|czternascie|pietnascie|szesnascie|siedemnascie|osiemnascie|dziewietnascie|dwadziescia|"
    "trzydziesci=30|czterdziesci=40|piecdziesiat=50|szescdziesiat=60|siedemdziesiat=70|osiemdziesiat=80|"
    "dziewiecdziesiat=90|sto=100|dwiescie=200|trzysta=300|czterysta=400|piecset=500|szescset=600|siedemset=700|"
    "osiemset=800|dziewiecset=900",
}
_CHINESE = re.compile(r"[〇零一二三四五六七八九十百千万萬億亿两兩]+")
_COUNTERS = frozenset("个個名人年月日天岁歳つ本冊枚匹回次种種位件座只艘条")


@dataclass(frozen=True, slots=True)
class Spelt:
    """A number in words: characters `start:end` of a text, what it is, and whether it is an ordinal."""

    start: int
    end: int
    number: Decimal
    ordinal: bool = False


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
    if not name:
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


def spelt(text: str, language: str | None) -> list[Spelt]:
    """The numbers in words of a text.

    Args:
        text: any; digits in it are passed over.
        language: of the text; None: a text of a few words is tried in all languages.
    """
    found = [*_chinese(text)]
    if language in _STEMS:
        found += _by_stems(text, _stems(str(language)))
    elif language in _SPELT:
        found += _by_library(text, str(language))
    elif language is None:
        for name in _SPELT if len(text) < 80 else ("en",):
            if some := [s for s in _by_library(text, name) if text[s.start : s.end].casefold() not in _CLASHES]:
                return found + some
        for name in _STEMS:
            if some := _by_stems(text, _stems(name)):
                return found + some
    return found


class _Token:
    """What text2num reads: a word, or white space, or a mark."""

    def __init__(self, match: re.Match[str]) -> None:
        self.written, self.start, self.end = match.group(), match.start(), match.end()

    def text(self) -> str:
        return self.written

    def nt_separated(self, previous: _Token) -> bool:
        return False

    def not_a_number_part(self) -> bool:
        return self.written[0].isdigit()


def _by_library(text: str, language: str) -> list[Spelt]:
    from text_to_num import find_numbers

    tokens = [_Token(match) for match in _TOKEN.finditer(text)]
    found: list[Spelt] = []
    for one in find_numbers(tokens, language, 0.0):
        taken = tokens[one.start : one.end]
        words = text[taken[0].start : taken[-1].end]
        if any(c.isdigit() for c in words) or words.casefold() in _ARTICLES:
            continue
        number = Decimal(str(one.value)).normalize()
        found.append(Spelt(taken[0].start, taken[-1].end, number + 0, bool(one.is_ordinal)))
    if language == "en":
        idle = [m.span() for m in _NO_COUNT.finditer(text)]
        found = [s for s in found if s.number != 1 or not any(a <= s.start < b for a, b in idle)]
        found = _years(text, found)
    return found


def _years(text: str, found: list[Spelt]) -> list[Spelt]:
    """Years as they are spoken: "nineteen eleven" is one number."""
    joined: list[Spelt] = []
    for one in found:
        before = joined[-1] if joined else None
        if before and text[before.end : one.start] == " " and 10 <= before.number <= 20 <= one.number + 10 < 110:
            joined[-1] = Spelt(before.start, one.end, before.number * 100 + one.number, one.ordinal)
        else:
            joined.append(one)
    return joined


def _stems(language: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for place, entry in enumerate(_STEMS[language].split("|")):
        words, _, number = entry.partition("=")
        found.update(dict.fromkeys(words.split("/"), int(number or place)))
    return found


def _by_stems(text: str, stems: dict[str, int]) -> list[Spelt]:
    """Words of languages that spell hundreds, tens and ones apart, one after another, falling."""
    found: list[Spelt] = []
    least = 0
    for match in re.finditer(r"[^\W\d_]+", text):
        number = stems.get(folded(match.group()))
        if number is None:
            continue
        before = found[-1] if found else None
        if before and not text[before.end : match.start()].strip() and number and 10 * number <= least * 10 - 10:
            joins = least >= 20 and number < (100 if least >= 100 else 10)
        else:
            joins = False
        if before and joins:
            found[-1] = Spelt(before.start, match.end(), before.number + number)
        else:
            found.append(Spelt(match.start(), match.end(), Decimal(number)))
        least = number
    return found


def _chinese(text: str) -> Iterator[Spelt]:
    """Chinese numerals of more than one character, or before a word that counts."""
    for match in _CHINESE.finditer(text):
        written = match.group()
        counted = text[match.end() : match.end() + 1] in _COUNTERS or written == text.strip()
        if len(written) > 1 or counted:
            yield Spelt(match.start(), match.end(), Decimal(_chinese_number(written)))


def _chinese_number(written: str) -> int:
    whole = part = digit = 0
    values = [2 if c in "两兩" else int(unicodedata.numeric(c)) for c in written]
    if all(v < 10 for v in values):
        return int("".join(map(str, values)))
    for value in values:
        if value < 10:
            digit = value
        elif value < 10**4:
            part += (digit or 1) * value
            digit = 0
        else:
            whole += (part + digit or 1) * value
            part = digit = 0
    return whole + part + digit
