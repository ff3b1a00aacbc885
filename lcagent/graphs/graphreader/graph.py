"""GraphReader: facts of each segment, a graph of what they are about, and paths through it to an answer.

Source: "GraphReader: Building Graph-based Agent to Enhance Long-Context Abilities of LLMs", section 3. What
is read of a document is kept, whatever was asked: a later question explores at once, and reads nothing twice.

    START -> plan -> look_up -> build -> choose -> explore -> answer -> END
                                                   explore -> explore: the next round
"""

from __future__ import annotations

import asyncio
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from lcagent.agents import answerer, explorer, extractor, planner
from lcagent.agents.explorer import Aim
from lcagent.documents.answers import same_answer
from lcagent.graphs.graphreader.building import build, graph_of
from lcagent.graphs.graphreader.exploring import SEQ_A_CALL, Round
from lcagent.graphs.graphreader.options import Options
from lcagent.graphs.graphreader.paths import Path, begun, votes
from lcagent.graphs.shared.answering import answer_from
from lcagent.graphs.shared.collapsing import collapsing
from lcagent.graphs.shared.reading import NOTHING_YET, Run, Unread, attempt, segment_budget
from lcagent.graphs.shared.retrieval import Hop, answered, cited, follow, planned, recorded
from lcagent.graphs.shared.task import Task
from lcagent.models.prompt import Prompt

CANDIDATES = 60
"""Nodes that the model is shown to begin from."""


class GraphState(Run):
    """The whole run. `steps` are planned, `hops` what was looked up of them, `known` names its findings.
    `works` are the extractions of the documents, `built` those to which this run added; `explored` the pieces
    that paths read."""

    steps: list[str]
    hops: list[Hop]
    known: list[str]
    plan: str
    works: list[int]
    built: list[int]
    paths: list[Path]
    explored: list[list[int]]
    round: int


