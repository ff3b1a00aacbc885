"""What every strategy's class offers to the runner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

    from lcagent.graphs.shared.task import Task
    from lcagent.models.prompt import Prompt


class Strategy(Protocol):
    """A way to read: a LangGraph graph over a typed state, with a Task as its context.

    Its last state holds `verdict` (`Verdict.as_state`), `unread` and `stop` (`reading.Reading`).
    """

    name: str
    version: int
    """Raised where what the graph keeps or does changes: a run of another version begins anew."""

    def prompts(self, options: Any) -> list[Prompt]:
        """The prompts it uses; their versions are part of a run's key."""
        ...

    def segment_tokens(self, task: Task) -> int:
        """Most tokens of one segment, given the question and the window.

        Raises:
            QuestionTooLong: there is no room for a segment beside the question.
        """
        ...

    def graph(self, task: Task) -> StateGraph[Any, Any, Any, Any]:
        """The graph, not yet compiled."""
        ...

    def start(self, task: Task) -> dict[str, Any]:
        """The graph's input."""
        ...
