"""MemAgent: read segment, update memory, answer; linear in the document's length.

Source: "MemAgent: Reshaping Long-Context LLM with Multi-Conv RL-based Memory Agent". Mode `overwrite`
is the paper's agent. Mode `ledger` keeps every fact that a step finds in an append-only ledger and
shows the model a bounded view of it; retrieval over the same text is a second witness.

    START -> reader (one per document, in parallel) -> answer -> END
             reader: read -> read -> … -> END

Nodes and edges are coroutines throughout: LangGraph hands plain functions to another thread.
"""

from __future__ import annotations

import operator
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from lcagent.agents import answerer, overwriter, reader
from lcagent.agents.prompt import Prompt
from lcagent.errors import BudgetReached, CutReply, MalformedReply, QuestionTooLong
from lcagent.graphs.answering import Final, answer_from_ledger, answer_from_memory, final_outcome
from lcagent.graphs.events import SegmentRead
from lcagent.graphs.task import Outcome, Task
from lcagent.graphs.witness import hint_entries, memory_view
from lcagent.memory.ledger import Entry, integrate
from lcagent.models.structured import RETRY_TOKENS

LEAST_SEGMENT = 128
"""Fewer tokens of document in a call are not worth the call."""
_SUFFICIENT_IN_A_ROW = 2


class ReaderState(TypedDict):
    """One document being read: which segment comes next, and what is known."""

    document: int
    index: int
    memory: str
    streak: int
    unread: list[int]
    stop: str


class ReaderResult(TypedDict):
    """One document read, as far as it was."""

    document: int
    index: int
    memory: str
    unread: list[int]
    stop: str


class MemAgentState(TypedDict):
    """The whole run."""

    results: Annotated[list[ReaderResult], operator.add]
    final: dict[str, Any]


