"""MemAgent's step: segments read with what is known so far; one after the other, or all of a round at once.

Source: "MemAgent: Reshaping Long-Context LLM with Multi-Conv RL-based Memory Agent", section 3; the ledger
in place of its memory is ours. A step of the graph reads several segments: each finished call is
journalled, and each segment's findings are recorded, so that a killed run repeats none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypedDict

from langgraph.runtime import Runtime

from lcagent.agents import reader
from lcagent.documents.corpus import Place
from lcagent.graphs.memagent import overwrite
from lcagent.graphs.shared.noting import findings_of, noted, view
from lcagent.graphs.shared.reading import Run, Unread, attempt, gathered, read_each, record
from lcagent.graphs.shared.task import Task
from lcagent.memory.aside import aside
from lcagent.memory.findings import Known
from lcagent.memory.ledger import STRIDE

SEGMENTS_A_STEP = 16
"""Of each document."""
_SUFFICIENT = 2
"""Segments in a row, or of one round, that are found sufficient, for `memagent.early_exit`."""


class Reader(TypedDict):
    """One document being read.

    `index` is the segment that comes next, `plan` what is looked for, `memory` the paper's (mode
    `overwrite`). `told` counts the facts given, `copied` those of them that were taken from the memory;
    `alone` says that it reads without one; `streak` counts segments in a row that were found sufficient.
    """

    index: int
    plan: str
    memory: str
    told: int
    copied: int
    alone: bool
    streak: int


class MemAgentState(Run):
    """The whole run. `core` drives the reading; `plan`, `memory` and `round` are of parallel rounds."""

    core: str
    plan: str
    asks: str
    more: bool
    readers: list[Reader]
    memory: str
    round: int


def beginning(task: Task) -> dict[str, Any]:
    """The state before anything is read."""
    first = Reader(index=0, plan="", memory="", told=0, copied=0, alone=False, streak=0)
    readers = [dict(first) for _ in task.corpus.documents]
    texts = {"core": task.question, "plan": "", "asks": "", "memory": ""}
    return {**texts, "more": True, "readers": readers, "round": 0}


async def read_next(state: MemAgentState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Read the next segments of every document in order, each against what those before it gave."""
    task = runtime.context
    works = [_read_some(task, state, number, one) for number, one in enumerate(state["readers"])]
    done = await gathered(works)
    readers = [one for one, _, _ in done]
    stop = next((stop for _, _, stop in done if stop), "")
    left = any(one["index"] < len(s) for one, s in zip(readers, task.corpus.segments, strict=True))
    unread = [row for _, rows, _ in done for row in rows]
    failed = {(row[0], row[1]) for row in unread}
    passed = [
        (number, index)
        for number, (before, after) in enumerate(zip(state["readers"], readers, strict=True))
        for index in range(before["index"], after["index"])
    ]
    return {
        "readers": readers,
        "read": [place for place in passed if place not in failed],
        "unread": unread,
        "stop": stop,
        "more": left and not stop,
    }


async def _read_some(
    task: Task, state: MemAgentState, document: int, now: Reader
) -> tuple[Reader, list[list[Any]], str]:
    """Some segments of one document: where its reader then stands, what could not be read, why it stopped."""
    now = {**now, "plan": now["plan"] or state["plan"]}
    unread: list[list[Any]] = []
    total = len(task.corpus.segments[document])
    step = overwrite.read if task.options.mode == "overwrite" else _read
    for index in range(now["index"], min(now["index"] + SEGMENTS_A_STEP, total)):
        got = await attempt(task, step(task, state["core"], now, (document, index)))
        if isinstance(got, Unread) and got.budget:
            return now, unread, got.reason
        if isinstance(got, Unread):
            unread.append([document, index, got.reason])
            got = {"streak": 0}
        task.progress.read(task.corpus, (document, index), kept=got.pop("kept", 0))
        fields: dict[str, Any] = {**now, **got, "index": index + 1}
        now = Reader(**fields)
        left = total - index - 1
        if task.options.early_exit and now["streak"] >= _SUFFICIENT and left:
            name = task.corpus.documents[document].name
            return now, unread, f"stopped early: {left} segments of {name} were not read"
    return now, unread, ""


async def _read(task: Task, core: str, now: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Read one segment, and record what it says."""
    # Only what earlier segments gave: a step done again sees what it saw the first time.
    known = task.ledger.before(*place)
    memory = "" if now["alone"] else _view(task, known)
    got = await _reading(task, core, memory, now["plan"], place)
    findings = known.tried(findings_of(task, place, got))
    await aside(task.store.place, task.ledger.record, findings)
    told, copied = now["told"] + len(got.facts), now["copied"] + got.copied
    alone = now["alone"] or task.trust.reads_alone(told, copied)
    if alone and not now["alone"]:
        told_so = "the model repeats its memory instead of reading; from here it reads without it"
        task.progress.notice(told_so)
    return {
        "told": told,
        "copied": copied,
        "alone": alone,
        "streak": now["streak"] + 1 if got.sufficient else 0,
        "plan": got.plan or now["plan"],
        "kept": len(findings),
    }


async def _reading(task: Task, core: str, memory: str, plan: str, place: Place) -> reader.Reading:
    return await noted(task, reader.Seen(core, plan, memory), place)


def _view(task: Task, known: Known) -> str:
    left = (f for f in reversed(known.findings.values()) if f.id not in known.superseded)
    return view(left, task.options.memory(task.model.window.size))


async def read_round(state: MemAgentState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Read all segments at once against the same memory; another round follows where something new was found.

    Within a round no reading sees another.
    """
    task, number = runtime.context, state["round"] + 1
    read = await read_each(
        task, task.corpus.places, lambda p: _reading(task, state["core"], state["memory"], state["plan"], p)
    )
    said = {place: findings_of(task, place, got) for place, got in read.replies.items()}
    kept = await asyncio.to_thread(record, task, said, STRIDE * (number - 1))
    fresh = [finding for finding in kept if finding.op != "merge"]
    known = Known()
    known.add(task.ledger.findings(below=STRIDE * number))
    memory = _view(task, known)
    plan = next((p for f in fresh if (p := read.replies[f.place].plan)), state["plan"])
    enough = task.options.early_exit and sum(r.sufficient for r in read.replies.values()) >= _SUFFICIENT
    changed = (memory, plan) != (state["memory"], state["plan"])
    more = bool(fresh) and changed and number < task.options.rounds and not (enough or read.stop)
    if more:
        told = f"round {number} found something new ({len(fresh)}); every segment is read again"
        task.progress.notice(told)
    return {**read.as_update(), "round": number, "memory": memory, "plan": plan, "more": more}
