"""MemAgent as published: one free-text memory, rewritten whole at each segment; the answer from it alone.

Source: "MemAgent: Reshaping Long-Context LLM with Multi-Conv RL-based Memory Agent", section 2. The memory
says nothing of where a fact stands: its sentences are looked for in the text when it is answered from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from lcagent.agents import answerer, overwriter
from lcagent.agents.answerer import Form
from lcagent.documents import sentences
from lcagent.documents.corpus import Place, Region
from lcagent.documents.placing import Placing
from lcagent.documents.resting import Sources
from lcagent.documents.shown import Evidence, block
from lcagent.errors import BudgetReached, CutReply
from lcagent.graphs.shared.asking import judged, streamer
from lcagent.graphs.shared.task import Task
from lcagent.graphs.shared.verdict import Verdict
from lcagent.models.prompt import as_data
from lcagent.models.structured import RETRY_TOKENS

PROMPTS = [overwriter.PROMPT, overwriter.FROM_MEMORY, overwriter.TRAINED]
_FORM = Form(overwriter.FROM_MEMORY, answerer.AnswerReply, name="memory")
PASSAGES = 4
"""Passages of the text in which a sentence of the memory is looked for."""


def room(task: Task) -> int:
    """Tokens that the window leaves for a segment."""
    window, memory = task.model.window, task.options.memory(task.model.window.size)
    render = overwriter.PROMPT.bind(trained_order=task.options.trained_order)
    left = window.room(render, ("question", "memory", "segment"), reply=memory)
    return left - memory - window.count(task.question) - overwriter.SHORTER_TOKENS - window.size // 100


async def read(task: Task, core: str, now: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Read one segment, and write the memory anew (the paper's step)."""
    memory = await _overwritten(task, now["memory"], task.corpus.segment_text(place))
    return {"memory": memory, "kept": int(memory != now["memory"])}


async def _overwritten(task: Task, memory: str, segment: str) -> str:
    limit, trained = task.options.memory(task.model.window.size), task.options.trained_order
    return await overwriter.overwrite(
        task.model, task.question, memory, segment, limit=limit, trained_order=trained
    )


async def answer_from_memories(task: Task, memories: list[str]) -> Verdict:
    """Answer from the memories of all documents alone; places are found afterwards."""
    memory, lost = await _one_memory(task, memories)
    if not memory:
        return Verdict(warnings=tuple(lost))
    if task.options.trained_order:
        raw = await overwriter.answer_boxed(task.model, task.question, memory)
    else:
        raw = await answerer.answer(task.model, _FORM, task.question, memory, on_text=streamer(task))
    evidence = await asyncio.to_thread(placed, task, f"{memory}\n{raw.text}")
    sources = Sources(evidence, task.question, task.retrieval)
    verdict = await asyncio.to_thread(judged, task, raw, sources)
    unplaced = verdict.found and not any(statement.regions for statement in verdict.statements)
    return verdict.warned(*lost, *["no sentence of the document was found that says this"] * unplaced)


def placed(task: Task, memory: str) -> Evidence:
    """Where the sentences of a memory stand in the documents."""
    carriers: dict[Region, None] = {}
    for span in sentences(memory):
        said = memory[span.start : span.end]
        for hit in task.retrieval.search(said, limit=PASSAGES):
            document, start, end = hit.region
            found = Placing(task.corpus.documents[document].text, start, end).carriers(said)
            if found:
                carriers.update(dict.fromkeys((document, s.start, s.end) for s in found))
                break
    blocks = tuple(block(task.retrieval, region) for region in sorted(carriers))
    return Evidence(blocks, tuple(sorted(carriers)))


async def _one_memory(task: Task, memories: list[str]) -> tuple[str, list[str]]:
    """The memories of all documents in one text, and what had to be left out.

    Where they do not fit a call side by side, each is read into the one before it, as a segment is.
    """
    window = task.model.window
    kept = [(number, memory) for number, memory in enumerate(memories) if memory]
    joined = "\n\n".join(memory for _, memory in kept)
    if task.options.trained_order:
        reply, render = 2 * answerer.REPLY_TOKENS, overwriter.TRAINED.bind()
    else:
        reply, render = answerer.REPLY_TOKENS + RETRY_TOKENS, overwriter.FROM_MEMORY.bind()

    def fits() -> bool:
        left = window.room(render, ("question", "memory"), reply=reply) - window.size // 100
        return window.count(as_data(task.question)) + window.count(as_data(joined)) <= left

    if len(kept) < 2 or await asyncio.to_thread(fits):
        return joined, []
    (_, memory), *rest = kept
    lost: list[str] = []
    for number, other in rest:
        try:
            memory = await _overwritten(task, memory, other)
        except (CutReply, BudgetReached):
            name = task.corpus.documents[number].name
            lost.append(f"what was read of {name} is left out: it did not fit")
    return memory, lost
