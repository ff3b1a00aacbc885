"""Numbers as lists and headings are counted: 4, iv, D, 04, fourth, 四."""

from __future__ import annotations

_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"),
    (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_CHINESE = "〇一二三四五六七八九"
_CYRILLIC = "абвгдежзиклмнопрстуфхцчшщэюя"


def numeral(number: int, kind: str) -> str:
    """A number as one way of counting writes it; in figures where it has no such way.

    Args:
        number: any.
        kind: as Office Open XML names it (ST_NumberFormat): decimal, lowerRoman, upperLetter and so on.
    """
    if kind in {"bullet", "none"}:
        return ""
    if number <= 0 or number >= 5000:
        return str(number)
    small = kind.lower()
    written = _in_words(number, kind)
    if small.endswith("roman"):
        written = _roman(number)
    elif small.endswith("letter"):
        written = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
    elif small == "chicago":
        written = "*†‡§"[(number - 1) % 4] * ((number - 1) // 4 + 1)
    elif small.startswith("russian"):
        written = _CYRILLIC[(number - 1) % len(_CYRILLIC)] * ((number - 1) // len(_CYRILLIC) + 1)
    return written.upper() if kind.startswith("upper") or kind == "russianUpper" else written


def _in_words(number: int, kind: str) -> str:
    match kind:
        case "decimalZero":
            return f"{number:02}"
        case "ordinal":
            ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
            return f"{number}{'th' if 10 < number % 100 < 14 else ending}"
        case "cardinalText" | "ordinalText" if number < 100:
            return _spelt(number, ordinal=kind == "ordinalText").capitalize()
        case "decimalEnclosedCircle" | "decimalEnclosedCircleChinese" if number <= 20:
            return chr(0x2460 + number - 1)
        case _ if number < 100 and kind.startswith(("chinese", "japanese", "taiwanese", "ideographDigital")):
            return _chinese(number)
        case _:
            return str(number)


def _roman(number: int) -> str:
    written = ""
    for value, letters in _ROMAN:
        count, number = divmod(number, value)
        written += letters * count
    return written


def _spelt(number: int, *, ordinal: bool) -> str:
    tens, unit = divmod(number, 10)
    words = [_UNITS[number]] if number < 20 else [_TENS[tens - 2], *([_UNITS[unit]] if unit else [])]
    if ordinal:
        last = words[-1]
        words[-1] = _ORDINALS.get(last) or (
            f"{last[:-1]}ieth"
            if last.endswith("y")
            else f"{last.rstrip('t')}th"
            if last == "eight"
            else f"{last}th"
        )
    return "-".join(words)


def _chinese(number: int) -> str:
    tens, unit = divmod(number, 10)
    before = "" if tens == 0 else "十" if tens == 1 else _CHINESE[tens] + "十"
    return before + (_CHINESE[unit] if unit else "")
