"""A path through the graph of facts: where it stands, what it noted, and what it may do next.

Source: "GraphReader: Building Graph-based Agent to Enhance Long-Context Abilities of LLMs", section 3.3. All
of it is plain data, because it lives in the graph's checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypedDict

from lcagent.documents.answers import cluster, same_answer

Phase = Literal["facts", "chunks", "neighbours", "done"]


class Step(TypedDict):
    """One function that was called, for whoever looks at the path: what it was, where, and what it gave."""

    do: str
    node: str
    places: list[list[int]]
    noted: int


class Path(TypedDict):
    """One of the explorations.

    `start` is the first node's name, `node` the key of the one where it stands. `queue` holds the pieces of
    text to read, first in first out; `at` is the one read last. `notes` names the findings of its notebook,
    oldest first. `ended` says why it is over.
    """

    start: str
    node: str
    phase: Phase
    queue: list[list[int]]
    at: list[int]
    visited: list[str]
    notes: list[str]
    missing: str
    conclusion: str
    calls: int
    ended: str
    steps: list[Step]


def begun(node: str, name: str, known: Iterable[str] = ()) -> Path:
    """A path that stands at its first node, which is called so; with findings that it knows already."""
    return Path(
        start=name,
        node=node,
        phase="facts",
        queue=[],
        at=[],
        visited=[],
        notes=list(known),
        missing="",
        conclusion="",
        calls=0,
        ended="",
        steps=[],
    )


def queued(path: Path, places: Iterable[Sequence[int]], read: Iterable[Sequence[int]]) -> list[list[int]]:
    """The queue with further pieces behind those that wait; what was read or waits already is no new one."""
    known = {*map(tuple, read), *map(tuple, path["queue"])}
    fresh = [list(place) for place in dict.fromkeys(map(tuple, places)) if place not in known]
    return [*path["queue"], *fresh]


def ended(path: Path, why: str) -> Path:
    """The path, over."""
    return {**path, "phase": "done", "ended": why}


class Votes(TypedDict):
    """One of the answers that paths came to, and from where they had set out."""

    answer: str
    paths: list[str]


def votes(paths: Sequence[Path]) -> list[Votes]:
    """The different answers that paths came to, the one with most votes first; of equals the earliest."""
    said = [path for path in paths if path["conclusion"]]
    groups = cluster([path["conclusion"] for path in said], same_answer)
    found = [
        Votes(answer=said[members[0]]["conclusion"], paths=[said[at]["start"] for at in members])
        for members in groups
    ]
    return sorted(found, key=lambda one: -len(one["paths"]))


def decided(paths: Sequence[Path]) -> bool:
    """Whether more than half of all paths agree, so that no other vote can change the answer."""
    first = next(iter(votes(paths)), None)
    return first is not None and 2 * len(first["paths"]) > len(paths)
