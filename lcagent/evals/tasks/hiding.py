"""Hide whole paragraphs, or sentences, in the paragraphs of a haystack, and say where they stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from lcagent.evals.haystack import SENTENCE_END, SEPARATOR, Laid, Span, compose
from lcagent.evals.items import Item
from lcagent.evals.tasks.request import Request, item_id


@dataclass(frozen=True, slots=True)
class Needles:
    """Sentences that are hidden, and the question that some of them answer.

    Args:
        question: as asked.
        lines: in the order in which they are hidden.
        asked: which of them answer it.
        answers: of several all must be given.
        category: for scores by kind.
    """

    question: str
    lines: Sequence[str]
    asked: Sequence[int]
    answers: tuple[str, ...]
    category: str


def buried(
    task: str, request: Request, index: int, needles: Needles, stream: Iterator[str], rng: Random
) -> Item:
    """An item whose needles stand between the sentences of paragraphs drawn at random.

    Args:
        task: its name.
        request: how long, of which seed.
        index: of the item.
        needles: what is hidden.
        stream: paragraphs of the haystack.
        rng: what is drawn by.
    """
    lines, several = needles.lines, len(needles.answers) > 1
    made = compose(stream, lines, request.length, request.count, lambda fillers: bury(fillers, lines, rng))
    return Item(
        id=item_id(task, request, index),
        task=task,
        length=request.length,
        question=needles.question,
        answers=needles.answers,
        match="all" if several else "any",
        metric="recall" if several else "sub_em",
        text=made.text,
        tokens=made.tokens,
        gold=tuple(made.spans[at] for at in needles.asked),
        category=needles.category,
    )


def shuffled(fillers: Sequence[str], rng: Random) -> list[str]:
    """In another order, but for the last, which may be cut short and looks least odd at the end."""
    return [*rng.sample(fillers[:-1], max(0, len(fillers) - 1)), *fillers[-1:]]


def weave(fillers: Sequence[str], hidden: Sequence[str], slots: Sequence[int]) -> Laid:
    """Hide whole paragraphs: the i-th goes before the filler of number `slots[i]`.

    Of several at one slot the earlier ones come first.
    """
    by_slot: dict[int, list[int]] = {}
    for number, slot in enumerate(slots):
        by_slot.setdefault(slot, []).append(number)
    parts: list[str] = []
    spans = [(0, 0)] * len(hidden)
    offset = 0
    for index in range(len(fillers) + 1):
        for number in by_slot.get(index, ()):
            spans[number] = (offset, offset + len(hidden[number]))
            parts.append(hidden[number])
            offset += len(hidden[number]) + len(SEPARATOR)
        if index < len(fillers):
            parts.append(fillers[index])
            offset += len(fillers[index]) + len(SEPARATOR)
    return Laid(SEPARATOR.join(parts), tuple(spans))


def bury(fillers: Sequence[str], needles: Sequence[str], rng: Random) -> Laid:
    """Hide sentences between the sentences of paragraphs drawn at random, in the order given."""
    places = range(len(fillers))
    few = len(fillers) < len(needles)
    drawn = sorted(rng.choices(places, k=len(needles)) if few else rng.sample(places, len(needles)))
    waiting = dict[int, list[str]]()
    for place, needle in zip(drawn, needles, strict=True):
        waiting.setdefault(place, []).append(needle)
    parts: list[str] = []
    spans: list[Span] = []
    offset = 0
    for index, paragraph in enumerate(fillers):
        text, inside = _insert(paragraph, waiting.get(index, []), rng)
        spans += [(offset + start, offset + end) for start, end in inside]
        parts.append(text)
        offset += len(text) + len(SEPARATOR)
    return Laid(SEPARATOR.join(parts), tuple(spans))


def _insert(paragraph: str, needles: list[str], rng: Random) -> tuple[str, list[Span]]:
    if not needles:
        return paragraph, []
    ends = [m.end() for m in SENTENCE_END.finditer(paragraph)] or [len(paragraph)]
    at = rng.choice(ends)
    text, spans = paragraph[:at], list[Span]()
    for needle in needles:
        spans.append((len(text) + 1, len(text) + 1 + len(needle)))
        text += " " + needle
    return text + paragraph[at:], spans


def slot_at(fillers: Sequence[str], depth: float) -> int:
    """The slot of `weave` nearest to a depth, from 0 to 1, measured in characters."""
    goal = depth * sum(map(len, fillers))
    passed = 0
    for slot, filler in enumerate(fillers):
        if passed + len(filler) / 2 >= goal:
            return slot
        passed += len(filler)
    return len(fillers)
