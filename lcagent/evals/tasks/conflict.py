"""`conflict`: documents that contradict themselves, and controls that do not.

Ours. One made-up fact is stated in a haystack of pool paragraphs. *contradicted*: a second sentence, in
another place and in other words, states another value, and nothing says which holds; right is the status
"conflicting" with both values. Controls: *corrected*, the second sentence says that it corrects the first,
so that its value is the answer; *once*, there is no second sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from lcagent.evals.haystack import compose
from lcagent.evals.items import Item
from lcagent.evals.tasks.hiding import bury
from lcagent.evals.tasks.pool import FILE, Screen, load_pool
from lcagent.evals.tasks.request import Request, drawn, item_id
from lcagent.evals.tasks.words import GIVEN_NAMES, MONTHS, NOUNS, ORGANISATIONS, PLACES, SURNAMES

NEEDS = (FILE,)
VARIANTS = ("contradicted", "corrected", "contradicted", "once")
"""By turns: as many items that contradict themselves as controls."""


@dataclass(frozen=True, slots=True)
class _Form:
    """One kind of fact: its question and ways to state it, with `{value}` and what it is about."""

    question: str
    statements: tuple[str, ...]


_NAME = (
    _Form(
        "Who is the harbour master of {place}?",
        (
            "The harbour master of {place} is {value}.",
            "At {place} the office of harbour master is held by {value}.",
        ),
    ),
    _Form(
        "Who built the {noun} bridge at {place}?",
        (
            "The {noun} bridge at {place} was built by {value}.",
            "It was {value} who built the {noun} bridge at {place}.",
        ),
    ),
)
_NUMBER = (
    _Form(
        "How many crates does {organisation} keep at {place}?",
        (
            "{organisation} keeps {value} crates at {place}.",
            "The crates that {organisation} keeps at {place} number {value}.",
        ),
    ),
    _Form(
        "How many steps does the {noun} tower of {place} have?",
        (
            "The {noun} tower of {place} has {value} steps.",
            "There are {value} steps in the {noun} tower of {place}.",
        ),
    ),
)
_DATE = (
    _Form(
        "On which date was the {noun} museum of {place} opened?",
        (
            "The {noun} museum of {place} was opened on {value}.",
            "On {value} the {noun} museum of {place} was opened.",
        ),
    ),
    _Form(
        "On which date did {organisation} sign the lease at {place}?",
        (
            "{organisation} signed the lease at {place} on {value}.",
            "The lease at {place} was signed by {organisation} on {value}.",
        ),
    ),
)
KINDS = {"name": _NAME, "number": _NUMBER, "date": _DATE}
_CORRECTIONS = (
    "Correction: {statement}, and not {old}, which was given earlier in error.",
    "Erratum: {old} was given earlier in error; {statement}.",
)


def conflict(request: Request) -> Iterator[Item]:
    """Contradictions and controls by turns, over names, numbers and dates by turns."""
    pool = load_pool(request.data)
    kinds = list(KINDS)
    for index in range(request.n):
        rng = drawn("conflict", request.seed, index)
        variant, kind = VARIANTS[index % len(VARIANTS)], kinds[index // 2 % len(kinds)]
        question, lines, values, place = _planted(variant, kind, rng)
        contradicted = variant == "contradicted"
        made = compose(
            pool.stream(rng, Screen((), (place, *values))),
            lines,
            request.length,
            request.count,
            lambda fillers, lines=lines, rng=rng: bury(fillers, lines, rng),
        )
        yield Item(
            id=item_id("conflict", request, index),
            task="conflict",
            length=request.length,
            question=question,
            answers=values if contradicted else values[-1:],
            match="all" if contradicted else "any",
            metric="conflict" if contradicted else "sub_em",
            text=made.text,
            tokens=made.tokens,
            gold=made.spans if contradicted else made.spans[-1:],
            category=f"{variant} {kind}",
        )


def _planted(variant: str, kind: str, rng: Random) -> tuple[str, list[str], tuple[str, ...], str]:
    """(question, sentences to hide in this order, the values they state, the place they are about)."""
    form = rng.choice(KINDS[kind])
    about = {
        "place": rng.choice(PLACES),
        "noun": rng.choice(NOUNS).capitalize(),
        "organisation": rng.choice(ORGANISATIONS),
    }
    old, new = _values(kind, rng)
    first, second = rng.sample(form.statements, 2)
    lines = [first.format(value=old, **about)]
    if variant == "contradicted":
        lines.append(second.format(value=new, **about))
    if variant == "corrected":
        # In the words of the first: which statement is corrected is then beyond doubt.
        statement = first.format(value=new, **about).removesuffix(".")
        lines.append(rng.choice(_CORRECTIONS).format(old=old, statement=statement))
    values = (old,) if variant == "once" else (old, new)
    return form.question.format(**about), lines, values, about["place"]


def _values(kind: str, rng: Random) -> tuple[str, str]:
    if kind == "name":
        given, families = rng.sample(GIVEN_NAMES, 2), rng.sample(SURNAMES, 2)
        return f"{given[0]} {families[0]}", f"{given[1]} {families[1]}"
    if kind == "number":
        first, second = rng.sample(range(213, 9_987), 2)
        return str(first), str(second)
    years, months = rng.sample(range(1821, 1989), 2), rng.sample(MONTHS, 2)
    days = rng.sample(range(2, 29), 2)
    first, second = (f"{day} {month} {year}" for day, month, year in zip(days, months, years, strict=True))
    return first, second
