"""LongAgent's members: each asked alone over its segment, or two together over both.

Source: "LongAgent: Scaling Language Models to 128k Context through Multi-Agent Collaboration". All members
of a round are asked at once; how many requests are in flight is bounded by the endpoint's own limit.
"""

from __future__ import annotations

from dataclasses import replace

from lcagent.agents import member
from lcagent.documents.corpus import Place
from lcagent.graphs.longagent import bracket
from lcagent.graphs.longagent.bracket import Meeting, Reply, Round
from lcagent.graphs.shared.reading import Reading, Unread, attempt, found, gathered, over_budget, record
from lcagent.graphs.shared.retrieval import hop_of, look_up
from lcagent.graphs.shared.task import Task
from lcagent.memory.findings import Finding
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


async def looked_up(task: Task, question: str) -> list[Reply]:
    """What the passages that match a sub-question best answer to it, whosever segments they stand in: what no
    member's segment answers alone is answered so. Not for a model that is not believed, and not for the
    question itself, which is answered from its passages at the end.

    Args:
        task: the run.
        question: the sub-question.

    Raises:
        LcagentError: as `look_up`.
    """
    if question == task.question or not task.trust.looks_up:
        return []
    got = await look_up(task, question)
    if isinstance(got, Unread) or not (hop := hop_of(0, question, *got))["regions"]:
        return []
    verdict = got[0]
    document, start, _ = hop["regions"][0]
    spans = [[start, end] for number, start, end in hop["regions"] if number == document]
    text = task.corpus.documents[document].text
    return [
        Reply(
            document=document,
            index=task.corpus.segment_at(document, start),
            answer=hop["answer"],
            fact="",
            spans=spans,
            quote=" ".join(text[start:end] for start, end in spans),
            held=any(one.support != "inferred" for one in verdict.statements),
        )
    ]


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
    replies, said = list[Reply](), dict[Place, list[Finding]]()
    for place, one in sorted(got.replies.items(), key=lambda reply: reply[0]):
        if not (one.answer and task.trust.believes(refused=one.refused, held=one.held)):
            continue
        finding = found(task, place, one.fact or one.answer, one.spans, "member")
        said[place] = [replace(finding, answer=one.answer)]
        replies.append(
            Reply(
                document=place[0],
                index=place[1],
                answer=one.answer,
                fact=one.fact,
                spans=[[span.start, span.end] for span in one.spans],
                quote=finding.quote,
                held=one.held,
            )
        )
    record(task, said, STRIDE * number)
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
