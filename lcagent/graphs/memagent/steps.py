"""MemAgent's step: one segment read with what is known so far.

Source: "MemAgent: Reshaping Long-Context LLM with Multi-Conv RL-based Memory Agent", section 3; the ledger in
place of its memory is ours.
"""

from __future__ import annotations

from typing import Any, TypedDict

from lcagent.agents import overwriter, reader
from lcagent.events import Notice
from lcagent.graphs.shared.retrieval import hint_entries, memory_tokens, memory_view
from lcagent.graphs.shared.task import Task, counted
from lcagent.memory.entries import claim, integrate

_COPIES, _COPIED = 3, 1 / 4
"""A reader that took so many facts, and this share of all, from the memory instead of from the segment reads
without it from then on: what it repeats, it does not read."""


class ReaderState(TypedDict):
    """One document being read: which segment comes next, what is known, and what is looked for."""

    document: int
    index: int
    core: str
    plan: str
    memory: str
    told: int
    """Facts that the reader gave so far …"""
    copied: int
    """… and those of them that it took from the memory."""
    alone: bool
    """It reads without the memory."""
    streak: int
    unread: list[int]
    stop: str


async def read_ledger(task: Task, state: ReaderState) -> dict[str, Any]:
    """Read one segment, and record what it says."""
    document, index = state["document"], state["index"]
    segment = task.segments[document][index]
    # Only what earlier segments gave: a step done again sees what it saw the first time.
    standing = task.ledger.standing(document, before=index)
    view = "" if state["alone"] else memory_view(standing, memory_tokens(task))
    reading = await reader.read_segment(
        task.model, state["core"], view, state["plan"], task.documents[document], document, segment
    )
    found = [*reading.evidence, *hint_entries(task, document, segment)]
    entries = [counted(task, entry) for entry in integrate(found, standing.near(found))]
    if reading.claimed:
        entries.append(claim(document, segment, reading.claimed, seq=len(entries)))
    task.ledger.record(document, index, entries)
    told, copied = state["told"] + reading.told, state["copied"] + reading.copied
    alone = state["alone"] or copied >= max(_COPIES, _COPIED * told)
    if alone and not state["alone"]:
        task.emit(Notice("the model repeats its memory instead of reading; from here it reads without it"))
    return {
        "told": told,
        "copied": copied,
        "alone": alone,
        "streak": state["streak"] + 1 if reading.sufficient else 0,
        "plan": reading.plan or state["plan"],
        "kept": len(reading.evidence),
    }


async def read_overwrite(task: Task, state: ReaderState) -> dict[str, Any]:
    """Read one segment, and write the memory anew (the paper's step)."""
    memory = await overwriter.overwrite(
        task.model,
        task.question,
        state["memory"],
        task.segment_text(state["document"], state["index"]),
        limit=memory_tokens(task),
        trained_order=task.settings.memagent.trained_order,
    )
    return {"memory": memory, "kept": int(memory != state["memory"])}
