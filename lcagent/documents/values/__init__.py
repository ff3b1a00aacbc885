"""Values: the numbers, quantities, dates and times of a text, as what they are and not how they are written.

"1.5 million" is 1,500,000, "12 km" is 12,000 m, "5 March 1911" is 1911-03-05. Where a text may be read in two
ways ("1.234", "03/04/2021") a value has both readings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache

from lcagent.documents.canonical import traced
from lcagent.documents.values import numerals
from lcagent.documents.values.compose import enlarged, joined, last_place, number_value
from lcagent.documents.values.dates import Stated, stated_dates, stated_times
from lcagent.documents.values.language import language_of
from lcagent.documents.values.quantities import Kind, Value, iso_within, rounds_to, same_value, within
from lcagent.documents.values.spelt import Spelt, scaled, spelt
from lcagent.documents.values.vocabulary import ALL, LATIN, Unit, Vocabulary, plain, prefixes, vocabulary
from lcagent.documents.words import unspaced

__all__ = ["Value", "bare_number", "iso_within", "rounds_to", "same_value", "values", "within"]

_BEFORE = re.compile(r"(US\$|[$€£¥₹₽₩]|\b[A-Z]{3})[ \u00a0\u202f]?$")
_ORDINAL = re.compile(r"(?:st|nd|rd|th|er|ère|e|ème|º|ª|-?(?:й|я|е|го|му))(?!\w)")
_NEXT = re.compile(r"[ \u00a0\u202f-]?([^\W\d_]+)")
_LETTER = re.compile(r"[MBK](?![^\W\d_])|(?<=[ \d])(?:m|b)(?![^\W\d_])")
_LETTERS = {"K": 1000, "M": 10**6, "B": 10**9}
_PER_HUNDRED = re.compile(r"[ \u00a0\u202f]?(?:[%٪％]|p(?:er|our|or) (?:cent\w?|ciento)\b)")
_SIGN_UNIT = re.compile(r"[ \u00a0\u202f-]?(km/h|[kc]?m\^?[23](?!\d)|sq ft|°[CF]|US\$|[€$£¥₹₽]|zł)(?!\w)")
_UNIT = re.compile(r"[ \u00a0\u202f-]?(?:d[eo] |d['’]|di )?((?:[^\W\d_]+ ){0,2}[^\W\d_]+\.?)")
_PART = re.compile(r" ([1-9])/([1-9]\d?)(?![\d/])")
_AND_A_HALF = re.compile(r" (?:and a half|et demie?|y medi[oa]|e mezz[oa]|e mei[oa])\b")
_RATIO = re.compile(
    r"(?<![\w.,:])(\d{1,4})\s?:\s?(\d{1,4})(?![\d:]|[.,]\d)|(?<![\w/])(\d)/(\d{1,2})(?![\w/])"
)
_ROMAN = re.compile(r"(?:(?<=[^\W\d_] )|^)[IVX]{2,6}(?!\.?\w)")
_ROMAN_YEAR = re.compile(r"\bM[MDCLXVI]{3,}\b")
_REFERENCE = re.compile(r"(?<=[^\s\[({:=,])\[\d{1,3}(?:\s*[,;-]\s*\d{1,3})*\](?![\w(])")
"""The mark of a note, as those of an encyclopaedia."""
_POWER = re.compile(
    r"(?<![\w.,])(?:(?P<times>\d+(?:[.,]\d+)?)\s?[x×·*]\s?)?10\s?\^\s?(?P<ten>[+-]?\d{1,2})(?![\d.])"
    r"|(?<![\w.,])(?P<part>\d[.,]\d+|\d(?=[eE][+-]))[eE](?P<e>[+-]?\d{1,2})(?!\w)"
)
_RAISED = re.compile(r"\^(\d{1,3})(?![\d.])")
_MOST_RAISED = 3
"""Above the line a larger figure is the mark of a note and no power."""
_ONE_PART = re.compile(r"one[ -]\w+(?:th|rd)\b", re.IGNORECASE)
_MOST_SCALED = 10**30
_SHORT = 3
"""Words of an answer in which "one" is a number, and no pronoun."""


def values(text: str, language: str | None = None) -> tuple[Value, ...]:
    """The figures of a text, in its order.

    Args:
        text: a sentence, a claim; longer ones are read as one language.
        language: such as "de" or "en-US"; default: guessed from the text.
    """
    return _values(text, language)


@lru_cache(maxsize=256)  # of one document: what is compared is looked at several times
def _values(text: str, language: str | None) -> tuple[Value, ...]:
    form, starts, ends = traced(text)
    found = _Finder(form, language).found()
    if form == text:
        return tuple(found)
    return tuple(_placed(value, text, (starts[value.span[0]], ends[value.span[1] - 1])) for value in found)


def _placed(value: Value, text: str, span: tuple[int, int]) -> Value:
    """A figure of a text's canonical form where it stands in the text."""
    others = tuple(replace(other, text=text[slice(*span)], span=span) for other in value.others)
    return replace(value, text=text[slice(*span)], span=span, others=others)


