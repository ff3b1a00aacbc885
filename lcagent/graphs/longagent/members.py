"""LongAgent's members as nodes: each asked alone over its segment, or two together over both.

Source: "LongAgent: Scaling Language Models to 128k Context through Multi-Agent Collaboration". All members
of a round are sent at once; how many requests are in flight is bounded inside, by the endpoint's own limit
in `ChatModel`, so that each one's result is saved as soon as it is there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypedDict

from langgraph.runtime import Runtime

from lcagent.agents import member
from lcagent.documents import search
from lcagent.errors import BudgetReached
from lcagent.graphs.longagent import bracket
from lcagent.graphs.longagent.bracket import Meeting, Reply, Side
from lcagent.graphs.shared.reading import attempt, tell
from lcagent.graphs.shared.task import Task, counted
from lcagent.memory.entries import Evidence, integrate

NEAR = 0.4
"""Share of the best passage's score from which a segment is concerned by a sub-question."""
_PASSAGES = 200
"""Best passages of a document that the pre-filter looks at."""


class MemberState(TypedDict):
    """One member being asked."""

    round: int
    question: str
    document: int
    index: int


class ShareState(TypedDict):
    """Two members' segments in one order, the sub-question put to both together."""

    round: int
    stage: int
    question: str
    a: int
    b: int
    sides: list[Side]
    turned: bool


def concerned(task: Task, question: str) -> list[tuple[int, int]]:
    """The segments that hold a passage which matches a question nearly as well as the best one."""
    scores: dict[tuple[int, int], float] = {}
    for number, document in enumerate(task.documents):
        for hit in search(document.text, question, limit=_PASSAGES, layout=task.layout(number)):
            index = next(s.index for s in task.segments[number] if s.start <= hit.start < s.end)
            scores[number, index] = max(hit.score, scores.get((number, index), 0.0))
    best = max(scores.values(), default=0.0)
    return sorted(place for place, score in scores.items() if score >= NEAR * best)


async def ask(state: MemberState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Put the sub-question to one member; one that cannot be asked is noted and passed over."""
    task, number, index = runtime.context, state["document"], state["index"]
    try:
        held = member.Held(task.documents[number], task.segments[number][index])
        claim = await attempt(task, member.ask_member(task.model, state["question"], held))
    except BudgetReached as reached:
        return {"stop": f"budget: {reached.message}"}
    quote = claim.quote if claim else None
    reply = Reply(
        round=state["round"],
        document=number,
        index=index,
        kind="unread" if claim is None else "answer" if claim.answer else "refusal",
        answer=claim.answer if claim else "",
        start=quote.span.start if quote else 0,
        end=quote.span.end if quote else 0,
        quote=quote.text if quote else "",
        supported=quote is not None and quote.supported,
        wavers=claim is not None and claim.wavers,
    )
    if quote:
        _keep(task, reply)
    if not state["round"]:
        tell(task, number, index, kept=int(reply["supported"]))
    return {"replies": [reply]}


def _keep(task: Task, reply: Reply) -> None:
    """Into the ledger, as the segment's row of this round."""
    number, index, seq = reply["document"], reply["index"], reply["round"]
    found = Evidence(
        number,
        index,
        reply["start"],
        reply["end"],
        reply["quote"],
        reply["answer"],
        float(reply["supported"]),
    )
    (entry,) = integrate([found], task.ledger.live(number, index, below=seq))
    task.ledger.record(number, index, [replace(counted(task, entry), seq=seq)])


async def share(state: ShareState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Ask over both members' segments, in one order; neither side's answer is shown."""
    task = runtime.context
    a, b = state["sides"]
    own, other = [
        member.Held(task.documents[side["document"]], task.segments[side["document"]][side["index"]])
        for side in ((b, a) if state["turned"] else (a, b))
    ]
    try:
        claim = await attempt(task, member.ask_member(task.model, state["question"], own, other))
    except BudgetReached as reached:
        return {"stop": f"budget: {reached.message}"}
    says = bracket.says(claim.answer if claim else "", a["answer"], b["answer"])
    meeting = Meeting(round=state["round"], stage=state["stage"], a=state["a"], b=state["b"], says=says)
    return {"meetings": [meeting]}
