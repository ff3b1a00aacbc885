"""The canonical form of text: what two texts have in common that a reader takes for the same.

"Åsgård" may be written with its accents joined or apart, "1200" in the digits of any script, "Tora" with a
character in it that nobody sees, "é" as `\\u00e9` or `&eacute;` in the source of a page. Whatever is
compared (words that are searched, quotations, names, figures, answers) is compared in this form alone; what
is cited is cited as it stands, for each character of the form knows where it came from.

It is Unicode's NFKC (UAX 15) without default ignorable characters, and beyond it: digits, dashes, quotes and
spaces in one form each, without the vowel marks of Arabic and Hebrew. In one thing it is less: what is raised
or set in a circle stays apart from the digits before it, so that "10⁶" is never "106", nor "450¹" "4501".
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from lcagent.text import whole_characters

_LEFT_OUT = re.compile(
    # Default ignorable characters (UCD, DerivedCoreProperties), and what stands for no character …
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\ufffe\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
    # … the vowel marks of Hebrew and Arabic, and the stroke that only makes an Arabic word longer.
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u0640\u064b-\u0652\u0656-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]"
)
_FORMS = {
    **dict.fromkeys("‘’‚‛′´ʹʻʼʽ", "'"),
    **dict.fromkeys("“”„‟″«»〝〞〟", '"'),
    **dict.fromkeys("‐‑‒–—―−\u05be\u2043\u2e3a\u2e3b", "-"),
    **{
        "‹": "<",
        "›": ">",
        "⟦": "[",
        "⟧": "]",
        "∶": ":",
        "⁄": "/",
        "∕": "/",
        "٪": "%",
        "™": " TM",
        "℠": " SM",
    },
    **dict.fromkeys("\u2028\u2029", "\n"),
    **{"º": "º", "ª": "ª"},  # "1º" is no word
}
RAISED, _LOWERED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "₀₁₂₃₄₅₆₇₈₉"
"""Figures above the line, and below it."""
# Letters of the commonest scripts, which are their own form: most of a text need not be looked at one by one.
_OTHER = re.compile(
    "[^\x00-\x7f\xc0-\u0131\u0134-\u013e\u0141-\u0148\u014a-\u017e\u0388-\u03ce\u0400-\u0482\u048a-\u052f\u05d0-\u05ea"
    "\u0621-\u063a\u0641-\u064a\u0904-\u0939\u0e01-\u0e30\u0e32\u3001-\u3002\u3008-\u3011"
    "\u3041-\u3096\u30a1-\u30fe\u4e00-\u9fff\uac00-\ud7a3]"
)
_RUNS = (
    re.compile(rf"[{RAISED}]+|(?<=\d)[{_LOWERED}]+"),
    re.compile(r"\\u[0-9a-fA-F]{4}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?"),  # of JSON, with a pair's second half
    re.compile(r"&(?:[a-zA-Z][a-zA-Z0-9]{1,9}|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});"),  # of HTML
    re.compile(r"%[89a-fA-F][0-9a-fA-F](?:%[89a-fA-F][0-9a-fA-F])*"),  # of addresses: letters beyond ASCII
)
_RUN = re.compile("|".join(run.pattern for run in _RUNS))
_PLAIN_RUN = str.maketrans(RAISED + _LOWERED, "0123456789+-0123456789")
_ESCAPES = ("\\u", "&", "%")
_MOST_ESCAPE = 12
"""Characters of the longest escape, and of what an escape of an escape leaves."""


def canonical(text: str) -> str:
    """The canonical form of a text; the same again of that form."""
    return text if text.isascii() and not _escaped(text) else Characters(text)(text)


class Characters:
    """Those characters of a text whose canonical form is another: found once, for all of its pieces.

    Args:
        text: a document's, or a stretch of it.
    """

    __slots__ = ("_forms", "_joins", "_plain", "_runs")

    def __init__(self, text: str) -> None:
        escaped = _escaped(text)
        self._plain = text.isascii() and not escaped
        known = set[str]() if self._plain or text.isascii() else set(_OTHER.findall(text))
        self._runs = escaped or not known.isdisjoint(RAISED + _LOWERED)
        self._forms = [(c, form) for c in sorted(known) if (form := _form(c)) != c]
        self._joins = not all(begins(part) for c in known for part in _form(c))

    def __call__(self, piece: str) -> str:
        """The canonical form of a piece of the text, of one that begins and ends between two words."""
        if self._plain:
            return piece
        if self._runs:
            while (runs := _RUN.sub(_run, piece)) != piece:
                piece, self = runs, Characters(runs)  # noqa: PLW0642 - what was escaped has forms of its own
        if piece.isascii():
            return piece
        for character, form in self._forms:
            piece = piece.replace(character, form)
        if self._joins:
            piece = unicodedata.normalize("NFC", piece)
        return canonical(piece) if self._again(piece) else piece

    def _again(self, piece: str) -> bool:
        """Whether what was put together is an escape, or another of these characters."""
        return bool(self._forms) and _escaped(piece)


def _escaped(text: str) -> bool:
    """Whether any of it is an escape; each is looked for by the character that it begins with."""
    return any(mark in text and run.search(text) for mark, run in zip(_ESCAPES, _RUNS[1:], strict=True))


def _run(match: re.Match[str]) -> str:
    """What several characters stand for together."""
    run = match.group()
    if run[0] in RAISED:
        return "^" + run.translate(_PLAIN_RUN)
    if run[0] in _LOWERED:
        return "_" + run.translate(_PLAIN_RUN)
    if run[0] == "&":
        return html.unescape(run)
    if run[0] == "%":
        try:
            return bytes.fromhex(run.replace("%", "")).decode()
        except UnicodeDecodeError:
            return run
    return whole_characters(bytes.fromhex(run.replace("\\u", "")).decode("utf-16-be", "surrogatepass"))


@lru_cache(maxsize=1 << 13)
def _form(character: str) -> str:
    """The canonical form of one character."""
    if (form := _FORMS.get(character)) is not None:
        return form
    if _LEFT_OUT.match(character):
        return ""
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if unicodedata.category(character) == "Zs":
        return " "
    whole = unicodedata.normalize("NFKC", whole_characters(character))  # libraries refuse half of one
    if whole == character:
        return character
    # The parts have forms of their own; a fraction, or a number in a circle, is no further digit.
    form = "".join(map(_form, whole))
    return f" {form} " if any(c.isdecimal() for c in whole) and character not in _LOWERED else form


@lru_cache(maxsize=1 << 13)
def begins(character: str) -> bool:
    """Whether a character is put together with none before it: no accent, no part of a syllable, and seen."""
    if character.isascii():
        return True
    first = unicodedata.normalize("NFKD", character)[0]
    part = unicodedata.category(first)[0] == "M" or "\u1160" <= first <= "\u11ff"
    return not part and _form(character) != ""


def traced(text: str) -> tuple[str, list[int], list[int]]:
    """The canonical form of a text, and of each of its characters where that begins and ends in the text."""
    starts, ends = list(range(len(text))), list(range(1, len(text) + 1))
    while canonical(text) != text:
        parts = list(_runs(text))
        if all(text[start:end] == form for start, end, form in parts):
            parts = list(_clusters(text))
        before, text = text, "".join(form for _, _, form in parts)
        if text == before:
            break
        ends = [ends[end - 1] for _, end, form in parts for _ in form]
        starts = [starts[start] for start, _, form in parts for _ in form]
    return text, starts, ends


def _runs(text: str) -> Iterator[tuple[int, int, str]]:
    """Stretches of a text and what each stands for: an escape, figures that are raised, or one character."""
    at = 0
    for match in _RUN.finditer(text):
        yield from ((n, n + 1, text[n]) for n in range(at, match.start()))
        at = match.end()
        yield match.start(), at, _run(match)
    yield from ((n, n + 1, text[n]) for n in range(at, len(text)))


def _clusters(text: str) -> Iterator[tuple[int, int, str]]:
    """Characters of a text with the accents and unseen characters after them, and the form of each."""
    cuts = [n for n in range(1, len(text)) if begins(text[n])]
    for start, end in pairwise([0, *cuts, len(text)]):
        yield start, end, _form(text[start]) if end - start == 1 else canonical(text[start:end])


def splits(text: str, at: int) -> bool:
    """Whether a text may be cut at an offset and each part have the form that it has in the whole."""
    before = text[max(0, at - _MOST_ESCAPE) : at]
    character = text[at : at + 1]
    return begins(character) and character not in RAISED + _LOWERED and not any(m in before for m in "\\&%")
