"""The form of a short answer: what two answers must share to say the same, however they are written.

Numbers and dates are taken out and compared as such: "1,234" is 1234, "5 March 1911" is "March 5, 1911",
and 1911 is never 1912, however alike the two look to a fuzzy match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lcagent.documents.canonical import canonical
from lcagent.documents.marks import unmarked
from lcagent.documents.values import same_value, values, within
from lcagent.documents.words import STOPWORDS, among, folded, stem, terms

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4})"
_DATES = [
    re.compile(pattern)
    for pattern in (
        rf"\b{_YEAR}-(?P<number>\d{{2}})-{_DAY}\b",
        rf"\b{_DAY}(?: of)? {_MONTH},? {_YEAR}\b",
        rf"\b{_MONTH} {_DAY},? {_YEAR}\b",
        rf"\b{_MONTH},? {_YEAR}\b",
        rf"\b{_DAY}(?: of)? {_MONTH}(?!\w)",
        rf"\b{_MONTH} {_DAY}\b",
    )
]
_SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_NUMBER = re.compile(
    r"(?<![\w.,])(?P<sign>[-\u2212](?=\d))?(?P<whole>\d{1,3}(?:[, ]\d{3})+|\d+)(?:\.(?P<part>\d+))?"
    rf"(?:st|nd|rd|th)?(?: (?P<scale>{'|'.join(_SCALES)}))?(?![\w])"
)
_SMALL: Sequence[str] = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen"
).split()
_TENS: Sequence[str] = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_SPELT = re.compile(
    rf"\b(?:(?P<tens>{'|'.join(_TENS)})(?:[- ](?P<after>{'|'.join(_SMALL[1:10])}))?"
    rf"|(?P<small>{'|'.join(_SMALL)}))\b"
)
_UNIT = re.compile(r"(?<=\d)(?=(?:km|m|cm|mm|kg|g|mg|l|ml|ha|mph|ft|lb|lbs|kw|mw|am|pm|h|min|s)\b)")
_SIGNS = {"%": " percent ", "per cent": " percent ", "$": " dollar ", "€": " euro ", "£": " pound "}
_TITLES = frozenset("dr doctor mr mrs ms miss prof professor sir dame captain capt rev saint st".split())
_DENIALS = frozenset("no not never none nobody nothing neither nor without cannot".split())
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Form:
    """An answer in comparable parts.

    Args:
        figures: its dates, then its numbers, in one notation; a date is written `YYYY-MM-DD`.
        denied: it says no, not, never.
        words: stems of its content words in order, titles left out.
    """

    figures: tuple[str, ...]
    denied: bool
    words: tuple[str, ...]

    @property
    def key(self) -> tuple[tuple[str, ...], bool, tuple[str, ...]]:
        """Equal for answers that differ in nothing but notation and order."""
        return self.figures, self.denied, tuple(sorted(self.words))


def form(text: str) -> Form:
    """The form of a short answer."""
    plain = folded(unmarked(text)).replace("n't", " not")
    for sign, word in _SIGNS.items():
        plain = plain.replace(sign, word)
    plain = " ".join(_UNIT.sub(" ", plain).split())
    figures: list[str] = []

    def take(kind: str) -> str:
        figures.append(kind)
        return " "

    plain = _each_date(plain, lambda match: take(_date(match)))
    plain = _SPELT.sub(_digits, plain)
    plain = _NUMBER.sub(lambda m: take(_number(m)), plain)
    tokens = _WORD.findall(plain)
    denied = any(t in _DENIALS for t in tokens)
    content = [t for t in tokens if t not in STOPWORDS and t not in _DENIALS]
    words = [stem(t) for t in content if t not in _TITLES] or [stem(t) for t in content]
    if not (figures or denied or words):
        words = tokens or plain.split()
    return Form(tuple(figures), denied, tuple(dict.fromkeys(words)))


def dates(text: str) -> list[str]:
    """The dates of a text, each as `YYYY-MM-DD`, or as much of that as it states."""
    found: list[str] = []

    def take(match: re.Match[str]) -> str:
        found.append(_date(match))
        return " "

    _each_date(canonical(text).casefold(), take)
    return found


def in_iso(text: str) -> str:
    """A text in small letters with each of its dates as `@YYYY-MM-DD`, or as much of that as it states."""
    return _each_date(canonical(text).casefold(), lambda match: f" @{_date(match)} ")


def without_dates(text: str, stated: Sequence[str]) -> str:
    """A text in small letters without those of its dates that are among others, however they are written.

    Args:
        text: any.
        stated: as `dates` gives them; a day states its month and year too.
    """

    def left(match: re.Match[str]) -> str:
        date = _date(match)
        # What is stated must be as fine as what is said: a month is none of its days.
        known = any(len(date) <= len(other) and same_figure(date, other) for other in stated)
        return " " if known else match.group()

    return _each_date(canonical(text).casefold(), left)


def in_digits(text: str) -> str:
    """A text in small letters with its spelt numbers in digits: "three", "twenty-one" as "3", "21"."""
    return _SPELT.sub(_digits, " ".join(canonical(text).casefold().split()))


def same_figure(one: str, other: str) -> bool:
    """Equal, or one is the year or month that the other lies in, or the same day without its year."""
    short, long = sorted((one, other), key=len)
    if short == long:
        return True
    if short.startswith("--"):
        return long.endswith(short[1:])
    return len(short) >= 4 and long.startswith(f"{short}-")


def holds(quote: str, answer: str, *, share: float = 0.6) -> bool:
    """Whether a sentence says a short answer: all of its figures and most of its words.

    A bare yes or no stands nowhere: the sentence that it was concluded from is then its support.

    Args:
        quote: the sentence.
        answer: the answer.
        share: of the answer's words that must stand in the sentence.
    """
    said, stands = form(answer), form(quote)
    alike = all(any(same_figure(f, g) for g in stands.figures) for f in said.figures)
    if not alike and not by_value(quote, answer):
        return False
    words = [t for w in said.words if w not in {"yes", "true", "false"} for t in terms(w)]
    held = {t for w in stands.words for t in terms(w)}
    return sum(among(w, held) for w in words) >= share * len(words)


def by_value(quote: str, answer: str) -> bool:
    """Whether an answer has figures that all stand in a sentence, in other units or another notation.

    Args:
        quote: the sentence.
        answer: the answer, or a statement.
    """
    stated = values(quote)
    said = values(answer)
    return bool(said) and all(any(same_value(v, s) or within(s, v) for s in stated) for v in said)


def _each_date(text: str, take: Callable[[re.Match[str]], str]) -> str:
    """A text in small letters with what `take` makes of each of its dates."""
    for pattern in _DATES:
        text = pattern.sub(take, text)
    return text


def _date(match: re.Match[str]) -> str:
    found = match.groupdict()
    year = found.get("year") or "-"  # a day without its year is no year's day
    month = found.get("number") or f"{_MONTHS.index(found['month'][:3]) + 1:02}"
    day = found.get("day")
    return f"{year}-{month}" + (f"-{int(day):02}" if day else "")


def _digits(match: re.Match[str]) -> str:
    if match["small"]:
        return str(_SMALL.index(match["small"]))
    tens = 10 * (_TENS.index(match["tens"]) + 2)
    return str(tens + (_SMALL.index(match["after"]) if match["after"] else 0))


def _number(match: re.Match[str]) -> str:
    """A number without separators, scale words or idle zeros; digits are kept, however many."""
    whole, part = re.sub(r"\D", "", match["whole"]), match["part"] or ""
    shift = _SCALES.get(match["scale"] or "", 0)
    part = part.ljust(shift, "0")
    whole, part = (whole + part[:shift]).lstrip("0") or "0", part[shift:].rstrip("0")
    return ("-" if match["sign"] else "") + whole + (f".{part}" if part else "")
