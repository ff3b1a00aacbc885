"""What a sentence does to an earlier one: says the same again, or says that it was wrong."""

from __future__ import annotations

import re

from rapidfuzz import fuzz

from lcagent.documents.statements import Statement, is_content, pairs, same_exactly, same_value, statement

SAME = 94.0
"""Similarity (0-100), figures left out, from which two sentences with the same words say the same."""
_LEAST_WORDS = 2
"""Words, beside the value, by which a correction tells what it is about."""

_CORRECTS = re.compile(
    r"\b(?:errat(?:um|a)|corrigend(?:um|a)|correct(?:ed|ion|s)|supersed(?:e[sd]?|ing)|in error|"
    r"erroneous(?:ly)?|"
    r"misprint(?:ed)?|should (?:have )?(?:read|be)|instead of|amended|withdrawn|retracted|"
    r"no longer (?:valid|applies|holds)|previously (?:stated|reported|given)"
    # German, French, Spanish, Italian, Portuguese
    r"|berichtig(?:t\w*|ung)|korrektur|korrigiert\w*|irrtümlich\w*|statt"
    r"|muss (?:es )?(?:richtig )?hei(?:ß|ss)en"
    r"|rectifi\w+|corrig\w+|au lieu de?|par erreur|il faut lire|lire plutôt"
    r"|correcci[oó]n\w*|en (?:lugar|vez) de|por error|debe (?:decir|leerse|ser)|rectific\w+"
    r"|correzion\w+|rettific\w+|invece di|anziché|per errore|si legga|errata corrige"
    r"|retific\w+|em vez de|por engano|deve ler-se"
    # Polish, Russian
    r"|sprostowani\w+|poprawk\w+|korekt\w+|błędnie|omyłkowo|zamiast|powinno (?:być|brzmieć)"
    r"|исправл\w+|поправк\w+|опечатк\w+|ошибочно|вместо|следует читать)\b"
    r"|勘误|更正|應為|应为",
    re.I,
)
_GENERIC = frozenset(
    """
    figure number date value amount sum total name year sentence statement text page line table entry
    above below earlier former read reads earlier given stated reported note angabe zahl datum wert
    seite chiffre date valeur nombre fecha cifra valor número data cifra numero valore pagina liczba
    data wartość дата число цифра значение correctly richtig
    """.split()
)
"""Words with which a correction speaks of a value that it does not otherwise describe."""


def corrects(text: str) -> bool:
    """Whether a sentence says that it corrects another one."""
    return bool(_CORRECTS.search(text))


def repeats(one: str, other: str) -> bool:
    """Whether two sentences say the same: the same words nearly alike, the same figures and denials.

    Args:
        one: a sentence.
        other: another.
    """
    a, b = statement(one), statement(other)
    if a.denied != b.denied or a.words != b.words:
        return False
    matched = pairs(a, b)
    if matched is None or not all(same_exactly(a.tokens[i].text, b.tokens[j].text) for i, j in matched):
        return False
    return bool(fuzz.ratio(_bare(a), _bare(b), score_cutoff=SAME))


def _bare(said: Statement) -> str:
    return " ".join("#" if token.is_value else token.text for token in said.tokens)


def supersedes(new: str, old: str, *, stated: bool | None = None) -> bool:
    """Whether a sentence says that what an earlier one says is wrong, and gives another value for it.

    It has to be about the same thing: the earlier sentence's words, but for its value, stand in it; or it
    names that value as the wrong one and speaks of nothing else.

    Args:
        new: the sentence that may correct.
        old: the earlier one.
        stated: whether it corrects anything, where a model told; default: found by its words.
    """
    if not (corrects(new) if stated is None else stated):
        return False
    later, earlier = statement(_CORRECTS.sub(" ", new)), statement(old)
    return _replaces_figure(later, earlier) or _replaces_name(later, earlier)


def _replaces_figure(later: Statement, earlier: Statement) -> bool:
    gone = [i for i in earlier.values if not _stands(earlier, i, later)]
    fresh = [j for j in later.values if not _stands(later, j, earlier)]
    if len(gone) > 1:  # another year, lot or edition
        return False
    replaced = gone or [i for i in earlier.values if _may_change(earlier, i)]
    if not any(
        _may_change(earlier, i) and later.tokens[j].kind == earlier.tokens[i].kind
        for i in replaced
        for j in fresh
    ):
        return False
    if earlier.content <= later.content:
        return len(earlier.content) >= _LEAST_WORDS
    if gone:
        return False
    others = {t.key for t in later.tokens if not t.is_value and is_content(t) and t.text not in _GENERIC}
    return bool(others) and others <= earlier.content


def _may_change(said: Statement, at: int) -> bool:
    """Whether a figure is what a sentence says, and not what it is about: its lot, its year."""
    if said.tokens[at].kind == "date":
        return all(said.tokens[i].kind == "date" for i in said.values)
    return not said.is_identifier(at)


def _stands(said: Statement, at: int, other: Statement) -> bool:
    return any(same_value(said.tokens[at].text, other.tokens[j].text) for j in other.values)


def _replaces_name(later: Statement, earlier: Statement) -> bool:
    at = earlier.name_at_end()
    if not at or not all(_stands(earlier, i, later) for i in earlier.values):
        return False
    rest = {t.key for t in earlier.tokens[:at] if not t.is_value and is_content(t)}
    names = {t.key for t in later.tokens if t.capital and not t.is_value and is_content(t)}
    return len(rest) >= 1 and rest <= later.content and bool(names - earlier.content)
