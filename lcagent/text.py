"""Text as it may be kept, sent, shown and compared."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime


def whole_characters(text: str) -> str:
    """The text with half a surrogate pair as U+FFFD: nothing can keep, send or print such a half.

    Two halves that meet become the character they stand for.
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def told_time(at: float) -> str:
    """A time as people write it, in UTC.

    Args:
        at: seconds since 1970.
    """
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


_UNSHOWN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters; a terminal obeys ESC, CSI and the like
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns the direction of writing
    "\u2028\u2029\U000e0000-\U000e007f]"  # line ends that are none, and letters that nobody sees
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
