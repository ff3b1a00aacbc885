"""MemAgent in parallel rounds: all segments at once against one memory, then again with what was new.

Source: "MemAgent: Reshaping Long-Context LLM with Multi-Conv RL-based Memory Agent", with the parallel
rounds of PI-Mem in place of its one pass. Within a round no reading sees another; what a question needs
second is found in the next round, whose memory shows what was found first. It ends when a round finds
nothing new, and after `memagent.rounds` rounds. Readings, ledger and answer are those of mode `ledger`.

    START -> plan -> read (one per segment) -> gather -> answer -> END
                     ^                         |
                     +-------------------------+
"""

from __future__ import annotations

import asyncio
import operator
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from lcagent.agents import planner, reader
from lcagent.errors import BudgetReached
from lcagent.events import Notice
from lcagent.graphs.shared.answering import answer_from_ledger
from lcagent.graphs.shared.final import Final, final_outcome
from lcagent.graphs.shared.reading import attempt, tell
from lcagent.graphs.shared.retrieval import memory_tokens, memory_view
from lcagent.graphs.shared.side_by_side import STRIDE, first_reason, gather
from lcagent.graphs.shared.task import Outcome, Task
from lcagent.memory.entries import Entry
from lcagent.memory.notes import Note, from_state
from lcagent.memory.standing import Standing

_SUFFICIENT = 2
"""Readings of one round that find the question answered, for `memagent.early_exit`."""


class Order(TypedDict):
    """One segment to read, and everything that its call sees beside it."""

    document: int
    index: int
    round: int
    core: str
    plan: str
    memory: str


class Found(TypedDict):
    """What one reading gave, if anything."""

    document: int
    index: int
    round: int
    note: dict[str, Any]
    """Evidence, with what is still to be looked for as its reasoning."""
    claimed: str
    """What the reading says that stands nowhere in the segment."""
    sufficient: bool


class Missed(TypedDict):
    """A segment that a round could not read; `budget` says whether that was the reason."""

    document: int
    index: int
    round: int
    budget: bool


class RoundsState(TypedDict):
    """The whole run."""

    core: str
    plan: str
    memory: str
    round: int
    """Rounds gathered."""
    more: bool
    found: Annotated[list[Found], operator.add]
    missed: Annotated[list[Missed], operator.add]
    stop: Annotated[str, first_reason]
    final: dict[str, Any]


def compiled(checkpointer: Any) -> Any:
    """The compiled graph."""
    graph = StateGraph(RoundsState, context_schema=Task)
    graph.add_node("plan", plan)
    graph.add_node("read", read, input_schema=Order)
    graph.add_node("gather", end_round)
    graph.add_node("answer", answer)
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", each_segment, ["read"])
    graph.add_edge("read", "gather")
    graph.add_conditional_edges("gather", again, ["read", "answer"])
    graph.add_edge("answer", END)
    return graph.compile(checkpointer=checkpointer)


def start(task: Task) -> dict[str, Any]:
    """Nothing is read yet."""
    lists: dict[str, Any] = {"found": [], "missed": []}
    texts = {"core": task.question, "plan": "", "memory": "", "stop": ""}
    return {**lists, **texts, "round": 0, "more": False, "final": {}}


def outcome(task: Task, state: dict[str, Any]) -> Outcome:
    """The outcome; a segment counts as read if any round read it."""
    times = Counter((m["document"], m["index"]) for m in state["missed"])
    unread = {place for place, missed in times.items() if missed >= state["round"]}
    budget = {(m["document"], m["index"]) for m in state["missed"] if m["budget"]}
    failed: list[dict[str, Any]] = [
        {"document": document, "unread": [index], "stop": ""} for document, index in sorted(unread - budget)
    ]
    stopped = {"document": 0, "unread": [], "stop": state["stop"]}
    return final_outcome(task, Final(**state["final"]), [*failed, stopped], set(_places(task)) - unread)


