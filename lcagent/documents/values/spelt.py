"""Numbers in words: "twenty-one", "zwölf", "двадцать пять", "三十五"."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from lcagent.documents.words import folded

_SHORT = 80
"""Characters of a text that is tried in all languages where it does not tell its own."""
_SPELT = ("en", "de", "fr", "es", "it", "pt", "nl", "da")
_TOKEN = re.compile(r"\w+|[^\w\s]|\s+")
# Articles, which are spelt like the number one.
_ARTICLES = frozenset("ein eine einen einem einer eines un une uno una um uma een en et det".split())
# Numbers of one language that are other words of another, where nothing tells which it is.
_CLASHES = frozenset("once due elf to fire ti sei none otto dix cent".split())
# What an English number in words is made of: most sentences have none.
_ENGLISH = re.compile(
    r"zero|one|two|three|four|five|fif|six|seven|eigh|nin|ten|eleven|twel|twen|thir|fort|hundred|thousand|illion"
    r"|first|second",
    re.IGNORECASE,
)
_STEMS = {
    "ru": "ноль|один/одна/одно|два/две/двух/двое|три/трех/трое|четыре/четырех|пять/пяти|шесть/шести|"
    "семь/семи|восемь/восьми|девять/девяти|десять/десяти|одиннадцать|двенадцать|тринадцать|четырнадцать|пятнадцать|"
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
_CHINESE = re.compile(r"[〇零一二三四五六七八九十百千万萬億亿两兩壹贰叁肆伍陆柒捌玖拾佰仟]+")
_COUNTERS = frozenset("个個名人年月日天岁歳つ本冊枚匹回次种種位件座只艘条")
_HALF = re.compile(
    r"\b(half an?|one half|eine? halbe[nrs]?|(?:un|une) demi[e-]?|medi[oa]|mezz[oa]|pół|mei[oa]|halv[et]?|"
    r"(?P<quarter>a quarter of an?|eine? viertel))[\s-]*(?P<word>[^\W\d_]+)|(?P<russian>полмиллиона)",
    re.IGNORECASE,
)
_ARTICLE_SCALE = re.compile(r"\b(?:an?|ein|une?|una) (?P<word>[^\W\d_]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Spelt:
    """A number in words: characters `start:end` of a text, what it is, and the last place that it states."""

    start: int
    end: int
    number: Decimal
    ordinal: bool = False
    step: Decimal = Decimal(1)


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
        found += _by_library(text, str(language)) or (_by_library(text, "en") if len(text) < _SHORT else [])
    elif language is None:
        for name in _SPELT if len(text) < _SHORT else ("en",):
            some = _by_library(text, name)
            if name != "en":
                some = [s for s in some if not s.ordinal and text[s.start : s.end].casefold() not in _CLASHES]
            if some:
                return found + some
        for name in _STEMS:
            if some := _by_stems(text, _stems(name)):
                return found + some
    return found


def scaled(text: str, scale: Callable[[str], int | None]) -> Iterator[Spelt]:
    """Parts and single ones of a scale: "half a million", "a dozen", "a quarter of a million".

    Args:
        text: any.
        scale: what a word multiplies the number before it by.
    """
    for match in _HALF.finditer(text):
        if whole := scale(match["word"] or "миллиона"):
            share = Decimal("0.25") if match["quarter"] else Decimal("0.5")
            yield Spelt(*match.span(), share * whole, step=Decimal(whole) / 10)
    for match in _ARTICLE_SCALE.finditer(text):
        whole = scale(match["word"])
        if whole and not match["word"].endswith("s"):
            yield Spelt(*match.span(), Decimal(whole))


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
    if language == "en" and not _ENGLISH.search(text):
        return []
    from text_to_num import find_numbers

    tokens = [_Token(match) for match in _TOKEN.finditer(text)]
    found: list[Spelt] = []
    for one in find_numbers(tokens, language, 0.0):
        taken = tokens[one.start : one.end]
        words = text[taken[0].start : taken[-1].end]
        if any(c.isdigit() for c in words) or words.casefold() in _ARTICLES or len(words) == 1:
            continue
        number = Decimal(str(one.value)).normalize()
        found.append(Spelt(taken[0].start, taken[-1].end, number + 0, bool(one.is_ordinal)))
    return _years(text, found) if language == "en" else found


def _years(text: str, found: list[Spelt]) -> list[Spelt]:
    """Years as they are spoken: "nineteen eleven" is one number."""
    joined: list[Spelt] = []
    for one in found:
        before = joined[-1] if joined else None
        if (
            before
            and text[before.end : one.start] == " "
            and 10 <= before.number <= 20 <= one.number + 10 < 110
        ):
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
        if (
            before
            and not text[before.end : match.start()].strip()
            and number
            and 10 * number <= least * 10 - 10
        ):
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
            yield Spelt(match.start(), match.end(), Decimal(chinese_number(written)))


def chinese_number(written: str) -> int:
    """The number of Chinese numerals, by places or digit by digit."""
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
