"""Names in a question that a text never mentions: what the text then cannot answer, code can tell.

A small model answers from any text at all. A question about Tikhaya Sosna is not answered by a document
without that name, whatever the model says; but names are also written in other ways (accents, endings,
slips, short forms, other languages), so only what is surely missing counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rapidfuzz import fuzz

from lcagent.documents.canonical import canonical
from lcagent.documents.words import STOPWORDS, folded

LIKE = 84.0
"""Similarity (0-100) from which two spellings are the same name."""
_LEAST_LETTERS = 4
"""Shorter names, like those in capitals alone, are often written out or cut elsewhere."""
_SAMPLE = 20_000
"""Characters of a text by which its language is compared with the question's."""
_SAME_LANGUAGE = 0.05
"""Share of a text's words that a question's small words must make up."""
_PART = 1 << 20

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_POSSESSIVE = re.compile(r"['’]s?$")
_DATES = frozenset(
    """january february march april may june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday""".split()
)
_CALLED = frozenset(
    """
    aunt uncle mother father sister brother daughter son cousin niece nephew wife husband widow
    grandmother grandfather king queen prince princess duke duchess lord lady emperor president
    minister director manager chairman secretary governor mayor judge bishop pope priest captain
    colonel general major officer inspector engineer doctor professor teacher keeper master author
    editor narrator government parliament court council company document report article story
    chapter section table figure bible christmas easter euro euros dollar dollars century ages
    english german french spanish italian russian chinese
    """.split()
)
"""What people, texts, times and languages are called: a capital makes no name of it."""
_CLASS = frozenset({"a", "an"})
"""Before a capital these tell of what kind something is: "a Catholic", "an American"."""
_CAPITAL_NOUNS = frozenset("der das ist und wer wie wann wo warum wurde dem ein eine welche welcher".split())
"""German words: there each noun begins with a capital, so that a capital says nothing."""


def unmentioned(question: str, texts: Sequence[str]) -> list[str]:
    """Names in a question whose last word no text holds, in whatever spelling.

    Args:
        question: in sentences; words that begin with a capital within one are taken for names.
        texts: what may mention them.

    Returns:
        Such names as the question writes them. None are given where capitals say nothing (a title, German)
        or where question and texts are not in one language.
    """
    question = canonical(question)
    asked = question[: question.rfind("?") + 1] or question  # what may be chosen from is no part of it
    missing = {
        name: folded(last)
        for name in _names(asked)
        if (last := _last(name)) and not any(last in text for text in texts)
    }
    if not missing or not any(_one_language(question, text) for text in texts):
        return []
    # Only words that begin alike are looked at: all of them would take ten times as long. The engine skips
    # to where one can begin, and only there looks back whether it does.
    letters = {letter for last in missing.values() for letter in (last[0], last[0].upper())}
    begin = rf"[{re.escape(''.join(sorted(letters)))}\x80-\U0010ffff](?<!\w.)(?<=[^\W_])"
    alike = re.compile(rf"{begin}[^\W_]+", re.S)
    for part in (part for text in texts for part in _parts(text)):
        words = {folded(word) for word in set(alike.findall(part))}
        missing = {name: last for name, last in missing.items() if not _is_known(last, words)}
        if not missing:
            break
    return [_POSSESSIVE.sub("", name) for name in missing]


def _names(question: str) -> list[str]:
    words = list(_WORD.finditer(question))
    capital = [match.group()[0].isupper() for match in words]
    if sum(capital) * 2 > len(words) or _CAPITAL_NOUNS & {m.group().casefold() for m in words}:
        return []
    names: list[str] = []
    begin = end = -1
    before = ""
    for match, large in zip(words, capital, strict=True):
        last, before = before, match.group()
        if not large or _begins_sentence(question, match.start()) or last in _CLASS:
            begin = -1
            continue
        if _POSSESSIVE.search(last):  # "Berg's Aunt" is another than Berg
            begin = -1
        gap = question[end : match.start()]
        if begin >= 0 and (gap in {" ", "-"} or (gap == ". " and question[end - 1].isupper())):
            names.pop()
        else:
            begin = match.start()
        end = match.end()
        names.append(question[begin:end])
    return names


def _begins_sentence(question: str, at: int) -> bool:
    before = question[:at]
    bare = before.rstrip(" \"'“‘(")
    initial = len(bare) > 1 and bare[-1] == "." and bare[-2].isupper() and not bare[-3:-2].isalpha()
    return not bare or (bare[-1] in ".?!:)\n\r\t" and not initial)


def _last(name: str) -> str:
    """The word of a name by which it is known: the last one, such as a surname; "" if it tells little."""
    word = _POSSESSIVE.sub("", _WORD.findall(name)[-1])
    small = word.casefold()
    telling = len(word) >= _LEAST_LETTERS and not word.isupper() and not word.isdigit()
    return word if telling and small not in STOPWORDS | _DATES | _CALLED else ""


def _one_language(question: str, text: str) -> bool:
    asked = {w.casefold() for w in _WORD.findall(question) if w[0].islower()}
    words = [w.casefold() for w in _WORD.findall(canonical(text[:_SAMPLE]))]
    return sum(w in asked for w in words) >= _SAME_LANGUAGE * max(len(words), 1)


def _parts(text: str) -> Iterator[str]:
    """A text in parts: the words of all of it would need more room than it does."""
    for start in range(0, len(text), _PART):
        # A word cut in two at a boundary adds two spellings; what is missing is not found by that.
        yield canonical(text[max(0, start - 40) : start + _PART])


def _is_known(word: str, known: set[str]) -> bool:
    if word in known:
        return True
    stem = word[: max(_LEAST_LETTERS, len(word) - 3)]
    if any(other.startswith(stem) for other in known):
        return True
    return any(fuzz.ratio(word, other, score_cutoff=LIKE) for other in known)
