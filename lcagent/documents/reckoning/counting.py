"""Things that sentences list or name, so that they can be counted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from lcagent.documents.reckoning.arithmetic import Worked, exactly
from lcagent.documents.values.language import function_words, language_of
from lcagent.documents.words import STOPWORDS

_AND = re.compile(
    r"(?:,\s*)?(?:\s(?:and|und|et|y|e|i|и|oraz|og|och|en|or|oder|ou|o|as well as|sowie)\s|\s?&\s?)",
    re.IGNORECASE,
)
_EAST = re.compile(r"[、和与及と]|以及")
_LISTED = re.compile(r"[、]")
_BULLET = re.compile(r"^[ \t]*(?:[-*•▪]|\d{1,2}[.)])[ \t]+(\S.*)$", re.MULTILINE)
_CLAUSE = re.compile(r"[:;()\[\]\n]|\.\s|[.!?]$")
_NAME = re.compile(
    r"[^\W\d_a-z][\w'’.-]*(?:\s+(?:(?:von|van|de|der|di|du|of the|of)\s+)?[A-ZÀ-ÞА-ЯŁŚŻ][\w'’-]*)*"
)
MOST_WORDS = 4
"""Words of one thing in a list; a longer piece begins the sentence and ends with the first of them."""


def listed(sentence: str) -> list[str]:
    """The things of the longest list in a sentence: "apples, pears and plums"; empty if it has none."""
    if len(_LISTED.findall(sentence)):
        return [piece.strip() for piece in _EAST.split(sentence) if piece.strip()]
    bullets = [match.group(1).strip() for match in _BULLET.finditer(sentence)]
    if len(bullets) > 1:
        return bullets
    clauses = [c for c in _CLAUSE.split(sentence) if c.strip()]
    found = [_enumerated(clause) for clause in clauses]
    head, colon, tail = sentence.partition(": ")
    if colon and head.strip():
        pieces = [
            piece.strip(" .") for piece in re.split(r"[,;\n]", _AND.sub(", ", tail)) if piece.strip(" .")
        ]
        if all(len(piece.split()) <= MOST_WORDS for piece in pieces):
            found.append(pieces)
    longest = max(found, key=len, default=[])
    return longest if len(longest) > 1 else []


def _enumerated(clause: str) -> list[str]:
    """Pieces between commas that an "and" ends, walked back to where the list begins."""
    best: list[str] = []
    for match in _AND.finditer(clause):
        after = re.split(r",", clause[match.end() :], maxsplit=1)[0].strip()
        named = after[:1].isupper()
        things = [after]
        for piece in reversed(clause[: match.start()].split(",")):
            words = piece.split()
            if not words:
                continue
            things.append(piece.strip())
            whole = all(word[0].isupper() for word in words) if named else len(words) < MOST_WORDS
            if not whole:
                break
        if len(things) > len(best):
            best = things[::-1]
    return best


def count_of(things: Sequence[str], used: tuple[int, ...]) -> Worked:
    """How many things some premises list."""
    return exactly("count", f"{len(things)} in a list: {'; '.join(things)}", used, Decimal(len(things)))


def named(sentences: Sequence[str]) -> list[str]:
    """The names in some sentences, each once: runs of words that begin with a capital."""
    found: dict[str, None] = {}
    for sentence in sentences:
        idle = STOPWORDS | function_words(language_of(sentence))
        for match in _NAME.finditer(sentence):
            words = match.group().split()
            while words and words[0].casefold() in idle:
                words = words[1:]
            if words:
                found[" ".join(words).strip(".'’")] = None
    return list(found)
