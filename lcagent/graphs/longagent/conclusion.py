"""LongAgent's end: one answer from the sides that stand, and what stayed unresolved told apart.

A hallucination is not the same as a document that contradicts itself: where two sides stand to the
end, code looks whether each side's own quote holds its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, replace

from lcagent.agents import answerer
from lcagent.errors import CutReply, MalformedReply
from lcagent.graphs.longagent.bracket import Reply, Round, Side
from lcagent.graphs.shared.answering import answer_from_ledger, answer_from_views, given, is_doubted
from lcagent.graphs.shared.checks import MOST_CITATIONS, check
from lcagent.graphs.shared.evidence import widen
from lcagent.graphs.shared.final import Final
from lcagent.graphs.shared.retrieval import hint_entries
from lcagent.graphs.shared.task import Task
from lcagent.memory.entries import Entry, Evidence

_UNSUPPORTED = 0.3
"""Weight of a passage whose sentence does not hold the answer that pointed at it."""


def standing(done: Round) -> list[Side]:
    """The sides of a round that no other has beaten."""
    return [done["sides"][i] for i in done["standing"]]


async def conclude(task: Task, rounds: Sequence[Round], replies: Sequence[Reply]) -> Final:
    """The best answer from what stands after the last round.

    Members that all answer, where few can know, or that all refuse and yet name answers, are not believed:
    then retrieval is a second witness beside them, as in the other strategies.

    Args:
        task: the run.
        rounds: what was asked and answered.
        replies: what the members said, refusals too.

    Raises:
        MalformedReply, CutReply: the answering call gave nothing usable, and no member's own answer
            can take its place.
    """
    sides = [side for done in rounds for side in standing(done)]
    doubted = is_doubted(task) or waver(replies)
    quoted = _quoted(sides)
    if not (quoted or doubted):
        return Final("", found=False, warnings=_notes(task, rounds))
    fallback = await asyncio.to_thread(_members_own, task, rounds[-1], doubted=doubted)
    try:
        if doubted:
            hinted = await asyncio.to_thread(_hinted, task)
            final = await answer_from_ledger(task, [*quoted, *hinted], doubted=True)
        else:
            views = widen(quoted, task.documents, task.span)
            room = answerer.evidence_room(task.model.window, task.question)
            final = await answer_from_views(task, views, room, doubted=False)
            final = await given(task, final if final.found else fallback or final, doubted=False)
    except (MalformedReply, CutReply):
        if fallback is None:
            raise
        final = await given(task, fallback, doubted=doubted)
    if task.several:  # each of several things is an answer of its own
        return final
    return _with_conflicts(task, final, rounds)


def waver(replies: Sequence[Reply]) -> bool:
    """Whether every member refused, or answered in spite of it: then their refusals say nothing.

    Seen: a 1.5B model refused in every reply, those included that named the right answer.
    """
    plain = any(reply["kind"] == "answer" and not reply["wavers"] for reply in replies)
    return not plain and any(reply["wavers"] for reply in replies)


def _quoted(sides: Sequence[Side]) -> list[Entry]:
    """The sides' quotes, those that hold their answer with more weight."""
    return [
        Entry(**asdict(_evidence(side, 1.0 if side["supported"] else _UNSUPPORTED)))
        for side in sides
        if side["quote"]
    ]


def _hinted(task: Task) -> list[Entry]:
    """Sentences of the passages that retrieval finds for the question."""
    return [
        Entry(**asdict(hint))
        for number, segments in enumerate(task.segments)
        for segment in segments
        for hint in hint_entries(task, number, segment)
    ]


def _evidence(side: Side, score: float = 1.0) -> Evidence:
    return Evidence(
        side["document"],
        side["index"],
        side["start"],
        side["end"],
        side["quote"],
        side["answer"],
        score,
    )


def _members_own(task: Task, last: Round, *, doubted: bool) -> Final | None:
    """A member's answer to the last sub-question, where its own quote holds it and code accepts it."""
    for side in standing(last):
        if side["supported"]:
            reply = answerer.FinalReply(found="yes", answer=side["answer"])
            views = widen(_quoted([side]), task.documents, task.span)
            regions = [(view.document, view.start, view.end) for view in views]
            final = check(task, reply, regions, doubted=doubted)
            if final.found:
                return final
    return None


def _with_conflicts(task: Task, final: Final, rounds: Sequence[Round]) -> Final:
    """The answer with both sides' quotes where something stayed unresolved."""
    torn = [sides for done in rounds if len(sides := standing(done)) > 1]
    warnings = [*final.warnings, *_notes(task, rounds)]
    if not final.found or not any(side["supported"] for sides in torn for side in sides):
        return replace(final, warnings=warnings)
    quoted = [asdict(_evidence(side)) for sides in torn for side in sides[:2] if side["quote"]]
    places = {(item["document"], item["start"]) for item in quoted}
    others = [item for item in final.cited if (item["document"], item["start"]) not in places]
    cited = [*quoted, *others][: max(len(quoted), MOST_CITATIONS)]
    return Final(final.text, True, cited, conflict=True, warnings=warnings)


def _notes(task: Task, rounds: Sequence[Round]) -> list[str]:
    notes: list[str] = []
    for done in rounds:
        sides = standing(done)
        if len(sides) > 1:
            notes.append(told_apart(task, done))
        elif sides and not sides[0]["supported"]:
            notes.append(f"no sentence of its segment was found that holds {_listed(task, sides)}")
        if done["left_out"]:
            notes.append(
                f"{done['left_out']} more answers to {done['question']!r}, those whose own quotes are least"
                " about it, were not confronted with the others"
            )
    return notes


def told_apart(task: Task, done: Round) -> str:
    """What stayed unresolved, in a sentence: the document says two things, or a quote holds no answer."""
    sides = standing(done)
    held = [side for side in sides if side["supported"]]
    loose = [side for side in sides if not side["supported"]]
    asked = "" if done["question"] == task.question else f" to {done['question']!r}"
    if len(held) > 1 and not loose:
        return f"the document says two things{asked}: {_listed(task, held)}"
    if not held:
        return f"no member's answer{asked} stands in its own quote: {_listed(task, loose)}"
    head = f"the document says two things{asked}: " if len(held) > 1 else f"members disagree{asked}: "
    doubts = [
        f"{_listed(task, [side])} {'is not held by its own quote' if side['quote'] else 'has no quote'}"
        for side in loose
    ]
    return f"{head}{_listed(task, held)}; {'; '.join(doubts)}"


def _listed(task: Task, sides: Sequence[Side]) -> str:
    shown: list[str] = []
    for side in sides:
        document = task.documents[side["document"]]
        page = document.page_at(side["start"])
        where = f"{document.unit} {page}" if page else f"segment {side['index'] + 1}"
        name = f"{document.name}, " if len(task.documents) > 1 else ""
        shown.append(f"{side['answer']!r} ({name}{where})")
    return " and ".join(shown)
