"""How a claim rests on sentences: verbatim, supported, or inferred from them.

A label, and no judgement: a right answer that was reckoned, counted or translated is inferred.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lcagent.answer import Support
from lcagent.documents.canonical import canonical
from lcagent.documents.marks import unmarked
from lcagent.documents.quotes import find_quote, occurrences
from lcagent.documents.values import Value, rounds_to, values, within
from lcagent.documents.values.language import function_words, language_of
from lcagent.documents.words import STOPWORDS, among, folded, stem, terms, unspaced

ENOUGH = 0.8
"""Share of a claim's content words that must stand in the sentences."""
_INFLECTED = 5
"""Letters from which a word may end in another way: "Wieża", "Wieży"."""
_NO_BREAK = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))")
"""What holds the groups of one number together; a space may stand between two."""
_TIME = re.compile(r"\d+(?::\d+)+")
"""None of its parts is a number by itself."""
_YES_NO = frozenset(
    """
    yes no true false ja nein oui non si sí sì não sim да нет так ні tak nie nej jo evet hayır ναι όχι
    نعم لا כן לא हाँ नहीं はい いいえ 是 是的 否 不 不是 네 예 아니요 아니오 ano ne igen nem
    kyllä ei da nu có không ya tidak ใช่ ไม่
    """.split()
)
_DENIALS = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|nicht|kein\w*|nie|niemals|niemand|nichts|"
    r"ohne|pas|jamais|aucune?|rien|sans|nunca|jamás|ningun[oa]?|ningún|nada|sin|não|nem|non|mai|nessun[oa]?|"
    r"niente|senza|не|нет|никогда|без|niet|geen|nooit|zonder|inte|ikke|aldrig)\b|n['’]t\b|"
    r"[不没沒無无未]|ない|ません|않|없|안 ",
    re.IGNORECASE,
)


def support(claim: str, sentences: Sequence[str]) -> Support:
    """How a claim rests on its sentences.

    Args:
        claim: one statement of an answer.
        sentences: as they stand in the document.

    Returns:
        `verbatim` where its words stand there as they are, but for case; `supported` where all of its figures
        (by value), its names and nearly all of its content words stand there; else `inferred`, and so is a
        bare yes or no.
    """
    said = canonical(unmarked(claim)).strip().strip(".!?。！？;:,").strip()
    sentences = [canonical(_NO_BREAK.sub("", text)) for text in sentences]
    if not said or not sentences or said.casefold() in _YES_NO:
        return "inferred"
    texts = [*sentences, " ".join(sentences)] if len(sentences) > 1 else list(sentences)
    if any(_stands(said, text) for text in texts):
        return "verbatim"
    return "supported" if _held(said, sentences) else "inferred"


def held_figure(figure: Value, stated: Sequence[Value]) -> bool:
    """Whether a figure is one of some others: the same, one of them rounded, or the year or month of one."""
    return any(rounds_to(figure, other) or within(other, figure) for other in stated)


def _stands(said: str, text: str) -> bool:
    claim, sentence = said.casefold(), text.casefold()
    if claim.isdecimal():
        sentence = _TIME.sub(" ", sentence)
    return find_quote(sentence, claim) is not None or next(occurrences(sentence, claim), None) is not None


def _held(said: str, sentences: Sequence[str]) -> bool:
    """Whether the figures, the names and enough of the words of a claim stand in some sentences."""
    language = language_of(said)
    figures = values(said)
    stated = [value for text in sentences for value in values(text, None if language_of(text) else language)]
    if not all(held_figure(figure, stated) for figure in figures):
        return False
    rest = said
    for figure in reversed(figures):
        rest = f"{rest[: figure.span[0]]} {rest[figure.span[1] :]}"
    idle = STOPWORDS | function_words(language)
    held = {form for text in sentences for form in _forms(text)}
    # A word in capitals, or with one, is mostly a name: each has to stand there.
    words = [w for w in terms(rest) if w.casefold() not in idle]
    names = [w for w in words if w[0].isupper()]
    if not all(_among(w, held, exact=True) for w in names):
        return False
    kept = sum(_among(w, held, exact=False) for w in words)
    if not words:
        return bool(figures)
    denied = bool(_DENIALS.search(said))
    alike = any(bool(_DENIALS.search(text)) == denied and _shares(words, text) for text in sentences)
    return alike and kept >= ENOUGH * len(words)


def _shares(words: Sequence[str], text: str) -> bool:
    """Whether a sentence holds any of some words."""
    held = _forms(text)
    return any(_among(word, held, exact=False) for word in words)


def _forms(text: str) -> set[str]:
    words = {folded(w) for w in terms(text)}
    return words | {stem(w) for w in words}


def _among(word: str, held: set[str], *, exact: bool) -> bool:
    plain = folded(word)
    if among(plain, held) or stem(plain) in held:
        return True
    if exact or len(plain) < _INFLECTED or unspaced(plain):
        return False
    beginning = plain[: max(_INFLECTED - 1, len(plain) - 2)]
    return any(other.startswith(beginning) and abs(len(other) - len(plain)) < 3 for other in held)
