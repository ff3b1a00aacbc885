"""Where a sentence ends, in any script and without knowing the language.

A full stop, question mark or exclamation mark ends a sentence where what follows can begin one: any word
that does not start with a small letter, in scripts that have no capitals any word at all. What a full stop
shortens (Dr., z. B., т. е., an initial) is told by the word before it. Marks of other scripts end one always.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_GREEK = r"\u0370-\u03ff\u1f00-\u1fff"
_FULL = r"。！？｡।॥؟۔።፧፨։\u104a\u104b\u17d4\u17d5"
"""Marks that shorten no word: Chinese, Indic, Arabic, Urdu, Ethiopic, Armenian, Burmese, Khmer."""
MARKS = rf".!?…;\u037e།{_FULL}"
_CLOSING = r"(?:[\"'”’“)\]›»«*_]|\[\w{1,3}\]|[¹²³⁰-⁹]|[ \xa0\u202f]»)*"
_OPENING = r"(?:[\"'“‘„‚«‹»(\[¿¡*_$€£#][\xa0\u202f]?|[—–]\s)*"
END = (
    rf"(?:(?:(?<=[.!?…\u037e།])|(?<=[{_GREEK}];))(?P<closing>{_CLOSING})(?=(?P<space>\s+){_OPENING}(?P<first>[^\W_]))"
    rf"|(?<=[{_FULL}])(?P<full>[{_FULL}]*[」』”’》）)\]\"»]*)\s*)"
)
"""What follows one of `MARKS` where a sentence may end; whether it does `ends` tells."""
_SENTENCE_END = re.compile(rf"[{MARKS}]{END}")

_LOOK_BACK = 24
"""Characters before a full stop in which an abbreviation, and the word before it, begin."""
_OPENERS = "\"'“‘„‚«‹»([¿¡*_"
_LAST_SCRIPT_OF_INITIALS = "\u0e00"
"""Scripts before this one shorten a name to its first letter; in those after it one character is a word."""
_DOTTED = re.compile(r"[^\W\d_]{1,2}(?:\.-?[^\W\d_]{1,3})+")
_ENUMERATOR = re.compile(r"\(?(?:\d{1,3}(?:\.\d{1,3})*|[a-zA-Z]|[ivxIVX]{1,5})\.")
_ABBREVIATIONS = frozenset(
    """
    dr Mr Mrs Ms prof St Jr Sr vs cf ca al Inc Ltd Corp Gen Col Lt Capt Sgt Maj Adm Gov Rev Hon approx dept
    Messrs Hr bzw evtl ggf vgl bspw geb Dipl Ing phil hl Bearb Hrsg str
    Sra Srta Ud Uds dña Dra Lic Gral Avda EE
    Mme Mlle Mgr MM
    sig Sigg dott avv
    Exmo Dhr Mevr drs bijv Jhr
    np tzn tzw św ks płk inż
    ул им см ср напр акад проф доц св просп гр вул д-р г-н г-жа
    např tzv MUDr JUDr PhDr kb bkz κα βλ δρ डॉ प्रो श्री
    """.split()
)
"""Words that a full stop shortens; with a capital here, only so written. No sentence ends with one."""
_BEFORE_NUMBERS = frozenset(
    """
    no nos nr art fig figs eq eqs p pp vol vols ch sec par bd abb tab kap s núm pág págs cap pag poz pkt rys
    ust стр рис табл гл č čl str jan feb mar apr jun jul aug sep sept oct nov dec ok sel σελ αρ ur sym
    """.split()
)
"""Words that a full stop shortens where a number follows."""
_AFTER_A_DOT = frozenset("ej ex es eks hd in".split())
"""Second halves of abbreviations in two words: p. ej., p. ex., f. eks."""
_MONTHS = (
    "Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|"
    "Jahrhundert|Weltkrieg"
)
_AFTER_ORDINAL = re.compile(rf"\s+(?:{_MONTHS})\b")
_BEFORE_ORDINAL = re.compile(
    r"(?:^|\s)(?:am|der|die|das|den|dem|des|im|vom|zum|zur|beim|ab|seit)\s\d{1,2}\.$", re.I
)
_AFTER_NUMBERS = frozenset("г в r w д п".split())
"""Single letters that stand after a number, or end "и т. д.": a sentence may end with them."""
_LONGEST = 8
"""Letters of the longest abbreviation, its inner full stops counted."""


def ends(text: str, begin: int, match: re.Match[str]) -> bool:
    """Whether a sentence that begins at an offset ends at a match of `END`.

    Args:
        text: the document's text.
        begin: where the sentence begins, or any offset before the match where that is not known.
        match: of a pattern that has `END` in it.
    """
    if match["full"] is not None:
        return True
    first = match["first"]
    # Small letters are those that a title would write large; Georgian has none of either.
    if first.title() != first:
        return False
    mark = match.start("closing") - 1
    if text[mark] != ".":
        return True
    stop = match.end("closing")
    return not _shortens(text[max(begin, mark - _LOOK_BACK) : mark + 1], text[stop : stop + 16], first)


def sentence_ends(text: str, start: int, end: int) -> Iterator[int]:
    """Where a sentence, and the white space after it, ends between two offsets."""
    # The first letter of what follows may stand behind the last offset.
    for match in _SENTENCE_END.finditer(text, start, min(len(text), end + 4)):
        stop = max(match.end(), match.end("space"))
        if stop <= end and ends(text, max(0, match.start() - _LOOK_BACK), match):
            yield stop


def _shortens(before: str, after: str, first: str) -> bool:
    """Whether a full stop, the last character of `before`, belongs to the word in front of it."""
    words = before.rsplit(None, 2)[-2:]
    if len(words) == 1 and _ENUMERATOR.fullmatch(words[0]):
        return True
    word = words[-1].replace("’", "'").lstrip(_OPENERS)[:-1]
    elided = word.rpartition("'")[2]
    word = elided if len(elided) > 1 else word  # "l'avv.", but not "don't."
    if len(word) > _LONGEST:
        return False
    if word.isdigit():
        return len(word) <= 2 and bool(_BEFORE_ORDINAL.search(before) or _AFTER_ORDINAL.match(after))
    last = words[0].lstrip(_OPENERS) if len(words) > 1 else ""
    if len(word) == 1:
        ending = word in _AFTER_NUMBERS and (last[-1:].isdigit() or last == "т.")
        return word.isalpha() and word < _LAST_SCRIPT_OF_INITIALS and not ending
    return _is_abbreviation(word, last.casefold(), first)


def _is_abbreviation(word: str, last: str, first: str) -> bool:
    small = word.casefold()
    if small in _AFTER_A_DOT:
        return last in {"p.", "per", "f.", "z.", "m."}
    if small in _BEFORE_NUMBERS:
        return first.isdigit()
    if _ABBREVIATIONS & {word, small, word.capitalize() if word[:1].isupper() else small}:
        return True
    return "." in word and _DOTTED.fullmatch(word) is not None
