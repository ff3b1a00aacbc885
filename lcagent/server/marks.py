"""The marks of citations in a text, `[1]`, as footnotes of Markdown."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from lcagent.answer import Claim

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
    found = [(match.start(), match.end(), int(match[1])) for match in _MARK.finditer(text)]
    return _built(text, [(start, end, [number]) for start, end, number in found if number in numbers])


def placed(text: str, claims: Iterable[Claim], numbers: Collection[int]) -> Marked:
    """Set marks behind the statements of a reply, which has none of ours: what looks like one stays as it is.

    Args:
        text: of the reply.
        claims: its statements, in order.
        numbers: of the citations that are marked.
    """
    behind: dict[int, dict[int, None]] = {}
    done = 0
    for claim in claims:
        start = text.find(claim.text, done)
        if start >= 0:
            done = start + len(claim.text)
        at = done if start >= 0 else len(text)
        behind.setdefault(at, {}).update((number, None) for number in claim.citations if number in numbers)
    return _built(text, [(at, at, list(found)) for at, found in sorted(behind.items()) if found])


def _built(text: str, marks: Iterable[tuple[int, int, Sequence[int]]]) -> Marked:
    """A text with marks of these numbers in place of the characters from `start` to `end`."""
    built, done = "", 0
    spans: dict[int, list[tuple[int, int]]] = {}
    for start, end, numbers in marks:
        built += text[done:start] + (" " if start == end else "")
        done = end
        for number in numbers:
            mark = f"[^{number}]"
            spans.setdefault(number, []).append((len(built), len(built) + len(mark)))
            built += mark
    return Marked(built + text[done:], {n: tuple(at) for n, at in spans.items()})
