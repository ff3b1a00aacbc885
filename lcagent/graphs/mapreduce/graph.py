"""MapReduce: read all segments at once, put the findings together until they fit, answer.

Source: "LLM×MapReduce: Simplified Long-Sequence Processing using LLMs" (map, collapse, reduce; structured
information protocol; confidence calibrated in context). Beyond it: "no answer here" and "nothing relevant
here" are two things, so a fact that only leads on to the answer survives; collapsing ends whatever the
model writes; evidence is carried by code, with its place; nothing relevant anywhere is "not found".

    START -> prepare -> map (one per segment, in parallel) -> gather -> pack -> reduce -> END
                                                                ^         |
                                                    collapse (one per group, in parallel)
"""

from __future__ import annotations

import asyncio
import operator
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from lcagent.agents import calculator, collapser, mapper, reducer, summariser
from lcagent.agents.prompt import Prompt, as_data
from lcagent.errors import BudgetReached, QuestionTooLong
from lcagent.events import Notice
from lcagent.graphs.mapreduce.collapsing import (
    findings_budget,
    pack_findings,
    together_by_code,
    together_by_model,
)
from lcagent.graphs.mapreduce.findings import SHARE, Finding
from lcagent.graphs.mapreduce.gathering import Mapped, as_mapped, believed, record
from lcagent.graphs.mapreduce.reducing import answer_by_code, answer_from_findings
from lcagent.graphs.shared.final import Final, final_outcome
from lcagent.graphs.shared.reading import attempt, tell
from lcagent.graphs.shared.task import Outcome, Task
from lcagent.models.structured import RETRY_TOKENS

LEAST_SEGMENT = 128
"""Fewer tokens of document in a call are not worth the call."""
LEAST_FINDING = 64
"""A finding of fewer tokens says nothing."""


class Place(TypedDict):
    """What one map call is about."""

    document: int
    segment: int


class Group(TypedDict):
    """What one collapse call is about."""

    round: int
    number: int
    members: list[Finding]


class Collapsed(TypedDict):
    """What one collapse call left."""

    round: int
    number: int
    finding: Finding
    stop: str


class MapReduceState(TypedDict):
    """The whole run. `groups` holds indices of `findings` that are put together in this round."""

    operation: calculator.Operation
    mapped: Annotated[list[Mapped], operator.add]
    findings: list[Finding]
    round: int
    groups: list[list[int]]
    collapsed: Annotated[list[Collapsed], operator.add]
    warnings: Annotated[list[str], operator.add]
    final: dict[str, Any]