class _Finder:
    """Finds the figures of one text in canonical form; what is taken by one is not read again as another."""

    def __init__(self, text: str, language: str | None) -> None:
        self.text, self.asked = text, language
        self.language = language.replace("_", "-").partition("-")[0] if language else language_of(text)
        self.taken: list[Value] = []
        self.covered = bytearray(len(text))

    def found(self) -> list[Value]:
        """All, in order."""
        for mark in _REFERENCE.finditer(self.text):
            self.covered[mark.start() : mark.end()] = b"\x01" * len(mark.group())
        if any(c.isnumeric() for c in self.text):
            country = (self.asked or "").upper()[-2:]
            first = self.language in (None, "en") and country not in ("GB", "AU", "IE", "IN")
            for date in stated_dates(self.text, self._month, month_first=first):
                self._take_stated("date", date)
        for time in stated_times(self.text):
            self._take_stated("time", time)
        if any(c.isnumeric() for c in self.text):
            self._take_powers()
            self._take_ratios()
            self._take_digits()
        self._take_words()
        self._take_romans()
        self.taken.sort(key=lambda value: value.span)
        return joined(self.text, self.taken)

    def _vocabularies(self) -> Iterator[Vocabulary]:
        """English, since its words stand in other texts too; then the text's own, or the likeliest ones."""
        own = () if self.language in (None, "en") else (self.language,)
        yield vocabulary((*own, "en"))
        if self.language is None:
            yield vocabulary(LATIN)

    def _month(self, word: str) -> int | None:
        if word in ("may", "march", "mar") and self.language in (None, "en"):  # no month without a capital
            return None
        for form in (word, word.removeprefix("ב")):  # in Hebrew "in" is written with it
            known = (v.months.get(plain(form)) for v in (*self._vocabularies(), vocabulary(ALL)))
            if month := next(filter(None, known), None):
                return month
        return None

    def _scale(self, word: str) -> int | None:
        return next((n for v in self._vocabularies() if (n := v.scale(word))), None)

    def _unit(self, written: str) -> Unit | None:
        return next((u for v in self._vocabularies() if (u := v.unit(written))), None)

    def _free(self, start: int, end: int) -> bool:
        return not any(self.covered[start:end])

    def _take(self, start: int, end: int, *readings: Value) -> None:
        self.covered[start:end] = b"\x01" * (end - start)
        first, *others = (replace(r, text=self.text[start:end], span=(start, end)) for r in readings)
        self.taken.append(replace(first, others=tuple(others)))

    def _take_stated(self, kind: Kind, stated: Stated) -> None:
        if self._free(stated.start, stated.end):
            readings = (Value(kind, "", (0, 0), iso=iso) for iso in stated.readings)
            self._take(stated.start, stated.end, *readings)

    def _take_ratios(self) -> None:
        for match in _RATIO.finditer(self.text):
            one, two = (Decimal(n) for n in match.groups() if n)
            whole = re.search(r"\d $", self.text[max(0, match.start() - 2) : match.start()])
            if two and self._free(*match.span()) and not (whole and one < two):
                kind: Kind = "ratio" if ":" in match.group() else "number"
                self._take(*match.span(), Value(kind, "", (0, 0), one / two, step=Decimal("0.01")))

    def _take_powers(self) -> None:
        """Powers of ten: "3.2 x 10^6", "3.2e6"."""
        for match in _POWER.finditer(self.text):
            if not self._free(*match.span()):
                continue
            times = Decimal((match["times"] or match["part"] or "1").replace(",", "."))
            scale = Decimal(1).scaleb(int(match["ten"] or match["e"]))
            step = Decimal(1).scaleb(int(times.as_tuple().exponent)) * scale
            unit, end = self._unit_after(match.end())
            self._take(match.start(), end, number_value(times * scale, unit, step, year=False))

    def _take_digits(self) -> None:
        mark: numerals.Mark | None = None
        if re.search(r"\d[.,]\d", self.text):
            mark = numerals.decimal_mark(self.text, self.asked)
        for match in numerals.DIGITS.finditer(self.text):
            if not self._free(*match.span()):
                continue
            if numbers := numerals.read_digits(match.group(), mark):
                self._take_number(match.start(), match.end(), numbers)
                continue
            # No single number: a list without spaces ("4,5,6"), or a section ("1.2.3"), which is none at all.
            if "." not in match.group():
                for part in re.finditer(r"\d+", match.group()):
                    at = match.start() + part.start()
                    self._take_number(at, at + len(part.group()), (Decimal(part.group()),))

    def _take_number(self, start: int, end: int, numbers: tuple[Decimal, ...]) -> None:
        """A number in digits with its sign, scale and unit; none if it is part of a name ("A4", "0042")."""
        written = self.text[start:end]
        before = self.text[start - 1 : start]
        if (before.isalpha() and not unspaced(before)) or before == "_":
            return
        if len(written) > 1 and written.isdigit() and written.startswith("0"):
            return
        if ordinal := _ORDINAL.match(self.text, end):
            self._take(start, ordinal.end(), Value("ordinal", "", (0, 0), numbers[0]))
            return
        money = _BEFORE.search(self.text, max(0, start - 4), start)
        unit = self._unit(money.group(1)) if money else None
        sign = 1
        if before == "-" and not re.search(r"\w$|\d\s$", self.text[max(0, start - 3) : start - 1]):
            start, sign = start - 1, -1
        half = Decimal(0)
        if (part := _PART.match(self.text, end)) and int(part[1]) < int(part[2]):
            half, end = Decimal(part[1]) / Decimal(part[2]), part.end()
        if raised := _RAISED.match(self.text, end):
            # The mark of a note, or a power: that is for who compares.
            end, power = raised.end(), int(raised[1])
            numbers += (numbers[0] ** power,) if 1 < power <= _MOST_RAISED else ()
        steps = [Decimal(1).scaleb(int(n.as_tuple().exponent)) for n in numbers]
        scale, stop = self._scales_after(end, money=unit is not None)
        after, last = self._unit_after(stop + (stop > end and self.text[stop : stop + 1] == "."))
        last = stop if after is None else last
        if last == end and self.text[end : end + 1].isalpha() and not unspaced(self.text[end]):
            return
        start = money.start() if money and unit else start
        year = written.isdigit() and scale == 1
        self._take(
            start,
            last,
            *(
                number_value(enlarged(n, half, scale, sign), unit or after, step * scale, year=year)
                for n, step in zip(numbers, steps, strict=True)
            ),
        )

    def _scales_after(self, at: int, *, money: bool) -> tuple[int, int]:
        """What the words after a number multiply it by ("thousand million"), and where they end."""
        scale = 1
        if (letter := _LETTER.match(self.text, at)) and (letter.group().isupper() or money):
            return _LETTERS[letter.group().upper()], letter.end()
        while scale < _MOST_SCALED and (match := _NEXT.match(self.text, at)):
            word = match.group(1)
            tries = prefixes(word) if unspaced(word) else (word,)
            hit = next(((t, n) for t in tries if (n := self._scale(t))), None)
            if hit is None:
                break
            scale *= hit[1]
            at = match.start(1) + len(hit[0])
        return scale, at

    def _unit_after(self, at: int) -> tuple[Unit | None, int]:
        """The unit after a number, and where it ends."""
        if match := _PER_HUNDRED.match(self.text, at):
            return Unit("%"), match.end()
        if match := _SIGN_UNIT.match(self.text, at):
            return self._unit(match.group(1)), match.end()
        match = _UNIT.match(self.text, at)
        if match is None:
            return None, at
        words, start = match.group(1).rstrip("."), match.start(1)
        whole = words.split(" ")
        tries = [" ".join(whole[:n]) for n in range(len(whole), 0, -1)]
        if unspaced(words):
            tries += prefixes(words)
        hit = next(((u, start + len(t)) for t in tries if (u := self._unit(t))), None)
        return hit or (None, at)

    def _take_words(self) -> None:
        for one in scaled(self.text, self._scale):
            if self._free(one.start, one.end):
                self._take_spelt(one.start, one.end, one.number, one.step)
        for one in spelt(self.text, self.language):
            if not self._free(one.start, one.end) or self.text.startswith("-feira", one.end):
                continue  # "segunda-feira" is a Monday
            if one.ordinal:
                self._take(one.start, one.end, Value("ordinal", "", (0, 0), one.number))
                continue
            number, end = one.number, one.end
            if half := _AND_A_HALF.match(self.text, end):
                number, end = number + Decimal("0.5"), half.end()
            scale, end = self._scales_after(end, money=False)
            if scale == 1 and _idle(self.text, one) and self._unit_after(end)[0] is None:
                continue
            self._take_spelt(one.start, end, number * scale, last_place(number * scale))

    def _take_spelt(self, start: int, end: int, number: Decimal, step: Decimal) -> None:
        unit, end = self._unit_after(end)
        self._take(start, end, number_value(number, unit, step, year=step == 1))

    def _take_romans(self) -> None:
        for match in _ROMAN_YEAR.finditer(self.text):
            number = numerals.roman(match.group())
            if number and self._free(*match.span()):
                self._take(*match.span(), number_value(Decimal(number), None, Decimal(1), year=True))
        for match in _ROMAN.finditer(self.text):
            number = numerals.roman(match.group())
            if number and self._free(*match.span()):
                self._take(*match.span(), Value("ordinal", "", (0, 0), Decimal(number)))


