"""What a generator is asked for, and what a task is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from lcagent.evals.haystack import Counter
from lcagent.evals.items import Item


@dataclass(frozen=True, slots=True)
class Request:
    """What a generator is asked for.

    Args:
        data: the folder of `--data`; None: the small samples of the package.
        length: tokens of the document wanted; 0: as long as the data is.
        n: most items; items that two requests have in common do not depend on it.
        seed: what positions, fillers and the order of the questions are drawn by.
        count: tokens of a text by the served model's tokenizer.
    """

    data: Path | None
    length: int
    n: int
    seed: int
    count: Counter


Generator = Callable[[Request], Iterator[Item]]
"""Yields at most `request.n` items, always the same for the same data, length and seed."""


@dataclass(frozen=True, slots=True)
class Task:
    """One task of the harness.

    Args:
        name: as in `lcagent bench NAME`.
        about: one line for people.
        generate: makes its items.
        needs: files looked for in the data folder.
        fixed_length: documents are as long as they are; a length only leaves out longer ones.
    """

    name: str
    about: str
    generate: Generator
    needs: tuple[str, ...] = ()
    fixed_length: bool = False


def drawn(task: str, seed: int, index: int | str) -> Random:
    """A source of randomness of an item's own, so that an item does not depend on those before it."""
    return Random(f"{task}/{seed}/{index}")  # noqa: S311


def item_id(task: str, request: Request, index: int) -> str:
    """The same for the same task, length, seed and index."""
    return f"{task}-{request.length}-{request.seed}-{index:04d}"
