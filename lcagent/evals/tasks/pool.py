"""The pool: paragraphs that haystacks are filled with, and which of them would give an answer away."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from random import Random

from lcagent.documents.answers import normalise
from lcagent.errors import UsageError
from lcagent.evals.tasks.data import found, records

FILE = "multihop/pool.jsonl"
_PUNCTUATION = re.compile(r"[^\w\s]|_")
_ARTICLES = frozenset({"a", "an", "the"})
_OPENING = 80
"""Characters of normalised text by which two copies of one paragraph are known."""
YES_NO = frozenset({"yes", "no"})


def forms(text: str) -> str:
    """A text in the form that scores compare, and with its punctuation as spaces, between spaces.

    The second form finds "Jean-Luc" for the answer "Jean", and "singer/songwriter" for "singer".
    """
    return f" {normalise(text)} | {_spaced(text)} "


def _spaced(text: str) -> str:
    return " ".join(word for word in _PUNCTUATION.sub(" ", text.lower()).split() if word not in _ARTICLES)


def holds(forms_of_text: str, answer: str) -> bool:
    """Whether a text, given by its forms, holds an answer as a run of whole words in either form."""
    wanted = {normalise(answer), _spaced(answer)} - {""}
    return any(f" {form} " in forms_of_text for form in wanted)


class Paragraph:
    """One paragraph of the pool, on one line with its title before it."""

    def __init__(self, pid: str, title: str, text: str) -> None:
        self.pid = pid
        self.title = " ".join(title.replace("_", " ").split())
        self.body = " ".join(text.split())

    @property
    def line(self) -> str:
        """As it stands in a haystack: a title on a line of its own would be taken for a heading."""
        return f"{self.title}: {self.body}"

    @cached_property
    def forms(self) -> str:
        """For `holds`; made when first asked for, since most paragraphs are never looked at."""
        return forms(self.line)

    @cached_property
    def key(self) -> str:
        """Its normalised title."""
        return normalise(self.title)

    @cached_property
    def opening(self) -> str:
        """How its text begins, normalised."""
        return normalise(self.body[: 2 * _OPENING])[:_OPENING]


class Screen:
    """Keeps out of a haystack what would spoil one item.

    Args:
        gold: paragraphs of which no second copy may stand there, by title or by opening.
        answers: runs of words that no paragraph may hold; "yes" and "no" say nothing by themselves.
    """

    def __init__(self, gold: Iterable[Paragraph], answers: Sequence[str]) -> None:
        gold = list(gold)
        self._titles = {paragraph.key for paragraph in gold}
        self._openings = {paragraph.opening for paragraph in gold}
        self._answers = [answer for answer in answers if normalise(answer) not in YES_NO]

    def lets(self, paragraph: Paragraph) -> bool:
        """Whether a paragraph may stand in the haystack."""
        if paragraph.key in self._titles or paragraph.opening in self._openings:
            return False
        return not any(holds(paragraph.forms, answer) for answer in self._answers)


class Pool:
    """All paragraphs of a data folder."""

    def __init__(self, paragraphs: Iterable[Paragraph]) -> None:
        self.by_pid = {paragraph.pid: paragraph for paragraph in paragraphs}
        self._all = list(self.by_pid.values())

    def stream(self, rng: Random, screen: Screen, first: Sequence[Paragraph] = ()) -> Iterator[str]:
        """Paragraphs without end: those of `first`, then the others, then all again in another order.

        A haystack longer than the pool thus repeats paragraphs, but never a gold one.

        Raises:
            UsageError: the screen lets nothing through.
        """
        yield from self.only(screen, first)
        seen = {paragraph.pid for paragraph in first}
        while True:
            order = list(self._all)
            rng.shuffle(order)
            passed = False
            for paragraph in order:
                if paragraph.pid not in seen and screen.lets(paragraph):
                    passed = True
                    yield paragraph.line
            if not passed and not seen:
                raise UsageError("every paragraph of the pool holds the answer", hint="use a larger pool")
            seen = set()

    @staticmethod
    def only(screen: Screen, paragraphs: Iterable[Paragraph]) -> Iterator[str]:
        """Some paragraphs, screened, each once."""
        return (paragraph.line for paragraph in paragraphs if screen.lets(paragraph))


def load_pool(data: Path | None) -> Pool:
    """The pool of a data folder, kept for the next task that asks."""
    path = found(data, FILE)
    return _load(data, path.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _load(data: Path | None, _changed: int) -> Pool:
    rows = records(data, FILE)
    return Pool(Paragraph(row["pid"], row["title"], row["text"]) for row in rows)
