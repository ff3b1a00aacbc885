"""Text as it may be kept, sent, shown and compared."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

_SECRET_VALUE = re.compile(r"(?i)([?&][^=&#]*(?:key|token|secret|password|sig)[^=&#]*=)[^&#]*")


def whole_characters(text: str) -> str:
    """The text with half a surrogate pair as U+FFFD: nothing can keep, send or print such a half.

    Two halves that meet become the character they stand for.
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def without_password(url: str) -> str:
    """A URL as it may be kept and shown: without who logs in, and what of its query is secret."""
    before, slashes, rest = url.partition("://")
    if not slashes:
        before, rest = "", url
    host, slash, path = rest.partition("/")
    kept = f"{before}{slashes}{host.rpartition('@')[2]}{slash}{path}"
    return _SECRET_VALUE.sub(r"\1…", kept)


def listed(urls: str) -> list[str]:
    """Several URLs that are written with commas between them; a comma within one is written `%2C`.

    Args:
        urls: as somebody wrote them. A comma behind which nothing looks like a URL may stand in a password:
            where there are passwords or queries it parts nothing.
    """
    between = r",\s*(?=[A-Za-z][A-Za-z0-9+.-]*://)" if re.search("[@?]", urls) else ","
    return [one for one in map(str.strip, re.split(between, urls)) if one]


def without_passwords(urls: str) -> str:
    """Several URLs as they may be kept and shown (`without_password`), with commas between them."""
    return ",".join(map(without_password, listed(urls)))


def told_time(at: float) -> str:
    """A time as people write it, in UTC.

    Args:
        at: seconds since 1970.
    """
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


_UNSHOWN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters; a terminal obeys ESC, CSI and the like
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # what turns the direction of writing
    "\u2028\u2029\ufff9-\ufffb"  # line ends that are none, notes between lines
    "\u180e\u2060-\u2064\ufeff\U000e0000-\U000e00ff]"  # and what nobody sees
)


def shown(text: str) -> str:
    """The text as it may be printed on a terminal: what would steer it, or mislead the eye, is escaped.

    Escapes are those of JSON, so that a JSON object stays the same object. New lines and tabs stay.
    """
    return _UNSHOWN.sub(_escaped, whole_characters(text))


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match.group()).strip('"') if match.group() != "\x7f" else "\\u007f"


def folded_line(text: str) -> str:
    """The text in one line, as it may be printed."""
    return shown(" ".join(text.split()))


def clipped(text: str, most: int) -> str:
    """The text in one line of at most `most` characters, cut at a word."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    cut = line[: most - 1]
    at = cut.rfind(" ")
    return (cut[:at] if at > most // 2 else cut).rstrip(" ,;:") + "…"


_PLAIN_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)*")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula where a cell begins with it."""


def harmless_cell(text: str) -> str:
    """The text of a cell that a spreadsheet shows as it is, and does not run."""
    runs = text.startswith(_FORMULA) and not _PLAIN_NUMBER.fullmatch(text)
    return f"'{text}" if runs else text
