"""Days and times that a sheet keeps as numbers of days."""

from __future__ import annotations

from datetime import date, timedelta

from lcagent.documents.formats.number_formats.codes import Section

_LAST_DAY = 2_958_465
"""31 December 9999."""
_NO_LEAP_DAY = 60
"""Sheets count a 29 February 1900, which there was not."""
_SHIFT_1904 = 1462
"""Days between the two days that sheets count from."""


def moment(days: float, section: Section, *, since_1904: bool) -> str | None:
    """A day as 2021-04-03, as 2021-04 or 2021 where no smaller part is shown; a time as 17:30.

    Args:
        days: since the end of 1899, or since the beginning of 1904; a time is a part of a day.
        section: of the code.
        since_1904: days are counted from there.

    Returns:
        None where no sheet shows a date: before its first day, after the year 9999.
    """
    parts = section.parts
    seconds = round(days * 86_400)
    elapsed = next((token.text for token in section.tokens if token.kind == "elapsed"), "")
    if elapsed:
        return _elapsed(seconds, elapsed, parts)
    whole = seconds // 86_400 + since_1904 * _SHIFT_1904
    if not 0 <= whole <= _LAST_DAY:
        return None
    shown: list[str] = []
    if parts & {"y", "m", "d"}:
        shown.append(_day(whole, parts))
    clock = parts & {"h", "minute", "s", "noon"}
    if clock and (seconds % 86_400 or not shown):  # midnight beside a day is what programs write for no time
        shown.append(_clock(seconds % 86_400, parts))
    return " ".join(shown)


def _day(whole: int, parts: frozenset[str]) -> str:
    if whole in {_NO_LEAP_DAY, 0}:
        day = "1900-02-29" if whole else "1900-01-00"
    else:
        day = (date(1899, 12, 30) + timedelta(whole + (whole < _NO_LEAP_DAY))).isoformat()
    return day if "d" in parts else day[:7] if "m" in parts else day[:4]


def _clock(seconds: int, parts: frozenset[str]) -> str:
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    if parts & {"h", "noon"}:
        return f"{hours:02}:{minutes:02}" + (f":{rest:02}" if "s" in parts else "")
    return f"{minutes:02}:{rest:02}"


def _elapsed(seconds: int, unit: str, parts: frozenset[str]) -> str:
    """How long something took, which may be more than a day."""
    sign, seconds = "-" * (seconds < 0), abs(seconds)
    size = {"h": 3600, "m": 60, "s": 1}[unit]
    written = f"{sign}{seconds // size}"
    if unit == "h":
        written += f":{seconds // 60 % 60:02}"
    return written + (f":{seconds % 60:02}" if unit != "s" and "s" in parts else "")
