"""SEGMENT+: a note per segment, side by side; sift them, merge them until they fit, answer from them.

Source: "SEGMENT+: Long Text Processing with Short-Context Language Models" (Shi et al. 2024), section 3.
Notes are evidence and reasoning, as there. Unlike there, evidence is found by code, so that it is verbatim,
and kept in the ledger; merging ends by construction (`lcagent.memory.notes`); retrieval over the same text
is a second witness; and what a small model drops or passes over is out of the answer, never out of the run.

    START -> note (one per segment) -> collect -> sift (one per note) -> pack -> answer -> END
                                                                         ^  |
                                                                         |  v
                                                                        merge (one per batch)
"""

from __future__ import annotations

import asyncio
import operator
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from lcagent.agents import answerer, merger, notetaker, sifter
from lcagent.agents.prompt import Prompt, as_data
from lcagent.errors import BudgetReached
from lcagent.graphs.segmentplus.noting import (
    answer_from_notes,
    answer_room,
    plainly_about,
    shown,
    shown_all,
    shrinker,
    weighed_note,
)
from lcagent.graphs.shared.final import Final, final_outcome
from lcagent.graphs.shared.reading import attempt, segment_budget, tell
from lcagent.graphs.shared.side_by_side import first_reason, gather
from lcagent.graphs.shared.task import Outcome, Task
from lcagent.memory import notes as packing
from lcagent.memory.notes import Note, from_state
from lcagent.models.structured import RETRY_TOKENS

LEAST_BATCH = 256
"""With fewer tokens a merged note, a quarter of them, does not hold a sentence."""


class Place(TypedDict):
    """One segment to take a note on."""

    document: int
    index: int


class Taken(TypedDict):
    """A note with evidence, and where it was taken."""

    document: int
    index: int
    note: dict[str, Any]


class Claimed(TypedDict):
    """What a note says of a segment that stands nowhere in it."""

    document: int
    index: int
    text: str


class Batch(TypedDict):
    """Notes to be merged into one."""

    merges: int
    number: int
    notes: list[dict[str, Any]]


class Merged(TypedDict):
    """What a batch became."""

    merges: int
    number: int
    note: dict[str, Any]


class SegmentState(TypedDict):
    """The whole run."""

    taken: Annotated[list[Taken], operator.add]
    claimed: Annotated[list[Claimed], operator.add]
    unread: Annotated[list[tuple[int, int, bool]], operator.add]
    """(document, segment, whether the budget was the reason)."""
    dropped: Annotated[list[tuple[int, int]], operator.add]
    merged: Annotated[list[Merged], operator.add]
    merges: int
    batches: list[list[dict[str, Any]]]
    stop: Annotated[str, first_reason]
    final: dict[str, Any]


class Segment:
    """The strategy `segment`."""

    name = "segment"

    def prompts(self, settings: Any) -> list[Prompt]:
        """One for each role."""
        return [notetaker.PROMPT, sifter.PROMPT, merger.PROMPT, answerer.FROM_NOTES, answerer.FROM_EVIDENCE]

    def segment_tokens(self, task: Task) -> int:
        """What the window leaves for a segment beside question and reply; notes need room as well."""
        window = task.model.window
        reply = notetaker.REPLY_TOKENS + RETRY_TOKENS
        room = window.room(notetaker.PROMPT.bind(), ("segment", "question"), reply=reply)
        room -= window.count(as_data(task.question)) + window.size // 100
        if batch_room(task) < LEAST_BATCH:
            room = 0
        return segment_budget(task, room, task.settings.segment.segment_tokens)

    def compile(self, task: Task, checkpointer: Any) -> Any:
        """The compiled graph."""
        graph = StateGraph(SegmentState, context_schema=Task)
        graph.add_node("note", note, input_schema=Place)
        graph.add_node("collect", collect)
        graph.add_node("sift", sift, input_schema=Taken)
        graph.add_node("pack", pack)
        graph.add_node("merge", merge, input_schema=Batch)
        graph.add_node("answer", answer)
        graph.add_conditional_edges(START, each_segment, ["note"])
        graph.add_edge("note", "collect")
        graph.add_conditional_edges("collect", each_note, ["sift", "pack"])
        graph.add_edge("sift", "pack")
        graph.add_conditional_edges("pack", each_batch, ["merge", "answer"])
        graph.add_edge("merge", "pack")
        graph.add_edge("answer", END)
        return graph.compile(checkpointer=checkpointer)

    def start(self, task: Task) -> dict[str, Any]:
        """Nothing is noted yet."""
        lists: dict[str, Any] = {
            key: [] for key in ("taken", "claimed", "unread", "dropped", "merged", "batches")
        }
        return {**lists, "merges": 0, "stop": "", "final": {}}

    def outcome(self, task: Task, state: dict[str, Any]) -> Outcome:
        """The outcome, from the answer and which segments were read."""
        unread = {(document, index): budget for document, index, budget in state["unread"]}
        read = {(d, s.index) for d, segments in enumerate(task.segments) for s in segments} - set(unread)
        failed: list[dict[str, Any]] = [
            {"document": document, "unread": [index], "stop": ""}
            for (document, index), budget in sorted(unread.items())
            if not budget
        ]
        stopped = {"document": 0, "unread": [], "stop": state["stop"]}
        return final_outcome(task, Final(**state["final"]), [*failed, stopped], read)


