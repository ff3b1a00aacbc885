"""Baselines: one call each, over a part of the document that a simple rule chooses.

They run through the same runner, prompt and window as the strategies, so that a score's difference is
the reading's. What the model says is taken as it is: the checks by code belong to the strategies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from lcagent.agents import answerer
from lcagent.agents.prompt import Prompt
from lcagent.documents import search
from lcagent.errors import QuestionTooLong, UsageError
from lcagent.evals.items import Item
from lcagent.graphs.direct import direct_room, fits, whole
from lcagent.graphs.shared.answering import layout, tokens_of
from lcagent.graphs.shared.checks import cite
from lcagent.graphs.shared.evidence import View, fill
from lcagent.graphs.shared.final import Final, final_outcome
from lcagent.graphs.shared.task import Outcome, Task

Choose = Callable[[Task, int], list[View]]
"""From a task and the tokens there is room for, what the model is shown."""

TOP_K = 10
"""Passages of plain retrieval."""
_BESIDE = 24
"""Tokens for the place of a piece of the document, and line breaks."""


class BaselineState(TypedDict):
    """The whole run."""

    final: dict[str, Any]
    read: list[list[int]]


class Baseline:
    """A strategy of one call.

    Args:
        name: as shown.
        prompt: how it is asked.
        choose: what it is shown; None shows nothing.
    """

    def __init__(self, name: str, prompt: Prompt, choose: Choose | None) -> None:
        self.name, self._prompt, self._choose = name, prompt, choose

    def prompts(self, settings: Any) -> list[Prompt]:
        """One prompt."""
        return [self._prompt]

    def segment_tokens(self, task: Task) -> int:
        """Segments only serve to say what was read."""
        return max(256, direct_room(task))

    def compile(self, task: Task, checkpointer: Any) -> Any:
        """The compiled graph."""
        graph = StateGraph(BaselineState, context_schema=Task)
        graph.add_node("answer", self._answer)
        graph.add_edge(START, "answer")
        graph.add_edge("answer", END)
        return graph.compile(checkpointer=checkpointer)

    def start(self, task: Task) -> dict[str, Any]:
        """Nothing is known yet."""
        return {"final": {}, "read": []}

    def outcome(self, task: Task, state: dict[str, Any]) -> Outcome:
        """A segment counts as read where all of it was shown."""
        shown = [tuple(span) for span in state["read"]]
        read = {
            (d, s.index)
            for d, segments in enumerate(task.segments)
            for s in segments
            if any(d == document and start <= s.start and s.end <= end for document, start, end in shown)
        }
        return final_outcome(task, Final(**state["final"]), [], read)

    async def _answer(self, state: BaselineState, runtime: Runtime[Task]) -> dict[str, Any]:
        task = runtime.context
        room = direct_room(task)
        views = self._choose(task, room) if self._choose else []
        reply = await answerer.answer(
            task.model,
            self._prompt,
            task.question,
            layout(task, views),
            name="evidence",
            shrink=lambda tokens: layout(task, _fitting(task, views, tokens)),
            several=task.several,
        )
        spans = [(v.document, v.start, v.end) for v in views]
        text = reply.answer.strip()
        found = reply.found == "yes" and bool(text)
        cited = [asdict(c) for c in cite(task, text, spans)] if found else []
        final = Final(text if found else "", found, cited)
        return {"final": final.as_state(), "read": [list(span) for span in spans]}


def _fitting(task: Task, views: Sequence[View], tokens: int) -> list[View]:
    return fill(views, tokens, lambda view: tokens_of(task, view))


def head_and_tail(task: Task, room: int) -> list[View]:
    """The beginning and the end of the document, half of the room each; all of it where it fits.

    Raises:
        QuestionTooLong: there is no room for either.
    """
    text, count = task.documents[0].text, task.model.window.count
    if fits(task, room):
        return whole(task)
    half = max(0, (room - 2 * _BESIDE) // 2)
    ratio = len(text[: half * 8]) / max(1, count(text[: half * 8]))  # characters a token
    size = int(half * ratio)
    while size and (count(text[:size]) > half or count(text[-size:]) > half):
        size = size * 19 // 20
    if not size:
        raise QuestionTooLong(
            f"the question leaves nothing of the window's {task.model.window.size} tokens",
            hint="ask a shorter question, or use a larger --window",
        )
    return [View(0, 0, size, []), View(0, max(size, len(text) - size), len(text), [])]


def best_passages(task: Task, room: int) -> list[View]:
    """Plain retrieval: the best passages by BM25 for the question's words, as many as fit."""
    hits = search(task.documents[0].text, task.question, limit=TOP_K)
    return _fitting(task, [View(0, hit.start, hit.end, []) for hit in hits], room)


def gold_only(item: Item) -> Choose:
    """Only what the answer stands in: the model's own ceiling.

    Raises:
        UsageError: none of it is known (at once), or fits (when it is asked).
    """
    if not item.gold and not item.gold_pages:
        raise UsageError("nothing says where its answer stands", hint="leave out the strategy gold")

    def choose(task: Task, room: int) -> list[View]:
        spans = list(item.gold)
        if item.gold_pages:
            pages = {page.number: page for page in task.documents[0].pages}
            spans = [(pages[n].start, pages[n].end) for n in item.gold_pages if n in pages]
        views = _fitting(task, [View(0, start, end, []) for start, end in spans], room)
        if not views:  # asked without them, it would be a guess from no document at all
            raise UsageError(
                f"no place of the answer fits a window of {task.model.window.size} tokens",
                hint="use a larger --window",
            )
        return views

    return choose


def baseline(name: str, item: Item) -> Baseline | None:
    """The baseline of this name, or None if it is none.

    `closed`: no document at all. `cut`: head and tail, cut to the window. `bm25`: plain retrieval.
    `gold`: only the gold paragraphs or pages.

    Raises:
        UsageError: `gold` of an item without gold places: it has no ceiling.
    """
    if name == "closed":
        return Baseline(name, answerer.CLOSED_BOOK, None)
    chooser = gold_only(item) if name == "gold" else {"cut": head_and_tail, "bm25": best_passages}.get(name)
    return Baseline(name, answerer.FROM_EVIDENCE, chooser) if chooser else None


BASELINES = ("closed", "cut", "bm25", "whole", "gold")
"""`whole` is the strategy `direct` under the model's own window, where that holds the document."""
