"""The reader: one segment against one question, in one short structured reply.

A small model is asked for little: a decision first, then facts in its own words. Which sentences the
facts came from is found by code, so a quote can never be invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, WithJsonSchema

from lcagent.agents.prompt import as_data, load_prompt
from lcagent.documents import Document, Segment, query_words
from lcagent.documents.lexical import Folded
from lcagent.memory.entries import Evidence
from lcagent.memory.places import Places
from lcagent.models.chat import ChatModel
from lcagent.models.structured import RETRY_TOKENS, ask_typed
from lcagent.models.window import Part

PROMPT = load_prompt("read")
REPLY_TOKENS = 200
"""Room for two facts and the plan; longer replies copy the segment."""
MOST_FACTS = 2
FACT_CHARS = 180
"""Enough to find the sentence again; a longer fact is a copy of the segment."""
PLAN_CHARS = 160


# Bounds that a constrained decoder keeps; from one that is not constrained, more is taken as it comes.
_FACTS = {
    "type": "array",
    "items": {"type": "string", "maxLength": FACT_CHARS},
    "maxItems": MOST_FACTS,
}


class ReadingReply(BaseModel):
    """What the reader is asked for."""

    relevant: Literal["yes", "no"]
    facts: Annotated[list[str], WithJsonSchema(_FACTS)]
    sufficient: Literal["yes", "no"] = "no"
    next: Annotated[str, WithJsonSchema({"type": "string", "maxLength": PLAN_CHARS})] = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one segment gave.

    Args:
        evidence: sentences that the model's facts came from.
        claimed: a fact of those that stand nowhere in the segment, where none of them stands; else empty.
        told: facts that the model gave.
        copied: those that stand in the memory and nowhere in the segment; they are dropped.
        sufficient: the model finds that the question can now be answered.
        plan: what it finds is still to be looked for; empty if it does not say.
    """

    evidence: list[Evidence]
    claimed: str
    told: int
    copied: int
    sufficient: bool
    plan: str


async def read_segment(
    model: ChatModel,
    question: str,
    memory: str,
    plan: str,
    document: Document,
    index: int,
    segment: Segment,
) -> Reading:
    """Read one segment.

    Args:
        model: who reads.
        question: the core question.
        memory: a bounded view of the ledger.
        plan: what to look for next.
        document: the document.
        index: the document's index in the run.
        segment: which segment of it.

    Raises:
        MalformedReply, CutReply: after a retry; the segment then counts as not read.
    """
    text = as_data(document.text[segment.start : segment.end])
    parts = [
        Part("question", as_data(question), times=2),
        Part("segment", text, tokens=segment.tokens),
        Part("plan", as_data(plan), shrink=lambda _: ""),
        Part("memory", as_data(memory), shrink=lambda _: ""),
    ]
    # Question and segment must stay whole; memory may go, then the plan.
    fitted = await model.window.fit(PROMPT.bind(), parts, reply=REPLY_TOKENS, spare=RETRY_TOKENS)
    reply = await ask_typed(model, "read", fitted, ReadingReply)
    sufficient, following = reply.sufficient == "yes", " ".join(reply.next.split())[:PLAN_CHARS]
    if reply.relevant == "no":
        return Reading([], "", 0, 0, sufficient, following)
    places = Places(document, index, segment)
    unplaced = [fact for fact in reply.facts if not places.note(fact)]
    copied = sum(_stands_in(memory, fact) for fact in unplaced)
    evidence = list(places.evidence.values())
    claimed = places.claimed(unplaced)[:FACT_CHARS]
    return Reading(evidence, claimed, len(reply.facts), copied, sufficient, following)


def _stands_in(memory: str, fact: str) -> bool:
    """Whether a line of the memory holds at least half of a fact's words."""
    words = query_words(fact)
    held = Folded(memory.splitlines()).holders(words)
    return bool(words) and max(map(len, held.values()), default=0) * 2 >= len(words)
