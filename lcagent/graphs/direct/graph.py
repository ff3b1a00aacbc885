"""Direct: a document that fits the window is answered in one call.

    START -> answer -> END

One that does not is looked up where that is wanted (`direct.retrieve`): the plan's steps one after the other,
then the question itself, from what the steps found and the passages that match best.

    START -> plan -> look_up -> answer -> END
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from lcagent.agents import answerer, collapser, planner
from lcagent.documents.corpus import Region
from lcagent.documents.shown import Evidence, block
from lcagent.errors import QuestionTooLong, UsageError
from lcagent.graphs.direct.options import Options
from lcagent.graphs.shared.answering import answer_from
from lcagent.graphs.shared.asking import asked, form_for, streamer
from lcagent.graphs.shared.collapsing import collapsing
from lcagent.graphs.shared.reading import NOTHING_YET, Run, segment_budget
from lcagent.graphs.shared.retrieval import Hop, cited, follow, planned, recorded
from lcagent.graphs.shared.task import Task
from lcagent.models.prompt import Prompt, as_data

COARSE = 1500
"""Characters under one number where room is short: each number takes tokens."""
LOOKED_UP_TOKENS = 512
"""Most tokens of a segment where passages are looked up; it only says where they stand."""


class DirectState(Run):
    """The whole run. `steps` are planned, `hops` what was looked up of them."""

    steps: list[str]
    hops: list[Hop]


class Direct:
    """The strategy `direct`."""

    name = "direct"
    version = 3

    def prompts(self, options: Options) -> list[Prompt]:
        """One prompt, as the model is believed; the planner's where passages are looked up."""
        return [
            answerer.FROM_EVIDENCE,
            answerer.BRIEF,
            *([planner.PROMPT, collapser.PROMPT] if options.retrieve else []),
        ]

    def segment_tokens(self, task: Task) -> int:
        """What the window leaves for all documents together.

        Raises:
            QuestionTooLong: nothing.
            UsageError: they do not fit, and are not to be looked up.
        """
        room = form_for(task).room(task.model.window, task.question)
        if room < 1:
            raise QuestionTooLong(
                f"the question leaves nothing of the window's {task.model.window.size} tokens",
                hint="ask a shorter question, or use a larger --window",
            )
        if fits(task):
            return room
        if not task.options.retrieve:
            raise UsageError(
                f"the documents do not fit a window of {task.model.window.size} tokens in one call",
                hint="leave out --strategy direct: they are then read segment by segment; with --set"
                " direct.retrieve=true it answers from the passages that match best",
            )
        return segment_budget(task, room, LOOKED_UP_TOKENS)

    def graph(self, task: Task) -> StateGraph[Any, Any, Any, Any]:
        """Answer at once; or plan and look up first."""
        return _at_once() if fits(task) else _looking_up()

    def start(self, task: Task) -> dict[str, Any]:
        """Nothing is known yet."""
        return {**NOTHING_YET, "steps": [], "hops": []}


@cache  # to make it takes as long as all else that a short document does
def _at_once() -> StateGraph[Any, Any, Any, Any]:
    graph = StateGraph(DirectState, context_schema=Task)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    return graph


def _looking_up() -> StateGraph[Any, Any, Any, Any]:
    graph = StateGraph(DirectState, context_schema=Task)
    graph.add_node("plan", plan)
    graph.add_node("look_up", look_up)
    graph.add_node("answer", answer_looked_up)
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "look_up")
    graph.add_edge("look_up", "answer")
    graph.add_edge("answer", END)
    return graph


async def answer(state: DirectState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Answer from the whole text."""
    task = runtime.context
    on_text = None if task.trust.brief else streamer(task)
    evidence = await asyncio.to_thread(fitting, task) or await asyncio.to_thread(whole, task)
    verdict = await asked(task, evidence, form_for(task), on_text=on_text)
    return {"verdict": verdict.as_state(), "read": list(task.corpus.places)}


async def plan(state: DirectState, runtime: Runtime[Task]) -> dict[str, Any]:
    """What to look up one after the other."""
    return {"steps": list((await planned(runtime.context)).steps)}


async def look_up(state: DirectState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Look it up."""
    return {"hops": await follow(runtime.context, state["steps"])}


async def answer_looked_up(state: DirectState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Answer from what the steps gave, and the passages that match the question best."""
    task, hops = runtime.context, state["hops"]
    findings = await asyncio.to_thread(recorded, task, hops)
    verdict = cited(await answer_from(task, findings, collapsing(task)), hops)
    if not verdict.found:
        verdict = verdict.warned("only what matches the question best was looked at")
    return {"verdict": verdict.as_state()}


def whole(task: Task, most: int = 0) -> Evidence:
    """All documents: passage by passage where the model is to name them, else each in one piece.

    Args:
        task: the run.
        most: characters up to which passages come under one number.
    """
    documents = task.corpus.documents
    if not task.trust.marks():
        return Evidence(tuple(block(task.retrieval, (i, 0, len(d.text))) for i, d in enumerate(documents)))
    passages: list[Region] = []
    for number, layout in enumerate(task.retrieval.layouts):
        for start, end in zip(layout.starts, layout.ends, strict=True):
            if passages and passages[-1][0] == number and end - passages[-1][1] <= most:
                passages[-1] = (number, passages[-1][1], end)
            else:
                passages.append((number, start, end))
    return Evidence(tuple(block(task.retrieval, passage) for passage in passages))


def fitting(task: Task) -> Evidence | None:
    """All documents, if they fit one call together; long ones are not even counted."""
    room = form_for(task).room(task.model.window, task.question)
    if sum(len(d.text) for d in task.corpus.documents) > room * 8:
        return None  # no tokenizer makes eight characters of prose a token
    for most in (0, COARSE):
        evidence = whole(task, most)
        if task.model.window.count(as_data(evidence.text(marks=task.trust.marks()))) <= room:
            return evidence
    return None


def fits(task: Task) -> bool:
    """Whether all documents together fit one call."""
    return fitting(task) is not None
