"""Dates as people give them on the command line: those of memory, which are told in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from lcagent.errors import UsageError

_YEAR, _MONTH = len("2026"), len("2026-11")


def since(text: str) -> float:
    """The first moment of a date, or the moment that is named, in seconds since 1970.

    Args:
        text: ISO 8601, or a date in words such as "29 November 2026"; UTC where it names no other.

    Raises:
        UsageError: it is no date.
    """
    return _span(text)[0].timestamp()


def until(text: str) -> float:
    """The first moment after a date, or the moment that is named; as `since`."""
    return _span(text)[1].timestamp()


def _span(text: str) -> tuple[datetime, datetime]:
    try:
        return _days(_iso(text.strip()))
    except (ValueError, OverflowError):
        moment = _moment(text)
        return moment, moment


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(
            f"{text!r} is no date", hint="2026-11-29, 2026-11-29T14:30, 2026-11 or 29 November 2026"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _iso(text: str) -> str:
    """A date as `YYYY`, `YYYY-MM` or `YYYY-MM-DD`."""
    from lcagent.documents.values import values

    if text.isdecimal() and len(text) == _YEAR:
        return text
    found = [value.iso for value in values(text) if value.kind == "date" and value.span == (0, len(text))]
    return found[0] if found else text


def _days(iso: str) -> tuple[datetime, datetime]:
    if len(iso) == _YEAR:
        first = date(int(iso), 1, 1)
        after = date(first.year + 1, 1, 1)
    elif len(iso) == _MONTH:
        first = date(int(iso[:4]), int(iso[5:]), 1)
        after = (first + timedelta(days=31)).replace(day=1)
    else:
        first = date.fromisoformat(iso)
        after = first + timedelta(days=1)
    midnight = datetime.min.time()
    return datetime.combine(first, midnight, UTC), datetime.combine(after, midnight, UTC)
