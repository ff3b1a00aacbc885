"""The bracket: answers that differ meet pairwise over both members' segments until one stands alone.

Source: "LongAgent: Scaling Language Models to 128k Context through Multi-Agent Collaboration",
inter-member communication. It is no vote: members without the answer hallucinate alike, so twenty may
be wrong and one right. Each pair is asked in both orders, for a model may always take what stands
first. All of it is plain data, because it lives in the graph's checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

from lcagent.documents import query_words
from lcagent.documents.answers import Matcher, cluster, same_answer
from lcagent.documents.corrections import corrects, supersedes
from lcagent.documents.forms import holds

MOST_SIDES = 16
"""Sides that enter a bracket: it then costs at most 80 calls, however long the document is."""

Says = Literal["a", "b", "both", "neither"]


class Reply(TypedDict):
    """What one member said to one sub-question, and where the sentences stand that carry it."""

    document: int
    index: int
    answer: str
    fact: str
    spans: list[list[int]]
    quote: str
    held: bool


class Side(Reply):
    """One of the different answers to a sub-question: its representative, and who else gave it."""

    others: list[list[int]]


class Meeting(TypedDict):
    """What two shared segments gave in one order."""

    a: int
    b: int
    says: Says


class Round(TypedDict):
    """One sub-question: what was answered, which sides are left, and who met whom."""

    question: str
    sides: list[Side]
    left: list[int]
    met: list[list[int]]
    stage: int
    left_out: int


def gather(question: str, replies: Sequence[Reply], same: Matcher = same_answer) -> Round:
    """Equal answers together, the sides best first.

    A side is represented by the member whose own quote holds the answer and is most about the question;
    how many members gave the answer does not count.

    Args:
        question: the sub-question.
        replies: of the members that answered, in the document's order.
        same: which answers are equal.
    """
    words = set(query_words(question))

    def rank(reply: Reply) -> tuple[bool, int, int, int]:
        about = len(words & set(query_words(reply["quote"])))
        return not reply["held"], -about, reply["document"], reply["index"]

    sides: list[Side] = []
    for members in cluster([reply["answer"] for reply in replies], same):
        best, *others = sorted((replies[i] for i in members), key=rank)
        sides.append(Side(**best, others=[[reply["document"], reply["index"]] for reply in others]))
    sides.sort(key=rank)
    kept = sides[:MOST_SIDES]
    return Round(
        question=question,
        sides=kept,
        left=[i for i, side in enumerate(kept) if not _corrected(side, kept)],
        met=[],
        stage=0,
        left_out=len(sides) - len(kept),
    )


def _corrected(side: Side, sides: Sequence[Side]) -> bool:
    """Whether another side's sentence says that it corrects this one's: that is no conflict."""
    return any(_corrects(other, side) and not _corrects(side, other) for other in sides)


def _corrects(later: Side, earlier: Side) -> bool:
    if not (later["held"] and earlier["held"]):
        return False
    return corrects(later["quote"]) and supersedes(later["quote"], earlier["quote"])


def pairs(current: Round) -> list[tuple[int, int]]:
    """Who meets next: the best with the last that it has not met, each side once; none: it is over.

    A bracket of n sides that each meeting decides takes log2(n) stages; one more is granted for
    meetings that decide nothing.
    """
    if len(current["left"]) < 2 or current["stage"] > (len(current["sides"]) - 1).bit_length():
        return []
    met = {tuple(pair) for pair in current["met"]}
    free = list(current["left"])
    chosen: list[tuple[int, int]] = []
    while len(free) > 1:
        best = free.pop(0)
        rival = next((other for other in reversed(free) if (best, other) not in met), None)
        if rival is not None:
            free.remove(rival)
            chosen.append((best, rival))
    return chosen


def settle(current: Round, meetings: Sequence[Meeting]) -> Round:
    """The round after one stage: a side that neither order spoke for goes, where the other was spoken for.

    Args:
        current: the round before.
        meetings: of this stage, up to two a pair.
    """
    gone: set[int] = set()
    met = sorted({(m["a"], m["b"]) for m in meetings})
    for a, b in met:
        says = {m["says"] for m in meetings if (m["a"], m["b"]) == (a, b)}
        for_a, for_b = bool(says & {"a", "both"}), bool(says & {"b", "both"})
        if for_a != for_b:
            gone.add(b if for_a else a)
    return {
        **current,
        "left": [side for side in current["left"] if side not in gone],
        "met": [*current["met"], *map(list, met)],
        "stage": current["stage"] + 1,
    }


def says(answer: str, a: str, b: str, same: Matcher = same_answer) -> Says:
    """Whose answer two shared segments gave.

    Args:
        answer: what was answered over both; empty for a refusal.
        a: one side's answer.
        b: the other's.
        same: which answers are equal.
    """
    if not answer:
        return "neither"
    for_a, for_b = same(answer, a), same(answer, b)
    if not for_a and not for_b:  # a longer answer may name one of them, or both
        for_a, for_b = holds(answer, a, share=1.0), holds(answer, b, share=1.0)
    if for_a and for_b:
        return "both"
    return "a" if for_a else "b" if for_b else "neither"
