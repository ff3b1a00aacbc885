"""`variable-tracking` and `common-words`: what retrieval cannot find, only reading everything can.

RULER (Hsieh et al. 2024), section 3, "Multi-hop tracing" and "Aggregation", and appendix B.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random

from lcagent.evals.haystack import TOLERANCE, compose, too_short
from lcagent.evals.items import Item
from lcagent.evals.tasks.hiding import bury
from lcagent.evals.tasks.request import Request, drawn, item_id
from lcagent.evals.tasks.words import NOISE, vocabulary

HOPS = 4
CHAINS = 2
"""One chain is asked for; the other one looks the same but leads from another value."""
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

COMMON = 10
"""Words that are asked for."""
FREQUENCIES = ((8192, 30, 3), (2048, 20, 2), (0, 10, 1))
"""(length from which, times that a common word stands there, times that another one does). RULER's own
are the first; shorter documents keep the ratio."""


def variable_tracking(request: Request) -> Iterator[Item]:
    """Chains of assignments, four hops each, spread over sentences that say nothing."""
    for index in range(request.n):
        rng = drawn("variable-tracking", request.seed, index)
        names, values = _names(rng), [str(value) for value in rng.sample(range(10_000, 100_000), CHAINS)]
        lines, asked = _assignments(names, values, rng)
        made = compose(
            _noise(rng),
            lines,
            request.length,
            request.count,
            lambda fillers, lines=lines, rng=rng: bury(fillers, lines, rng),
        )
        yield Item(
            id=item_id("variable-tracking", request, index),
            task="variable-tracking",
            length=request.length,
            question=(
                f"Find all variables that are assigned the value {values[0]} in the text, directly or by "
                f"way of another variable. There are {HOPS + 1} of them; give their names."
            ),
            answers=tuple(names[0]),
            match="all",
            metric="recall",
            text=made.text,
            tokens=made.tokens,
            gold=tuple(made.spans[at] for at in asked),
            category=f"{HOPS} hops",
        )


def _names(rng: Random) -> list[list[str]]:
    drawn_names = dict[str, None]()
    while len(drawn_names) < CHAINS * (HOPS + 1):
        drawn_names["".join(rng.choices(_LETTERS, k=5))] = None
    names = list(drawn_names)
    return [names[at : at + HOPS + 1] for at in range(0, len(names), HOPS + 1)]


def _assignments(names: list[list[str]], values: list[str], rng: Random) -> tuple[list[str], list[int]]:
    """The lines of all chains, mixed but each chain in order, and which of them are the first chain's."""
    turns = [chain for chain in range(CHAINS) for _ in range(HOPS + 1)]
    rng.shuffle(turns)
    lines: list[str] = []
    done = [0] * CHAINS
    for chain in turns:
        at = done[chain]
        source = f"VAR {names[chain][at - 1]}" if at else values[chain]
        lines.append(f"VAR {names[chain][at]} = {source}.")
        done[chain] += 1
    return lines, [at for at, chain in enumerate(turns) if chain == 0]


def _noise(rng: Random) -> Iterator[str]:
    while True:
        yield " ".join(rng.sample(NOISE, rng.randint(4, 7)))


def common_words(request: Request) -> Iterator[Item]:
    """A numbered list of words; ten of them stand there ten times as often as any other."""
    for index in range(request.n):
        text, common, tokens = _list(request, index)
        yield Item(
            id=item_id("common-words", request, index),
            task="common-words",
            length=request.length,
            question=f"What are the {COMMON} most common words in the numbered list of words?",
            answers=tuple(common),
            match="all",
            metric="recall",
            text=text,
            tokens=tokens,
            category=_kind(request.length),
        )


def _frequencies(length: int) -> tuple[int, int]:
    return next((often, seldom) for least, often, seldom in FREQUENCIES if length >= least)


def _kind(length: int) -> str:
    often, seldom = _frequencies(length)
    return f"{often} to {seldom}"


def _list(request: Request, index: int) -> tuple[str, list[str], int]:
    """As many other words as the length asks for, found by measuring."""
    often, seldom = _frequencies(request.length)
    others = max(COMMON, (request.length // 4 - COMMON * often) // seldom)
    most = others * 4 // 3 + COMMON  # however the number changes, words are taken from one and the same row
    tokens = request.length
    best: tuple[int, str, list[str], int] | None = None
    for _ in range(8):
        rng = drawn("common-words", request.seed, index)
        words = list(islice(vocabulary(rng, most), COMMON + others))
        text = _numbered(words[:COMMON] * often + words[COMMON:] * seldom, rng)
        tokens = request.count(text)
        left = request.length - tokens
        if best is None or abs(left) < best[0]:
            best = (abs(left), text, words[:COMMON], tokens)
        step = round(left / tokens * (COMMON * often / seldom + others))
        if not step or abs(left) <= request.length * TOLERANCE / 4:
            break
        others = max(COMMON, others + step)
    if best is None or best[0] > request.length * TOLERANCE:
        raise too_short(request.length, tokens)
    return best[1:]


def _numbered(words: list[str], rng: Random) -> str:
    rng.shuffle(words)
    return " ".join(f"{number}. {word}" for number, word in enumerate(words, 1))
