"""LongAgent's end: one answer from the sides that are left, and what stayed unresolved told apart.

A hallucination is not the same as a document that contradicts itself: where two sides are left at the end,
code looks whether each side's own quote holds its answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lcagent.documents import Span
from lcagent.documents.corpus import Region
from lcagent.errors import CutReply, MalformedReply
from lcagent.graphs.longagent.bracket import Round, Side
from lcagent.graphs.shared.answering import answer_from
from lcagent.graphs.shared.asking import form_for
from lcagent.graphs.shared.collapsing import collapsing
from lcagent.graphs.shared.fallback import own_answer
from lcagent.graphs.shared.retrieval import Hop
from lcagent.graphs.shared.task import Task
from lcagent.graphs.shared.verdict import Verdict
from lcagent.memory.findings import Finding


def left(done: Round) -> list[Side]:
    """The sides of a round that no other has beaten."""
    return [done["sides"][i] for i in done["left"]]


def hops(rounds: Sequence[Round]) -> list[Hop]:
    """The rounds as a chain: what was asked, and the answers that are left with their sentences."""
    chain: list[Hop] = []
    for number, done in enumerate(rounds, 1):
        sides = left(done)
        regions = dict.fromkeys(region for side in sides for region in _regions(side))
        chain.append(
            Hop(
                number=number,
                question=done["question"],
                answer=" / ".join(side["answer"] for side in sides),
                regions=[list(region) for region in regions],
                shown=[],
            )
        )
    return chain


async def conclude(task: Task, rounds: Sequence[Round], *, several: bool) -> Verdict:
    """The best answer from what is left after the last round.

    Args:
        task: the run.
        rounds: what was asked and answered.
        several: different answers are no conflict.

    Raises:
        MalformedReply, CutReply: the answering call gave nothing usable, and no member's own answer can
            take its place.
    """
    findings = [_finding(task, done, side) for done in rounds for side in left(done)]
    findings.sort(key=lambda finding: (finding.document, finding.segment))
    findings = [replace(finding, seq=at) for at, finding in enumerate(findings)]
    try:
        verdict = await answer_from(task, findings, collapsing(task), form=form_for(task, several=several))
    except (MalformedReply, CutReply):
        own = next((side for side in left(rounds[-1]) if side["held"]), None) if rounds else None
        if own is None:
            raise
        told = "the last call gave no usable reply: a member's own answer"
        verdict = own_answer(own["answer"], own["quote"], _regions(own), told)
    return verdict if several else _with_conflicts(task, verdict, rounds)


def _finding(task: Task, done: Round, side: Side) -> Finding:
    asked = "" if done["question"] == task.question else f"Asked: {done['question']}\n"
    spans = tuple(Span(*span) for span in side["spans"])
    text, detail = side["fact"] or side["answer"], f"{asked}Answered: {side['answer']}"
    return Finding(
        side["document"], side["index"], text, spans, "member", side["answer"], detail, side["quote"]
    )


def _regions(side: Side) -> tuple[Region, ...]:
    return tuple((side["document"], start, end) for start, end in side["spans"])


def _with_conflicts(task: Task, verdict: Verdict, rounds: Sequence[Round]) -> Verdict:
    """The answer with both sides' quotes where something stayed unresolved."""
    torn = [sides for done in rounds if len(sides := left(done)) > 1]
    verdict = verdict.warned(*_notes(task, rounds))
    if not verdict.found or not any(side["held"] for sides in torn for side in sides):
        return verdict
    first, *others = verdict.statements
    quoted = [region for sides in torn for side in sides[:2] for region in _regions(side)]
    first = replace(first, regions=tuple(dict.fromkeys([*quoted, *first.regions])))
    return replace(verdict, statements=(first, *others), conflict=True)


def _notes(task: Task, rounds: Sequence[Round]) -> list[str]:
    notes: list[str] = []
    for done in rounds:
        sides = left(done)
        if len(sides) > 1:
            notes.append(told_apart(task, done))
        elif sides and not sides[0]["held"]:
            notes.append(f"no sentence of its segment was found that holds {_listed(task, sides)}")
        if done["left_out"]:
            notes.append(
                f"{done['left_out']} more answers to {done['question']!r}, those whose own quotes are least"
                " about it, were not confronted with the others"
            )
    return notes


def told_apart(task: Task, done: Round) -> str:
    """What stayed unresolved, in a sentence: the document says two things, or a quote holds no answer."""
    sides = left(done)
    held = [side for side in sides if side["held"]]
    loose = [side for side in sides if not side["held"]]
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
        document, segment = task.corpus.documents[side["document"]], (side["document"], side["index"])
        start = side["spans"][0][0] if side["spans"] else task.corpus.segment(segment).start
        name = f"{document.name}, " if len(task.corpus.documents) > 1 else ""
        shown.append(f"{side['answer']!r} ({name}{document.place(start)})")
    return " and ".join(shown)
