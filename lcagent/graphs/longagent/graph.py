"""LongAgent: a leader and members, one a segment; who disagree share their segments.

Source: "LongAgent: Scaling Language Models to 128k Context through Multi-Agent Collaboration". The leader
chooses round by round: NEW_STATE puts a sub-question to the members, CONFLICT lets the different answers
meet in a bracket, ANSWER ends. At most three sub-questions are put, then the best answer is given.

    START -> lead -> ask (all members side by side) -> lead          NEW_STATE
             lead -> share (two a pair, both orders) -> share -> lead    CONFLICT
             lead -> answer -> END                                       ANSWER
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from lcagent.agents import answerer, collapser, leader, member
from lcagent.graphs.longagent import bracket
from lcagent.graphs.longagent.bracket import Round
from lcagent.graphs.longagent.conclusion import conclude, hops, left
from lcagent.graphs.longagent.members import ask, concerned, looked_up, meet, recorded
from lcagent.graphs.longagent.options import Options
from lcagent.graphs.shared.reading import (
    NOTHING_YET,
    Run,
    Unread,
    attempt,
    gathered,
    read_each,
    segment_budget,
)
from lcagent.graphs.shared.retrieval import Hop
from lcagent.graphs.shared.task import Task
from lcagent.models.prompt import Prompt, as_data

LEAST_SEGMENT = 96
"""Fewer tokens of document in a call are not worth the call."""


class LongAgentState(Run):
    """The whole run. `several`: the question asks for several things, so that different answers are no
    conflict. `hops` is what the rounds came to, in the end."""

    state: leader.State
    question: str
    several: bool
    rounds: list[Round]
    hops: list[Hop]


class LongAgent:
    """The strategy `longagent`."""

    name = "longagent"
    version = 3

    def prompts(self, options: Options) -> list[Prompt]:
        """Leader, member and answerer."""
        return [leader.PROMPT, member.PROMPT, collapser.PROMPT, answerer.FROM_EVIDENCE, answerer.BRIEF]

    def segment_tokens(self, task: Task) -> int:
        """Segments of which two fit one call, so that two members can share them whole."""
        model = task.model
        question = model.window.count(as_data(task.question))
        room = (member.share_room(model, brief=task.trust.brief) - question - leader.ASK_TOKENS) // 2
        if leader.leader_room(model) - question < LEAST_SEGMENT:
            room = 0
        return segment_budget(task, room, task.options.segment_tokens)

    def graph(self, task: Task) -> StateGraph[Any, Any, Any, Any]:
        """Lead, ask, share, answer."""
        graph = StateGraph(LongAgentState, context_schema=Task)
        graph.add_node("lead", lead)
        graph.add_node("ask", ask_all)
        graph.add_node("share", share)
        graph.add_node("answer", answer)
        graph.add_edge(START, "lead")
        graph.add_conditional_edges("lead", chosen, ["ask", "share", "answer"])
        graph.add_edge("ask", "lead")
        graph.add_conditional_edges("share", again, ["share", "lead"])
        graph.add_edge("answer", END)
        return graph

    def start(self, task: Task) -> dict[str, Any]:
        """Nobody was asked yet."""
        begin: dict[str, Any] = {"state": "NEW_STATE", "question": task.question, "several": False}
        begin |= {"rounds": [], "hops": []}
        return {**NOTHING_YET, **begin}


async def lead(state: LongAgentState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Let the leader choose; code corrects the choice by what it can count."""
    task, rounds = runtime.context, state["rounds"]
    if state["stop"]:
        return {"state": "ANSWER"}
    last = rounds[-1] if rounds else None
    sides = len(last["left"]) if last and not last["stage"] else 0
    rounds_left = task.options.rounds - len(rounds)
    said: leader.LeaderReply | Unread | None = None
    if sides > 1 or rounds_left > 0:  # else nothing is left to choose
        said = await attempt(task, leader.lead(task.model, task.question, list(map(_told, rounds))))
    if isinstance(said, Unread):
        if said.budget:
            return {"state": "ANSWER", "stop": said.reason}
        said = None
    known = [side["answer"] for done in rounds for side in left(done)]
    so_far = leader.SoFar([done["question"] for done in rounds], known, sides, rounds_left)
    choice, question = leader.settled(said, task.question, so_far, brief=task.trust.brief)
    if choice == "NEW_STATE":
        question = await asyncio.to_thread(_short, task, question)
        if question != task.question:
            task.progress.notice(f"round {len(rounds) + 1}: {question}")
    elif choice == "CONFLICT":
        task.progress.notice(f"{sides} answers differ: their segments are read together")
    several = state["several"] or (said is not None and said.several == "yes")
    return {"state": choice, "question": question, "several": several}


def _told(done: Round) -> str:
    """One round as the leader sees it."""
    answers = " / ".join(f'"{side["answer"]}"' for side in left(done))
    return f"Asked: {done['question']}\nAnswered: {answers or 'nobody found it'}"


def _short(task: Task, question: str) -> str:
    """A sub-question that takes more than the segments leave for it gives way to the question."""
    most = task.model.window.count(as_data(task.question)) + leader.ASK_TOKENS
    return question if task.model.window.count(as_data(question)) <= most else task.question


async def chosen(state: LongAgentState) -> str:
    """What the leader's choice leads to."""
    return {"NEW_STATE": "ask", "CONFLICT": "share", "ANSWER": "answer"}[state["state"]]


async def ask_all(state: LongAgentState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Put the sub-question to all members at once, and look it up; refusals out, equal answers together."""
    task, number = runtime.context, len(state["rounds"])
    places = list(task.corpus.places)
    if number and task.options.prefilter:
        places = await asyncio.to_thread(concerned, task, state["question"]) or places
    works: list[Coroutine[Any, Any, Any]] = [
        read_each(task, places, lambda place: ask(task, state["question"], place)),
        looked_up(task, state["question"]),
    ]
    got, beside = await gathered(works)
    replies = [*await asyncio.to_thread(recorded, task, number, got), *beside]
    done = await asyncio.to_thread(bracket.gather, state["question"], replies)
    return {**got.as_update(), "rounds": [*state["rounds"], done]}


async def share(state: LongAgentState, runtime: Runtime[Task]) -> dict[str, Any]:
    """One stage of the bracket: both orders of each pair that meets; then which sides are left."""
    *before, last = state["rounds"]
    meetings, stop = await meet(runtime.context, last)
    return {"rounds": [*before, bracket.settle(last, meetings)], "stop": stop}


async def again(state: LongAgentState) -> str:
    """The bracket's next stage; back to the leader once it is over."""
    return "share" if not state["stop"] and bracket.pairs(state["rounds"][-1]) else "lead"


async def answer(state: LongAgentState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Answer once, from what is left."""
    verdict = await conclude(runtime.context, state["rounds"], several=state["several"])
    return {"verdict": verdict.as_state(), "hops": hops(state["rounds"])}
