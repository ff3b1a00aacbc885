"""Answering: everything that was found, in one call, to statements that say where they stand."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence, Set
from dataclasses import replace

from lcagent.agents import answerer
from lcagent.agents.answerer import Form, Given
from lcagent.errors import BudgetReached, CutReply, MalformedReply
from lcagent.events import AnswerDelta
from lcagent.graphs.shared.checks import checked, citable
from lcagent.graphs.shared.condensing import Merger, condensed
from lcagent.graphs.shared.evidence import (
    Block,
    Evidence,
    Note,
    best_passages,
    blocks_of,
    filled,
    merged_blocks,
    notes_of,
    tokens,
)
from lcagent.graphs.shared.task import Task
from lcagent.graphs.shared.verdict import Verdict
from lcagent.memory.findings import Finding


def form_for(task: Task, *, several: bool = False) -> Form:
    """How an answer from evidence is asked for, as far as the model is believed."""
    if not task.trust.brief:
        tokens = task.trust.reply_tokens(task.model.window.size, brief=answerer.REPLY_TOKENS)
        fixed = (("style", task.style),)
        return Form(answerer.FROM_EVIDENCE, answerer.CheckedReply, fixed, tokens)
    reply = answerer.ListReply if several else answerer.AnswerReply
    return Form(answerer.BRIEF, reply, (("several", several),))


async def answer_from(
    task: Task,
    findings: Sequence[Finding],
    *,
    form: Form | None = None,
    merger: Merger | None = None,
) -> Verdict:
    """Answer once, from all that was found and what retrieval adds to it.

    Args:
        task: the run.
        findings: in reading order, repetitions too.
        form: how it is asked; default: `form_for`.
        merger: how findings are merged that do not fit; default: the collapser's way.

    Raises:
        MalformedReply, CutReply: the model gave no usable reply.
    """
    form = form or form_for(task)
    room = await asyncio.to_thread(form.room, task.model.window, task.question)
    if task.trust.brief:
        return await _from_few(task, findings, form, room)
    evidence = await everything(task, findings, room, merger)
    if not evidence.blocks:
        return Verdict()
    verdict = await asked(task, evidence, form, on_text=streamer(task))
    if findings and not verdict.found:
        return verdict.warned(
            f"{len(findings)} things were noted that no answer was seen in: `lcagent runs show last`"
        )
    return verdict


async def everything(
    task: Task, findings: Sequence[Finding], room: int, merger: Merger | None = None
) -> Evidence:
    """All findings with what carries them, and passages as far as there is room; merged where they do not
    fit.

    Args:
        task: the run.
        findings: in reading order.
        room: tokens for all of it.
        merger: how they are merged.
    """
    notes = await asyncio.to_thread(notes_of, task, findings)
    carriers = tuple(dict.fromkeys(region for note in notes for region in note.regions))
    blocks = await asyncio.to_thread(_fitting, task, notes, room)
    if blocks is not None:
        blocks = await asyncio.to_thread(filled, task, blocks, findings, room)
        return Evidence(tuple(blocks), carriers)
    left, warnings = await condensed(task, notes, room, merger)
    blocks = await asyncio.to_thread(filled, task, merged_blocks(task, left), findings, room)
    return Evidence(tuple(blocks), carriers, tuple(warnings))


def _fitting(task: Task, notes: Sequence[Note], room: int) -> list[Block] | None:
    """Notes over their sentences and those around them, or over the sentences alone, where that fits."""
    sentences = "\n".join(task.corpus.text(region) for note in notes for region in note.regions)
    if task.corpus.token_estimate(sentences) > 2 * room:
        return None  # it is not even made
    for wide in (True, False):
        blocks = blocks_of(task, notes, wide=wide)
        if not blocks or tokens(task, blocks) <= room:
            return blocks
    return None


async def _from_few(task: Task, findings: Sequence[Finding], form: Form, room: int) -> Verdict:
    """Answer from the best passages, and once more where the first answer leads to others."""
    evidence = await asyncio.to_thread(best_passages, task, findings, room)
    if not evidence.blocks:
        return Verdict()
    verdict = await asked(task, evidence, form)
    if verdict.found and task.trust.looks_again():
        again = await asyncio.to_thread(best_passages, task, findings, room, answer=verdict.text)
        if set(again.regions) - set(evidence.regions):
            try:
                second = await asked(task, again, form, final=False)
            except (BudgetReached, MalformedReply, CutReply):
                second = verdict
            verdict = second if second.found else verdict
    if verdict.found and (on_text := streamer(task)):
        on_text(verdict.text)
    return verdict


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
    told = None
    if on_text:
        told = Marks(on_text, len(evidence.citable), await asyncio.to_thread(citable, task, evidence))
    given = await answerer.answer(task.model, form, task.question, shown, on_text=told, final=final)
    return await asyncio.to_thread(judged, task, given, evidence)


def judged(task: Task, given: Given, evidence: Evidence) -> Verdict:
    """A model's answer with its places, and whatever speaks against it."""
    if not given.text:
        return Verdict(warnings=evidence.warnings, certainty=given.certainty)
    verdict = checked(task, given.text, evidence, items=given.items)
    verdict = replace(verdict, conflict=verdict.conflict or given.conflict, certainty=given.certainty)
    if given.cut:
        verdict = verdict.warned("the answer is as long as the window allows: what would follow is missing")
    shown = " ".join(task.corpus.text(region) for region in evidence.regions)
    return task.trust.ruled(task, verdict, shown)


def streamer(task: Task) -> Callable[[str], None] | None:
    """What passes the answer's text on as it is written, where that is wanted."""

    def tell(text: str) -> None:
        task.progress.emit(AnswerDelta(text))

    return tell if task.progress.stream else None


class Marks:
    """Passes text on with the marks of passages numbered in the order in which they come, as citations are.

    Args:
        on_text: gets it.
        most: the greatest number of a passage.
        citable: those in which there is a sentence to cite.
    """

    def __init__(self, on_text: Callable[[str], None], most: int, citable: Set[int]) -> None:
        self._on_text, self._most, self._citable = on_text, most, citable
        self._numbers: dict[int, int] = {}
        self._held = ""

    def __call__(self, text: str) -> None:
        """Take the next piece; a mark that is not whole yet is held back."""
        whole = self._held + text
        open_at = whole.rfind("[")
        cut = open_at if open_at >= 0 and re.fullmatch(r"\[[\d\s,;–-]*", whole[open_at:]) else len(whole)
        self._held = whole[cut:]
        if cut:
            self._on_text(re.sub(r"\[(\d+(?:\s*[,;–-]\s*\d+)*)\]", self._renumbered, whole[:cut]))

    def _renumbered(self, match: re.Match[str]) -> str:
        numbers = [int(number) for number in re.findall(r"\d+", match[1])]
        if not all(1 <= number <= self._most for number in numbers):
            return match.group()
        known = [number for number in numbers if number in self._citable]
        own = [self._numbers.setdefault(number, len(self._numbers) + 1) for number in known]
        return "".join(f"[{number}]" for number in own)
