"""`nested-kv`: look a key up whose value may itself be a key.

MemGPT (Packer et al. 2023), section 3.2.2, "Nested key-value retrieval": 140 pairs of UUIDs, 0 to 4
levels of nesting. Plain models answer nothing from a few levels on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from uuid import UUID

from lcagent.evals.haystack import SEPARATOR, TOLERANCE, cut, too_short
from lcagent.evals.items import Item
from lcagent.evals.tasks.request import Request, drawn, item_id
from lcagent.evals.tasks.words import NOISE

LEVELS = 5
PAIRS = 140
"""Pairs where no length is asked for."""
_DECOYS = (1, 1, 1, 2, 3, 4, 5)
"""Lengths of the other chains: without any, every value that is a key would lead to the answer."""

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Document:
    text: str
    chain: list[Pair]
    """The pairs on the way from the key asked for to its final value."""


def nested_kv(request: Request) -> Iterator[Item]:
    """Level 0 to 4 by turns; 140 pairs, or as many as the length asks for.

    What is left of the length after the last whole pair is made up by a preface that says nothing.
    """
    for index in range(request.n):
        level = index % LEVELS
        made = _document(request, index, level)
        yield Item(
            id=item_id("nested-kv", request, index),
            task="nested-kv",
            length=request.length,
            question=(
                f"What is the value of the key {made.chain[0][0]}? A value may itself be a key: "
                "then look that key up in turn, and give the final value, which is no key."
            ),
            answers=(made.chain[-1][1],),
            metric="sub_em",
            text=made.text,
            tokens=request.count(made.text),
            gold=tuple((at := made.text.index(line), at + len(line)) for line in map(_line, made.chain)),
            category=f"level {level}",
        )


def _document(request: Request, index: int, level: int) -> _Document:
    """As many pairs as fit the length, then the preface."""
    if not request.length:
        return _pairs(request, index, PAIRS, level)
    made, left = _fitting(request, index, level)
    if left < -request.length * TOLERANCE / 2:
        raise too_short(request.length, request.length - left)
    slack = request.length * TOLERANCE / 4
    if left <= slack:
        return made
    rng = drawn("nested-kv", request.seed, f"{index} preface")
    prose = " ".join(rng.choice(NOISE) for _ in range(60))
    preface = cut(prose, left, request.count, slack=max(1.0, slack))
    return _Document(preface + SEPARATOR + made.text, made.chain)


def _fitting(request: Request, index: int, level: int) -> tuple[_Document, int]:
    """As many pairs as fit the length, found by measuring, and the tokens that are left."""
    least = level + 1
    number = max(least, request.length // 50)
    made = _pairs(request, index, number, level)
    tokens = request.count(made.text)
    for _ in range(6):
        left = request.length - tokens
        room = max(2 * tokens / number, request.length * TOLERANCE / 4)
        if -request.length * TOLERANCE / 4 <= left <= room:
            break
        number = max(least, int(request.length * number / tokens) - (left < 0))
        made = _pairs(request, index, number, level)
        tokens = request.count(made.text)
    return made, request.length - tokens


def _pairs(request: Request, index: int, number: int, level: int) -> _Document:
    rng = drawn("nested-kv", request.seed, index)
    chain = _chain(rng, level + 1)
    pairs = list(chain)
    while len(pairs) < number:
        pairs += _chain(rng, min(rng.choice(_DECOYS), number - len(pairs)))
    rng.shuffle(pairs)
    return _Document("\n".join(map(_line, pairs)), chain)


def _chain(rng: Random, length: int) -> list[Pair]:
    ids = [str(UUID(int=rng.getrandbits(128), version=4)) for _ in range(length + 1)]
    return list(pairwise(ids))


def _line(pair: Pair) -> str:
    return f"{pair[0]}: {pair[1]}"
