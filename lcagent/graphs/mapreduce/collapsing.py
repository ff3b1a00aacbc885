"""Collapsing: groups of findings into one each, until all of them fit one call.

It ends by construction. With B the budget, no finding is larger than B/4, so each group but the last
holds more than 3B/4, and each leaves at most B/4: T tokens become at most T/3 + B/4, which is less than
T while T > B. The cap on rounds is for settings, not for luck.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lcagent.agents import collapser, reducer, summariser
from lcagent.agents.mapper import ANSWER_CHARS, FACT_CHARS, RATIONALE_CHARS
from lcagent.agents.prompt import as_data
from lcagent.graphs.mapreduce.findings import (
    RANK,
    SHARE,
    Confidence,
    Finding,
    carry,
    clip,
    group,
    keep,
    show,
    split,
    squeeze,
    union,
)
from lcagent.graphs.shared.checks import grounded
from lcagent.graphs.shared.reading import attempt
from lcagent.graphs.shared.task import Task
from lcagent.models.structured import RETRY_TOKENS
from lcagent.models.window import JOINT

EVIDENCE_SHARE = 3
"""One part in this many of the reduce call is left for passages of the document."""


def findings_budget(task: Task) -> int:
    """Tokens of findings that a collapse call and the reduce call both hold, beside the question."""
    window, options = task.model.window, task.settings.mapreduce
    render = collapser.PROMPT.bind(mode=options.mode)
    reply = collapser.REPLY_TOKENS + RETRY_TOKENS
    beside = window.count(as_data(task.question)) + window.size // 100
    least = window.room(render, ("question", "findings"), reply=reply) - beside
    if options.mode == "summary":
        words = summary_words(task)
        render, reply = summariser.PROMPT.bind(words=words), summariser.reply_tokens(words) + RETRY_TOKENS
        return min(least, window.room(render, ("question", "findings"), reply=reply) - beside)
    last = reduce_room(task) - beside
    return min(least, last - last // EVIDENCE_SHARE)


def reduce_room(task: Task) -> int:
    """Tokens of question, findings and passages that the reduce call holds."""
    render = reducer.PROMPT.bind(mode=task.settings.mapreduce.mode, several=True)
    names = ("question", "findings", "evidence")
    return task.model.window.room(render, names, reply=reducer.REPLY_TOKENS + RETRY_TOKENS)


def summary_words(task: Task) -> int:
    """Words of the summary: the setting, but at most what the window allows."""
    return min(task.settings.mapreduce.words, summariser.most_words(task.model.window.size))


def size_of(task: Task, finding: Finding) -> int:
    """Tokens that a finding takes in a prompt."""
    return task.model.window.count(as_data(show(finding))) + JOINT


@dataclass(slots=True)
class Packed:
    """What is left after a round, and the groups of the next one; no groups: it fits."""

    findings: list[Finding]
    groups: list[list[int]]
    warnings: list[str] = field(default_factory=list)


def pack_findings(
    task: Task,
    findings: Sequence[Finding],
    groups: Sequence[Sequence[int]],
    made: Mapping[int, Finding],
    done: int,
) -> Packed:
    """Put the results of a round in the place of their groups, and group what is left.

    Args:
        task: the run.
        findings: before the round.
        groups: indices of those that were put together.
        made: for each group the one finding that it became.
        done: rounds so far.
    """
    budget = findings_budget(task)

    def size(finding: Finding) -> int:
        return size_of(task, finding)

    first = {members[0]: made[number] for number, members in enumerate(groups)}
    taken = {index for members in groups for index in members}
    left = [first.get(i, f) for i, f in enumerate(findings) if i in first or i not in taken]
    left = [piece for finding in left for piece in split(finding, budget // SHARE, size)]
    sizes = [size(finding) for finding in left]
    if sum(sizes) <= budget:
        return Packed(left, [])
    if done >= task.settings.mapreduce.most_rounds:
        kept = keep(left, budget, size)
        return Packed(
            kept, [], [f"{len(left) - len(kept)} of {len(left)} findings did not fit the last call"]
        )
    wanted = [m for m in group(sizes, budget) if sum(sizes[i] for i in m) > budget // SHARE]
    return Packed(left, [members for members in wanted if len(members) > 1])


async def together_by_model(task: Task, members: Sequence[Finding]) -> Finding | None:
    """One finding in place of a group; None where the model gives no usable reply.

    Its evidence is all of its members', whatever was written, and it takes its share of the budget at
    most.

    Raises:
        BudgetReached: nothing was sent.
    """
    shown = "\n\n".join(map(show, members))
    mode = task.settings.mapreduce.mode
    reply = await attempt(task, collapser.collapse(task.model, mode, task.question, shown))
    if reply is None:
        return None
    facts = [" ".join(fact.split())[:FACT_CHARS] for fact in reply.facts[: collapser.MOST_FACTS]]
    # A figure that no member has is the model's own: such a fact is not carried on.
    facts = [fact for fact in facts if fact and grounded(fact, shown, "")]
    answer, confidence = _answer(reply, members, free=mode == "summary")
    if not facts and not answer:
        return None
    finding = Finding(
        first=members[0]["first"],
        last=members[-1]["last"],
        facts=facts,
        rationale=" ".join(reply.rationale.split())[:RATIONALE_CHARS],
        answer=answer,
        confidence=confidence,
        evidence=union(members),
    )
    return await asyncio.to_thread(_bounded, task, finding, members)


def _bounded(task: Task, finding: Finding, members: Sequence[Finding]) -> Finding:
    """Within its share of the budget; what room is left there goes to facts that the model dropped."""

    def size(finding: Finding) -> int:
        return size_of(task, finding)

    most = findings_budget(task) // SHARE
    finding = clip(finding, most, size)
    if task.settings.mapreduce.mode == "summary":
        return finding  # leaving out is what it is for
    facts = [fact for member in members for fact in member["facts"]]
    return carry(finding, facts, task.question, most, size)


async def together_by_code(task: Task, members: Sequence[Finding]) -> Finding:
    """The same without the model: the surest answer, and what fits of the facts."""
    most = findings_budget(task) // SHARE
    return await asyncio.to_thread(squeeze, members, most, lambda f: size_of(task, f))


def _answer(
    reply: collapser.CollapseReply, members: Sequence[Finding], *, free: bool
) -> tuple[str, Confidence]:
    """A group's answer: the model's, if a member gave it; else the surest member's.

    Args:
        reply: the model's.
        members: the group.
        free: an answer in words of its own is wanted (a summary).
    """
    given = [m for m in members if m["answer"]]
    best = max(given, key=lambda m: RANK[m["confidence"]], default=None)
    answer = " ".join(reply.answer.split())[:ANSWER_CHARS] if reply.answered == "yes" else ""
    if answer and free:
        return answer, reply.confidence
    if best is None:
        # No member has an answer, but two facts together may give one: it can only follow from them.
        facts = " ".join(fact for member in members for fact in member["facts"])
        return (answer, "middle") if answer and grounded(answer, facts, "") else ("", "zero")
    if answer and grounded(answer, " ".join(m["answer"] for m in given), ""):
        # Nor can it be surer than its members are.
        return answer, min(reply.confidence, best["confidence"], key=RANK.__getitem__)
    return best["answer"], best["confidence"]