class MemAgent:
    """The strategy `memagent`."""

    name = "memagent"

    def prompts(self, settings: Any) -> list[Prompt]:
        """The prompts of the mode set."""
        if settings.memagent.mode == "ledger":
            return [reader.PROMPT, answerer.FROM_EVIDENCE]
        return [overwriter.PROMPT, answerer.FROM_MEMORY, answerer.TRAINED]

    def segment_tokens(self, task: Task) -> int:
        """What the window leaves for a segment beside question, memory and reply."""
        options, window = task.settings.memagent, task.model.window
        memory = memory_tokens(task)
        question = window.count(task.question)
        if options.mode == "ledger":
            render, reply = reader.PROMPT.bind(), reader.REPLY_TOKENS + RETRY_TOKENS
        else:
            render, reply = overwriter.PROMPT.bind(trained_order=options.trained_order), memory
            question += overwriter.SHORTER_TOKENS
        room = window.room(render, ("question", "memory", "segment"), reply=reply)
        room -= memory + question + window.size // 100
        if room < LEAST_SEGMENT:
            raise QuestionTooLong(
                f"the question takes {question} tokens; with the prompt, the memory and the reply it"
                f" leaves {max(room, 0)} of the window's {window.size} for the document",
                hint="ask a shorter question, or use a larger --window",
            )
        # Steps of 32, so that questions of about the same length share one segmentation.
        return min(options.segment_tokens, room // 32 * 32)

    def compile(self, task: Task, checkpointer: Any) -> Any:
        """The compiled graph."""
        inner = StateGraph(ReaderState, context_schema=Task, output_schema=MemAgentState)
        inner.add_node("read", read)
        inner.add_node("done", done)
        inner.add_edge(START, "read")
        inner.add_conditional_edges("read", more, ["read", "done"])
        inner.add_edge("done", END)
        graph = StateGraph(MemAgentState, context_schema=Task)
        graph.add_node("reader", inner.compile())
        graph.add_node("answer", answer)
        graph.add_conditional_edges(START, fan_out, ["reader"])
        graph.add_edge("reader", "answer")
        graph.add_edge("answer", END)
        return graph.compile(checkpointer=checkpointer)

    def start(self, task: Task) -> dict[str, Any]:
        """Nothing is read yet."""
        return {"results": [], "final": {}, "documents": len(task.documents)}

    def outcome(self, task: Task, state: dict[str, Any]) -> Outcome:
        """The outcome, from the answer and what each reader did."""
        read = {
            (result["document"], index)
            for result in state["results"]
            for index in range(result["index"])
            if index not in result["unread"]
        }
        return final_outcome(task, Final(**state["final"]), state["results"], read)


def memory_tokens(task: Task) -> int:
    """Most tokens of memory: the setting, but at most a fifth of the window."""
    return min(task.settings.memagent.memory_tokens, task.model.window.size // 5)


async def fan_out(_state: MemAgentState, runtime: Runtime[Task]) -> list[Send]:
    """One reader for each document."""
    return [
        Send("reader", ReaderState(document=i, index=0, memory="", streak=0, unread=[], stop=""))
        for i in range(len(runtime.context.documents))
    ]


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
    update: dict[str, Any]
    step = _read_ledger if task.settings.memagent.mode == "ledger" else _read_overwrite
    try:
        update = await step(task, state)
    except BudgetReached as reached:
        return {"stop": f"budget: {reached.message}"}
    except (MalformedReply, CutReply):
        update = {"unread": [*state["unread"], state["index"]], "streak": 0}
    kept = update.pop("kept", 0)
    index = state["index"]
    task.done += 1
    segment = task.segments[state["document"]][index]
    document = task.documents[state["document"]]
    task.emit(
        SegmentRead(
            document=document.name,
            index=index,
            page=document.page_at(segment.start),
            kept=kept,
            done=task.done,
            total=task.total,
        )
    )
    update["index"] = index + 1
    if task.settings.memagent.early_exit and update.get("streak", 0) >= _SUFFICIENT_IN_A_ROW:
        update["stop"] = "sufficient"
    return update


async def _read_ledger(task: Task, state: ReaderState) -> dict[str, Any]:
    document, index = state["document"], state["index"]
    segment = task.segments[document][index]
    # Only what earlier segments gave: a step done again sees what it saw the first time.
    live = task.ledger.live(document, before=index)
    view = memory_view(task, live, memory_tokens(task))
    reading = await reader.read_segment(
        task.model, task.question, view, task.documents[document], document, segment
    )
    found = [*reading.evidence, *hint_entries(task, document, segment)]
    entries = [_counted(task, entry) for entry in integrate(found, live)]
    task.ledger.record(document, index, entries)
    streak = state["streak"] + 1 if reading.sufficient else 0
    return {"streak": streak, "kept": len(reading.evidence)}


def _counted(task: Task, entry: Entry) -> Entry:
    """With an estimate of its tokens in place of a request for each sentence."""
    from dataclasses import replace

    return replace(entry, tokens=task.token_estimate(entry.quote))


async def _read_overwrite(task: Task, state: ReaderState) -> dict[str, Any]:
    memory = await overwriter.overwrite(
        task.model,
        task.question,
        state["memory"],
        task.segment_text(state["document"], state["index"]),
        limit=memory_tokens(task),
        trained_order=task.settings.memagent.trained_order,
    )
    return {"memory": memory, "kept": int(memory != state["memory"])}


async def done(state: ReaderState) -> dict[str, Any]:
    """Hand one document's result to the run."""
    result = ReaderResult(
        document=state["document"],
        index=state["index"],
        memory=state["memory"],
        unread=state["unread"],
        stop=state["stop"],
    )
    return {"results": [result]}


async def answer(state: MemAgentState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Answer once, from what all readers found."""
    task = runtime.context
    if task.settings.memagent.mode == "ledger":
        final = await answer_from_ledger(task)
    else:
        results = sorted(state["results"], key=lambda r: r["document"])
        final = await answer_from_memory(task, [r["memory"] for r in results])
    return {"final": final.as_state()}
