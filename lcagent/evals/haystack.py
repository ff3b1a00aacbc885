"""Haystacks: documents of a wanted length in tokens, with pieces hidden in them at known spans.

Counting may be a request to a server and the text may be millions of characters, so that almost all
of a text is counted twice only: once in a few large batches while it grows, once whole at the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from lcagent.errors import UsageError

Counter = Callable[[str], int]
"""Tokens of a text by the served model's tokenizer."""

SEPARATOR = "\n\n"
TOLERANCE = 0.02
"""Share of the wanted length that a document may differ from it."""
_AIM = 0.005
"""Share that is aimed at: pieces counted apart do not add up exactly, so that some room is needed."""
_PROBE = 2000
"""Tokens of the first batch of a long text: enough to learn how many characters a token takes."""
_FIRST_RATIO = 3.0
SENTENCE_END = re.compile(r"[.!?][\"'”’)\]]*(?=\s|$)")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Laid:
    """A text, and the spans of what was hidden in it, in the order it was given."""

    text: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Haystack:
    """A finished document: its text, the spans of what is hidden, its length in tokens."""

    text: str
    spans: tuple[Span, ...]
    tokens: int


@dataclass(frozen=True, slots=True)
class _Filling:
    whole: list[str]
    cut: str
    """The beginning of one more paragraph; empty where none was needed."""
    uncut: str
    """That paragraph as it was."""

    @property
    def paragraphs(self) -> list[str]:
        return [*self.whole, self.cut] if self.cut else self.whole


def compose(
    stream: Iterator[str],
    hidden: Sequence[str],
    length: int,
    count: Counter,
    lay: Callable[[list[str]], Laid],
) -> Haystack:
    """A document of `length` tokens, within 2 %.

    Args:
        stream: paragraphs to fill it with, as many as are needed.
        hidden: what `lay` will add, counted beforehand.
        length: tokens wanted; 0 takes the whole stream, whatever it measures.
        count: the served model's tokenizer.
        lay: puts the filling, the last paragraph of which may be cut short, and the hidden together.

    Raises:
        UsageError: what is hidden alone is too long, or no such length can be met.
    """
    if not length:
        laid = lay(list(stream))
        return Haystack(laid.text, laid.spans, count(laid.text))
    fixed = count(SEPARATOR.join(hidden)) if hidden else 0
    if fixed > length * (1 + _AIM):
        raise too_short(length, fixed)
    goal = length - fixed
    slack = max(1.0, length * _AIM)
    filling = fill(stream, goal, count, slack=slack)
    laid = lay(filling.paragraphs)
    tokens = count(laid.text)
    for _ in range(3):
        if abs(tokens - length) <= length * TOLERANCE / 2:
            break
        # What was counted apart did not add up: fill again with the same paragraphs, by the difference.
        goal = max(0, goal + length - tokens)
        stream = chain(filling.whole, [filling.uncut] if filling.uncut else [], stream)
        filling = fill(stream, goal, count, slack=slack)
        laid = lay(filling.paragraphs)
        tokens = count(laid.text)
    if abs(tokens - length) > length * TOLERANCE:
        raise too_short(length, fixed)
    return Haystack(laid.text, laid.spans, tokens)


def too_short(length: int, needed: int) -> UsageError:
    """The error for a length that does not hold what has to be hidden."""
    return UsageError(
        f"a document of {length:,} tokens is too short for this task",
        hint=f"ask for more than {max(needed, length) + 1:,} tokens with --length",
    )


def fill(stream: Iterator[str], tokens: int, count: Counter, *, slack: float) -> _Filling:
    """Take paragraphs that together measure `tokens`, and cut the last one where it must be."""
    whole: list[str] = []
    have, ratio = 0, _FIRST_RATIO
    held = next(stream, "")
    while held and tokens - have > slack:
        batch, held = _batch(stream, held, _limit(tokens - have, ratio, first=not whole))
        alone = not batch
        batch = batch or [held]
        measured = count(_joined(batch))
        if alone and have + measured > tokens + slack:
            break  # this one has to be cut
        held = next(stream, "") if alone else held
        ratio = sum(len(text) + len(SEPARATOR) for text in batch) / max(1, measured)
        whole, have = whole + batch, have + measured
    while whole and have - tokens > slack:
        dropped, whole = _tail(whole, (have - tokens) * ratio)
        have, held = have - count(_joined(dropped)), dropped[0]
    short = tokens - have
    last = cut(held, short, count, slack=slack, ratio=ratio) if held and short > slack else ""
    return _Filling(whole, last, held)


def _joined(batch: Sequence[str]) -> str:
    return SEPARATOR + SEPARATOR.join(batch)


def _limit(left: int, ratio: float, *, first: bool) -> float:
    """Characters of the next batch: short of the goal while the ratio is a guess."""
    if first:
        return ratio * (_PROBE if left > 2 * _PROBE else 0.8 * left)
    return ratio * left * (0.98 if left > _PROBE else 1.0)


def _batch(stream: Iterator[str], held: str, limit: float) -> tuple[list[str], str]:
    """Paragraphs up to a number of characters, and the first one that no longer fits."""
    batch: list[str] = []
    while held and (limit := limit - len(held) - len(SEPARATOR)) >= 0:
        batch.append(held)
        held = next(stream, "")
    return batch, held


def _tail(whole: list[str], characters: float) -> tuple[list[str], list[str]]:
    at = len(whole)
    while at and characters > 0:
        at -= 1
        characters -= len(whole[at])
    return whole[at:], whole[:at]


def cut(paragraph: str, tokens: int, count: Counter, *, slack: float, ratio: float = _FIRST_RATIO) -> str:
    """The beginning of a paragraph that measures `tokens`: to a sentence's end if one is near enough.

    Args:
        paragraph: longer than what is wanted, or it comes back whole.
        tokens: wanted, the separator before it included.
        count: the served model's tokenizer.
        slack: tokens that it may be off.
        ratio: characters a token, as far as known.
    """
    low, high = 0, len(paragraph)
    size = tokens * ratio
    best, off = "", float(tokens)
    for _ in range(8):
        piece = paragraph[: _boundary(paragraph, int(size), int(slack * ratio))]
        measured = count(SEPARATOR + piece)
        if abs(tokens - measured) < off:
            best, off = piece, abs(tokens - measured)
        if off <= slack or not piece:
            break
        low, high = (low, len(piece)) if measured > tokens else (len(piece), high)
        size = len(piece) * tokens / measured
        if not low < size < high:  # figures take more tokens than words: the proportion misleads
            size = (low + high) / 2
    return best


def _boundary(paragraph: str, size: int, slack: int) -> int:
    if size >= len(paragraph):
        return len(paragraph)
    ends = [m.end() for m in SENTENCE_END.finditer(paragraph, max(0, size - slack), size + slack)]
    if ends:
        return ends[-1]
    space = paragraph.rfind(" ", 0, size + 1)
    return space if space > 0 else size
