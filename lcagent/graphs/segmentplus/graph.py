"""SEGMENT+: a note per segment, side by side; sift them, merge them until they fit, answer from them.

Source: "SEGMENT+: Long Text Processing with Short-Context Language Models" (Shi et al. 2024), section 3.
Notes are evidence and reasoning, as there. Unlike there, evidence is found by code, so that it is verbatim,
and kept in the ledger; merging ends by construction (`lcagent.graphs.shared.condensing`).

    START -> note (all segments side by side) -> sift (all notes side by side) -> answer (merging in
    batches) -> END
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from lcagent.agents import answerer, merger, notetaker, sifter
from lcagent.documents.corpus import Place
from lcagent.graphs.segmentplus.options import Options
from lcagent.graphs.shared.answering import answer_from
from lcagent.graphs.shared.condensing import Merged, Merger
from lcagent.graphs.shared.evidence import blocks_of, notes_of
from lcagent.graphs.shared.reading import (
    NOTHING_YET,
    Run,
    Unread,
    attempt,
    found,
    gathered,
    over_budget,
    read_each,
    record,
    segment_budget,
)
from lcagent.graphs.shared.task import Task
from lcagent.memory.findings import Finding
from lcagent.models.prompt import Prompt
from lcagent.models.structured import RETRY_TOKENS

LEAST_BATCH = 256
"""With fewer tokens a merged note, a quarter of them, does not hold a sentence."""


class SegmentState(Run):
    """The whole run; what was noted is in the ledger. `dropped`: places whose notes were sifted out."""

    dropped: list[list[int]]


class SegmentPlus:
    """The strategy `segment`."""

    name = "segment"
    version = 2

    def prompts(self, options: Options) -> list[Prompt]:
        """One for each role."""
        return [notetaker.PROMPT, sifter.PROMPT, merger.PROMPT, answerer.FROM_EVIDENCE, answerer.BRIEF]

    def segment_tokens(self, task: Task) -> int:
        """What the window leaves for a segment beside question and reply; notes need room as well."""
        window, brief = task.model.window, task.trust.brief
        reply = notetaker.reply_tokens(window.size, brief=brief) + RETRY_TOKENS
        room = notetaker.PROMPT.bind(brief=brief).room(window, "segment", task.question, reply=reply)
        if _batch_room(task) < LEAST_BATCH:
            room = 0
        return segment_budget(task, room, task.options.segment_tokens)

    def graph(self, task: Task) -> StateGraph[Any, Any, Any, Any]:
        """Note, sift, answer."""
        graph = StateGraph(SegmentState, context_schema=Task)
        graph.add_node("note", note)
        graph.add_node("sift", sift)
        graph.add_node("answer", answer)
        graph.add_edge(START, "note")
        graph.add_edge("note", "sift")
        graph.add_edge("sift", "answer")
        graph.add_edge("answer", END)
        return graph

    def start(self, task: Task) -> dict[str, Any]:
        """Nothing is noted yet."""
        return {**NOTHING_YET, "dropped": []}


def _batch_room(task: Task) -> int:
    room = merger.room(task.model.window, task.question, brief=task.trust.brief)
    return min(room, task.options.batch_tokens)


async def note(state: SegmentState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Take a note on each segment, and record them in reading order."""
    task = runtime.context

    async def read(place: Place) -> notetaker.Noted:
        text, segment = task.corpus.documents[place[0]].text, task.corpus.segment(place)
        return await notetaker.take_note(task.model, task.question, text, segment, brief=task.trust.brief)

    got = await read_each(task, task.corpus.places, read)
    said = {place: _findings(task, place, noted) for place, noted in got.replies.items()}
    await asyncio.to_thread(record, task, said)
    return got.as_update()


def _findings(task: Task, place: Place, noted: notetaker.Noted) -> list[Finding]:
    """A note's facts; what they come to stands with the last."""
    findings = [found(task, place, fact, spans, "notetaker") for fact, spans in noted.facts]
    if findings and noted.reasoning:
        findings[-1] = replace(findings[-1], detail=f"Reasoning: {noted.reasoning}")
    return findings


async def sift(state: SegmentState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Keep or drop each note; one is kept where nobody can tell."""
    task = runtime.context
    notes = [(place, list(note)) for place, note in groupby(task.ledger.findings(), key=attrgetter("place"))]
    if state["stop"] or not notes:
        return {}

    async def drops(note: list[Finding]) -> bool | Unread:
        shown = await asyncio.to_thread(_shown, task, note)
        keep = await attempt(task, sifter.worth_keeping(task.model, task.question, shown))
        if isinstance(keep, Unread):
            return keep
        return not keep and task.trust.sifts_out(task.question, shown)

    dropped = await gathered([drops(note) for _, note in notes])
    out = [list(place) for (place, _), drop in zip(notes, dropped, strict=True) if drop is True]
    return {"dropped": out, "stop": over_budget(dropped)}


def _shown(task: Task, note: list[Finding]) -> str:
    """A note as the sifter sees it: its sentences, then what was made of them."""
    blocks = blocks_of(task, notes_of(task, note), wide=False)
    return "\n\n".join(block.shown(None) for block in blocks)


async def answer(state: SegmentState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Answer once, from the notes that are left."""
    task = runtime.context
    dropped = {tuple(place) for place in state["dropped"]}
    kept = [finding for finding in task.ledger.findings() if finding.place not in dropped]

    async def merge(shown: str) -> Merged:
        reply = await merger.merge_notes(task.model, task.question, shown, brief=task.trust.brief)
        return Merged(tuple(reply.facts), f"Reasoning: {reply.reasoning}" if reply.reasoning.strip() else "")

    verdict = await answer_from(task, kept, Merger(merge, lambda: _batch_room(task)))
    if dropped:
        verdict = verdict.warned(f"{len(dropped)} notes were sifted out: they are about something else")
    return {"verdict": verdict.as_state()}
