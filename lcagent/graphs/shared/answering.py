"""Answering: everything that was found, in one call, to statements that say where they stand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from lcagent.agents.answerer import Form
from lcagent.documents.shown import Block, Evidence
from lcagent.errors import BudgetReached, CutReply, MalformedReply
from lcagent.graphs.shared.asking import asked, form_for, streamer
from lcagent.graphs.shared.condensing import Merger, condensed
from lcagent.graphs.shared.evidence import (
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


async def answer_from(
    task: Task, findings: Sequence[Finding], merger: Merger, *, form: Form | None = None
) -> Verdict:
    """Answer once, from all that was found and what retrieval adds to it.

    Args:
        task: the run.
        findings: in reading order, repetitions too.
        merger: how findings are merged that do not fit.
        form: how it is asked; default: `form_for`.

    Raises:
        MalformedReply, CutReply: the model gave no usable reply.
    """
    form = form or form_for(task)
    room = await asyncio.to_thread(form.room, task.model.window, task.question)
    if task.trust.brief:
        return await _from_few(task, findings, form, room)
    evidence = await _everything(task, findings, room, merger)
    if not evidence.blocks:
        return Verdict()
    verdict = await asked(task, evidence, form, on_text=streamer(task))
    if findings and not verdict.found:
        return verdict.warned(
            f"{len(findings)} things were noted that no answer was seen in: `lcagent runs show last`"
        )
    return verdict


async def _everything(task: Task, findings: Sequence[Finding], room: int, merger: Merger) -> Evidence:
    """All findings with what carries them, and passages as far as there is room; merged where they do not
    fit."""
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
    if verdict.found:  # a weak model answers with what stands between two hops
        again = await asyncio.to_thread(best_passages, task, findings, room, answer=verdict.text)
        if set(again.regions) - set(evidence.regions):
            try:
                second = await asked(task, again, form, final=False)
            except (BudgetReached, MalformedReply, CutReply):
                second = verdict
            seen = tuple(dict.fromkeys([*verdict.seen, *second.seen]))
            verdict = replace(second if second.found else verdict, seen=seen)
    if verdict.found and (on_text := streamer(task)):
        on_text(verdict.text)
    return verdict
