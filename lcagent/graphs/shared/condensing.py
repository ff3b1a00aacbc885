"""Condensing: notes that do not fit one call are merged in rounds until they do.

Source: collapse stage of "LLM×MapReduce: Simplified Long-Sequence Processing using LLMs"; SEGMENT+ merges its
notes alike. That it ends does not hang on what a model writes: no note is larger than a quarter of the room,
so that groups hold several, and a round that leaves most of the tokens is the last. What is cut to keep
that bound is counted and told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lcagent.documents import query_words
from lcagent.graphs.shared.evidence import Note, merged_blocks
from lcagent.graphs.shared.reading import Unread, attempt, gathered, over_budget
from lcagent.graphs.shared.task import Task
from lcagent.models.estimate import EstimateCounter
from lcagent.models.prompt import as_data
from lcagent.models.window import JOINT, most_first

SHARE = 4
"""A note takes at most this part of the room."""
SHRINK = 0.9
"""Share of the tokens that a round may leave; where a model leaves more, what does not fit is left out, and
told."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What a model makes of a group of notes."""

    facts: tuple[str, ...]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Merger:
    """How a strategy makes one note of several.

    Args:
        merge: gets them as a prompt shows them.
        room: tokens of them that one call holds.
    """

    merge: Callable[[str], Coroutine[Any, Any, Merged]]
    room: Callable[[], int]


async def condensed(
    task: Task, notes: Sequence[Note], room: int, merger: Merger
) -> tuple[list[Note], list[str]]:
    """Notes that fit a number of tokens together, and what had to be left out.

    Args:
        task: the run.
        notes: in reading order.
        room: tokens for all of them.
        merger: the strategy's way.
    """
    group_room = min(room, await asyncio.to_thread(merger.room))
    cut, before, stop = 0, 0, ""
    while True:
        notes, lost = await asyncio.to_thread(_bounded, task, notes, group_room // SHARE)
        cut += lost
        total = await asyncio.to_thread(tokens, task, notes) if notes else 0
        if total <= room:
            return notes, _told(cut, stop)
        if before and total > SHRINK * before:  # the model does not make them shorter
            kept = await asyncio.to_thread(_most_telling, task, notes, room)
            left_out = sum(len(note.facts) for note in notes) - sum(len(note.facts) for note in kept)
            return kept, _told(cut + left_out, stop)
        before = total
        groups = await asyncio.to_thread(_grouped, task, notes, group_room)
        task.progress.notice(f"{len(notes)} findings do not fit one call: {len(groups)} groups of them")
        replies = await gathered([_one(task, group, merger) for group in groups])
        stop = stop or over_budget(replies)
        notes = [_merged(group, got) for group, got in zip(groups, replies, strict=True)]


def _told(left_out: int, stop: str) -> list[str]:
    told = [f"{left_out} facts that were found did not fit the answering call"] if left_out else []
    return [*told, *filter(None, [stop])]


async def _one(task: Task, group: Sequence[Note], merger: Merger) -> Merged | Unread | None:
    """What the model makes of a group; a note that is alone stays as it is."""
    if len(group) == 1:
        return None
    return await attempt(task, merger.merge("\n\n".join(b.shown(None) for b in merged_blocks(task, group))))


def _merged(group: Sequence[Note], got: Merged | Unread | None) -> Note:
    """A group as one note; where the model gives nothing of use, all that its notes say."""
    if got is None:
        return group[0]
    facts, detail = ((), "") if isinstance(got, Unread) else (got.facts, got.detail)
    facts = tuple(" ".join(fact.split()) for fact in facts if fact.strip())
    if not facts:
        facts = tuple(dict.fromkeys(fact for note in group for fact in note.facts))
        detail = "\n".join(dict.fromkeys(note.detail for note in group if note.detail))
    regions = tuple(dict.fromkeys(region for note in group for region in note.regions))
    answers = any(note.answers for note in group)
    return Note(group[0].first, group[-1].last, facts, regions, detail, answers=answers)


def tokens(task: Task, notes: Sequence[Note]) -> int:
    """Tokens that notes take in a prompt together, each under its place."""
    return task.model.window.count(as_data(_shown(task, notes))) + JOINT


def _shown(task: Task, notes: Sequence[Note]) -> str:
    # With a number, as an answering call shows them: no other way takes more.
    return "\n\n".join(block.shown(999) for block in merged_blocks(task, notes))


def _most(task: Task, note: Note) -> int:
    """Tokens that a note takes at most: no request is needed to tell that it is short."""
    return EstimateCounter().count(as_data(_shown(task, [note]))) + JOINT


def _bounded(task: Task, notes: Sequence[Note], most: int) -> tuple[list[Note], int]:
    """Notes of at most `most` tokens, and how many facts were cut short for it."""
    pieces = [piece for note in notes for piece in _pieces(task, note, most)]
    return [piece for piece, _ in pieces], sum(cut for _, cut in pieces)


def _pieces(task: Task, note: Note, most: int) -> list[tuple[Note, bool]]:
    """A note in pieces that fit: its facts are parted, what was said of them goes, then a fact is cut."""
    if not any(note.facts) or _most(task, note) <= most or tokens(task, [note]) <= most:
        return [(note, False)]
    if (half := len(note.facts) // 2) > 0:
        parts = (replace(note, facts=note.facts[:half]), replace(note, facts=note.facts[half:], detail=""))
        return [piece for part in parts for piece in _pieces(task, part, most)]
    if note.detail:
        return _pieces(task, replace(note, detail=""), most)
    shorter = replace(note, facts=(note.facts[0][: len(note.facts[0]) * 3 // 4],))
    return [(piece, True) for piece, _ in _pieces(task, shorter, most)]


def _grouped(task: Task, notes: Sequence[Note], room: int) -> list[Sequence[Note]]:
    """Consecutive notes, as many to a group as the room holds."""
    groups: list[Sequence[Note]] = []
    while notes:
        most = max(1, _most_first(task, notes, room))
        groups.append(notes[:most])
        notes = notes[most:]
    return groups


def _most_first(task: Task, notes: Sequence[Note], room: int) -> int:
    """How many of the first notes fit together."""
    return most_first(len(notes), room, lambda number: tokens(task, notes[:number]))


def _most_telling(task: Task, notes: Sequence[Note], room: int) -> list[Note]:
    """The notes that fit, in reading order: those that answer, then those with most of the question's
    words."""
    asked = set(query_words(task.question))
    held = [len(asked & set(query_words(" ".join(note.facts)))) for note in notes]
    order = sorted(range(len(notes)), key=lambda at: (not notes[at].answers, -held[at], at))
    most = _most_first(task, [notes[at] for at in order], room)
    return [notes[at] for at in sorted(order[:most])]
