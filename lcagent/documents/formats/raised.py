"""Superscripts and subscripts in a line of text: marks of notes, powers, indices.

Joined to what they stand at, they make other words and figures of it: 450 with the mark of note 1 would be
4501, ten to the sixth 106. A format's parser tells what is raised or lowered, by putting it between marks of
our own (`raised`, `lowered`); `settle` writes each as it is read once the text around it is known: `450[1]`,
`10^6`, `m^2`, `x_1`, `1st`.
"""

from __future__ import annotations

import re

_UP, _NOTE, _DOWN, _END = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3"
"""Noncharacters: no text has them."""
_ANY = f"{_UP}{_NOTE}{_DOWN}{_END}"
_MARKS = re.compile(f"[{_ANY}]")
_RAISED = re.compile(f"[{_UP}{_NOTE}{_DOWN}][^{_ANY}]*{_END}?")
_PIECES = re.compile(rf"{_UP}[(\[](?:[^{_ANY})\]]|{_END}{_UP})*")
_SEAM = f"{_END}{_UP}"
"""Between two superscripts side by side, such as `(` and `1)`."""
_BEFORE, _AFTER = 48, 8
"""Characters on each side by which it is told what a raised text is."""
_MOST_LETTERS = 3
"""Letters of a mark of a note."""
_MOST = 24
"""Characters of a raised text that may be a mark or a power."""

_ORDINAL = re.compile(
    r"(?i:st|nd|rd|th|er|ers|re|res|me|ème|eme|e|es|nde?s?|ter?|a|o|os|as|º|ª|ro|ra|do|da|to|ta)"
)
_ORDINALS_ONE = re.compile(r"(?:\b[12]?\d|\b3[01]|\b[IVXLC]+)$")
"""What a single letter may make an ordinal of; behind greater figures it marks a note."""
_UNIT = re.compile(
    r"(?:^|[\s\d/·*×.,(\[|\xa0\u202f])(?:[kcdmµμnp]?m|ft|yd|mi|ha|[mµμn]?s|min|h|k?g|sec|[kM]?mol|l|L|px|K|Å|Pa|eV)$"
    r"|\d\s?in$"
)
_TEN = re.compile(r"(?:^|[^\w.,])(?:10|e)$")
_TIMES = re.compile(r"(?:[x×·*+^]\s*\d[\d.,]*|=\s*\d+)$")
"""A number in a term, not in running text."""
_REST_OF_TERM = re.compile(r"\s*[=×·*+−≈<>^]")
_FORMULA = re.compile(r"[=+*/·×−]\s?\w{1,3}$")
_LONE = re.compile(r"(?:^|[^\w'’])([^\W\d_])$")
_WORDS = frozenset("aAIs")
"""Letters that are words by themselves, or the end of one."""
_MATRIX = re.compile(r"(?:^|[^\w])[A-Z]{1,3}$")
_NAME = re.compile(r"[^\W\d_][^\W\dA-Z_]$")
_EXPONENTS = frozenset("nkmxpqrt")
"""Letters that a number has as its power; others mark a note."""
_ION = re.compile(r"(?:\d*[+−–-]|[+−–-]\d+)")
_REFERENCE = r"(?:\d{1,3}[a-z]?|[a-z])"
_LISTED = re.compile(
    rf"{_REFERENCE}(?:\s?[,;]\s?{_REFERENCE}|(?<=\d)\s?[–-]\s?\d{{1,3}}|(?<=[a-z])[–-][a-z])+"
)
_BRACKETED = re.compile(rf"({_REFERENCE})\)")
"""1): a mark of a note as it is printed in some languages."""
_DIVIDED = re.compile(r"\d{1,3}[a-z]")
_ELEMENTS = re.compile(
    r"(?:^|[^A-Za-z])(?:[()\[\]]|\d|A[cglrstu]|B[aeikr]?|C[adeflorsu]?|F[er]?|G[ade]|H[efgo]?|I[nr]?|Kr?|L[aiu]"
    r"|M[gno]|N[abeip]?|Os?|P[abdtu]?|R[abhnu]|S[bceimnr]?|T[aehil]|U|V|W|Xe|Yb?|Z[nr])+$"
)
_NO_MOLECULE = re.compile(r"(?:^|[^A-Za-z\d)\]])[BKUVWY]$")
"""Elements of which alone there are no molecules: more likely a variable."""
_SYMBOLS = {"tm": "™", "r": "®", "c": "©", "sm": "℠"}
_PLAIN = re.compile(r"[*∗⋆†‡§¶‖#®™©℠°′″'\"’º ª,;:./|]+|[(\[].*[)\]]", re.S)


