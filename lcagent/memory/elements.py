"""Key elements: written forms brought together under one node, in stages that can be looked at.

Source: "GraphReader: Building Graph-based Agent to Enhance Long-Context Abilities of LLMs", section 3.2.
The stages: `folded` (Unicode, case, marks), `rules` (articles, titles, possessives, plurals), then what
depends on the whole graph: `initials` ("J. K. Rowling" for the one Joanne Rowling), `spelling`, and `meaning`
where an embedding model is there. Nothing is dropped for being rare, since a name that is asked for may
stand in one fact alone; what stands in too many facts is no way from one to the next (`too_common`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rapidfuzz import fuzz

from lcagent.documents.canonical import canonical

Stage = Literal["initials", "spelling", "meaning"]

_ARTICLES = re.compile(r"^(?:the|an?) +(?=\w)")
_TITLES = re.compile(
    r"^(?:mr|mrs|ms|miss|dr|prof|professor|sir|lady|lord|herr|frau|mme|mlle|señora?|sra?|don|doña|pani?)"
    r"\.? +(?=\w)"
)
_POSSESSIVE = re.compile(r"['’]s?$")
_EDGES = " \t\"'“”‘’«»()[]{}.,;:!?-–—"
_INITIAL = re.compile(r"([^\W\d_])\.?")
_DIGITS = re.compile(r"\d+")
LEAST_SPELT = 6
"""Letters from which a name may be a misspelling of another."""
ALIKE = 93.0
"""Similarity of spellings (0-100) from which two are one element."""
_ROOM = 200
"""Names with the same beginning that are compared with each other; of more, only neighbours in order are."""
COMMON = 0.1
LEAST_COMMON = 200
"""An element in more than this share of all facts, and in more than so many, leads nowhere."""


@dataclass(frozen=True, slots=True)
class Merge:
    """A node that another one takes in, and the stage that found it."""

    node: str
    into: str
    stage: Stage


def folded(name: str) -> str:
    """The first stage: the canonical form without case, in one line; "" where no letter or digit is left."""
    plain = canonical(name).casefold()
    plain = " ".join(plain.split()).strip(_EDGES)
    return plain if any(c.isalnum() for c in plain) else ""


@lru_cache(maxsize=1 << 12)  # facts are about the same things again and again
def node_of(name: str) -> str:
    """The node of an element as written: the first two stages, which know nothing of other elements.

    Args:
        name: as a fact has it.

    Returns:
        "" where the name holds no letter and no digit.
    """
    plain = _POSSESSIVE.sub("", folded(name))
    plain = _ARTICLES.sub("", plain)
    plain = _TITLES.sub("", plain)
    # A capital makes a name of it: "James" is no plural.
    capital = any(c.isupper() for c in name.rpartition(" ")[2])
    return plain if capital else _singular(plain)


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ses", "xes", "ches", "shes")) and len(word) > 5:
        return word[:-2]
    return (
        word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3 else word
    )


def merges(facts: Mapping[str, int], meant: Iterable[tuple[str, str]] = ()) -> list[Merge]:
    """The later stages: which nodes of a graph are the same element.

    Args:
        facts: in how many facts each node stands; the one in more of them takes the other in.
        meant: pairs that mean the same by an embedding model; figures in them must be the same.
    """
    same = (Merge(a, b, "meaning") for a, b in meant if _DIGITS.findall(a) == _DIGITS.findall(b))
    found = [*_initials(facts), *_misspelt(facts), *same]
    into: dict[str, str] = {}

    def root(node: str) -> str:
        while node in into:
            node = into[node]
        return node

    done: list[Merge] = []
    for merge in found:
        one, other = root(merge.node), root(merge.into)
        if one != other:
            less, more = sorted((one, other), key=lambda node: (facts[node], len(node), node))
            into[less] = more
            done.append(Merge(less, more, merge.stage))
    return [Merge(merge.node, root(merge.into), merge.stage) for merge in done]


def too_common(facts: int, total: int) -> bool:
    """Whether an element in so many of all facts leads nowhere."""
    return facts > max(LEAST_COMMON, COMMON * total)


def _initials(facts: Iterable[str]) -> Iterator[Merge]:
    """Names with initials, where one name alone is spelt out that has them before the same surname."""
    spelt: dict[tuple[str, str], list[str]] = defaultdict(list)
    short: list[tuple[tuple[str, str], str, list[str]]] = []
    for name in facts:
        *first, last = name.split()
        if not first or len(last) < 3:
            continue
        letters = [match[1] for word in first if (match := _INITIAL.fullmatch(word))]
        if letters:
            short.append(((letters[0], last), name, letters))
        elif all(word[0].isalpha() for word in first):
            spelt[first[0][0], last].append(name)
    for key, name, letters in short:
        names = [full for full in spelt[key] if _fits(letters, full.split()[:-1])]
        if len(names) == 1:
            yield Merge(name, names[0], "initials")


def _fits(letters: Sequence[str], words: Sequence[str]) -> bool:
    return all(word[0] == letter for word, letter in zip(words, letters, strict=False))


def _misspelt(facts: Iterable[str]) -> Iterator[Merge]:
    """Names that are spelt nearly alike; figures in them must be the same."""
    rooms: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name in sorted(facts):
        if len(name) >= LEAST_SPELT:
            rooms[name[:3], *_DIGITS.findall(name)].append(name)
    for names in rooms.values():
        yield from (Merge(a, b, "spelling") for a, b in _pairs(names) if _one_spelling(a, b))


def _pairs(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for at, one in enumerate(names):
        last = len(names) if len(names) <= _ROOM else at + 4
        for other in names[at + 1 : last]:
            yield one, other


def _one_spelling(one: str, other: str) -> bool:
    """Whether two names differ as a slip of the pen does, each word of one beside its like of the other."""
    words, others = one.split(), other.split()
    if len(words) != len(others):
        return one.replace(" ", "").replace("-", "") == other.replace(" ", "").replace("-", "")
    if not fuzz.ratio(one, other, score_cutoff=ALIKE):
        return False
    return all(
        a == b or (len(a) >= LEAST_SPELT and fuzz.ratio(a, b) >= 85)
        for a, b in zip(words, others, strict=True)
    )
