"""Dates and times of day as they are written, in ISO notation: as much of one as the text states."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lcagent.documents.values.spelt import chinese_number

_YEAR = r"(?P<year>[12]\d{3})(?!\d|[.,]\d)"
_DAY = r"(?<![\d.,])(?P<day>\d{1,2})(?:st|nd|rd|th|er|[.ºª°])?"
_THAI_ERA = r"(?:พ\.?\s?ศ\.?|พุทธศักราช)"
_OF = rf"(?:of|de|del|di|du|d'|{_THAI_ERA}|ค\.?\s?ศ\.?)"
# With the vowels of Devanagari and Thai, which are no letters to the engine.
_WORD = r"(?P<word>(?:[^\W\d_]|[\u0900-\u0903\u093a-\u094f\u0e31\u0e34-\u0e4e]){2,})\.?"
_NAMED = (
    re.compile(rf"{_DAY}(?![\d:])[\s-]*(?:{_OF}\s+)?{_WORD}(?:,?[\s-]+(?:{_OF}\s+)?{_YEAR})?"),
    re.compile(rf"(?<![\w.])(?P<year>[12]\d{{3}})\.?\s{_WORD}\s(?P<day>\d{{1,2}})(?!\d|[.,:]\d)"),
    re.compile(
        rf"(?<!\w){_WORD}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:]|[.,]\d|\s*%)(?:,?\s+{_YEAR})?",
        re.IGNORECASE,
    ),
    re.compile(rf"(?<!\w){_WORD},?\s+(?:{_OF}\s+)?{_YEAR}"),
)
_EASTERN = "〇零一二三四五六七八九"
_FEW = rf"(?:\d{{1,2}}|[{_EASTERN[1:]}十]{{1,3}})"
_ERAS = {"明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018}
"""Of Japan, and the year before each."""
_EAST = re.compile(
    rf"(?:(?P<year>[12]\d{{3}}|[{_EASTERN}]{{4}})|(?P<era>{'|'.join(_ERAS)})(?P<of>{_FEW}|元))\s?[年년]"
    rf"(?:\s?(?P<month>{_FEW})\s?[月월](?:\s?(?P<day>{_FEW})\s?[日일号號])?)?"
    rf"|(?<![\d十])(?P<month2>{_FEW})\s?[月월]\s?(?P<day2>{_FEW})\s?[日일号號]"
)
_THAI = re.compile(rf"{_THAI_ERA}\s?(?P<year>2[3-7]\d{{2}})(?!\d)")
_BUDDHIST, _SINCE = 543, 2300
"""Years by which the Buddhist era is ahead, and those from which on a year in a Thai date is one of it."""
_YEAR_FIRST = re.compile(
    r"(?<![\d.,/-])(?P<year>[12]\d{3})(?P<mark>[-/]|\.[ ]?)(?P<month>\d{1,2})(?P=mark)"
    r"(?P<day>\d{1,2})(?![\d/-])"
)
_YEAR_LAST = re.compile(
    r"(?<![\d.,/-])(?P<one>\d{1,2})(?P<mark>[-/.])[ ]?(?P<two>\d{1,2})(?P=mark)[ ]?"
    r"(?P<year>[12]\d{3}|\d{2})(?![\d/-]|[.,]\d)"
)
_DECADE = re.compile(
    r"(?<![\w.,])(?P<decade>[12]\d{2})0['’]?(?:s|er|ern|er Jahre\w?)(?!\w)|\b[Aa]nn[ée]es (?P<fr>[12]\d{2})0"
)
_HALVES = r"(?P<half>[ap]\.?\s?m\b\.?|Uhr|uhr|o['’]clock|ч\.)"
_TIMES = (
    re.compile(
        rf"(?<![\w.,:])(?P<hour>[01]?\d|2[0-4])(?::|h|(?=\.\d\d\s?(?:[ap]\.?m|Uhr))\.)(?P<minute>[0-5]\d)(?::[0-5]\d)?"
        rf"(?!\d|[.:,]\d)(?:\s?{_HALVES})?"
    ),
    re.compile(rf"(?<![\w.,:])(?P<hour>[01]?\d|2[0-4])\s?{_HALVES}"),
    re.compile(
        r"(?i:\b(?:kl\.?|klokken|ore|godz\.)\s?)(?P<hour>[01]?\d|2[0-4])(?:[.:](?P<minute>[0-5]\d))?(?![.:,]?\d)"
    ),
    re.compile(r"\b(?P<word>noon|midnight)\b"),
)
_EAST_TIME = re.compile(
    rf"(?P<half>午前|午後|上午|下午|晚上|오전|오후)?\s?(?<![\d十])(?P<hour>{_FEW})\s?(?P<sign>[時时点點시])(?![間间点點간])"
    rf"(?:(?P<to>半|반|钟|鐘|整)|\s?(?P<minute>{_FEW})\s?[分분])?"
)
_EVENING = frozenset("午後 下午 晚上 오후".split())
_CENTURY = (1900, 2000)
"""What a year of two digits may be added to."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A date or a time that stands at characters `start:end`; several readings, likeliest first.

    A date is `YYYY-MM-DD`, `YYYY-MM`, `YYYY`, `--MM-DD` without a year, `191X` for a decade; a time `HH:MM`.
    """

    start: int
    end: int
    readings: tuple[str, ...]


def stated_dates(text: str, month: Callable[[str], int | None], *, month_first: bool) -> list[Stated]:
    """The dates of a text that say more or less than a bare year.

    Args:
        text: any.
        month: the number of the month that a word names.
        month_first: whether "03/04/2021" may be the fourth of March.
    """
    taken: list[Stated] = []
    for found in _candidates(text, month, month_first=month_first):
        if all(found.end <= other.start or found.start >= other.end for other in taken):
            taken.append(found)
    return taken


def stated_times(text: str) -> list[Stated]:
    """The times of day of a text; "5:30" may be in the afternoon."""
    found: list[Stated] = []
    for pattern in _TIMES:
        for match in pattern.finditer(text):
            if all(match.end() <= other.start or match.start() >= other.end for other in found):
                found.append(Stated(*match.span(), _hours(match.groupdict())))
    return [*found, *_eastern_times(text)]


def _eastern_times(text: str) -> Iterator[Stated]:
    """Times as they are written in Chinese, Japanese and Korean; "3点" alone may be a score."""
    for match in _EAST_TIME.finditer(text):
        part = match.groupdict()
        if part["sign"] in "点點" and not (part["half"] or part["to"] or part["minute"]):
            continue
        hour, minute = _few(part["hour"]), _few(part["minute"] or "")
        if hour > 24 or minute > 59:
            continue
        minute = 30 if part["to"] in ("半", "반") else minute
        if part["half"]:
            yield Stated(*match.span(), (f"{hour % 12 + 12 * (part['half'] in _EVENING):02}:{minute:02}",))
        else:
            later = (f"{hour + 12:02}:{minute:02}",) if 0 < hour < 12 else ()
            yield Stated(*match.span(), (f"{hour:02}:{minute:02}", *later))


def _few(written: str) -> int:
    """A number of two figures at most, in digits or Chinese numerals; 0 for none."""
    return int(written or 0) if not written or written.isdecimal() else chinese_number(written)


def _hours(parts: dict[str, str | None]) -> tuple[str, ...]:
    if word := parts.get("word"):
        return ("12:00",) if word == "noon" else ("00:00", "24:00")
    written = str(parts["hour"])
    hour, minute = int(written), parts.get("minute") or "00"
    half = (parts.get("half") or "").casefold()
    if half.startswith(("a", "p")) and hour <= 12:
        return (f"{hour % 12 + 12 * half.startswith('p'):02}:{minute}",)
    first = f"{hour:02}:{minute}"
    either = 0 < hour < 12 and not written.startswith("0") and half[:1] in ("", "o")
    return (first, f"{hour + 12:02}:{minute}") if either else (first,)


def _candidates(text: str, named: Callable[[str], int | None], *, month_first: bool) -> Iterator[Stated]:
    for match in _YEAR_FIRST.finditer(text):
        yield from _dated(match, [_iso(match["year"], match["month"], match["day"])])
    for match in _YEAR_LAST.finditer(text):
        yield from _dated(match, _year_last(match, month_first=month_first))
    for match in _EAST.finditer(text):
        part = match.groupdict()
        month, day = (part[key] or part[f"{key}2"] for key in ("month", "day"))
        iso = _iso(_eastern_year(part), _few(month) if month else None, str(_few(day)) if day else None)
        yield from _dated(match, [iso])
    for match in _DECADE.finditer(text):
        yield Stated(*match.span(), (f"{match['decade'] or match['fr']}X",))
    for pattern in _NAMED:
        yield from _named(text, pattern, named)
    for match in _THAI.finditer(text):
        yield Stated(*match.span(), (str(int(match["year"]) - _BUDDHIST),))


def _eastern_year(part: dict[str, str | None]) -> str | None:
    if part["era"]:
        return str(_ERAS[part["era"]] + (1 if part["of"] == "元" else _few(part["of"] or "")))
    return str(_few(part["year"])) if part["year"] else None


def _named(text: str, pattern: re.Pattern[str], month: Callable[[str], int | None]) -> Iterator[Stated]:
    at = 0
    while match := pattern.search(text, at):
        part = match.groupdict()
        number = month(part["word"])
        iso = _iso(_common_era(part.get("year"), part["word"]), number, part.get("day")) if number else ""
        # "The 12 men of May 1911": what follows the word may be the date.
        at = match.end() if iso else match.start("word") + 1
        if iso:
            yield Stated(match.start(), match.end(), (iso,))


def _common_era(year: str | None, month: str) -> str | None:
    """A year beside a month's name; Thai dates count from the death of the Buddha."""
    if year is None or int(year) < _SINCE or not "\u0e00" <= month[0] <= "\u0e7f":
        return year
    return str(int(year) - _BUDDHIST)


