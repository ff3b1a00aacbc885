"""Text as it may be kept, sent, shown and compared."""

from __future__ import annotations

import json
import re
import string
import unicodedata
from datetime import UTC, datetime
from functools import cache

_SECRET_VALUE = re.compile(r"(?i)([?&][^=&#]*(?:key|token|secret|password|sig)[^=&#]*=)[^&#]*")
_ARTICLES = {"a", "an", "the"}
_FORMS = str.maketrans({**dict.fromkeys("‐‑‒–−", "-"), **dict.fromkeys("—―…", " ")})
_THOUSANDS = re.compile(r"(?<!\d)(?<!\d[.,])\d{1,3}(?:,\d{3})+(?!\d|,\d)")
_LIST_COMMA = re.compile(r"(?<=\d),(?=\d)")
_LEADING_POINT = re.compile(r"(?<![\w.])\.(?=\d)")
_FULL_STOP = re.compile(r"(?<!\d)\.|\.(?!\d)")


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


def told_time(at: float) -> str:
    """A time as people write it, in UTC.

    Args:
        at: seconds since 1970.
    """
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def normalise(text: str) -> str:
    """Lower-cased, without punctuation and articles, white space folded: as SQuAD (Rajpurkar 2016).

    Figures keep their value, which SQuAD's own script does not see to: `1,234` is `1234`, `5.9` is not
    `59`, and `4,7` is two numbers. Typographic marks count as the ASCII ones; dashes set off words.
    """
    text = unicodedata.normalize("NFKC", text.translate(_FORMS)).lower()
    text = _THOUSANDS.sub(lambda number: number[0].replace(",", ""), text)
    text = _LEADING_POINT.sub("0.", _LIST_COMMA.sub(" ", text))
    text = "".join(c for c in _FULL_STOP.sub("", text) if c == "." or not _is_mark(c))
    return " ".join(token for token in text.split() if token not in _ARTICLES)


@cache
def _is_mark(character: str) -> bool:
    category = unicodedata.category(character)
    return character in string.punctuation or category[0] == "P" or category == "Sc"


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
