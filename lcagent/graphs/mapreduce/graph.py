"""MapReduce: read all segments at once, put the findings together until they fit, answer.

Source: "LLM×MapReduce: Simplified Long-Sequence Processing using LLMs" (map, collapse, reduce; structured
information protocol; confidence calibrated in context). Beyond it: "no answer here" and "nothing relevant
here" are two things, so a fact that only leads on to the answer survives; collapsing ends whatever the
model writes (`lcagent.graphs.shared.condensing`); evidence is carried by code, with its place.

    START -> prepare -> map (all segments side by side) -> reduce (collapsing in rounds where they do not
    fit) -> END
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from lcagent.agents import answerer, calculator, collapser, mapper, reducer, summariser
from lcagent.documents.corpus import Place
from lcagent.documents.forms import holds
from lcagent.documents.placing import Placing
from lcagent.graphs.mapreduce.options import Options
from lcagent.graphs.mapreduce.reducing import answer_by_code, answer_from_findings
from lcagent.graphs.shared.reading import (
    NOTHING_YET,
    Run,
    Unread,
    attempt,
    found,
    read_each,
    record,
    segment_budget,
)
from lcagent.graphs.shared.task import Task
from lcagent.graphs.shared.works import Adding, alone, models_of, opened
from lcagent.memory.aside import aside
from lcagent.memory.findings import Finding
from lcagent.memory.works import Work, Works
from lcagent.models.prompt import Prompt, as_data
from lcagent.models.structured import RETRY_TOKENS


class MapReduceState(Run):
    """The whole run; what was found is in the ledger. `unplaced` counts numbers that stand nowhere, `built`
    names the works that were added to."""

    operation: calculator.Operation
    unplaced: int
    built: list[int]


class MapReduce:
    """The strategy `mapreduce`."""

    name = "mapreduce"
    version = 3

    def prompts(self, options: Options) -> list[Prompt]:
        """The prompts of the mode set."""
        last = {"summary": [summariser.PROMPT], "math": [calculator.PROMPT, reducer.PROMPT]}
        chosen = last.get(options.mode, [reducer.PROMPT])
        return [mapper.PROMPT, collapser.PROMPT, *chosen, answerer.BRIEF]

    def segment_tokens(self, task: Task) -> int:
        """What the window leaves for a segment beside the question and the reply."""
        options, window, brief = task.options, task.model.window, task.trust.brief
        reply = mapper.reply_tokens(options.mode, window.size, brief=brief) + RETRY_TOKENS
        render = mapper.PROMPT.bind(mode=options.mode, brief=brief)
        room = window.room(render, ("segment", "question"), reply=reply)
        # Wide steps: a second question of another length then finds the same segments in the cache.
        step = max(32, window.size // 32)
        room -= -(-window.count(as_data(task.question)) // step) * step + window.size // 100
        if collapser.room(window, task.question, mode=options.mode, brief=brief) < LEAST_FINDINGS:
            room = 0
        return segment_budget(task, room, options.segment_tokens)

    def graph(self, task: Task) -> StateGraph[Any, Any, Any, Any]:
        """Prepare, map, reduce."""
        graph = StateGraph(MapReduceState, context_schema=Task)
        graph.add_node("prepare", prepare)
        graph.add_node("map", map_all)
        graph.add_node("reduce", reduce)
        graph.add_edge(START, "prepare")
        graph.add_edge("prepare", "map")
        graph.add_edge("map", "reduce")
        graph.add_edge("reduce", END)
        return graph

    def start(self, task: Task) -> dict[str, Any]:
        """Nothing is read yet."""
        return {**NOTHING_YET, "operation": "other", "unplaced": 0, "built": []}


LEAST_FINDINGS = 256
"""With fewer tokens of findings in a call nothing can be put together."""


async def prepare(state: MapReduceState, runtime: Runtime[Task]) -> dict[str, Any]:
    """In mode `math`, find out which calculation is asked for."""
    task = runtime.context
    if task.options.mode != "math":
        return {}
    operation = await attempt(task, calculator.choose_operation(task.model, task.question))
    return {} if isinstance(operation, Unread) else {"operation": operation}


async def map_all(state: MapReduceState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Read all segments side by side, and record what they gave. The notes for a summary of everything are
    true of the document, whatever is asked: a later summary, longer or shorter, reads nothing."""
    task = runtime.context
    kept = Works(task.store, run=task.run)
    works: list[Work] = []
    if task.options.mode == "summary" and task.question == mapper.WHOLE:
        works = await asyncio.to_thread(opened, task, kept, "summary notes", mapper.PROMPT)
    models = await models_of(task, kept, works) or [task.model for _ in task.corpus.documents]
    adding = Adding(task, kept, works)

    async def read(place: Place) -> mapper.Mapping:
        if not task.corpus.segment_text(place).strip():
            return mapper.Mapping()  # blank pages are read without a call
        if works and works[place[0]].status != "done":
            await adding.to(place[0])
        text, segment = task.corpus.documents[place[0]].text, task.corpus.segment(place)
        return await mapper.map_segment(
            models[place[0]], task.options.mode, task.question, text, segment, brief=task.trust.brief
        )

    async with alone(task, kept, works):
        got = await read_each(task, task.corpus.places, read)
        for number, work in enumerate(works):
            if not got.stop and not any(place[0] == number for place in got.unread):
                await aside(task.store.place, kept.done, work)
    await asyncio.to_thread(_record, task, got.replies)
    unplaced = sum(one.unplaced for one in got.replies.values())
    return {**got.as_update(), "unplaced": unplaced, "built": await adding.added()}


def _record(task: Task, replies: dict[Place, mapper.Mapping]) -> None:
    said = {place: findings_of(task, place, got) for place, got in replies.items()}
    if task.options.mode != "math":
        record(task, said)
        return
    # The same number in two places is two.
    task.ledger.record([finding for findings in said.values() for finding in findings])


def findings_of(task: Task, place: Place, got: mapper.Mapping) -> list[Finding]:
    """One segment's four fields as findings: a fact each. The one that holds the answer carries it, and how
    sure it is; an answer that no fact holds is a finding of its own."""
    text, segment = task.corpus.documents[place[0]].text, task.corpus.segment(place)
    facts = list(got.facts)
    bearer = len(facts) - 1
    if got.answer and task.options.mode not in {"math", "retrieval"}:
        holding = (at for at, (fact, _) in enumerate(facts) if holds(fact, got.answer))
        bearer = next(holding, bearer)
        own = Placing(text, segment.start, segment.end).carriers(got.answer)
        if not (facts and holds(facts[bearer][0], got.answer)) and (own or not facts):
            bearer = len(facts)
            facts.append((got.answer, own))
    detail = collapser.detail(got.rationale, got.answer, got.confidence)
    findings = [
        replace(found(task, place, fact, spans, "mapper"), seq=at) for at, (fact, spans) in enumerate(facts)
    ]
    if findings:
        findings[bearer] = replace(findings[bearer], answer=got.answer, detail=detail)
    return findings


async def reduce(state: MapReduceState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Answer once, from all findings; by code alone where code can."""
    task = runtime.context
    verdict = await asyncio.to_thread(answer_by_code, task, state["operation"])
    verdict = verdict or await answer_from_findings(task)
    if task.options.mode == "math" and state["unplaced"]:
        lost = f"left out, for it stands nowhere in the text: {state['unplaced']} of the model's numbers"
        verdict = verdict.warned(lost)
    return {"verdict": verdict.as_state()}
