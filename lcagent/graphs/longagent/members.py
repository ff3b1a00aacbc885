"""LongAgent's members: each asked alone over its segment, or two together over both.

Source: "LongAgent: Scaling Language Models to 128k Context through Multi-Agent Collaboration". All members
of a round are asked at once; how many requests are in flight is bounded by the endpoint's own limit.
"""

from __future__ import annotations

from lcagent.agents import member
from lcagent.documents.corpus import Place
from lcagent.graphs.longagent import bracket
from lcagent.graphs.longagent.bracket import Meeting, Reply, Round
from lcagent.graphs.shared.reading import Reading, Unread, attempt, gathered, over_budget
from lcagent.graphs.shared.task import Task
from lcagent.memory.findings import Finding, Known
from lcagent.memory.ledger import STRIDE

NEAR = 0.4
"""Share of the best passage's score from which a segment is concerned by a sub-question."""
_PASSAGES = 200
"""Best passages that the pre-filter looks at."""


def concerned(task: Task, question: str) -> list[Place]:
    """The segments that hold a passage which matches a question nearly as well as the best one."""
    scores: dict[Place, float] = {}
    for hit in task.retrieval.search(question, limit=_PASSAGES):
        document, start, _ = hit.region
        place = (document, task.corpus.segment_at(document, start))
        scores[place] = max(hit.score, scores.get(place, 0.0))
    best = max(scores.values(), default=0.0)
    return sorted(place for place, score in scores.items() if score >= NEAR * best)


async def ask(task: Task, question: str, place: Place) -> member.Said:
    """Put the sub-question to one member."""
    return await member.ask_member(task.model, question, _held(task, place), None, brief=task.trust.brief)


def _held(task: Task, place: Place) -> member.Held:
    return member.Held(task.corpus.documents[place[0]].text, task.corpus.segment(place))


def recorded(task: Task, number: int, got: Reading[member.Said]) -> list[Reply]:
    """A round's answers, in reading order; each is recorded as a finding.

    Args:
        task: the run.
        number: of the round, from 0.
        got: what the members said.
    """
    known, replies = Known(), list[Reply]()
    known.add(task.ledger.findings(below=STRIDE * number))
    for place in sorted(got.replies):
        said = got.replies[place]
        counts = task.trust.believes(refused=said.refused, held=said.held)
        if not (said.answer and counts):
            continue
        text = task.corpus.documents[place[0]].text
        quote = " ".join(text[span.start : span.end] for span in said.spans)
        spans = [[span.start, span.end] for span in said.spans]
        reply = Reply(
            document=place[0],
            index=place[1],
            answer=said.answer,
            fact=said.fact,
            spans=spans,
            quote=quote,
            held=said.held,
        )
        finding = Finding(
            *place,
            said.fact or said.answer,
            said.spans,
            role="member",
            answer=said.answer,
            quote=quote,
            tokens=task.corpus.token_estimate(said.fact or said.answer),
        )
        found = known.tried([finding], first=STRIDE * number)
        known.add(found)
        task.ledger.record(*place, found)
        replies.append(reply)
    return replies


async def meet(task: Task, current: Round) -> tuple[list[Meeting], str]:
    """One stage of the bracket: each pair is asked over both segments, in both orders; and the budget's
    words."""

    async def share(a: int, b: int, turned: bool) -> Meeting | Unread:
        one, other = current["sides"][a], current["sides"][b]
        places = [(side["document"], side["index"]) for side in ((other, one) if turned else (one, other))]
        own, beside = (_held(task, place) for place in places)
        work = member.ask_member(task.model, current["question"], own, beside, brief=task.trust.brief)
        said = await attempt(task, work)
        if isinstance(said, Unread):
            return said
        counts = task.trust.believes(refused=said.refused, held=said.held)
        says = bracket.says(said.answer if counts else "", one["answer"], other["answer"])
        return Meeting(a=a, b=b, says=says)

    works = [share(a, b, turned) for a, b in bracket.pairs(current) for turned in (False, True)]
    done = await gathered(works)
    return [one for one in done if not isinstance(one, Unread)], over_budget(done)
