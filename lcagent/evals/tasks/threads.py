"""`threads`: facts that have to be followed one after the other, or found all.

*ancestry* (as NeedleBench's Ancestral Trace, Li et al. 2024): who is the parent of the parent of ...
somebody, among families that look the same. *match*: everybody who was at a place on a day, among people who
were there on other days or elsewhere on that day. All names are made up, in made-up prose.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from random import Random

from lcagent.evals.items import Item
from lcagent.evals.tasks.hiding import Needles, buried
from lcagent.evals.tasks.prose import people, prose
from lcagent.evals.tasks.request import Request, drawn
from lcagent.evals.tasks.words import MONTHS, NOUNS, PLACES

HOPS = (2, 3, 4, 5)
MATCHES = (3, 4, 5, 6)
"""Hops and matches by turns; ancestry and match take turns too."""
FAMILIES = 3
"""Families in a document; one is asked about."""
_BEYOND = 1
"""Generations above the one that is asked for: it is not simply the last one named."""
_DECOYS = 4
"""People at the place on other days, and as many elsewhere on the day."""
_RELATIONS = (
    "{parent} is the {role} of {child}.",
    "The {role} of {child} is {parent}.",
    "{child} has {parent} for a {role}.",
    "{child}'s {role} is called {parent}.",
)
_PRESENT = (
    "{name} was at the {place} on {day}.",
    "On {day} {name} was seen at the {place}.",
    "The visitors' book of the {place} has the name of {name} under {day}.",
    "{name} spent the afternoon of {day} at the {place}.",
)
_ANCESTRY = (
    "Going up from {name} one parent at a time, who is reached after {hops} steps?",
    "Who is the {great}grandparent of {name}?",
)
_MATCH = (
    "Who was at the {place} on {day}? Give all the names.",
    "Name everybody who was at the {place} on {day}.",
)


def threads(request: Request) -> Iterator[Item]:
    """Ancestry and match by turns, of two to five hops and three to six matches by turns."""
    for index in range(request.n):
        rng = drawn("threads", request.seed, index)
        size = index // 2 % len(HOPS)
        thread = _match(MATCHES[size], rng) if index % 2 else _ancestry(HOPS[size], rng)
        yield buried("threads", request, index, thread, prose(rng), rng)


def _ancestry(hops: int, rng: Random) -> Needles:
    size = hops + _BEYOND + 1
    names = people(rng, FAMILIES * size)
    families = [names[at : at + size] for at in range(0, len(names), size)]
    told = [
        (
            family,
            step,
            rng.choice(_RELATIONS).format(child=child, parent=parent, role=rng.choice(("mother", "father"))),
        )
        for family, members in enumerate(families)
        for step, (child, parent) in enumerate(pairwise(members))
    ]
    rng.shuffle(told)
    child, ancestor = families[0][0], families[0][hops]
    question = rng.choice(_ANCESTRY).format(name=child, hops=hops, great="great-" * (hops - 2))
    asked = [at for at, (family, step, _) in enumerate(told) if family == 0 and step < hops]
    return Needles(question, [line for *_, line in told], asked, (ancestor,), f"ancestry {hops} hops")


def _match(matches: int, rng: Random) -> Needles:
    nouns, towns = rng.sample(NOUNS, 4), rng.sample(PLACES, 4)
    places = [f"{noun.capitalize()} Inn at {town}" for noun, town in zip(nouns, towns, strict=True)]
    days = [f"{day} {rng.choice(MONTHS)}" for day in rng.sample(range(2, 29), 4)]
    seen = [(places[0], days[0])] * matches
    seen += [(places[0], rng.choice(days[1:])) for _ in range(_DECOYS)]
    seen += [(rng.choice(places[1:]), days[0]) for _ in range(_DECOYS)]
    names = people(rng, len(seen))
    told = [
        (rng.choice(_PRESENT).format(name=name, place=place, day=day), (place, day), name)
        for name, (place, day) in zip(names, seen, strict=True)
    ]
    rng.shuffle(told)
    asked = [at for at, (_, where, _) in enumerate(told) if where == seen[0]]
    return Needles(
        rng.choice(_MATCH).format(place=places[0], day=days[0]),
        [line for line, *_ in told],
        asked,
        tuple(told[at][2] for at in asked),
        f"match {matches}",
    )
