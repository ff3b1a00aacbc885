"""LongAgent: a leader and members, one a segment; who disagree share their segments.

Source: "LongAgent: Scaling Language Models to 128k Context through Multi-Agent Collaboration". The leader
chooses round by round: NEW_STATE puts a sub-question to the members, CONFLICT lets the different answers
meet in a bracket, ANSWER ends. At most three sub-questions are put, then the best answer is given.

    START -> lead -> ask (one a segment, in parallel) -> gather -> lead        NEW_STATE
             lead -> share (two a pair, both orders, in parallel) -> settle       CONFLICT
                     settle -> share -> … -> settle -> lead
             lead -> answer -> END                                                ANSWER
"""

from __future__ import annotations

import asyncio
import operator
from collections import defaultdict
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from lcagent.agents import answerer, leader, member
from lcagent.agents.prompt import Prompt, as_data
from lcagent.errors import BudgetReached, QuestionTooLong
from lcagent.events import Notice
from lcagent.graphs.longagent import bracket
from lcagent.graphs.longagent.bracket import Meeting, Reply, Round
from lcagent.graphs.longagent.conclusion import conclude, standing
from lcagent.graphs.longagent.members import MemberState, ShareState, ask, concerned, share
from lcagent.graphs.shared.final import Final, final_outcome
from lcagent.graphs.shared.reading import attempt
from lcagent.graphs.shared.task import Outcome, Task

LEAST_SEGMENT = 96
"""Fewer tokens of document in a call are not worth the call."""


def first(old: str, new: str) -> str:
    """The first reason to stop is kept; members may find several at once."""
    return old or new


class LongAgentState(TypedDict):
    """The whole run."""

    state: leader.State
    question: str
    rounds: list[Round]
    replies: Annotated[list[Reply], operator.add]
    meetings: Annotated[list[Meeting], operator.add]
    stop: Annotated[str, first]
    final: dict[str, Any]


