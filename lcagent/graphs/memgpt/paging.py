"""The strategy `memgpt`: one question, answered by an agent that pages through the documents.

    START -> converse -> END

Source: "MemGPT: Towards LLMs as Operating Systems", section 3.2. The same agent as in a conversation, with
one message: the question. Its memory lasts as long as the run, and is made again from the journal where the
run is resumed, so that no finished call is repeated. A question that searching cannot answer it hands over:
the documents are then read by another strategy within the run, whose budget bounds both.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from lcagent.agents import answerer, companion, condenser
from lcagent.agents.answerer import RawAnswer
from lcagent.documents.corpus import Region
from lcagent.documents.forms import holds
from lcagent.documents.placing import Placing
from lcagent.documents.resting import Sources
from lcagent.documents.shown import Evidence
from lcagent.errors import BudgetReached, CutReply, MalformedReply
from lcagent.graphs.memgpt.graph import taken
from lcagent.graphs.memgpt.options import Options
from lcagent.graphs.memgpt.reading import Readings, reading_prompts
from lcagent.graphs.memgpt.replying import shown_regions
from lcagent.graphs.memgpt.turn import Reader, Turn, memory_of
from lcagent.graphs.memgpt.view import View, shown_by
from lcagent.graphs.shared.asking import asked, form_for, judged
from lcagent.graphs.shared.delegating import apart
from lcagent.graphs.shared.evidence import fitting
from lcagent.graphs.shared.reading import NOTHING_YET, Run, segment_budget
from lcagent.graphs.shared.retrieval import Hop, resting_on
from lcagent.graphs.shared.task import Task
from lcagent.graphs.shared.verdict import Verdict
from lcagent.memory.tiers.entries import USER, Entries, New
from lcagent.memory.tiers.tables import open_memory
from lcagent.models.prompt import Prompt

LOOKED_UP_TOKENS = 512
"""Most tokens of a segment: nothing is read by segments, they only say where passages stand."""
_TENANT = "run"


@dataclass(frozen=True, slots=True)
class _Told:
    """What a turn tells, in a run."""

    task: Task

    def notice(self, text: str) -> None:
        """A sentence for people."""
        self.task.progress.notice(text)

    def called(self, name: str, about: str) -> None:
        """A function was called."""
        self.task.progress.notice(f"{name}: {about}" if about else name)

    @property
    def writes(self) -> Callable[[str], None] | None:
        """An answer may yet be withheld: it is shown when it is given."""
        return None


class PagingState(Run):
    """The whole run. `hops` are what the agent noted, and where it stands; `way` tells how the documents were
    read where they were, `built` which works that made."""

    hops: list[Hop]
    way: list[str]
    built: list[int]


class MemGpt:
    """The strategy `memgpt`."""

    name = "memgpt"
    version = 1

    def prompts(self, options: Options) -> list[Prompt]:
        """Of companion and condenser; of the answerer, where a budget ends the search; of who reads."""
        own = [companion.PROMPT, condenser.PROMPT, answerer.FROM_EVIDENCE, answerer.BRIEF]
        return [*own, *reading_prompts()]

    def segment_tokens(self, task: Task) -> int:
        """What the window leaves beside the question."""
        room = form_for(task).room(task.model.window, task.question)
        return segment_budget(task, room, LOOKED_UP_TOKENS)

    def graph(self, task: Task) -> StateGraph[Any, Any, Any, Any]:
        """One turn of the agent."""
        graph = StateGraph(PagingState, context_schema=Task)
        graph.add_node("converse", converse)
        graph.add_edge(START, "converse")
        graph.add_edge("converse", END)
        return graph

    def start(self, task: Task) -> dict[str, Any]:
        """Nothing is known yet."""
        return {**NOTHING_YET, "hops": [], "way": [], "built": []}


async def converse(state: PagingState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Let the agent page through the documents until it answers."""
    task = runtime.context
    readings = Readings(task)
    with (
        tempfile.TemporaryDirectory(prefix="lcagent-") as folder,
        closing(open_memory(Path(folder))) as store,
    ):
        # The time is none of a run's business: requests have to be the same when it is resumed.
        entries = Entries(store, _TENANT, task.run or "ask", clock=lambda: 0.0)
        turn = await asyncio.to_thread(_turn, task, entries, readings.read)
        try:
            await apart(taken(turn))
        except (BudgetReached, MalformedReply, CutReply) as error:
            ended = readings.ended  # it has used what was kept back for the last call
            best = await _from_shown(task, turn) if ended is None else ended
            stop = f"budget: {error.message}" if isinstance(error, BudgetReached) else error.message
            return {**readings.as_update(), "verdict": best.as_state(), "stop": stop}
        hops = await asyncio.to_thread(_noted, turn)
        verdict = await asyncio.to_thread(_verdict, task, turn, hops)
        if verdict.found and task.progress.stream:
            task.progress.writes(verdict.text)
        return {**readings.as_update(), "verdict": verdict.as_state(), "hops": hops}


