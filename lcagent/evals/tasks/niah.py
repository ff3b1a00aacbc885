"""`niah`: a needle in a haystack, in the four kinds of RULER.

RULER (Hsieh et al. 2024), section 3, "Retrieval", and appendix B: single; multi-keys (other needles that
differ by their key); multi-values (several values of one key, all asked for); multi-queries (several
keys, all asked for). Keys are two words, values seven digits, as there.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from lcagent.evals.items import Item
from lcagent.evals.tasks.hiding import Needles, buried
from lcagent.evals.tasks.pool import FILE, Pool, Screen, load_pool
from lcagent.evals.tasks.request import Request, drawn
from lcagent.evals.tasks.words import keys

NEEDS = (FILE,)
VARIANTS = ("single", "multikey", "multivalue", "multiquery")
SEVERAL = 4
"""Keys or values of the kinds that have several."""


def niah(request: Request) -> Iterator[Item]:
    """The four kinds by turns, needles between sentences of pool paragraphs drawn at random."""
    pool = load_pool(request.data)
    for index in range(request.n):
        variant = VARIANTS[index % len(VARIANTS)]
        rng = drawn("niah", request.seed, index)
        needles = _needles(variant, rng)
        yield buried("niah", request, index, needles, _stream(pool, rng, needles), rng)


def _stream(pool: Pool, rng: Random, needles: Needles) -> Iterator[str]:
    return pool.stream(rng, Screen((), ("special magic number", *needles.answers)))


def _needles(variant: str, rng: Random) -> Needles:
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
    return Needles(question, lines, asked, tuple(values[at] for at in asked), variant)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + f" and {names[-1]}"
