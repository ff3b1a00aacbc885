"""Notes: evidence and reasoning, packed into batches that a call can hold, always fewer of them.

SEGMENT+ (Shi et al. 2024) merges notes batch by batch until one batch is left. That it ends does not
hang on what a model replies: a batch is replaced by one note of at most a quarter of a batch, a round
that does not shrink is cut by code, and there is a last round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lcagent.documents import Document
from lcagent.memory.entries import Evidence

HEAD_TOKENS = 16
"""Tokens for a note's place and marks."""
JOINT_TOKENS = 12
"""Tokens for a sentence's place and line breaks."""
MERGED_SHARE = 4
"""A merged note takes at most one part in so many of a batch."""
MOST_MERGES = 6
"""Rounds of merging; what is left after them is cut to one batch."""
_SHRINK = 0.75
"""Share of the tokens before it that a round may leave. Any two neighbouring batches exceed one, so that
with merged notes of a quarter this holds by itself, but for very small rooms."""

Count = Callable[[str], int]
"""Tokens of a short text; may be an estimate."""


@dataclass(frozen=True, slots=True)
class Note:
    """What was noted: sentences of the documents, and what the note-taker makes of them.

    Args:
        evidence: in reading order.
        reasoning: in the model's words; may be empty.
        claimed: a fact of those that stand nowhere in the segment, where none of them stands; else empty.
    """

    evidence: tuple[Evidence, ...]
    reasoning: str = ""
    claimed: str = ""

    def as_state(self) -> dict[str, Any]:
        """For a graph's state: places instead of quotes."""
        rows = [[e.document, e.segment, e.start, e.end, e.note, e.score] for e in self.evidence]
        return {"evidence": rows, "reasoning": self.reasoning}


def from_state(state: Mapping[str, Any], documents: Sequence[Document]) -> Note:
    """A note from a graph's state; its quotes are read from the documents."""
    evidence = [
        Evidence(document, segment, start, end, documents[document].text[start:end], note, score)
        for document, segment, start, end, note, score in state["evidence"]
    ]
    return Note(tuple(evidence), state["reasoning"])


def size(note: Note, count: Count) -> int:
    """Tokens of a note as it is shown."""
    quotes = sum(count(e.quote) + JOINT_TOKENS for e in note.evidence)
    return HEAD_TOKENS + quotes + (count(note.reasoning) if note.reasoning else 0)


def total(notes: Sequence[Note], count: Count) -> int:
    """Tokens of all notes."""
    return sum(size(note, count) for note in notes)


def trim(note: Note, room: int, count: Count) -> Note:
    """The note cut to its best evidence that fits; its reasoning goes first.

    A sentence that is too long for the room by itself is cut short: what is left stays verbatim.
    """
    if size(note, count) <= room:
        return note
    left = room - HEAD_TOKENS
    chosen: list[Evidence] = []
    for item in sorted(note.evidence, key=lambda e: (-e.score, e.document, e.start)):
        fitting = item if chosen else _shortened(item, left - JOINT_TOKENS, count)
        needed = count(fitting.quote) + JOINT_TOKENS
        if needed <= left and fitting.quote:
            chosen.append(fitting)
            left -= needed
    return Note(tuple(sorted(chosen, key=_place)))


def _shortened(item: Evidence, room: int, count: Count) -> Evidence:
    while item.quote and count(item.quote) > room:
        kept = item.quote[: len(item.quote) // 2].rstrip()
        item = replace(item, quote=kept, end=item.start + len(kept))
    return item


def split(note: Note, room: int, count: Count) -> list[Note]:
    """An oversize note as several that fit; the first one that has room for it keeps the reasoning."""
    if size(note, count) <= room:
        return [note]
    pieces: list[Note] = []
    for item in note.evidence:
        alone = trim(Note((item,)), room, count)
        joined = Note((*pieces[-1].evidence, *alone.evidence)) if pieces else alone
        if pieces and size(joined, count) <= room:
            pieces[-1] = joined
        elif alone.evidence:
            pieces.append(alone)
    for at, piece in enumerate(pieces):
        if size(reasoned := replace(piece, reasoning=note.reasoning), count) <= room:
            pieces[at] = reasoned
            break
    return pieces


def batches(notes: Sequence[Note], room: int, count: Count) -> list[list[Note]]:
    """Notes in reading order, packed into batches of at most `room` tokens."""
    packed: list[list[Note]] = []
    left = 0
    for note in (piece for whole in notes for piece in split(whole, room, count)):
        needed = size(note, count)
        if not packed or needed > left:
            packed.append([])
            left = room
        packed[-1].append(note)
        left -= needed
    return packed


def merged(
    notes: Sequence[Note], chosen: Sequence[Evidence], reasoning: str, room: int, count: Count
) -> Note:
    """One note for a batch: the evidence chosen, then the best of the rest while there is room.

    Args:
        notes: the batch.
        chosen: evidence of the batch that the merger named.
        reasoning: what it makes of it.
        room: most tokens of the new note.
        count: tokens of a text.
    """
    named = {_place(item) for item in chosen}
    items = {_place(item): item for note in notes for item in note.evidence}
    # What the merger names counts before everything else; what it passes over is not lost by that alone.
    ranked = [replace(e, score=e.score + 1.0) if _place(e) in named else e for e in items.values()]
    spent = count(reasoning) if reasoning else 0
    if spent > room // 3:
        reasoning, spent = "", 0
    kept = trim(Note(tuple(ranked)), room - spent, count).evidence
    evidence = [replace(item, score=items[_place(item)].score) for item in kept]
    return Note(tuple(sorted(evidence, key=_place)), reasoning)


def next_batches(
    notes: Sequence[Note], room: int, count: Count, *, before: int | None, merges: int
) -> list[list[Note]]:
    """The batches of the next round; when there is one at most, merging has ended.

    Args:
        notes: what the last round left, in reading order.
        room: tokens of one batch.
        count: tokens of a text.
        before: tokens before the last round; None before the first.
        merges: rounds of merging done.
    """
    if before is not None and total(notes, count) > _SHRINK * before:
        notes = best(notes, int(_SHRINK * before), count)
    if merges >= MOST_MERGES:
        notes = best(notes, room, count)
    return batches(notes, room, count)


def best(notes: Sequence[Note], room: int, count: Count) -> list[Note]:
    """The notes with the best evidence that fit together, in their order; the first one trimmed to fit."""
    ranked = sorted(range(len(notes)), key=lambda at: (-_score(notes[at]), at))
    kept: dict[int, Note] = {}
    for at in ranked:
        note = notes[at] if kept else trim(notes[at], room, count)
        if note.evidence and (needed := size(note, count)) <= room:
            kept[at] = note
            room -= needed
    return [kept[at] for at in sorted(kept)]


def _score(note: Note) -> float:
    return max((item.score for item in note.evidence), default=0.0)


def _place(item: Evidence) -> tuple[int, int]:
    return item.document, item.start