class MapReduce:
    """The strategy `mapreduce`."""

    name = "mapreduce"

    def prompts(self, settings: Any) -> list[Prompt]:
        """The prompts of the mode set."""
        last = {"summary": [summariser.PROMPT], "math": [calculator.PROMPT, reducer.PROMPT]}
        chosen = last.get(settings.mapreduce.mode, [reducer.PROMPT])
        return [mapper.PROMPT, collapser.PROMPT, *chosen]

    def segment_tokens(self, task: Task) -> int:
        """What the window leaves for a segment beside the question and the reply."""
        options, window = task.settings.mapreduce, task.model.window
        reply = mapper.reply_tokens(options.mode) + RETRY_TOKENS
        room = window.room(mapper.PROMPT.bind(mode=options.mode), ("segment", "question"), reply=reply)
        # Wide steps: a second question of another length then finds the same segments in the cache.
        step = max(32, window.size // 32)
        question = window.count(as_data(task.question))
        room -= -(-question // step) * step + window.size // 100
        if room < LEAST_SEGMENT or findings_budget(task) < SHARE * LEAST_FINDING:
            raise QuestionTooLong(
                f"the question takes {question} tokens; with the prompts and the replies it leaves too"
                f" little of the window's {window.size} for the document",
                hint="ask a shorter question, or use a larger --window",
            )
        return min(options.segment_tokens, room // 32 * 32)

    def compile(self, task: Task, checkpointer: Any) -> Any:
        """The compiled graph."""
        graph = StateGraph(MapReduceState, context_schema=Task)
        for node in (prepare, gather, pack, reduce):
            graph.add_node(node.__name__, node)
        graph.add_node("map", map_segment, input_schema=Place)
        graph.add_node("collapse", collapse, input_schema=Group)
        graph.add_edge(START, "prepare")
        graph.add_conditional_edges("prepare", each_segment, ["map"])
        graph.add_edge("map", "gather")
        graph.add_conditional_edges("gather", answered, {True: END, False: "pack"})
        graph.add_conditional_edges("pack", each_group, ["collapse", "reduce"])
        graph.add_edge("collapse", "pack")
        graph.add_edge("reduce", END)
        return graph.compile(checkpointer=checkpointer)

    def start(self, task: Task) -> dict[str, Any]:
        """Nothing is read yet."""
        return {
            "operation": "other",
            "mapped": [],
            "findings": [],
            "round": 0,
            "groups": [],
            "collapsed": [],
            "warnings": [],
            "final": {},
        }

    def outcome(self, task: Task, state: dict[str, Any]) -> Outcome:
        """The outcome, from the answer and what each map call did."""
        mapped: list[Mapped] = state["mapped"]
        stops = [m["stop"] for m in [*mapped, *state["collapsed"]] if m["stop"]]
        results = [
            {
                "document": document,
                "unread": sorted(m["segment"] for m in mapped if m["document"] == document and m["unread"]),
                "stop": next(iter(stops), "") if document == 0 else "",
            }
            for document in range(len(task.documents))
        ]
        final = Final(**state["final"])
        lost = sum(m["unplaced"] for m in mapped) if task.settings.mapreduce.mode == "math" else 0
        dropped = [f"left out, for it stands nowhere in the text: {lost} of the model's numbers"] * bool(lost)
        final.warnings = list(dict.fromkeys([*state["warnings"], *final.warnings, *dropped]))
        read = {(m["document"], m["segment"]) for m in mapped if not m["unread"] and not m["stop"]}
        return final_outcome(task, final, results, read)


async def prepare(state: MapReduceState, runtime: Runtime[Task]) -> dict[str, Any]:
    """In mode `math`, find out which calculation is asked for."""
    task = runtime.context
    if task.settings.mapreduce.mode != "math":
        return {"operation": "other"}
    try:
        return {"operation": await calculator.choose_operation(task.model, task.question)}
    except BudgetReached:  # the map calls will find the same, and say so
        return {"operation": "other"}


async def each_segment(state: MapReduceState, runtime: Runtime[Task]) -> list[Send]:
    """One map call for each segment of each document."""
    return [
        Send("map", Place(document=document, segment=segment.index))
        for document, segments in enumerate(runtime.context.segments)
        for segment in segments
    ]


async def map_segment(state: Place, runtime: Runtime[Task]) -> dict[str, Any]:
    """Read one segment; one that cannot be read is noted and costs that segment alone."""
    task = runtime.context
    document, index = state["document"], state["segment"]
    segment = task.segments[document][index]
    mode = task.settings.mapreduce.mode
    if not task.segment_text(document, index).strip():
        got = mapper.Mapping()  # blank pages are read without a call
    else:
        work = mapper.map_segment(
            task.model, mode, task.question, task.documents[document], document, segment
        )
        try:
            got = await attempt(task, work)
        except BudgetReached as reached:
            return {"mapped": [as_mapped(document, index, None, stop=f"budget: {reached.message}")]}
    tell(task, document, index, kept=len(got.evidence) if got else 0)
    return {"mapped": [as_mapped(document, index, got)]}


async def gather(state: MapReduceState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Write the evidence into the ledger, in reading order; answer at once where code can.

    Nothing relevant anywhere is "not found": a model asked to answer from nothing would.
    """
    task = runtime.context
    findings = await asyncio.to_thread(record, task, state["mapped"])
    if not findings:
        return {"final": Final("", found=False).as_state()}
    final = answer_by_code(task, state["operation"], findings)
    if final is not None:
        return {"final": final.as_state()}
    return {"findings": await asyncio.to_thread(believed, task, findings)}


async def answered(state: MapReduceState) -> bool:
    """Whether the answer is there already."""
    return bool(state["final"])


async def pack(state: MapReduceState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Take the last round's results in, and group what is left if it does not fit one call."""
    task = runtime.context
    made = {c["number"]: c["finding"] for c in state["collapsed"] if c["round"] == state["round"]}
    packed = await asyncio.to_thread(
        pack_findings, task, state["findings"], state["groups"], made, state["round"]
    )
    if not packed.groups:
        return {"findings": packed.findings, "groups": [], "warnings": packed.warnings}
    task.emit(
        Notice(f"{len(packed.findings)} findings do not fit one call: {len(packed.groups)} groups of them")
    )
    return {"findings": packed.findings, "groups": packed.groups, "round": state["round"] + 1}


async def each_group(state: MapReduceState) -> list[Send] | str:
    """One collapse call for each group; the answer once there is none."""
    if not state["groups"]:
        return "reduce"
    findings, number = state["findings"], state["round"]
    return [
        Send("collapse", Group(round=number, number=i, members=[findings[m] for m in members]))
        for i, members in enumerate(state["groups"])
    ]


async def collapse(state: Group, runtime: Runtime[Task]) -> dict[str, Any]:
    """Put one group together; where the model fails for good, code does it."""
    task, members = runtime.context, state["members"]
    stop, finding = "", None
    try:
        finding = await together_by_model(task, members)
    except BudgetReached as reached:
        stop = f"budget: {reached.message}"
    warnings = [] if finding or stop else [_BY_CODE]
    finding = finding or await together_by_code(task, members)
    done = Collapsed(round=state["round"], number=state["number"], finding=finding, stop=stop)
    return {"collapsed": [done], "warnings": warnings}


_BY_CODE = "a group of findings was put together by code: the model gave no usable reply"


async def reduce(state: MapReduceState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Answer once, from all findings that are left."""
    final = await answer_from_findings(runtime.context, state["findings"])
    return {"final": final.as_state()}
