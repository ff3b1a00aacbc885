"""Direct: a document that fits the window is answered in one call.

START -> answer -> END
"""

from __future__ import annotations

import asyncio
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from lcagent.agents import answerer
from lcagent.agents.prompt import Prompt
from lcagent.errors import QuestionTooLong, UsageError
from lcagent.graphs.shared.answering import asked, form_for, streamer
from lcagent.graphs.shared.evidence import Evidence, block, size
from lcagent.graphs.shared.reading import NOTHING_YET, Run
from lcagent.graphs.shared.task import Task


class Direct:
    """The strategy `direct`."""

    name = "direct"
    version = 2

    def prompts(self, options: Any) -> list[Prompt]:
        """One prompt, as the model is believed."""
        return [answerer.FROM_EVIDENCE, answerer.BRIEF]

    def segment_tokens(self, task: Task) -> int:
        """What the window leaves for all documents together.

        Raises:
            QuestionTooLong: nothing.
            UsageError: they do not fit.
        """
        room = form_for(task).room(task.model.window, task.question)
        if room < 1:
            raise QuestionTooLong(
                f"the question leaves nothing of the window's {task.model.window.size} tokens",
                hint="ask a shorter question, or use a larger --window",
            )
        if not fits(task):
            raise UsageError(
                f"the documents do not fit a window of {task.model.window.size} tokens in one call",
                hint="leave out --strategy direct: they are then read segment by segment",
            )
        return room

    def graph(self, task: Task) -> StateGraph[Any, Any, Any, Any]:
        """One node."""
        graph = StateGraph(Run, context_schema=Task)
        graph.add_node("answer", answer)
        graph.add_edge(START, "answer")
        graph.add_edge("answer", END)
        return graph

    def start(self, task: Task) -> dict[str, Any]:
        """Nothing is known yet."""
        return dict(NOTHING_YET)


async def answer(state: Run, runtime: Runtime[Task]) -> dict[str, Any]:
    """Answer from the whole text."""
    task = runtime.context
    on_text = None if task.trust.brief else streamer(task)
    verdict = await asked(task, await asyncio.to_thread(whole, task), form_for(task), on_text=on_text)
    return {"verdict": verdict.as_state(), "read": list(task.corpus.places)}


def whole(task: Task) -> Evidence:
    """All documents: passage by passage where the model is to name them, else each in one piece."""
    documents = task.corpus.documents
    if not task.trust.marks():
        return Evidence(tuple(block(task, (i, 0, len(d.text))) for i, d in enumerate(documents)))
    layouts = task.retrieval.layouts
    spans = [(i, s, e) for i, one in enumerate(layouts) for s, e in zip(one.starts, one.ends, strict=True)]
    return Evidence(tuple(block(task, span) for span in spans))


def fits(task: Task) -> bool:
    """Whether all documents together fit one call; long ones are not even counted."""
    room = form_for(task).room(task.model.window, task.question)
    if sum(len(d.text) for d in task.corpus.documents) > room * 8:
        return False  # no tokenizer makes eight characters of prose a token
    evidence = whole(task)
    text = evidence.text(marks=task.trust.marks())
    return task.model.window.count(text) + size(task, evidence.blocks[0]) <= room if evidence.blocks else True