class LongAgent:
    """The strategy `longagent`."""

    name = "longagent"

    def prompts(self, settings: Any) -> list[Prompt]:
        """Leader, member and answerer."""
        return [leader.PROMPT, member.PROMPT, answerer.FROM_EVIDENCE]

    def segment_tokens(self, task: Task) -> int:
        """Segments of which two fit one call, so that two members can share them whole."""
        model = task.model
        model.window.overhead(member.PROMPT.bind(other=""), ("segment", "question"))
        question = model.window.count(as_data(task.question))
        room = (member.share_room(model) - question - leader.ASK_TOKENS) // 2
        answering = answerer.evidence_room(model.window, task.question)
        least = min(room, leader.leader_room(model) - question, answering)
        if least < LEAST_SEGMENT:
            raise QuestionTooLong(
                f"the question takes {question} tokens; with the prompt and the reply it leaves"
                f" {max(least, 0)} of the window's {model.window.size} for each of two segments",
                hint="ask a shorter question, or use a larger --window",
            )
        # Steps of 32, so that questions of about the same length share one segmentation.
        return min(task.settings.longagent.segment_tokens, room // 32 * 32)

    def compile(self, task: Task, checkpointer: Any) -> Any:
        """The compiled graph."""
        graph = StateGraph(LongAgentState, context_schema=Task)
        graph.add_node("lead", lead)
        graph.add_node("ask", ask, input_schema=MemberState)
        graph.add_node("gather", gather)
        graph.add_node("share", share, input_schema=ShareState)
        graph.add_node("settle", settle)
        graph.add_node("answer", answer)
        graph.add_edge(START, "lead")
        graph.add_conditional_edges("lead", chosen, ["ask", "share", "answer"])
        graph.add_edge("ask", "gather")
        graph.add_edge("gather", "lead")
        graph.add_edge("share", "settle")
        graph.add_conditional_edges("settle", again, ["share", "lead"])
        graph.add_edge("answer", END)
        return graph.compile(checkpointer=checkpointer)

    def start(self, task: Task) -> dict[str, Any]:
        """Nobody was asked yet."""
        nothing: dict[str, Any] = {"rounds": [], "replies": [], "meetings": [], "stop": "", "final": {}}
        return {"state": "NEW_STATE", "question": task.question, **nothing}

    def outcome(self, task: Task, state: dict[str, Any]) -> Outcome:
        """The outcome; a segment that several rounds asked counts once, and as read if one did."""
        replies: list[Reply] = state["replies"]
        read = {(r["document"], r["index"]) for r in replies if r["kind"] != "unread"}
        unread: dict[int, set[int]] = defaultdict(set)
        for reply in replies:
            if (reply["document"], reply["index"]) not in read:
                unread[reply["document"]].add(reply["index"])
        results = [
            {"document": d, "unread": sorted(unread[d]), "stop": state["stop"] if d == 0 else ""}
            for d in range(len(task.documents))
        ]
        return final_outcome(task, Final(**state["final"]), results, read)


async def lead(state: LongAgentState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Let the leader choose; code corrects the choice by what it can count."""
    task, rounds = runtime.context, state["rounds"]
    if state["stop"]:
        return {"state": "ANSWER"}
    last = rounds[-1] if rounds else None
    sides = len(last["standing"]) if last and not last["stage"] else 0
    sides = min(sides, 1) if task.several else sides  # several things asked for are no conflict
    left = task.settings.longagent.rounds - len(rounds)
    said: leader.LeaderReply | None = None
    if sides > 1 or left > 0:  # else nothing is left to choose
        try:
            said = await attempt(task, leader.lead(task.model, task.question, list(map(_finding, rounds))))
        except BudgetReached as reached:
            return {"state": "ANSWER", "stop": f"budget: {reached.message}"}
    choice, question = leader.guarded(
        said,
        task.question,
        asked=[done["question"] for done in rounds],
        known=[side["answer"] for done in rounds for side in standing(done)],
        sides=sides,
        rounds=left,
    )
    if choice == "NEW_STATE":
        question = await asyncio.to_thread(_short, task, question)
        if question != task.question:
            task.emit(Notice(f"round {len(rounds) + 1}: {question}"))
    elif choice == "CONFLICT":
        task.emit(Notice(f"{sides} answers differ: their segments are read together"))
    return {"state": choice, "question": question}


def _finding(done: Round) -> str:
    """One round as the leader sees it."""
    answers = " / ".join(f'"{side["answer"]}"' for side in standing(done)[:4])
    return f"Asked: {done['question']}\nAnswered: {answers or 'nobody found it'}"


def _short(task: Task, question: str) -> str:
    """A sub-question that takes more than the segments leave for it gives way to the question."""
    most = task.model.window.count(as_data(task.question)) + leader.ASK_TOKENS
    return question if task.model.window.count(as_data(question)) <= most else task.question


async def chosen(state: LongAgentState, runtime: Runtime[Task]) -> list[Send] | str:
    """What the leader's choice leads to."""
    task = runtime.context
    if state["state"] == "ANSWER":
        return "answer"
    if state["state"] == "CONFLICT":
        return _meetings(state)
    places = [(d, s.index) for d, segments in enumerate(task.segments) for s in segments]
    if state["rounds"] and task.settings.longagent.prefilter:
        places = await asyncio.to_thread(concerned, task, state["question"]) or places
    begin = MemberState(round=len(state["rounds"]), question=state["question"], document=0, index=0)
    return [Send("ask", {**begin, "document": d, "index": i}) for d, i in places]


async def gather(state: LongAgentState) -> dict[str, Any]:
    """The members' answers in the document's order, refusals out, equal ones together."""
    number = len(state["rounds"])
    replies = [reply for reply in state["replies"] if reply["round"] == number]
    replies.sort(key=lambda reply: (reply["document"], reply["index"]))
    done = await asyncio.to_thread(bracket.gather, state["question"], replies)
    return {"rounds": [*state["rounds"], done]}


def _meetings(state: LongAgentState) -> list[Send]:
    """Both orders of each pair that meets next."""
    last = state["rounds"][-1]
    return [
        Send(
            "share",
            ShareState(
                round=len(state["rounds"]) - 1,
                stage=last["stage"],
                question=last["question"],
                a=a,
                b=b,
                sides=[last["sides"][a], last["sides"][b]],
                turned=turned,
            ),
        )
        for a, b in bracket.pairs(last)
        for turned in (False, True)
    ]


async def settle(state: LongAgentState) -> dict[str, Any]:
    """After one stage of the bracket: which sides still stand."""
    *before, last = state["rounds"]
    here = (len(before), last["stage"])
    meetings = [m for m in state["meetings"] if (m["round"], m["stage"]) == here]
    return {"rounds": [*before, bracket.settle(last, meetings)]}


async def again(state: LongAgentState) -> list[Send] | str:
    """The bracket's next stage; back to the leader once it is over."""
    return (not state["stop"] and _meetings(state)) or "lead"


async def answer(state: LongAgentState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Answer once, from what stands."""
    return {"final": (await conclude(runtime.context, state["rounds"], state["replies"])).as_state()}
