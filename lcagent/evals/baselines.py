"""Baselines: one call each, over a part of the document that a simple rule chooses.

They run through the same runner, prompt and window as the strategies, so that a score's difference is
the reading's. What the model says is taken as it is: the checks by code belong to the strategies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from lcagent.agents import answerer, condenser
from lcagent.agents.answerer import Form
from lcagent.agents.prompt import load_prompt
from lcagent.documents.resting import Sources
from lcagent.documents.shown import Block, Evidence, block, in_order
from lcagent.errors import QuestionTooLong, UsageError
from lcagent.evals.items import Item
from lcagent.graphs.direct.graph import fits
from lcagent.graphs.shared.checks import checked
from lcagent.graphs.shared.evidence import fitting
from lcagent.graphs.shared.reading import LEAST_SEGMENT, NOTHING_YET, Run
from lcagent.graphs.shared.task import Task
from lcagent.graphs.shared.verdict import Verdict
from lcagent.models.prompt import Prompt, as_data

Choose = Callable[[Task, int], list[Block]]
"""From a task and the tokens there is room for, what the model is shown."""

TOP_K = 10
"""Passages of plain retrieval."""
_BESIDE = 24
"""Tokens for the place of a piece of the document, and line breaks."""


class Baseline:
    """A strategy of one call.

    Args:
        name: as shown.
        prompt: how it is asked.
        choose: what it is shown; None shows nothing.
    """

    version = 2

    def __init__(self, name: str, prompt: Prompt, choose: Choose | None) -> None:
        self.name, self._prompt, self._choose = name, prompt, choose

    @property
    def _form(self) -> Form:
        fixed = (("several", False),) if self._prompt is answerer.BRIEF else ()
        return Form(self._prompt, answerer.AnswerReply, fixed)

    def prompts(self, options: Any) -> list[Prompt]:
        """One prompt."""
        return [self._prompt]

    def segment_tokens(self, task: Task) -> int:
        """Segments only serve to say what was read."""
        return max(256, self._form.room(task.model.window, task.question))

    def graph(self, task: Task) -> StateGraph[Any, Any, Any, Any]:
        """One node."""
        graph = StateGraph(Run, context_schema=Task)
        graph.add_node("answer", self._answer)
        graph.add_edge(START, "answer")
        graph.add_edge("answer", END)
        return graph

    def start(self, task: Task) -> dict[str, Any]:
        """Nothing is known yet."""
        return dict(NOTHING_YET)

    async def _answer(self, state: Run, runtime: Runtime[Task]) -> dict[str, Any]:
        task = runtime.context
        room = self._form.room(task.model.window, task.question)
        blocks = await self._shown(task, room)
        evidence = Evidence(tuple(in_order(blocks)))
        shown = evidence.text(marks=False)
        raw = await answerer.answer(task.model, self._form, task.question, shown)
        sources = Sources(evidence, task.question, task.retrieval)
        verdict = checked(task.question, raw.text, sources) if raw.text else Verdict()
        return {"verdict": verdict.as_state(), "read": task.corpus.seen(evidence.regions)}

    async def _shown(self, task: Task, room: int) -> list[Block]:
        return self._choose(task, room) if self._choose else []


class SummaryOnly(Baseline):
    """A recursive summary of everything, as MemGPT keeps of what it evicts, and nothing beside it."""

    def prompts(self, options: Any) -> list[Prompt]:
        """The condenser's too."""
        return [self._prompt, condenser.PROMPT]

    def segment_tokens(self, task: Task) -> int:
        """What a call holds beside the summary so far."""
        window = task.model.window
        return max(LEAST_SEGMENT, condenser.room(window, "") - condenser.most_tokens(window.size))

    async def _shown(self, task: Task, room: int) -> list[Block]:
        summary = ""
        for place in task.corpus.places:
            summary = await condenser.condense(task.model, summary, as_data(task.corpus.segment_text(place)))
        return [Block((0, 0), (), "", summary)]


def head_and_tail(task: Task, room: int) -> list[Block]:
    """The beginning and the end of the document, half of the room each; all of it where it fits.

    Raises:
        QuestionTooLong: there is no room for either.
    """
    text, count = task.corpus.documents[0].text, task.model.window.count
    if fits(task):
        return [block(task.retrieval, (0, 0, len(text)))]
    half = max(0, (room - 2 * _BESIDE) // 2)
    ratio = len(text[: half * 8]) / max(1, count(text[: half * 8]))  # characters a token
    length = int(half * ratio)
    while length and (count(text[:length]) > half or count(text[-length:]) > half):
        length = length * 19 // 20
    if not length:
        raise QuestionTooLong(
            f"the question leaves nothing of the window's {task.model.window.size} tokens",
            hint="ask a shorter question, or use a larger --window",
        )
    return [
        block(task.retrieval, (0, 0, length)),
        block(task.retrieval, (0, max(length, len(text) - length), len(text))),
    ]


def best_passages(task: Task, room: int) -> list[Block]:
    """Plain retrieval: the best passages by BM25 for the question's words, as many as fit."""
    hits = task.retrieval.search(task.question, limit=TOP_K)
    return fitting(task, [hit.region for hit in hits], room)


def gold_only(item: Item) -> Choose:
    """Only what the answer stands in: the model's own ceiling.

    Raises:
        UsageError: none of it is known (at once), or fits (when it is asked).
    """
    if not item.gold and not item.gold_pages:
        raise UsageError("nothing says where its answer stands", hint="leave out the strategy gold")

    def choose(task: Task, room: int) -> list[Block]:
        spans = list(item.gold)
        if item.gold_pages:
            pages = {page.number: page for page in task.corpus.documents[0].pages}
            spans = [(pages[n].start, pages[n].end) for n in item.gold_pages if n in pages]
        blocks = fitting(task, [(0, start, end) for start, end in spans], room)
        if not blocks:  # asked without them, it would be a guess from no document at all
            raise UsageError(
                f"no place of the answer fits a window of {task.model.window.size} tokens",
                hint="use a larger --window",
            )
        return blocks

    return choose


def baseline(name: str, item: Item) -> Baseline | None:
    """The baseline of this name, or None if it is none.

    `closed`: no document at all. `cut`: head and tail, cut to the window. `bm25`: plain retrieval.
    `summary`: a recursive summary. `gold`: only the gold paragraphs or pages.

    Raises:
        UsageError: `gold` of an item without gold places: it has no ceiling.
    """
    if name == "closed":
        return Baseline(name, load_prompt("closed_book"), None)
    if name == "summary":
        return SummaryOnly(name, answerer.BRIEF, None)
    chooser = gold_only(item) if name == "gold" else {"cut": head_and_tail, "bm25": best_passages}.get(name)
    return Baseline(name, answerer.BRIEF, chooser) if chooser else None


BASELINES = ("closed", "cut", "bm25", "summary", "whole", "gold")
"""`whole` is the strategy `direct` under the model's own window, where that holds the document."""
