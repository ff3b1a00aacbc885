"""The marks of citations in a text, `[1]`, as footnotes of Markdown."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

_MARK = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Marked:
    """A text whose marks are footnotes, and where they stand in it."""

    text: str
    spans: dict[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)


def marked(text: str, numbers: Collection[int]) -> Marked:
    """Turn `[1]` into `[^1]`, where a citation has that number.

    Args:
        text: of an answer.
        numbers: of its citations.
    """
    pieces: list[str] = []
    spans: dict[int, list[tuple[int, int]]] = {}
    done = length = 0
    for match in _MARK.finditer(text):
        number = int(match[1])
        if number not in numbers:
            continue
        before, mark = text[done : match.start()], f"[^{number}]"
        start = length + len(before)
        pieces += [before, mark]
        length, done = start + len(mark), match.end()
        spans.setdefault(number, []).append((start, length))
    return Marked("".join([*pieces, text[done:]]), {n: tuple(at) for n, at in spans.items()})
