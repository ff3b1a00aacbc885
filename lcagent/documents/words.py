"""The words of a text: stems, scripts that do not set words apart, names; which pieces of it hold a word."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Set
from functools import lru_cache
from itertools import accumulate

from lcagent.documents.canonical import Characters, canonical

MOST_OPENING = 100
"""Characters in which the name that a passage begins with has to end."""
# Characters of scripts that do not set words apart.
_SCRIPTS = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1780-\u17d3"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3041-\u309f\u30a1-\u30fa\u30fc-\u312f\u31f0-\u31ff\uff66-\uff9f"  # kana, bopomofo
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese characters
    "\u1100-\u11ff\uac00-\ud7a3"  # Korean sets words apart, but not the particles after them
)
_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(f"[{_SCRIPTS}]")
SPACED = re.compile(rf"[^\W{_SCRIPTS}]+")
"""A word of a script that sets words apart."""
_RUN = re.compile(rf"[{_SCRIPTS}]+|{SPACED.pattern}")
_APART = frozenset(":;,()[]{}|\n–—")
"""What ends the name that a text begins with."""

_ENDINGS = ("ing", "ed", "es", "s", "'s")

STOPWORDS = frozenset(
    """
    a an the of in on at to for by with from and or nor is was are were be been being am that this
    these those which who whom whose what when where why how do does did done has have had having it
    its as than then there their theirs his her hers him he she they them i me my you your we us our
    no not if but into about over under also both between same either other others many much more
    most some any each can could would should will shall may might must such so up out during after
    before while just only own s t
    """.split()
)


@lru_cache(maxsize=1 << 13)  # a text says the same words again and again
def stem(word: str) -> str:
    """Cut the commonest English endings; other languages mostly pass through."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    # "codes" is left with "cod", so "code" must be too.
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


def folded(text: str) -> str:
    """The canonical form of a text without case and accents."""
    plain = canonical(text).casefold()
    if plain.isascii():
        return plain
    return "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))


def unspaced(text: str) -> bool:
    """Whether any of a text is in a script that does not set words apart."""
    return not text.isascii() and _UNSPACED.search(text) is not None


def terms(text: str) -> list[str]:
    """The words of a text; where they are not set apart, each two characters that stand side by side.

    Most Chinese, Japanese and Korean words are made of two, and two texts that share a longer word share
    its pairs.
    """
    if not unspaced(text):
        return _WORD.findall(text)
    found: list[str] = []
    for run in _RUN.findall(text):
        paired = len(run) > 1 and unspaced(run)
        found.extend((run[i : i + 2] for i in range(len(run) - 1)) if paired else (run,))
    return found


def among(term: str, held: Set[str]) -> bool:
    """Whether a term is one of some others, or a single character that one of them is paired of."""
    return term in held or (len(term) == 1 and unspaced(term) and any(term in other for other in held))


def query_words(text: str) -> list[str]:
    """Stems of the content words of a text, each once, in order; pairs where words are not set apart."""
    words = (w for w in terms(canonical(text).casefold()) if w not in STOPWORDS)
    return list(dict.fromkeys(map(stem, words)))


class Folded:
    """Pieces of a text in canonical form without case, laid end to end: searched for many words at once.

    Args:
        pieces: such as the sentences of a segment.
    """

    def __init__(self, pieces: Iterable[str]) -> None:
        pieces = list(pieces)
        plain = "\n".join(pieces)
        characters = Characters(plain)
        self._whole = characters(plain).casefold()
        if len(self._whole) != len(plain):  # some characters are folded into several, or left out
            pieces = [characters(piece).casefold() for piece in pieces]
            self._whole = "\n".join(pieces)
        self._ends = list(accumulate(len(piece) + 1 for piece in pieces))
        self._known: dict[str, list[int]] = {}

    def holders(self, stems: Iterable[str]) -> dict[int, set[str]]:
        """Which of some stems (of `query_words`) each piece holds, by number; those with none left out."""
        held: dict[int, set[str]] = {}
        for wanted in stems:
            for number in self.numbers(wanted):
                held.setdefault(number, set()).add(wanted)
        return held

    def numbers(self, wanted: str) -> list[int]:
        """The pieces that hold one stem, in order; found once, since statements about a text share words."""
        if (known := self._known.get(wanted)) is not None:
            return known
        numbers = self._known[wanted] = list[int]()
        whole, ends, anywhere = self._whole, self._ends, unspaced(wanted)
        at = whole.find(wanted)
        while at >= 0:
            if anywhere or self._begins_at(at, wanted):
                numbers.append(bisect_right(ends, at))
                at = whole.find(wanted, ends[numbers[-1]])
            else:
                at = whole.find(wanted, at + len(wanted))
        return numbers

    def _begins_at(self, at: int, wanted: str) -> bool:
        """Whether a word begins there that has this stem."""
        before = self._whole[at - 1] if at else " "
        if (before.isalnum() or before == "_") and not unspaced(before):
            return False
        word = SPACED.match(self._whole, at)
        return word is not None and word.group() not in STOPWORDS and stem(word.group()) == wanted


def names(text: str) -> list[str]:
    """Stems of the words that begin with a capital letter, each once, in order."""
    words = (w for w in terms(canonical(text)) if w[0].isupper() and w.casefold() not in STOPWORDS)
    return list(dict.fromkeys(stem(w.casefold()) for w in words))


def opening(text: str) -> list[str]:
    """Stems of the name or heading that a text begins with, mostly what it is about; empty if with none.

    Numbers are passed over: "4.2 Notice period" begins with "Notice".
    """
    found: list[str] = []
    end = 0
    text = canonical(text[:MOST_OPENING])
    for match in _WORD.finditer(text):
        word = match.group()
        if found and not _APART.isdisjoint(text[end : match.start()]):
            break
        end = match.end()
        if word[0].isdigit() or word.casefold() in STOPWORDS:
            continue
        if not word[0].isupper():
            break
        found.append(stem(word.casefold()))
    return found
