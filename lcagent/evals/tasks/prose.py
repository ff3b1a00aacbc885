"""Made-up texts and names without end: haystacks that need no data, people, companies."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from lcagent.evals.tasks.words import ADJECTIVES, GIVEN_NAMES, NOISE, NOUNS

_SENTENCES = (
    "The {a} {n} stands beside the {m}.",
    "Under the {n} lies {one} {m}.",
    "Past the {m} there is {one} {n}.",
    "Between the {n} and the {m} the grass is {a}.",
    "{One} {n} hangs over the {m}.",
    "The {n} is {a} and the {m} is {b}.",
    "Dust has settled on the {a} {n}.",
    "The {a} {n} is older than the {b} {m}.",
    "The shadow of the {n} falls across the {a} {m}.",
    "There is moss on the {n} and rust on the {a} {m}.",
    "The {a} {n} creaks when the wind turns.",
    "Half of the {n} is {a}, and the other half is {b}.",
)
_SURNAME_HEADS = (
    """
    Ab Ald Ash Bar Birk Bram Cald Carr Dal Dorn Ebb Elder Fair Fen Garn Gos Hal Haver Ing Isl
    Kar Kest Lang Lind Marr Mel Nor Oster Pell Quar Rav Rosk Sal Skel Thorn Ulv Vang Wex Yar Zell
    """
).split()
_SURNAME_TAILS = (
    """
    berg bourne brand by croft dahl den fell ford gate grave ham haven holm hurst
    ley lund mark mere moor ness rode rup sby sted stow thorpe ton wick worth
    """
).split()
_SURNAMES = tuple(head + tail for head in _SURNAME_HEADS for tail in _SURNAME_TAILS)
_TRADES = ("Works", "Shipping", "Brothers", "Instruments", "Mills", "Foundry", "Publishing", "Optics")


def prose(rng: Random) -> Iterator[str]:
    """Paragraphs of sentences about things, in which nobody does anything."""
    while True:
        drawn = [_sentence(rng) for _ in range(rng.randint(3, 5))]
        drawn += rng.sample(NOISE, 2)
        rng.shuffle(drawn)
        yield " ".join(drawn)


def _sentence(rng: Random) -> str:
    (n, m), (a, b) = rng.sample(NOUNS, 2), rng.sample(ADJECTIVES, 2)
    one = article(a)
    return rng.choice(_SENTENCES).format(n=n, m=m, a=a, b=b, one=one, One=one.capitalize())


def article(word: str) -> str:
    """A word with "a" or "an" before it."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def people(rng: Random, number: int) -> list[str]:
    """Different names of a given name and a surname each, the surname of two parts where many are wanted."""
    return _pairs(rng, number, GIVEN_NAMES, before=True)


def companies(rng: Random, number: int) -> list[str]:
    """Different names of companies."""
    return _pairs(rng, number, _TRADES, before=False)


def _pairs(rng: Random, number: int, others: tuple[str, ...], *, before: bool) -> list[str]:
    parts = 1
    while len(others) * len(_SURNAMES) ** parts < 2 * number:
        parts += 1
    names: list[str] = []
    for at in rng.sample(range(len(others) * len(_SURNAMES) ** parts), number):
        rest, other = divmod(at, len(others))
        surname = "-".join(
            _SURNAMES[rest // len(_SURNAMES) ** part % len(_SURNAMES)] for part in range(parts)
        )
        names.append(f"{others[other]} {surname}" if before else f"{surname} {others[other]}")
    return names
