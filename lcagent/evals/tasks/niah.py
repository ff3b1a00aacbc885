"""`niah`: a needle in a haystack, in the four kinds of RULER.

RULER (Hsieh et al. 2024), section 3, "Retrieval", and appendix B: single; multi-keys (other needles that
differ by their key); multi-values (several values of one key, all asked for); multi-queries (several
keys, all asked for). Keys are two words, values seven digits, as there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from lcagent.evals.haystack import compose
from lcagent.evals.items import Item
from lcagent.evals.tasks.hiding import bury
from lcagent.evals.tasks.pool import FILE, Pool, Screen, load_pool
from lcagent.evals.tasks.request import Request, drawn, item_id
from lcagent.evals.tasks.words import keys

NEEDS = (FILE,)
VARIANTS = ("single", "multikey", "multivalue", "multiquery")
SEVERAL = 4
"""Keys or values of the kinds that have several."""


@dataclass(frozen=True, slots=True)
class _Needles:
    question: str
    lines: list[str]
    asked: list[int]
    """Which of the lines answer the question."""
    answers: tuple[str, ...]


def niah(request: Request) -> Iterator[Item]:
    """The four kinds by turns, needles between sentences of pool paragraphs drawn at random."""
    pool = load_pool(request.data)
    for index in range(request.n):
        variant = VARIANTS[index % len(VARIANTS)]
        rng = drawn("niah", request.seed, index)
        needles = _needles(variant, rng)
        made = compose(
            _stream(pool, rng, needles),
            needles.lines,
            request.length,
            request.count,
            lambda fillers, lines=needles.lines, rng=rng: bury(fillers, lines, rng),
        )
        several = len(needles.answers) > 1
        yield Item(
            id=item_id("niah", request, index),
            task="niah",
            length=request.length,
            question=needles.question,
            answers=needles.answers,
            match="all" if several else "any",
            metric="recall" if several else "sub_em",
            text=made.text,
            tokens=made.tokens,
            gold=tuple(made.spans[at] for at in needles.asked),
            category=variant,
        )


def _stream(pool: Pool, rng: Random, needles: _Needles) -> Iterator[str]:
    return pool.stream(rng, Screen((), ("special magic number", *needles.answers)))


def _needles(variant: str, rng: Random) -> _Needles:
    names = keys(rng, SEVERAL)
    values = [str(value) for value in rng.sample(range(1_000_000, 10_000_000), SEVERAL)]
    if variant == "single":
        names, values = names[:1], values[:1]
    if variant == "multivalue":
        names = names[:1] * SEVERAL
    lines = [
        f"The special magic number for {name} is {value}." for name, value in zip(names, values, strict=True)
    ]
    if variant in {"single", "multikey"}:
        asked = [rng.randrange(len(lines))]
        question = f"What is the special magic number for {names[asked[0]]}?"
    else:
        asked = list(range(len(lines)))
        question = f"What are all the special magic numbers for {_listed(list(dict.fromkeys(names)))}?"
    return _Needles(question, lines, asked, tuple(values[at] for at in asked))


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + f" and {names[-1]}"
