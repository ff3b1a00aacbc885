"""MemAgent: read segment, update memory, answer; linear in the document's length.

Source: "MemAgent: Reshaping Long-Context LLM with Multi-Conv RL-based Memory Agent". Mode `overwrite`
is the paper's agent. Mode `ledger` keeps every fact that a step finds in an append-only ledger and
shows the model a bounded view of it; retrieval over the same text is a second witness. A plan stands
beside the memory, and the question's core alone drives the reading (QwenLong-L1.5). Mode `parallel` is
mode `ledger` with all segments read side by side, in rounds (`parallel`).

    START -> plan -> reader (one per document, in parallel) -> answer -> END
                     reader: read -> read -> … -> END

Nodes and edges are coroutines throughout: LangGraph hands plain functions to another thread.
"""

from __future__ import annotations

import operator
from types import ModuleType
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from lcagent.agents import answerer, overwriter, planner, reader
from lcagent.agents.prompt import Prompt
from lcagent.errors import BudgetReached
from lcagent.graphs.memagent.steps import ReaderState, read_ledger, read_overwrite
from lcagent.graphs.shared.answering import answer_from_ledger, answer_from_memory
from lcagent.graphs.shared.final import Final, final_outcome
from lcagent.graphs.shared.reading import attempt, segment_budget, tell
from lcagent.graphs.shared.retrieval import memory_tokens
from lcagent.graphs.shared.task import Outcome, Task
from lcagent.models.structured import RETRY_TOKENS

_SUFFICIENT_IN_A_ROW = 2


class ReaderResult(TypedDict):
    """One document read, as far as it was."""

    document: int
    index: int
    plan: str
    memory: str
    unread: list[int]
    stop: str


class Results(TypedDict):
    """What the readers leave to the run; each adds its own."""

    results: Annotated[list[ReaderResult], operator.add]


class MemAgentState(TypedDict):
    """The whole run."""

    core: str
    plan: str
    results: Annotated[list[ReaderResult], operator.add]
    final: dict[str, Any]


class MemAgent:
    """The strategy `memagent`."""

    name = "memagent"

    def prompts(self, settings: Any) -> list[Prompt]:
        """The prompts of the mode set."""
        if settings.memagent.mode != "overwrite":
            return [planner.PROMPT, reader.PROMPT, answerer.FROM_EVIDENCE]
        return [overwriter.PROMPT, answerer.FROM_MEMORY, answerer.TRAINED]

    def segment_tokens(self, task: Task) -> int:
        """What the window leaves for a segment beside question, memory and reply."""
        options, window = task.settings.memagent, task.model.window
        memory = memory_tokens(task)
        question = window.count(task.question)
        variables = ["question", "memory", "segment"]
        if options.mode != "overwrite":
            render, reply = reader.PROMPT.bind(), reader.REPLY_TOKENS + RETRY_TOKENS
            beside = memory + 2 * question  # the question stands before and after the segment
            beside += min(planner.PLAN_TOKENS, window.size // 16)
            variables.append("plan")
        else:
            render, reply = overwriter.PROMPT.bind(trained_order=options.trained_order), memory
            beside = memory + question + overwriter.SHORTER_TOKENS
        room = window.room(render, variables, reply=reply)
        room -= beside + window.size // 100
        return segment_budget(task, room, options.segment_tokens)

    def compile(self, task: Task, checkpointer: Any) -> Any:
        """The compiled graph."""
        if (rounds := _rounds(task)) is not None:
            return rounds.compiled(checkpointer)
        inner = StateGraph(ReaderState, context_schema=Task, output_schema=Results)
        inner.add_node("read", read)
        inner.add_node("done", done)
        inner.add_edge(START, "read")
        inner.add_conditional_edges("read", more, ["read", "done"])
        inner.add_edge("done", END)
        graph = StateGraph(MemAgentState, context_schema=Task)
        graph.add_node("plan", plan)
        graph.add_node("reader", inner.compile())
        graph.add_node("answer", answer)
        graph.add_edge(START, "plan")
        graph.add_conditional_edges("plan", fan_out, ["reader"])
        graph.add_edge("reader", "answer")
        graph.add_edge("answer", END)
        return graph.compile(checkpointer=checkpointer)

    def start(self, task: Task) -> dict[str, Any]:
        """Nothing is read yet."""
        if (rounds := _rounds(task)) is not None:
            return rounds.start(task)
        return {"core": task.question, "plan": "", "results": [], "final": {}}

    def outcome(self, task: Task, state: dict[str, Any]) -> Outcome:
        """The outcome, from the answer and what each reader did."""
        if (rounds := _rounds(task)) is not None:
            return rounds.outcome(task, state)
        read = {
            (result["document"], index)
            for result in state["results"]
            for index in range(result["index"])
            if index not in result["unread"]
        }
        return final_outcome(task, Final(**state["final"]), state["results"], read)


def _rounds(task: Task) -> ModuleType | None:
    """Mode `parallel` is a graph of its own."""
    if task.settings.memagent.mode != "parallel":
        return None
    from lcagent.graphs.memagent import parallel

    return parallel


async def plan(state: MemAgentState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Split the question and plan the reading; the paper's agent does neither."""
    task = runtime.context
    if task.settings.memagent.mode == "overwrite":
        return {}
    try:
        made = await planner.make_plan(task.model, task.question)
    except BudgetReached:  # the readers will find the same, and say so
        return {}
    return {"core": made.core, "plan": made.text}


async def fan_out(state: MemAgentState, runtime: Runtime[Task]) -> list[Send]:
    """One reader for each document."""
    begin = ReaderState(
        document=0,
        index=0,
        core=state["core"],
        plan=state["plan"],
        memory="",
        told=0,
        copied=0,
        alone=False,
        streak=0,
        unread=[],
        stop="",
    )
    return [Send("reader", {**begin, "document": i}) for i in range(len(runtime.context.documents))]


async def more(state: ReaderState, runtime: Runtime[Task]) -> str:
    """Whether there is another segment to read."""
    if state["stop"] or state["index"] >= len(runtime.context.segments[state["document"]]):
        return "done"
    return "read"


async def read(state: ReaderState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Read one segment; a segment that cannot be read is noted and passed over."""
    task = runtime.context
    if state["document"] not in task.entered:
        task.entered.add(state["document"])
        task.done += state["index"]
    index = state["index"]
    step = read_ledger if task.settings.memagent.mode == "ledger" else read_overwrite
    try:
        got = await attempt(task, step(task, state))
    except BudgetReached as reached:
        return {"stop": f"budget: {reached.message}"}
    update: dict[str, Any] = got or {"unread": [*state["unread"], index], "streak": 0}
    tell(task, state["document"], index, kept=update.pop("kept", 0))
    update["index"] = index + 1
    if task.settings.memagent.early_exit and update.get("streak", 0) >= _SUFFICIENT_IN_A_ROW:
        update["stop"] = "sufficient"
    return update


async def done(state: ReaderState) -> dict[str, Any]:
    """Hand one document's result to the run."""
    result = ReaderResult(
        document=state["document"],
        index=state["index"],
        plan=state["plan"],
        memory=state["memory"],
        unread=state["unread"],
        stop=state["stop"],
    )
    return {"results": [result]}


async def answer(state: MemAgentState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Answer once, from what all readers found."""
    task = runtime.context
    if task.settings.memagent.mode != "overwrite":
        final = await answer_from_ledger(task)
    else:
        results = sorted(state["results"], key=lambda r: r["document"])
        final = await answer_from_memory(task, [r["memory"] for r in results])
    return {"final": final.as_state()}
