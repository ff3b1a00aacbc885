"""From notes to an Answer: how notes are shown, and the answering call over those that are left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from lcagent.agents import answerer
from lcagent.agents.prompt import as_data
from lcagent.documents import query_words
from lcagent.graphs.shared.answering import (
    answer_from_ledger,
    answer_from_views,
    given,
    is_doubted,
    layout,
    looked_at_twice,
    passages_shown,
    ranked_views,
)
from lcagent.graphs.shared.checks import about
from lcagent.graphs.shared.evidence import View
from lcagent.graphs.shared.final import Final
from lcagent.graphs.shared.task import Task
from lcagent.memory.entries import Evidence
from lcagent.memory.notes import Note, best
from lcagent.models.structured import RETRY_TOKENS


def answer_room(task: Task) -> int:
    """Tokens of notes that the answering call can hold, and its retry."""
    window = task.model.window
    reply = answerer.REPLY_TOKENS + RETRY_TOKENS
    room = window.room(answerer.FROM_NOTES.bind(several=True), ("question", "notes"), reply=reply)
    return room - window.count(as_data(task.question)) - window.size // 100


def plainly_about(task: Task, note: Note) -> bool:
    """Whether a note's sentences hold so much of the question that nobody's word is enough to drop it.

    Seen: a 1.5B model dropped every note, among them the one with most of the question's own words.
    """
    return about(task.question, " ".join(item.quote for item in note.evidence))


def weighed_note(task: Task, note: Note) -> Note:
    """The note with each sentence's score halved between how well it was found and how it is about the
    question: by this code chooses where a model does not."""
    asked = set(query_words(task.question))

    def share(item: Evidence) -> float:
        return len(asked & set(query_words(f"{item.quote} {item.note}"))) / max(len(asked), 1)

    weighed = (replace(item, score=(item.score + share(item)) / 2) for item in note.evidence)
    return replace(note, evidence=tuple(weighed))


def shown(task: Task, note: Note) -> str:
    """A note as a prompt shows it: its sentences under their places, then its reasoning."""
    views = [View(e.document, e.start, e.end, []) for e in note.evidence]
    reasoning = f"\nNote: {note.reasoning}" if note.reasoning else ""
    return as_data(layout(task, views) + reasoning)


def shown_all(task: Task, notes: Sequence[Note]) -> str:
    """Several notes."""
    return "\n\n".join(shown(task, note) for note in notes)


def shrinker(task: Task, notes: Sequence[Note]) -> Callable[[int], str]:
    """What makes a prompt's notes shorter: those with the best evidence that fit a number of tokens."""

    def shrink(tokens: int) -> str:
        room = tokens
        text = shown_all(task, best(notes, room, task.token_estimate))
        while text and task.model.window.count(text) > tokens:
            room = room * 3 // 4
            text = shown_all(task, best(notes, room, task.token_estimate))
        return text

    return shrink


async def answer_from_notes(task: Task, notes: Sequence[Note]) -> Final:
    """Answer from the passages around the notes' evidence, and what retrieval and names add to them.

    Args:
        task: the run.
        notes: those that were kept, merged until they fit.
    """
    kept = {(e.document, e.start): note for note in notes for e in note.evidence}
    left = [e for e in task.ledger.live() if not e.note or (e.document, e.start) in kept]
    if is_doubted(task):  # its reasoning is left out: what is left is passages, and asked about as such
        return await answer_from_ledger(task, left, doubted=True)
    ranked = await asyncio.to_thread(ranked_views, task, left)
    if not ranked:
        return Final("", found=False)
    most = passages_shown(task, ranked, doubted=False)
    shown = [v for at, v in enumerate(ranked) if at < most or _noted(v)]
    room = await asyncio.to_thread(answer_room, task)

    async def ask(views: Sequence[View], first: bool) -> Final:
        return await answer_from_views(
            task,
            views,
            room,
            doubted=False,
            last=first,
            prompt=answerer.FROM_NOTES,
            name="notes",
            passage=lambda task, view: _passage(task, view, kept),
        )

    final = await looked_at_twice(task, ranked, shown, ask, most=most)
    return await given(task, final, doubted=False)


def _noted(view: View) -> bool:
    return any(entry.note for entry in view.entries)


def _passage(task: Task, view: View, reasoned: Mapping[tuple[int, int], Note]) -> str:
    """A passage, and the reasoning of the notes that stand on it."""
    notes = {reasoned[place] for e in view.entries if (place := (e.document, e.start)) in reasoned}
    reasonings = sorted({note.reasoning for note in notes if note.reasoning})
    return layout(task, [view]) + ("\nNote: " + " ".join(reasonings) if reasonings else "")
