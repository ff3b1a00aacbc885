"""The words that numbers and dates are written with, by language: months, units, scales, "yesterday".

They are CLDR's, taken from it by `scripts/cldr_words.py` and kept in `words.json`: one claim may need the
words of ten languages, and to read those from CLDR itself takes a tenth of a second. What CLDR does not have
(signs, "bn", "dozen", percent) is listed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from lcagent.documents.values.language import LANGUAGES
from lcagent.documents.words import folded

LATIN = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "da", "sv")
"""Languages whose words are tried where a text does not tell its own, most likely first."""
ALL = (*LATIN, *(one for one in LANGUAGES if one not in LATIN), *"nb fi hu ro ca sk bg fa id".split())
"""Those whose words are kept: a date of three words does not tell its language."""
UNITS: Mapping[str, tuple[str, str]] = {
    "length-kilometer": ("m", "1000"),
    "length-meter": ("m", "1"),
    "length-centimeter": ("m", "0.01"),
    "length-millimeter": ("m", "0.001"),
    "length-mile": ("m", "1609.344"),
    "length-yard": ("m", "0.9144"),
    "length-foot": ("m", "0.3048"),
    "length-inch": ("m", "0.0254"),
    "length-fathom": ("m", "1.8288"),
    "length-nautical-mile": ("m", "1852"),
    "mass-tonne": ("kg", "1000"),
    "mass-kilogram": ("kg", "1"),
    "mass-gram": ("kg", "0.001"),
    "mass-milligram": ("kg", "0.000001"),
    "mass-stone": ("kg", "6.35029318"),
    "mass-pound": ("kg", "0.45359237"),
    "mass-ounce": ("kg", "0.028349523125"),
    "volume-hectoliter": ("l", "100"),
    "volume-liter": ("l", "1"),
    "volume-milliliter": ("l", "0.001"),
    "volume-gallon": ("l", "3.785411784"),
    "volume-barrel": ("l", "158.987294928"),
    "volume-cubic-meter": ("l", "1000"),
    "area-hectare": ("m²", "10000"),
    "area-acre": ("m²", "4046.8564224"),
    "area-square-meter": ("m²", "1"),
    "area-square-kilometer": ("m²", "1000000"),
    "area-square-mile": ("m²", "2589988.110336"),
    "area-square-foot": ("m²", "0.09290304"),
    "duration-second": ("s", "1"),
    "duration-minute": ("s", "60"),
    "duration-hour": ("s", "3600"),
    "duration-day": ("s", "86400"),
    "duration-week": ("s", "604800"),
    "duration-fortnight": ("s", "1209600"),
    "duration-month": ("month", "1"),
    "duration-year": ("month", "12"),
    "duration-decade": ("month", "120"),
    "duration-century": ("month", "1200"),
    "speed-kilometer-per-hour": ("m/s", "0.2777777777777777777777777778"),
    "speed-mile-per-hour": ("m/s", "0.44704"),
    "temperature-celsius": ("K", "1"),
    "temperature-fahrenheit": ("K", "0.5555555555555555555555555556"),
}
"""CLDR's units: the unit that they are reckoned in, and how much of it one is."""
# Signs that mean the same in every language, as written: "M" is no metre.
_SIGNS = {
    **{"km": "length-kilometer", "m": "length-meter", "cm": "length-centimeter", "mm": "length-millimeter"},
    **{"mi": "length-mile", "yd": "length-yard", "ft": "length-foot", "nmi": "length-nautical-mile"},
    **{"t": "mass-tonne", "kg": "mass-kilogram", "g": "mass-gram", "mg": "mass-milligram"},
    **{"lb": "mass-pound", "lbs": "mass-pound", "oz": "mass-ounce"},
    **{"l": "volume-liter", "L": "volume-liter", "ml": "volume-milliliter", "mL": "volume-milliliter"},
    **{
        "hl": "volume-hectoliter",
        "gal": "volume-gallon",
        "m^3": "volume-cubic-meter",
        "m3": "volume-cubic-meter",
    },
    **{"ha": "area-hectare", "m^2": "area-square-meter", "m2": "area-square-meter"},
    **{"km^2": "area-square-kilometer", "km2": "area-square-kilometer", "sq ft": "area-square-foot"},
    **{"s": "duration-second", "sec": "duration-second", "min": "duration-minute", "mins": "duration-minute"},
    **{"h": "duration-hour", "hr": "duration-hour", "hrs": "duration-hour"},
    **{"km/h": "speed-kilometer-per-hour", "kph": "speed-kilometer-per-hour", "mph": "speed-mile-per-hour"},
    **{"°C": "temperature-celsius", "°F": "temperature-fahrenheit"},
}
_ALSO = {"annee": "duration-year", "annees": "duration-year", "lat": "duration-year", "roku": "duration-year"}
"""Words for units that CLDR leaves out."""
_PERCENT = frozenset("% ٪ ％ percent prozent procent procenta procentów процент процента процентов".split())
_MONEY = re.compile(
    r"(?P<EUR>€|euros?|евро|欧元|ユーロ|유로)|(?P<USD>us\$|\$|dollars?|dolares|dollar[io]|dolar(?:y|ow)?|долл\w*|美元|ドル|달러)"
    r"|(?P<GBP>£|sterling)|(?P<JPY>¥|yen|円|日元|엔)|(?P<INR>₹|rupees?)|(?P<RUB>₽|руб\w*)|(?P<PLN>zł|złot\w*|zlot\w*)"
    r"|(?P<CNY>元|yuan)|(?P<KRW>₩|원)"
)
_CODES = frozenset("EUR USD GBP JPY INR RUB PLN CNY KRW CHF SEK NOK DKK CZK CAD AUD".split())
_SCALES: Mapping[str, int] = {
    **{"k": 1000, "hundred": 100, "lakh": 10**5, "crore": 10**7, "mn": 10**6, "mln": 10**6, "mio": 10**6},
    **{"bn": 10**9, "mrd": 10**9, "mld": 10**9, "tn": 10**12, "dozen": 12, "dutzend": 12, "douzaine": 12},
    **{"docena": 12, "dozzina": 12, "duzia": 12, "dozijn": 12, "tuzin": 12, "tuziny": 12, "дюжина": 12},
    **{
        "万": 10**4,
        "萬": 10**4,
        "億": 10**8,
        "亿": 10**8,
        "만": 10**4,
        "억": 10**8,
        "mila": 1000,
        "mil": 1000,
    },
}
WORDS = Path(__file__).with_name("words.json")
"""CLDR's words: by language the fields of a `Vocabulary`, units by CLDR's name."""
_LONGEST = 5
"""Characters of the longest unit or scale in a script that does not set words apart."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What a unit is reckoned in (`m`, `kg`, `s`, `month`, `EUR`, `%`) and how much of it one is."""

    base: str
    factor: str = "1"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words of some languages, folded (without case, accents and full stops), and what each means.

    Args:
        months: by word, from 1.
        units: by word.
        scales: by word, such as 1,000,000.
        relative: such as "yesterday" and "next year", as (number, "day").
        counted: such as "vor {0} Tagen", as (sign, "day").
        weekdays: by word, Monday is 0.
    """

    months: Mapping[str, int]
    units: Mapping[str, Unit]
    scales: Mapping[str, int]
    relative: Mapping[str, tuple[int, str]]
    counted: Mapping[str, tuple[int, str]]
    weekdays: Mapping[str, int]

    def scale(self, word: str) -> int | None:
        """What a word multiplies the number before it by; None if it is no scale."""
        return _scale(plain(word), self.scales)

    def unit(self, written: str) -> Unit | None:
        """The unit that a sign or a word stands for; None if for none.

        Args:
            written: as in the text; case tells signs apart.
        """
        if written in _SIGNS:
            return Unit(*UNITS[_SIGNS[written]])
        word = plain(written)
        if written in _CODES:
            return Unit(written)
        if word in _PERCENT:
            return Unit("%")
        if money := _MONEY.fullmatch(word):
            return Unit(str(money.lastgroup))
        # Declined, or spelt the British way: "Jahren", "Metern", "kilometres".
        forms = (word, re.sub(r"tre(s?)$", r"ter\1", word), word[:-1] if len(word) > 4 else word)
        return next((self.units[form] for form in forms if form in self.units), None)


def plain(word: str) -> str:
    """A word as the vocabulary has it."""
    return folded(word).strip(". \u00a0\u202f'")


@lru_cache(maxsize=64)
def vocabulary(languages: tuple[str, ...]) -> Vocabulary:
    """The words of some languages together; where two differ, the first one's meaning holds.

    Args:
        languages: codes such as "de"; one that CLDR does not have adds nothing.
    """
    loaded = [_of_language(language) for language in reversed(languages)]
    return Vocabulary(
        *({k: v for one in loaded for k, v in getattr(one, part).items()} for part in Vocabulary.__slots__)
    )


@lru_cache(maxsize=64)
def _of_language(language: str) -> Vocabulary:
    words = _kept().get(language, {})
    return Vocabulary(
        months=words.get("months", {}),
        units={word: Unit(*UNITS[name]) for word, name in {**_ALSO, **words.get("units", {})}.items()},
        scales={**words.get("scales", {}), **_SCALES},
        relative={word: (number, field) for word, (number, field) in words.get("relative", {}).items()},
        counted={word: (sign, field) for word, (sign, field) in words.get("counted", {}).items()},
        weekdays=words.get("weekdays", {}),
    )


@lru_cache(maxsize=1)
def _kept() -> dict[str, Any]:
    return orjson.loads(WORDS.read_bytes())


def _scale(word: str, scales: Mapping[str, int]) -> int | None:
    forms = (word, word.removesuffix("s"), word.removesuffix("n"), word.removesuffix("en"))
    return next((scales[form] for form in forms if form in scales), None)


def prefixes(word: str) -> Iterable[str]:
    """What a word may begin with where words are not set apart, longest first."""
    return (word[:end] for end in range(min(len(word), _LONGEST), 0, -1))
