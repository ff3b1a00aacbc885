"""MemAgent: read segment, update memory, answer; linear in the document's length.

Source: "MemAgent: Reshaping Long-Context LLM with Multi-Conv RL-based Memory Agent". Mode `overwrite` is the
paper's agent. Mode `ledger` keeps what every step finds in an append-only ledger and shows the model a
bounded view of it. A plan stands beside the memory, and the question's core alone drives the reading
(QwenLong-L1.5). Mode `parallel` is mode `ledger` with all segments read side by side, in rounds (PI-Mem):
what a question needs second is found in the next round, whose memory shows what was found first.

    START -> plan -> read -> answer -> END         read -> read: some segments a step, or a round
"""

from __future__ import annotations

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from lcagent.agents import answerer, planner, reader
from lcagent.graphs.memagent import overwrite
from lcagent.graphs.memagent.options import Options
from lcagent.graphs.memagent.steps import (
    MemAgentState,
    beginning,
    read_next,
    read_round,
)
from lcagent.graphs.shared.answering import answer_from
from lcagent.graphs.shared.asking import form_for
from lcagent.graphs.shared.collapsing import collapsing
from lcagent.graphs.shared.reading import NOTHING_YET, segment_budget
from lcagent.graphs.shared.retrieval import planned
from lcagent.graphs.shared.task import Task
from lcagent.models.prompt import Prompt


class MemAgent:
    """The strategy `memagent`."""

    name = "memagent"
    version = 2

    def prompts(self, options: Options) -> list[Prompt]:
        """The prompts of the mode set."""
        if options.mode == "overwrite":
            return overwrite.PROMPTS
        return [planner.PROMPT, reader.PROMPT, answerer.FROM_EVIDENCE, answerer.BRIEF]

    def segment_tokens(self, task: Task) -> int:
        """What the window leaves for a segment beside question, plan, memory and reply."""
        if task.options.mode == "overwrite":
            room = overwrite.room(task)
        else:
            room = reader.room(task.model.window, task.question, brief=task.trust.brief)
            room -= task.options.memory(task.model.window.size)
        return segment_budget(task, room, task.options.segment_tokens)

    def graph(self, task: Task) -> StateGraph[Any, Any, Any, Any]:
        """The graph of the mode set."""
        graph = StateGraph(MemAgentState, context_schema=Task)
        graph.add_node("plan", plan)
        graph.add_node("read", read_round if task.options.mode == "parallel" else read_next)
        graph.add_node("answer", answer)
        graph.add_edge(START, "plan")
        graph.add_edge("plan", "read")
        graph.add_conditional_edges("read", more, ["read", "answer"])
        graph.add_edge("answer", END)
        return graph

    def start(self, task: Task) -> dict[str, Any]:
        """Nothing is read yet."""
        return {**NOTHING_YET, **beginning(task)}


async def plan(state: MemAgentState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Split the question and plan the reading; the paper's agent does neither."""
    task = runtime.context
    if task.options.mode == "overwrite":
        return {}
    made = await planned(task)
    return {"core": made.core, "plan": planner.as_text(made.steps), "asks": made.asks}


async def more(state: MemAgentState) -> str:
    """Whether there is more to read."""
    return "read" if state["more"] else "answer"


async def answer(state: MemAgentState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Answer once, from all that was found."""
    task = runtime.context
    if task.options.mode == "overwrite":
        verdict = await overwrite.answer_from_memories(task, [one["memory"] for one in state["readers"]])
    else:
        form = form_for(task, several=state["asks"] == "list")
        verdict = await answer_from(task, task.ledger.findings(), collapsing(task), form=form)
    return {"verdict": verdict.as_state()}