def raised(text: str, *, note: bool = False) -> str:
    """A superscript, between marks that `settle` resolves.

    Args:
        text: the superscript.
        note: it is known to be the mark of a note, such as a link to one.
    """
    return f"{_NOTE if note else _UP}{unmarked(text)}{_END}"


def lowered(text: str) -> str:
    """A subscript, between marks that `settle` resolves."""
    return f"{_DOWN}{unmarked(text)}{_END}"


def unmarked(text: str, instead: str = "") -> str:
    """A document's text without the noncharacters that are marks here.

    Args:
        text: any.
        instead: what each becomes.
    """
    return _MARKS.sub(instead, text) if _MARKS.search(text) else text


def settle(text: str) -> str:
    """A text with each superscript and subscript written as it is read.

    Args:
        text: with what `raised` and `lowered` made in it.
    """
    if _END not in text:
        return text
    if _SEAM in text:
        text = _PIECES.sub(lambda match: match[0].replace(_SEAM, ""), text)
    pieces: list[str] = []
    before, at = "", 0
    for match in _RAISED.finditer(text):
        pieces.append(text[at : match.start()])
        before = (before + pieces[-1])[-_BEFORE:]
        kind, body = match[0][0], match[0][1:].removesuffix(_END)
        after = _MARKS.sub("", text[match.end() : match.end() + _AFTER])
        if body.strip():
            written = (
                _lowered(before, body.strip(), after) if kind == _DOWN else _raised(before, body, after, kind)
            )
            if written.startswith("^"):
                pieces[-1] = pieces[-1].rstrip(" ")
        else:
            written = body
        pieces.append(written)
        before = (before + written)[-_BEFORE:]
        at = match.end()
    return _MARKS.sub("", "".join([*pieces, text[at:]]))


def _raised(before: str, body: str, after: str, kind: str) -> str:
    mark, base = body.strip(), before.rstrip(" \t\xa0\u202f")
    if base.endswith("\n"):
        base = ""  # it begins a line
    lead = " " if body[0].isspace() and base == before else ""
    trail = " " if body[-1].isspace() else ""
    if _PLAIN.fullmatch(mark) or (mark in "-–−" and base.endswith("]")):
        return f"{lead}{mark}{trail}"
    if bracketed := _BRACKETED.fullmatch(mark):
        kind, mark = _NOTE, bracketed[1]
    if kind == _NOTE and len(mark) <= _MOST:
        return f"{lead}[{mark}]{trail}"
    if len(mark) > _MOST or any(c.isspace() for c in mark.replace(", ", ",")):
        return f" {mark}{trail or ' '}" if base == before else f"{mark}{trail}"
    if (base != before or base[-1:] in "([") and mark.isdigit() and re.match(r"[A-Z][a-z]?(?![a-z])", after):
        return mark  # of an isotope: nothing stands right before it
    written = _fraction(base, mark, after) or _word(base, mark, after) or _power(base, mark, after)
    if not written and mark.isalpha() and len(mark) > _MOST_LETTERS:
        written = mark  # a word that is set higher, and no mark of a note
    return (written or f"{lead}[{mark}]") + trail


def _fraction(base: str, mark: str, after: str) -> str:
    """The upper half of ¾: "3 3/4"."""
    if after[:1] in {"/", "⁄"} and mark.isdigit() and after[1:2].isdigit():
        return f" {mark}" if base[-1:].isdigit() else mark
    return ""


