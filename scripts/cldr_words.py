"""Write lcagent/documents/values/words.json: the words of CLDR that numbers and dates are written with.

    python scripts/cldr_words.py

Of every language of `vocabulary.ALL`, as Babel (an extra of the developers) has CLDR. Run it again with a new
Babel; `tests/documents/test_values.py` finds a file that is not its output.
"""

from __future__ import annotations

import re
from typing import Any

import orjson
from babel import localedata

from lcagent.documents.values.vocabulary import ALL, UNITS, WORDS, plain

PLURALS = ("one", "two", "few", "many", "other")


def words_of(language: str) -> dict[str, Any]:
    """What one language writes months, units, scales, days and spans of time with."""
    loaded: Any = localedata.load(language)
    data: Any = localedata.LocaleDataDict(loaded)
    units: dict[str, str] = {}
    for name in UNITS:
        patterns = data["unit_patterns"].get(name, {}).get("long", {})
        # The others are divisors: "per mile".
        units.update({plain(patterns[k].replace("{0}", "")): name for k in PLURALS if k in patterns})
    relative: dict[str, tuple[int, str]] = {}
    counted: dict[str, tuple[int, str]] = {}
    for field in ("day", "week", "month", "year"):
        fields = data["date_fields"].get(field, {})
        relative.update({plain(w): (n, field) for n, w in fields.get("relative", {}).items() if n})
        for sign, name in ((-1, "past"), (1, "future")):
            counted.update({plain(w): (sign, field) for w in fields.get(name, {}).values()})
    return {
        "months": {w: n for w, n in forms(data["months"]).items() if not any(c.isdigit() for c in w)},
        "units": units,
        "scales": scales(data["compact_decimal_formats"]),
        "relative": relative,
        "counted": counted,
        "weekdays": forms(data["days"]),
    }


def forms(contexts: Any) -> dict[str, int]:
    """The words for something that is numbered, alone and in a sentence, whole and cut short."""
    return {
        plain(word): number
        for context in contexts.values()
        for width in ("wide", "abbreviated")
        for number, word in context.get(width, {}).items()
    }


def scales(formats: Any) -> dict[str, int]:
    """CLDR writes "0 million" for 1,000,000 and "00 million" for ten times as much."""
    found: dict[str, int] = {}
    for width in ("long", "short"):
        for patterns in formats.get(width, {}).values():
            for power, pattern in patterns.items():
                written = str(pattern.pattern)
                word = plain(re.sub("[0 \u00a0']", "", written))
                zeros = written.count("0")
                if zeros and (len(word) > 2 or not word.isascii()):
                    found[word] = int(power) // 10 ** (zeros - 1)
    return found


def everything() -> bytes:
    """The file's bytes: a line a language."""
    lines = [f'"{name}":'.encode() + orjson.dumps(words_of(name)) for name in sorted(ALL)]
    return b"{" + b",\n".join(lines) + b"}\n"


if __name__ == "__main__":
    WORDS.write_bytes(everything())
