"""Direct: a document that fits the window is answered in one call.

START -> answer -> END
"""

from __future__ import annotations

import asyncio
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from lcagent.agents import answerer
from lcagent.agents.prompt import Prompt
from lcagent.errors import QuestionTooLong, UsageError
from lcagent.graphs.shared.answering import answer_from_views, tokens_of, told_how_sure
from lcagent.graphs.shared.evidence import View
from lcagent.graphs.shared.final import Final, final_outcome
from lcagent.graphs.shared.task import Outcome, Task


class DirectState(TypedDict):
    """The whole run."""

    final: dict[str, Any]


class Direct:
    """The strategy `direct`."""

    name = "direct"

    def prompts(self, settings: Any) -> list[Prompt]:
        """One prompt."""
        return [answerer.FROM_EVIDENCE]

    def segment_tokens(self, task: Task) -> int:
        """What the window leaves for all documents together.

        Raises:
            UsageError: they do not fit.
        """
        room = direct_room(task)
        if room < 1:
            raise QuestionTooLong(
                f"the question leaves nothing of the window's {task.model.window.size} tokens",
                hint="ask a shorter question, or use a larger --window",
            )
        if not fits(task, room):
            raise UsageError(
                f"the documents do not fit a window of {task.model.window.size} tokens in one call",
                hint="leave out --strategy direct: they are then read segment by segment",
            )
        return room

    def compile(self, task: Task, checkpointer: Any) -> Any:
        """The compiled graph."""
        graph = StateGraph(DirectState, context_schema=Task)
        graph.add_node("answer", answer)
        graph.add_edge(START, "answer")
        graph.add_edge("answer", END)
        return graph.compile(checkpointer=checkpointer)

    def start(self, task: Task) -> dict[str, Any]:
        """Nothing is known yet."""
        return {"final": {}}

    def outcome(self, task: Task, state: dict[str, Any]) -> Outcome:
        """All segments were read in the one call."""
        read = {(d, s.index) for d, segments in enumerate(task.segments) for s in segments}
        return final_outcome(task, Final(**state["final"]), [], read)


async def answer(state: DirectState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Answer from the whole text."""
    task = runtime.context
    final = await answer_from_views(task, whole(task), direct_room(task), doubted=False, streamed=True)
    final = await asyncio.to_thread(told_how_sure, task, final, doubted=False)
    return {"final": final.as_state()}


def whole(task: Task) -> list[View]:
    """Each document as one passage."""
    return [View(i, 0, len(d.text), []) for i, d in enumerate(task.documents)]


def direct_room(task: Task) -> int:
    """Tokens of document that one answering call can hold."""
    return answerer.evidence_room(task.model.window, task.question)


def fits(task: Task, room: int) -> bool:
    """Whether all documents together fit; long ones are not even counted."""
    if sum(len(d.text) for d in task.documents) > room * 8:
        return False  # no tokenizer makes eight characters of prose a token
    return sum(tokens_of(task, view) for view in whole(task)) <= room