def _places(task: Task) -> list[tuple[int, int]]:
    return [(d, segment.index) for d, segments in enumerate(task.segments) for segment in segments]


async def plan(state: RoundsState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Split the question and plan the reading."""
    try:
        made = await planner.make_plan(runtime.context.model, runtime.context.question)
    except BudgetReached:  # the readings will find the same, and say so
        return {}
    return {"core": made.core, "plan": made.text}


async def each_segment(state: RoundsState, runtime: Runtime[Task]) -> list[Send]:
    """A reading of each segment, all against the same memory."""
    seen = {name: state[name] for name in ("core", "plan", "memory")}
    return [
        Send("read", {"document": document, "index": index, "round": state["round"] + 1, **seen})
        for document, index in _places(runtime.context)
    ]


async def read(state: Order, runtime: Runtime[Task]) -> dict[str, Any]:
    """Read one segment; a segment that cannot be read is noted and passed over."""
    task, document, index = runtime.context, state["document"], state["index"]
    missed = Missed(document=document, index=index, round=state["round"], budget=False)
    work = reader.read_segment(
        task.model,
        state["core"],
        state["memory"],
        state["plan"],
        task.documents[document],
        document,
        task.segments[document][index],
    )
    try:
        got = await attempt(task, work)
    except BudgetReached as reached:
        return {"missed": [{**missed, "budget": True}], "stop": f"budget: {reached.message}"}
    if state["round"] == 1:
        tell(task, document, index, kept=len(got.evidence) if got else 0)
    if got is None:
        return {"missed": [missed]}
    if not (got.evidence or got.claimed or got.sufficient):
        return {}
    found = Found(
        document=document,
        index=index,
        round=state["round"],
        note=Note(tuple(got.evidence), got.plan).as_state(),
        claimed=got.claimed,
        sufficient=got.sufficient,
    )
    return {"found": [found]}


async def end_round(state: RoundsState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Record what the round found, and say what the next one sees."""
    task, number = runtime.context, state["round"] + 1
    found = {(f["document"], f["index"]): f for f in state["found"] if f["round"] == number}
    missed = {(m["document"], m["index"]) for m in state["missed"] if m["round"] == number}
    notes = {place: from_state(f["note"], task.documents) for place, f in found.items()}
    evidence = {place: note.evidence for place, note in notes.items()}
    claims = {place: f["claimed"] for place, f in found.items()}
    read = set(_places(task)) - missed
    fresh = await asyncio.to_thread(gather, task, read, evidence, claims, number=number)
    memory = memory_view(Standing(task.ledger.live(below=STRIDE * number)), memory_tokens(task))
    plan = _next_plan(fresh, {place: note.reasoning for place, note in notes.items()}) or state["plan"]
    options = task.settings.memagent
    enough = options.early_exit and sum(f["sufficient"] for f in found.values()) >= _SUFFICIENT
    changed = (memory, plan) != (state["memory"], state["plan"])
    more = bool(fresh) and changed and number < options.rounds and not enough and not state["stop"]
    if more:
        task.emit(Notice(f"round {number} found something new ({len(fresh)}); every segment is read again"))
    return {"round": number, "memory": memory, "plan": plan, "more": more}


def _next_plan(fresh: Sequence[Entry], plans: dict[tuple[int, int], str]) -> str:
    """What the reading behind the best new entry finds is still to be looked for."""
    ranked = sorted(fresh, key=lambda e: (-e.score, e.document, e.segment, e.seq))
    return next((plan for e in ranked if (plan := plans[e.document, e.segment])), "")


async def again(state: RoundsState, runtime: Runtime[Task]) -> list[Send] | str:
    """Another round, or the answer."""
    return await each_segment(state, runtime) if state["more"] else "answer"


async def answer(state: RoundsState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Answer once, from what all rounds found."""
    return {"final": (await answer_from_ledger(runtime.context)).as_state()}