def _idle(text: str, one: Spelt) -> bool:
    """Whether a word states no number: "one says", "millions of them"."""
    word = text[one.start : one.end].casefold()
    if word == "one":
        return len(text.split()) > _SHORT and not _ONE_PART.match(text, one.start)
    return one.number >= 100 and word.endswith("s") and word.isalpha()


def bare_number(number: str, beside: str = "") -> Decimal | None:
    """A bare number as written; None if it is none, or may be either of two.

    "1.234" alone is both 1234 and 1.234: a sum with the wrong one would be reported as right. "1,234" alone
    is 1234, since no other reading is likely where the decimals are not known to follow a comma.

    Args:
        number: with any separators, or in words ("1.5 million", "zwölf"), without a unit.
        beside: text of the same document: its sentence, the other numbers.
    """
    written = number.strip()
    sign = -1 if written.startswith(("-", "−")) else 1
    digits = written.lstrip("+-−").strip()
    if numerals.DIGITS.fullmatch(digits):
        readings = numerals.read_digits(digits, numerals.decimal_mark(f"{digits} {beside}"))
        unsure = len(readings) > 1 and "." in digits
        return None if unsure or not readings else sign * readings[0]
    found = values(written, language_of(beside))
    if len(found) != 1 or found[0].span != (0, len(written)) or found[0].others:
        return None
    return found[0].number if found[0].kind == "number" else None
