"""Retrieval, hop by hop: a step is looked up, answered from what was found, its answer filled into the next.

What a question of several hops needs second shares few words with it: with the steps' own questions all gold
paragraphs of 100 MuSiQue questions stand among the eight best passages of their steps in 96 to 99 %, among
the ten best for the whole question in 54 to 57 % (docs/design/0017-hop-by-hop.md). Code keeps the chain, and
every hop is cited. Source of the steps: MuSiQue (Trivedi et al. 2022), section 3; of the loop: Self-Ask
(Press et al. 2022).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TypedDict

from lcagent.agents import planner
from lcagent.documents import Span
from lcagent.documents.answers import same_answer
from lcagent.documents.corpus import Place, Region
from lcagent.documents.forms import holds
from lcagent.documents.shown import Evidence, in_order
from lcagent.graphs.shared.asking import asked, form_for
from lcagent.graphs.shared.evidence import fitting
from lcagent.graphs.shared.reading import Unread, attempt, found, record
from lcagent.graphs.shared.task import Task
from lcagent.graphs.shared.verdict import Verdict
from lcagent.memory.findings import Finding

ROLE = "look-up"
PASSAGES = 8
"""Best passages that a step is answered from."""
ANSWER_CHARS = 200
"""Most of an answer that is filled into the next step."""


class Hop(TypedDict):
    """One step of a chain: its number in the plan, from 1; what was asked, with the answers before it filled
    in; what was answered, or nothing; the sentences that carry it; the characters that were shown. It lives
    in the graph's checkpoints."""

    number: int
    question: str
    answer: str
    regions: list[list[int]]
    shown: list[list[int]]


async def look_up(
    task: Task, question: str, *, regions: Sequence[Region] | None = None
) -> tuple[Verdict, Evidence] | Unread:
    """The answer to a question from a few passages, in one call; and what it was shown.

    Args:
        task: the run; its own question is answered in its style, another one, about one fact, shortly.
        question: what is looked up.
        regions: the passages, best first; default: those that match best.

    Raises:
        EndpointUnavailable: the server does not answer at all any more.
        LcagentError: passages cannot be ranked, as where an embedding server refuses them.
    """
    step = task if question == task.question else await asyncio.to_thread(_about, task, question)
    form = replace(form_for(step), role=ROLE)
    room = form.room(step.model.window, question)
    evidence = await asyncio.to_thread(_shown, step, regions, room)
    if not evidence.blocks:
        return Verdict(), evidence
    got = await attempt(task, asked(step, evidence, form, final=False))
    return got if isinstance(got, Unread) else (got, evidence)


def _about(task: Task, question: str) -> Task:
    return replace(task, question=question, style="short", retrieval=task.retrieval.about(question))


def _shown(task: Task, regions: Sequence[Region] | None, room: int) -> Evidence:
    best = regions or [one.region for one in task.retrieval.ranked()[:PASSAGES]]
    return Evidence(tuple(in_order(fitting(task, best, room))))


async def planned(task: Task) -> planner.Plan:
    """The plan for the question, with the steps that are followed: none where it is a single one. Without a
    plan the question itself is all of it.

    Args:
        task: the run.

    Raises:
        EndpointUnavailable: the server does not answer at all any more.
    """
    made = await attempt(task, planner.make_plan(task.model, task.question))
    if isinstance(made, Unread):  # a budget: what comes next will find the same, and say so
        return planner.Plan(task.question)
    return replace(made, steps=task.trust.steps(task.question, made.steps))


async def follow(task: Task, steps: Sequence[str], known: Sequence[Hop] = ()) -> list[Hop]:
    """Look up the steps of a plan one after the other; what needs an answer that was not found is left out.

    Args:
        task: the run.
        steps: of `Trust.steps`.
        known: steps that were looked up already; those of them that were answered are not looked up again.

    Raises:
        LcagentError: as `look_up`.
    """
    hops = [hop for hop in known if hop["answer"]]
    answers = answered(hops)
    for number, step in enumerate(steps, 1):
        question = planner.filled(step, answers)
        if question is None or number in answers:
            continue
        got = await look_up(task, question)
        if isinstance(got, Unread):
            if got.budget:
                break
            continue
        verdict, evidence = got
        hop = hop_of(number, question, verdict, evidence)
        hops.append(hop)
        answers = answered(hops)
        task.progress.notice(f"step {number}: {question} {hop['answer'] or 'not found'}")
    return sorted(hops, key=lambda hop: hop["number"])


def hop_of(number: int, question: str, verdict: Verdict, evidence: Evidence) -> Hop:
    """What was looked up, as a link of a chain."""
    carrying = dict.fromkeys(region for one in verdict.statements for region in one.regions)
    return Hop(
        number=number,
        question=question,
        answer=" ".join(verdict.text.split())[:ANSWER_CHARS].rstrip(" ."),
        regions=[list(region) for region in carrying],
        shown=[list(region) for region in evidence.regions],
    )


def answered(hops: Sequence[Hop]) -> dict[int, str]:
    """What is known of a chain: answers by the number of their step."""
    return {hop["number"]: hop["answer"] for hop in hops if hop["answer"]}


def recorded(task: Task, hops: Sequence[Hop], first: int = 0) -> list[Finding]:
    """Put the hops that were answered into the ledger: each says what was asked and answered, once for every
    segment that carries it.

    Args:
        task: the run.
        hops: of a chain.
        first: number of the first finding of each segment.
    """
    said: dict[Place, list[Finding]] = {}
    for hop in filter(lambda hop: hop["answer"], hops):
        spans: dict[Place, list[Span]] = {}
        for document, start, end in _regions(hop):
            place = (document, task.corpus.segment_at(document, start))
            spans.setdefault(place, []).append(Span(start, end))
        for place, some in spans.items():
            text = f"{hop['question']} {hop['answer']}"
            said.setdefault(place, []).append(found(task, place, text, tuple(some), ROLE))
    return record(task, said, first)


def _regions(hop: Hop) -> list[Region]:
    return [(region[0], region[1], region[2]) for region in hop["regions"]]


def cited(verdict: Verdict, hops: Sequence[Hop]) -> Verdict:
    """The verdict with the sentences of every hop, where the chain came to its answer.

    Args:
        verdict: of the answering call.
        hops: of the chain.
    """
    if not (verdict.found and hops and hops[-1]["answer"]):
        return verdict
    came_to, said = hops[-1]["answer"], verdict.text
    if not (same_answer(came_to, said) or holds(said, came_to, share=1.0)):
        return verdict
    return resting_on(verdict, hops)


def resting_on(verdict: Verdict, hops: Sequence[Hop]) -> Verdict:
    """The verdict, whose last statement rests on the sentences of every hop too."""
    *before, last = verdict.statements
    there = {region for one in verdict.statements for region in one.regions}
    fresh = [region for hop in hops for region in _regions(hop) if region not in there]
    resting = replace(last, regions=(*last.regions, *dict.fromkeys(fresh)))
    return replace(verdict, statements=(*before, resting))