def _word(base: str, mark: str, after: str) -> str:
    """The end of a word or of an ordinal, a sign of trade, a degree."""
    last, small = base[-1:], mark.lower()
    if last.isdigit() and small in {"o", "0"} and re.match(r"\s?[CFKNSEW]\b", after):
        return "°"
    if (mark in {"TM", "SM"} and last.isalpha()) or (mark in {"R", "C"} and _NAME.search(base)):
        return _SYMBOLS[small]
    if _ORDINAL.fullmatch(mark) and (last.isdigit() or re.search(r"\b[IVXLC]+$", base)):
        if len(mark) > 1 or mark in {"º", "ª"}:
            return mark
        return {"o": "º"}.get(small, mark) if small != "a" and _ORDINALS_ONE.search(base) else ""
    is_number = small == "o" and base.endswith(("n", "N"))
    is_inside = mark == small and last.isupper() and re.match(r"[A-Z][a-z]{2}", after)  # McDonald
    is_end = len(mark) > 1 and mark.isalpha() and last.isalpha()
    return mark if is_number or is_inside or is_end else ""


def _power(base: str, mark: str, after: str) -> str:
    """A power or a charge, where the text before can have one."""
    if not base or base[-1] in '.,;:!?"”’»':
        return ""
    if _LISTED.fullmatch(mark) and (mark[0].isdigit() or not _is_variable(base, mark, after)):
        return ""
    exponent = re.sub("[−–]", "-", mark) if _ION.fullmatch(mark) else mark
    if mark.isdigit() or (len(mark) == 1 and mark.isalpha()):
        if not _is_powered(base, mark, after):
            return ""
    elif _DIVIDED.fullmatch(mark):
        if re.search(r"[^\W\d_]{2}$", base):
            return ""
    elif not _ION.fullmatch(mark) and not (base[-1].isalnum() or base[-1] in ")]"):
        return ""
    return _attached("^", exponent, after)


def _is_powered(base: str, mark: str, after: str) -> bool:
    """Whether a figure or a letter is a power, and not the mark of a note."""
    last = base[-1]
    if mark.isdigit():
        if mark[0] == "0":
            return True  # no note has that number
        return mark != "1" and bool(
            _TEN.search(base)
            or (_UNIT.search(base) and mark in {"2", "3", "4"})
            or _is_variable(base, mark, after)
            or (last.isdigit() and (_TIMES.search(base) or _REST_OF_TERM.match(after)))
            or (last in ")]" and _is_term(base))
        )
    if last.isdigit():
        return mark in _EXPONENTS and bool(
            _TEN.search(base) or _TIMES.search(base) or _REST_OF_TERM.match(after)
        )
    return _is_variable(base, mark, after) or bool(
        (mark.isupper() and _MATRIX.search(base)) or (last in ")]" and _is_term(base))
    )


def _is_variable(base: str, mark: str, after: str) -> bool:
    """Whether what stands before is a letter by itself, or a part of a formula."""
    if base[-1].isalpha() and _FORMULA.search(base):
        return True
    lone = _LONE.search(base)
    if lone is None or not (lone[1].islower() or lone[1].isupper()):
        return False
    if _REST_OF_TERM.match(after):
        return True
    return lone[1] not in _WORDS and not (lone[1].isupper() and len(mark) > 1 and mark.isdigit())


def _is_term(base: str) -> bool:
    """Whether brackets that close here hold a term, not words."""
    inner = base[base.rfind("(") + 1 : -1] if "(" in base else ""
    return (
        bool(inner)
        and not re.search(r"[^\W\d_]{4,}", inner)
        and bool(re.search(r"[-+*/·×−=]|^\w{1,2}$", inner))
    )


def _lowered(before: str, mark: str, after: str) -> str:
    base = before.rstrip()
    if base[-1:] in {"/", "⁄"} or mark[:1] in "([" or not (mark[:1].isalnum() or mark in "+-−–"):
        return mark
    if mark.isdigit() and _ELEMENTS.search(base) and not _NO_MOLECULE.search(base):
        return mark
    if not base or base != before or not (base[-1].isalnum() or base[-1] in ")]}'′"):
        return mark if mark.isalpha() and len(mark) > _MOST_LETTERS else f"_{mark}"
    if len(mark) > _MOST:
        return f" {mark} "
    return _attached("_", mark, after)


def _attached(sign: str, mark: str, after: str) -> str:
    """`^6`, or `^(2n)` where it would run into what follows or has no plain end."""
    simple = re.fullmatch(r"[-+]?\w+|\d*[-+−–]", mark)
    runs_on = after[:1].isalnum() and not (mark.isdigit() and after[:1].isalpha())
    return f"{sign}{mark}" if simple and not runs_on else f"{sign}({mark})"
