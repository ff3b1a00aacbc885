"""Accents that are drawn apart from their letters, as old TeX fonts do: `Jo¨rg` becomes `Jörg`."""

from __future__ import annotations

import re
import unicodedata

from lcagent.documents.formats.pdf.characters import Characters, Edit

_COMBINING = {
    "¨": "\u0308",
    "´": "\u0301",
    "`": "\u0300",
    "ˋ": "\u0300",
    "ˊ": "\u0301",
    "ˆ": "\u0302",
    "^": "\u0302",
    "˜": "\u0303",
    "~": "\u0303",
    "ˇ": "\u030c",
    "˚": "\u030a",
    "°": "\u030a",
    "¸": "\u0327",
    "˛": "\u0328",
    "¯": "\u0304",
    "˘": "\u0306",
    "˙": "\u0307",
    "˝": "\u030b",
}
_ACCENT = re.compile(f"[{re.escape(''.join(_COMBINING))}]")
_DOTLESS = {"ı": "i", "ȷ": "j"}
_OVER = 0.5
"""Part of the narrower of accent and letter by which the two stand over each other at least."""
_NEAR = 3
"""Characters of white space that pdfium may put between them."""
_MOST = 2000
"""Accents of a page that are looked at."""


def accent_edits(characters: Characters) -> list[Edit]:
    """What joins accents to the letters that they stand over."""
    edits: list[Edit] = []
    if set(characters.text).isdisjoint(_COMBINING):
        return edits
    for number, match in enumerate(_ACCENT.finditer(characters.text)):
        if number == _MOST:
            break
        at = characters.index(match.start())
        if at >= 0 and characters.code(at) == match[0] and (edit := _joined(characters, at, match[0])):
            edits.append(edit)
    return edits


def _joined(characters: Characters, at: int, accent: str) -> Edit | None:
    best: tuple[float, int, str] | None = None
    for letter in (_letter(characters, at, -1), _letter(characters, at, 1)):
        if letter is None:
            continue
        code = characters.code(letter)
        composed = unicodedata.normalize("NFC", _DOTLESS.get(code, code) + _COMBINING[accent])
        shared = _over(characters, at, letter)
        if len(composed) == 1 and shared >= _OVER and (best is None or shared > best[0]):
            best = shared, letter, composed
    if best is None:
        return None
    _, letter, composed = best
    if letter > at:
        start = at
        while start > 0 and characters.code(start - 1).isspace() and characters.generated(start - 1):
            start -= 1
        if start > 0 and _gap(characters, start - 1, letter) > 0.15:
            start = at
        return Edit(start, letter + 1, composed)
    end = at + 1
    while characters.code(end).isspace() and characters.generated(end):
        end += 1
    if _gap(characters, letter, end) > 0.15:
        end = at + 1
    return Edit(letter, end, composed)


def _letter(characters: Characters, at: int, step: int) -> int | None:
    """The next letter on that side, beyond white space that pdfium put there."""
    for index in range(at + step, at + step * (_NEAR + 2), step):
        code = characters.code(index)
        if code.isalpha() and code.isprintable() and code not in _COMBINING:
            return index
        if not code.isspace() or not characters.generated(index):
            return None
    return None


def _over(characters: Characters, accent: int, letter: int) -> float:
    """How much of the narrower of the two stands over the other, from 0 to 1."""
    one, other = characters.box(accent), characters.box(letter)
    width = min(one.right - one.left, other.right - other.left)
    height = max(other.top - other.bottom, 1)
    if width <= 0 or abs(one.bottom - other.bottom) > 1.5 * height:
        return 0.0
    return max(min(one.right, other.right) - max(one.left, other.left), 0) / width


def _gap(characters: Characters, before: int, after: int) -> float:
    """White space between two characters, in parts of the font's size; much where they are of two lines."""
    size = characters.size(before) or 1
    one, other = characters.box(before), characters.box(after)
    if not one.bottom - size < other.bottom < one.top + size:
        return 1.0
    return abs(other.left - one.right) / size