class GraphReader:
    """The strategy `graphreader`."""

    name = "graphreader"
    version = 2

    def prompts(self, options: Options) -> list[Prompt]:
        """One for each role."""
        return [
            extractor.PROMPT,
            planner.PROMPT,
            *explorer.PROMPTS,
            answerer.FROM_EVIDENCE,
            answerer.BRIEF,
        ]

    def segment_tokens(self, task: Task) -> int:
        """What the window leaves for a segment: beside an extraction's reply, whatever is asked; and beside
        the question and the notes where it is read again."""
        window = task.model.window
        prompt = explorer.CHUNK.bind(before=True, after=True)
        left = explorer.room(
            task.model,
            prompt,
            Aim(task.question),
            "segment",
            lambda: explorer.chunk_reply((True, True)),
            reply=explorer.CHUNK_TOKENS,
        )
        # In steps of a whole part of the window, so that questions share what was extracted.
        step = max(window.size // 16, 32)
        room = min(extractor.room(window, brief=task.trust.brief), left // step * step)
        return segment_budget(task, room, task.options.segment_tokens)

    def graph(self, task: Task) -> StateGraph[Any, Any, Any, Any]:
        """Plan, look up, build, choose, explore, answer."""
        graph = StateGraph(GraphState, context_schema=Task)
        graph.add_node("plan", plan)
        graph.add_node("look_up", look_up)
        graph.add_node("build", read)
        graph.add_node("choose", choose)
        graph.add_node("explore", explore)
        graph.add_node("answer", answer)
        graph.add_edge(START, "plan")
        graph.add_edge("plan", "look_up")
        graph.add_edge("look_up", "build")
        graph.add_edge("build", "choose")
        graph.add_edge("choose", "explore")
        graph.add_conditional_edges("explore", more, ["explore", "answer"])
        graph.add_edge("answer", END)
        return graph

    def start(self, task: Task) -> dict[str, Any]:
        """Nothing is read yet."""
        lists: dict[str, Any] = {name: [] for name in ("steps", "hops", "known", "works", "built", "paths")}
        return {**NOTHING_YET, **lists, "plan": "", "explored": [], "round": 0}


async def plan(state: GraphState, runtime: Runtime[Task]) -> dict[str, Any]:
    """The rational plan: what to find, one after the other."""
    return {"steps": list((await planned(runtime.context)).steps)}


async def look_up(state: GraphState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Look the plan's steps up, hop by hop: what that gives stands in every notebook from the beginning, and
    in the plan."""
    task = runtime.context
    hops = await follow(task, state["steps"])
    noted = await asyncio.to_thread(recorded, task, hops)
    answers = answered(hops)
    plan = planner.as_text([planner.filled(step, answers) or step for step in state["steps"]])
    return {"hops": hops, "plan": plan, "known": [finding.stands_for for finding in noted]}


async def read(state: GraphState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Build the graph, as far as no earlier question has."""
    built = await build(runtime.context)
    read = [*built.before, *built.reading.replies]
    return {**built.reading.as_update(), "read": read, "works": built.works, "built": built.added}


async def choose(state: GraphState, runtime: Runtime[Task]) -> dict[str, Any]:
    """The nodes to begin from: found by words, chosen by the model, filled up with those found."""
    task, graph = runtime.context, graph_of(runtime.context, state["works"])
    query = " ".join([task.question, state["plan"], *answered(state["hops"]).values()])
    nodes = await asyncio.to_thread(graph.candidates, query, CANDIDATES)
    # A question in another language shares no word with any: the model knows which of them it is about.
    nodes = nodes or await asyncio.to_thread(graph.nodes, CANDIDATES)
    names = list(dict.fromkeys(node.name for node in nodes))
    aim, window = Aim(task.question, state["plan"]), task.model.window
    most = task.options.paths

    def fitting() -> list[str]:
        prompt = explorer.CHOOSE.bind(most=most)
        room = explorer.room(task.model, prompt, aim, "nodes", lambda: explorer.ChooseReply) - 32
        return names[: explorer.shown_that_fit(names, lambda _: room, window.count)]

    shown = await asyncio.to_thread(fitting)
    chosen = (
        await attempt(task, explorer.choose(task.model, aim, shown, most)) if len(shown) > most else shown
    )
    first = [] if isinstance(chosen, Unread) else chosen
    keys = {node.name: node.key for node in reversed(nodes)}
    begin = list(dict.fromkeys([*first, *names]))[:most]
    return {"paths": [begun(keys[name], name, state["known"]) for name in begin]}


async def explore(state: GraphState, runtime: Runtime[Task]) -> dict[str, Any]:
    """One round of all paths."""
    task, graph = runtime.context, graph_of(runtime.context, state["works"])
    one = await asyncio.to_thread(Round, task, graph, state["plan"], state["explored"])
    # Behind what was looked up.
    first = SEQ_A_CALL * (1 + state["round"] * max(1, len(state["paths"])))
    paths, read, stop = await one.go(state["paths"], first)
    explored = [*state["explored"], *(list(place) for place in read)]
    return {"paths": paths, "explored": explored, "round": state["round"] + 1, "stop": stop}


async def more(state: GraphState) -> str:
    """Whether a path goes on."""
    going = any(path["phase"] != "done" for path in state["paths"])
    return "explore" if going and not state["stop"] else "answer"


async def answer(state: GraphState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Answer once, from all notebooks; where paths came to different answers, the vote decides."""
    task, found = runtime.context, votes(state["paths"])
    findings = task.ledger.findings()
    told = ""
    if len(found) > 1:
        first, second = found[:2]
        lines = [f"{one['answer']!r} ({len(one['paths'])}: from {', '.join(one['paths'])})" for one in found]
        told = f"the paths disagree: {'; '.join(lines)}"
        if len(first["paths"]) > len(second["paths"]):
            agreed = [
                p for p in state["paths"] if p["conclusion"] and same_answer(p["conclusion"], first["answer"])
            ]
            kept = {name for path in agreed for name in path["notes"]}
            findings = [finding for finding in findings if finding.id in kept] or findings
    verdict = cited(await answer_from(task, findings, collapsing(task)), state["hops"])
    if told:
        verdict = verdict.warned(told)
    return {"verdict": verdict.as_state()}