def _turn(task: Task, entries: Entries, reader: Reader) -> Turn:
    window, options = task.model.window, task.options
    memory = memory_of(entries, options, window=window.size, count=window.count)
    first = entries.append(New("message", task.question, USER, USER, "said"))
    corpus = task.corpus
    numbers = range(1, len(corpus.documents) + 1)
    view = View(entries, memory.queue, corpus, numbers, window.count, dated=False)
    services = (task.model, task.trust, options, _Told(task))
    return Turn(first.id, memory, view, task.retrieval, *services, reader=reader)


def _verdict(task: Task, turn: Turn, hops: Sequence[Hop]) -> Verdict:
    """What the agent said, with the sentences that carry it in what it was shown, and those that carry what
    it noted on the way."""
    reply = turn.memory.entries.keyed(turn.reply_key)
    regions = shown_regions(turn)
    evidence = Evidence(tuple(fitting(task, regions, 1 << 30)))
    known = reply is not None and reply.data.get("status") != "not_found"
    raw = RawAnswer(reply.text.strip() if reply is not None and known else "")
    verdict = judged(task, raw, Sources(evidence, task.question, task.retrieval))
    if verdict.found and any(holds(hop["answer"], verdict.text, share=1.0) for hop in hops):
        verdict = resting_on(verdict, hops)
    return replace(verdict, seen=tuple(regions))


def _noted(turn: Turn) -> list[Hop]:
    """What the agent noted of what it was shown, step by step: a thought, or a passage that it stored, which
    sentences carry; and what reading the documents gave."""
    hops: list[Hop] = []
    asked, shown = "", list[Region]()
    for entry in turn.memory.entries.oldest(["call", "result"], limit=1 << 20, after=turn.number):
        if entry.kind == "result":
            new = [turn.view.region(one) for one in shown_by(entry) if one.mark[0] == "d"]
            shown += new
            note, carried = str(entry.data.get("answer", "")), new
        else:
            said = (str(entry.data["arguments"].get(name, "")) for name in ("thought", "content"))
            note = " ".join(" ".join(said).split())
            carried = _carrying(turn, note, shown)
        if note and carried:
            regions = [list(region) for region in carried]
            seen = [list(region) for region in dict.fromkeys(shown)]
            hops.append(Hop(number=len(hops) + 1, question=asked, answer=note, regions=regions, shown=seen))
        if entry.kind == "call":
            arguments = entry.data["arguments"]
            asked = str(arguments.get("query") or arguments.get("question") or asked)
    return hops


def _carrying(turn: Turn, note: str, shown: Sequence[Region]) -> list[Region]:
    """The sentences of what was shown that carry a note."""
    documents, carried = turn.view.corpus.documents, dict[Region, None]()
    for document, start, end in dict.fromkeys(shown) if note else ():
        for span in Placing(documents[document].text, start, end).carriers(note):
            carried[document, span.start, span.end] = None
    return list(carried)


async def _from_shown(task: Task, turn: Turn) -> Verdict:
    """The best answer from what was shown, where the search was ended."""
    regions = await asyncio.to_thread(shown_regions, turn)
    form = form_for(task)
    room = form.room(task.model.window, task.question)
    blocks = await asyncio.to_thread(fitting, task, regions, room)
    return await asked(task, Evidence(tuple(blocks)), form) if blocks else Verdict()