def batch_room(task: Task) -> int:
    """Tokens of notes that every call over notes can hold, the smallest of them counting."""
    window = task.model.window
    question = window.count(as_data(task.question)) + window.size // 100
    merging = window.room(
        merger.PROMPT.bind(), ("question", "notes"), reply=merger.REPLY_TOKENS + RETRY_TOKENS
    )
    return min(merging - question, answer_room(task), task.settings.segment.batch_tokens)


async def each_segment(state: SegmentState, runtime: Runtime[Task]) -> list[Send]:
    """A note for each segment."""
    return [
        Send("note", Place(document=document, index=segment.index))
        for document, segments in enumerate(runtime.context.segments)
        for segment in segments
    ]


async def note(state: Place, runtime: Runtime[Task]) -> dict[str, Any]:
    """Take a note on one segment; a segment that cannot be read is noted and passed over."""
    task, document, index = runtime.context, state["document"], state["index"]
    segment = task.segments[document][index]
    work = notetaker.take_note(task.model, task.question, task.documents[document], document, segment)
    try:
        made = await attempt(task, work)
    except BudgetReached as reached:
        return {"unread": [(document, index, True)], "stop": f"budget: {reached.message}"}
    tell(task, document, index, kept=len(made.evidence) if made else 0)
    if made is None:
        return {"unread": [(document, index, False)]}
    if made.claimed:
        return {"claimed": [Claimed(document=document, index=index, text=made.claimed)]}
    if not made.evidence:
        return {}
    return {"taken": [Taken(document=document, index=index, note=made.as_state())]}


async def collect(state: SegmentState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Record the evidence of all notes in the ledger, in reading order."""
    task = runtime.context
    unread = {(document, index) for document, index, _ in state["unread"]}
    read = {(d, s.index) for d, segments in enumerate(task.segments) for s in segments} - unread
    found = {
        (t["document"], t["index"]): from_state(t["note"], task.documents).evidence for t in state["taken"]
    }
    claims = {(c["document"], c["index"]): c["text"] for c in state["claimed"]}
    await asyncio.to_thread(gather, task, read, found, claims)
    return {}


async def each_note(state: SegmentState) -> list[Send] | str:
    """A decision for each note."""
    return "pack" if state["stop"] or not state["taken"] else [Send("sift", t) for t in state["taken"]]


async def sift(state: Taken, runtime: Runtime[Task]) -> dict[str, Any]:
    """Keep or drop one note; it is kept where nobody can tell."""
    task = runtime.context
    taken = from_state(state["note"], task.documents)
    work = sifter.worth_keeping(task.model, task.question, shown(task, taken), shrinker(task, [taken]))
    try:
        keep = await attempt(task, work)
    except BudgetReached as reached:
        return {"stop": f"budget: {reached.message}"}
    return {"dropped": [(state["document"], state["index"])]} if keep is False else {}


async def pack(state: SegmentState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Pack what is left into batches; one batch is the end of merging."""
    task, merges = runtime.context, state["merges"]
    if merges == 0:
        before = None
        dropped = {(document, index) for document, index in state["dropped"]}
        taken = sorted(state["taken"], key=lambda t: (t["document"], t["index"]))
        left = [
            note
            for t, note in zip(taken, _notes(task, [t["note"] for t in taken]), strict=True)
            if (t["document"], t["index"]) not in dropped or plainly_about(task, note)
        ]
        notes = [weighed_note(task, note) for note in left]
    else:
        before = sum(packing.total(_notes(task, b), task.token_estimate) for b in state["batches"])
        last = [m for m in state["merged"] if m["merges"] == merges]
        notes = _notes(task, [m["note"] for m in sorted(last, key=lambda m: m["number"])])
    # Out of budget nothing more can be merged: the best of what there is goes to the answer.
    rounds = packing.MOST_MERGES if state["stop"] else merges
    room = await asyncio.to_thread(batch_room, task)
    made = packing.next_batches(notes, room, task.token_estimate, before=before, merges=rounds)
    return {"batches": [[n.as_state() for n in batch] for batch in made], "merges": merges + 1}


def _notes(task: Task, states: list[dict[str, Any]]) -> list[Note]:
    return [from_state(state, task.documents) for state in states]


async def each_batch(state: SegmentState) -> list[Send] | str:
    """One merging call for each batch, or the answer where a single batch is left."""
    if len(state["batches"]) <= 1:
        return "answer"
    return [
        Send("merge", Batch(merges=state["merges"], number=number, notes=batch))
        for number, batch in enumerate(state["batches"])
    ]


async def merge(state: Batch, runtime: Runtime[Task]) -> dict[str, Any]:
    """Merge one batch into one note; without a reply its best evidence stands for it."""
    task = runtime.context
    notes = _notes(task, state["notes"])
    evidence = [item for n in notes for item in n.evidence]
    work = merger.merge_notes(
        task.model, task.question, evidence, shown_all(task, notes), shrinker(task, notes)
    )
    stop = ""
    try:
        chosen, reasoning = await attempt(task, work) or ([], "")
    except BudgetReached as reached:
        chosen, reasoning, stop = [], "", f"budget: {reached.message}"
    room = await asyncio.to_thread(batch_room, task) // packing.MERGED_SHARE
    made = packing.merged(notes, chosen, reasoning, room, task.token_estimate)
    done = Merged(merges=state["merges"], number=state["number"], note=made.as_state())
    return {"merged": [done], "stop": stop}


async def answer(state: SegmentState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Answer once, from the notes that are left."""
    task = runtime.context
    notes = [note for batch in state["batches"] for note in _notes(task, batch)]
    return {"final": (await answer_from_notes(task, notes)).as_state()}
