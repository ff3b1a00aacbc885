"""Asking: one answering call over some evidence, and the verdict that code makes of what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from lcagent.agents import answerer
from lcagent.agents.answerer import Form, RawAnswer
from lcagent.documents.marks import Marks
from lcagent.documents.resting import Sources
from lcagent.documents.shown import Evidence
from lcagent.graphs.shared.checks import checked
from lcagent.graphs.shared.task import Task
from lcagent.graphs.shared.verdict import Verdict
from lcagent.models.structured import reply_limit


def form_for(task: Task, *, several: bool = False) -> Form:
    """How an answer from evidence is asked for, as far as the model is believed."""
    if not task.trust.brief:
        tokens = reply_limit(answerer.REPLY_TOKENS, task.model.window.size, brief=False)
        fixed = (("style", task.style),)
        return Form(answerer.FROM_EVIDENCE, answerer.CheckedReply, fixed, tokens)
    reply = answerer.ListReply if several else answerer.AnswerReply
    return Form(answerer.BRIEF, reply, (("several", several),))


async def asked(
    task: Task,
    evidence: Evidence,
    form: Form,
    *,
    final: bool = True,
    on_text: Callable[[str], None] | None = None,
) -> Verdict:
    """One answering call over some evidence, and what code makes of it.

    Args:
        task: the run.
        evidence: what is shown.
        form: how it is asked.
        final: the budget has kept room for this call.
        on_text: gets the text while it is written, its marks numbered as the citations will be.

    Raises:
        MalformedReply, CutReply: the model gave no usable reply.
    """
    shown = evidence.text(marks=task.trust.marks())
    sources, told = Sources(evidence, task.question, task.retrieval), None
    if on_text:
        citable = await asyncio.to_thread(lambda: sources.blocks)
        told = Marks(on_text, len(evidence.citable), citable)
    raw = await answerer.answer(task.model, form, task.question, shown, on_text=told, final=final)
    verdict = await asyncio.to_thread(judged, task, raw, sources)
    return replace(verdict, seen=tuple(evidence.regions))


def judged(task: Task, raw: RawAnswer, sources: Sources) -> Verdict:
    """A model's answer with its places, and whatever speaks against it."""
    evidence = sources.evidence
    if not raw.text:
        return Verdict(warnings=evidence.warnings, certainty=raw.certainty)
    verdict = checked(task.question, raw.text, sources, items=raw.items)
    verdict = replace(verdict, conflict=verdict.conflict or raw.conflict, certainty=raw.certainty)
    if raw.cut:
        verdict = verdict.warned("the answer is as long as the window allows: what would follow is missing")
    shown = " ".join(task.corpus.text(region) for region in evidence.regions)
    return task.trust.ruled(task, verdict, shown)


def streamer(task: Task) -> Callable[[str], None] | None:
    """What passes the answer's text on as it is written, where that is wanted."""
    return task.progress.writes if task.progress.stream else None
