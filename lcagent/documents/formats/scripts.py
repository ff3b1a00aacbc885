"""Superscripts and subscripts in plain text: `450[1]`, `10^6`, `x_15`, never `4501`, `106`, `x15`."""

from __future__ import annotations

import re

MOST_CHARS = 12
"""Of a superscript or subscript; what is longer is text that stands higher or lower."""
_FIGURES = re.compile(r"\d+[a-z]?(?:\s*[,;–-]\s*\d+[a-z]?)*")
_ORDINALS = frozenset("eo")
"""1e, 1o."""
_UNITS = frozenset("m mm cm dm km nm µm μm pm ft in yd mi s ms kg mol sec min h K Å px".split())
_WORD = re.compile(r"[^\W\d_]+$")
_NUMBER = re.compile(r"\d[\d.,\u00a0' ]*$")
_SYMBOL = re.compile(r"[A-Z][a-z]?$")
_ELEMENTS = frozenset(
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Ti V Cr Mn Fe Co Ni Cu Zn As Br Sr Ag Cd Sn Sb I Xe"
    " Ba W Pt Au Hg Pb U".split()
)
_SIGNED = re.compile(r"[+−–-]\s*\w|\w\s*[+−/]\s*\w")
_CLOSING = frozenset(".,;:!?)]’”\"'»%…")
"""What a note's mark may stand behind; before other marks a figure belongs to what follows, as in (131I."""
_FRACTION = re.compile(r"⁄|/\d")
_OPERATOR = frozenset("=+×·*/^<>≤≥≈∑√−")


def superscript(before: str, run: str, after: str) -> str | None:
    """How a superscript is written; None where it is left as it stands.

    A figure is a power where what it stands on can have one: 10, a unit, a variable, a part of a formula.
    Else it is the mark of a note.

    Args:
        before: the text that it stands on, some words of it.
        run: the superscript.
        after: the text that follows, two characters or more.
    """
    run = run.strip()
    last = before[-1:]
    if not run or len(run) > MOST_CHARS or not (last.isalnum() or last in _CLOSING):
        return None
    if _FRACTION.match(after):
        return f" {run}" if last.isdigit() else None
    if _FIGURES.fullmatch(run):
        return f"^{run}" if _is_power(before, run, after) else f"[{run}]"
    if _SIGNED.match(run):
        return f"^{run}"
    return _letter(before, run, after)


def _letter(before: str, run: str, after: str) -> str | None:
    """How a raised letter is written: a power, or a note's mark; the end of an ordinal stays as it is."""
    if len(run) > 1 or not run.isalpha() or not run.isascii():
        return None
    if after[:1].isalpha() or (before[-1].isdigit() and run in _ORDINALS):
        return None  # a part of the word
    return f"^{run}" if _is_variable(before) else f"[{run}]"


def subscript(before: str, run: str) -> str | None:
    """How a subscript is written; None where it is left as it stands, as in CO2.

    Args:
        before: the text that it stands on.
        run: the subscript.
    """
    run = run.strip()
    last = before[-1:]
    if (
        not run
        or not last
        or len(run) > MOST_CHARS
        or not run[0].isalnum()
        or not (last.isalnum() or last in ")]")
    ):
        return None
    symbol = _SYMBOL.search(before)
    if run.isdigit() and ((symbol and symbol[0] in _ELEMENTS) or last in ")]"):
        return None
    return f"_{run}"


def _is_power(before: str, run: str, after: str) -> bool:
    """Whether a figure is a power, and not the mark of a note."""
    number = _NUMBER.search(before)
    if number:
        figures = number[0].strip()
        return figures == "10" or (after.lstrip()[:1] in _OPERATOR and after.lstrip()[:1] != "")
    word = _WORD.search(before)
    if word is None:
        return False
    if word[0] in _UNITS:
        return run in {"2", "3", "4"} and (len(word[0]) > 1 or not before[: word.start()].endswith("'"))
    return _is_variable(before) or (run.isdigit() and before[: word.start()].rstrip()[-1:] in _OPERATOR)


def _is_variable(before: str) -> bool:
    """Whether it ends with a letter by itself that is no word."""
    word = _WORD.search(before)
    return word is not None and len(word[0]) == 1 and word[0] not in {"a", "A", "I", "s"}
