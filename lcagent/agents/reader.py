"""The reader: one segment against one question, in one structured reply.

It says facts in its own words; which sentences they came from is found by code, so a quote can never be
invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from pydantic import BaseModel

from lcagent.agents.prompt import load_prompt
from lcagent.documents import Segment, figures, query_words
from lcagent.documents.placing import Carried, Placing
from lcagent.documents.segments import halved
from lcagent.documents.words import Folded
from lcagent.models.chat import ChatModel
from lcagent.models.halves import in_halves
from lcagent.models.prompt import as_data
from lcagent.models.structured import RETRY_TOKENS, ask_typed, bounded, bounded_list, reply_limit
from lcagent.models.window import Part, Window

PROMPT = load_prompt("read")
BRIEF_TOKENS = 200
"""Room for two facts and the plan; longer replies of a weak model copy the segment."""
BRIEF_FACTS = 2
FACT_CHARS = 180
"""Enough to find the sentence again; a longer fact of a weak model is a copy of the segment."""
PLAN_CHARS = 160
PLAN_TOKENS = 80
"""Most tokens of the plan that a reading call sees."""
_COPIED = 0.5
"""Share of a fact's words that stand in one line of the memory, from which it is taken from there."""


class ReadingReply(BaseModel):
    """What the reader is asked for."""

    relevant: Literal["yes", "no"]
    facts: list[str]
    sufficient: Literal["yes", "no"] = "no"
    next: Annotated[str, bounded(PLAN_CHARS)] = ""


class BriefReadingReply(ReadingReply):
    """What a weak reader is asked for."""

    facts: Annotated[list[str], bounded_list(BRIEF_FACTS, FACT_CHARS)]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reading call sees beside its segment: the core question, the plan, a view of the ledger."""

    core: str
    plan: str = ""
    memory: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one segment gave.

    Args:
        facts: what it says, in the model's words, with the sentences that carry it, if they were found.
        copied: facts that stand in the memory and nowhere in the segment; they are left out.
        sufficient: the model finds that the question can now be answered.
        plan: what it finds is still to be looked for; empty if it does not say.
    """

    facts: Carried
    copied: int
    sufficient: bool
    plan: str

    def __len__(self) -> int:
        return len(self.facts)

    def and_then(self, other: Reading) -> Reading:
        """With what the piece after it gave."""
        sufficient, plan = self.sufficient or other.sufficient, other.plan or self.plan
        return Reading((*self.facts, *other.facts), self.copied + other.copied, sufficient, plan)


def reply_tokens(window: int, *, brief: bool) -> int:
    """Most tokens of a reply."""
    return reply_limit(BRIEF_TOKENS, window, brief=brief)


def room(window: Window, question: str, *, brief: bool) -> int:
    """Tokens of segment and memory that a call and its retry can hold beside question and plan."""
    reply = reply_tokens(window.size, brief=brief) + RETRY_TOKENS
    left = window.room(PROMPT.bind(brief=brief), ("question", "memory", "segment", "plan"), reply=reply)
    # The question stands before and after the segment.
    return left - 2 * window.count(question) - min(PLAN_TOKENS, window.size // 16) - window.size // 100


async def read_segment(model: ChatModel, seen: Seen, text: str, segment: Segment, *, brief: bool) -> Reading:
    """Read one segment.

    Args:
        model: who reads.
        seen: what it sees beside the segment.
        text: the document's text.
        segment: which segment of it.
        brief: ask for little.

    Raises:
        MalformedReply, CutReply: after a retry; the segment then counts as not read.
    """

    async def read(piece: Segment) -> Reading:
        return await _read_piece(model, seen, text, piece, brief=brief)

    return await in_halves(segment, read, Reading.and_then, partial(halved, text))


async def _read_piece(model: ChatModel, seen: Seen, text: str, segment: Segment, *, brief: bool) -> Reading:
    parts = [
        Part("question", as_data(seen.core), times=2),
        Part("segment", as_data(text[segment.start : segment.end]), tokens=segment.tokens),
        Part("plan", as_data(seen.plan), shrink=lambda _: ""),
        Part("memory", as_data(seen.memory), shrink=lambda _: ""),
    ]
    # Question and segment must stay whole; memory may go, then the plan.
    reply_type = BriefReadingReply if brief else ReadingReply
    tokens = reply_tokens(model.window.size, brief=brief)
    fitted = await model.window.fit(PROMPT.bind(brief=brief), parts, reply=tokens, spare=RETRY_TOKENS)
    reply = await ask_typed(model, "read", fitted, reply_type, shorter=brief)
    if reply.relevant == "no" or not reply.facts:
        return _read(reply, (), 0)
    return _placed(reply, seen.memory, Placing(text, segment.start, segment.end))


def _read(reply: ReadingReply, facts: Carried, copied: int) -> Reading:
    following = " ".join(reply.next.split())[:PLAN_CHARS]
    return Reading(facts, copied, reply.sufficient == "yes", following)


def _placed(reply: ReadingReply, memory: str, segment: Placing) -> Reading:
    """With the sentences of the segment that carry each fact; what only the memory says was found before."""
    wanted = dict.fromkeys(filter(None, map(str.strip, reply.facts)))
    facts = {fact: segment.carriers(fact) for fact in wanted}
    copied = {fact for fact, spans in facts.items() if not spans and _stands_in(memory, fact)}
    kept = tuple((fact, spans) for fact, spans in facts.items() if fact not in copied)
    return _read(reply, kept, len(copied))


def _stands_in(memory: str, fact: str) -> bool:
    """Whether a line of the memory says a fact: most of its words, and all of its figures."""
    words = query_words(fact)
    lines = memory.splitlines()
    held = Folded(lines).holders(words)
    return any(
        len(said) >= _COPIED * len(words) and figures(fact) <= figures(lines[number])
        for number, said in held.items()
    )