def _dated(match: re.Match[str], readings: Sequence[str]) -> Iterator[Stated]:
    if known := tuple(dict.fromkeys(filter(None, readings))):
        yield Stated(*match.span(), known)


def _year_last(match: re.Match[str], *, month_first: bool) -> list[str]:
    """Day first, as most of the world writes it; with a stroke, where English is, either way."""
    written = match["year"]
    years = [written] if len(written) == 4 else [str(base + int(written)) for base in reversed(_CENTURY)]
    if len(written) == 2 and match["mark"] == "-":
        return []
    one, two = match["one"], match["two"]
    orders = (
        [(one, two)] if match["mark"] == "." else [(two, one), (one, two)] if month_first else [(one, two)]
    )
    # With a month above twelve only the other order is left.
    orders += [(two, one)] if not any(_iso(years[0], m, d) for d, m in orders) else []
    return [_iso(year, m, d) for year in years for d, m in orders]


def _iso(year: str | None, month: str | int | None, day: str | None) -> str:
    """The date in ISO notation; empty if there is none such."""
    if month is None:
        return year or ""
    if not 1 <= int(month) <= 12 or not 1 <= int(day or 1) <= 31:
        return ""
    return f"{year or '-'}-{int(month):02}" + (f"-{int(day):02}" if day else "")
