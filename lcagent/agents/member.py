"""A member: holds one segment and answers a sub-question from it, or refuses.

Source: "LongAgent: Scaling Language Models to 128k Context through Multi-Agent Collaboration". Refusal
is a field, not a phrase, and is asked first. Where two members disagree, one of each side is asked again
over both segments. The segment stands ahead of the sub-question, and one prompt serves both calls: so
the server's prefix cache holds a segment for the next question, and for the call that shares it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, WithJsonSchema

from lcagent.agents.prompt import as_data, load_prompt
from lcagent.documents import Document, Segment, Sentences, Span, query_words
from lcagent.documents.forms import holds
from lcagent.models.chat import ChatModel
from lcagent.models.structured import RETRY_TOKENS, ask_typed
from lcagent.models.window import Part

PROMPT = load_prompt("member")
REPLY_TOKENS = 160
ANSWER_CHARS = 120
FACT_CHARS = 160
_CANDIDATES = 3
"""Sentences near to what a member says in which its answer is looked for."""
_NEAR = 0.01
"""Any word in common: what is looked for is the nearest sentence, not a good one."""
_ABOUT = 0.34
"""Share of the sub-question's words in the quote of an answer that came with a refusal."""
_SAYS_NOTHING = re.compile(
    r"\W*(?:n/?a|none|nothing|unknown|unclear|empty|refused?|not? (?:answer|information|fact)|"
    r"(?:it is )?not (?:mentioned|stated|specified|given|found|available|provided|known|applicable)\b.*)?\W*",
    re.I | re.S,
)


class MemberReply(BaseModel):
    """What a member is asked for."""

    refuse: Literal["no", "yes"]
    answer: Annotated[str, WithJsonSchema({"type": "string", "maxLength": ANSWER_CHARS})] = ""
    fact: Annotated[str, WithJsonSchema({"type": "string", "maxLength": FACT_CHARS})] = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """The sentence that code finds for an answer, and whether it holds it."""

    span: Span
    text: str
    supported: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """What a member says.

    `answer` is empty where it refuses, `quote` None where no sentence is near it. `wavers` says that it
    refused and yet named an answer or a fact.
    """

    answer: str
    quote: Quote | None = None
    wavers: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A segment in a member's hands."""

    document: Document
    segment: Segment

    def part(self, name: str) -> Part:
        """As a variable of the prompt."""
        text = self.document.text[self.segment.start : self.segment.end]
        return Part(name, as_data(text), tokens=self.segment.tokens)


def share_room(model: ChatModel) -> int:
    """Tokens that two shared segments and a sub-question can take together."""
    names = ("segment", "other", "question")
    room = model.window.room(PROMPT.bind(), names, reply=REPLY_TOKENS + RETRY_TOKENS)
    return room - model.window.size // 100


async def ask_member(model: ChatModel, question: str, own: Held, other: Held | None = None) -> Claim:
    """Put a sub-question to one member, or to one that also holds another's segment.

    Args:
        model: who is asked.
        question: the sub-question.
        own: the member's own segment.
        other: the segment shared with it; neither side's answer is shown, so none can be copied.

    Raises:
        MalformedReply, CutReply: after a retry.
    """
    asked = Part("question", as_data(question))
    if other is None:
        render, parts = PROMPT.bind(other=""), [own.part("segment"), asked]
    else:
        render, parts = PROMPT.bind(), [own.part("segment"), other.part("other"), asked]
    fitted = await model.window.fit(render, parts, reply=REPLY_TOKENS)
    reply = await ask_typed(model, "member" if other is None else "share", fitted, MemberReply)
    return await asyncio.to_thread(weigh, reply, question, [own, other] if other else [own])


def weigh(reply: MemberReply, question: str, shown: Sequence[Held]) -> Claim:
    """What a reply amounts to, and the sentence that its answer came from; the model only pointed at it.

    A small model contradicts itself: Qwen2.5-Coder-1.5B set `refuse` to yes in 10 of 10 replies, and
    named the right answer in the 5 whose text held it. Such an answer counts only where code can vouch
    for it: its own quote holds it and is about the question.

    Args:
        reply: the model's.
        question: the sub-question.
        shown: the segments it answered from.
    """
    answer, fact = (" ".join(text.split()) for text in (reply.answer, reply.fact))
    answer = answer[:ANSWER_CHARS]
    refuses = reply.refuse == "yes"
    if _SAYS_NOTHING.fullmatch(answer):
        return Claim("", wavers=refuses and not _SAYS_NOTHING.fullmatch(fact))
    quotes = [found for held in shown if (found := _quote(held, question, answer, fact[:FACT_CHARS]))]
    quotes.sort(key=lambda quote: not quote.supported)
    best = quotes[0] if quotes else None
    if refuses and not (best and best.supported and _about(question, best.text)):
        return Claim("", wavers=True)
    return Claim(answer, best, wavers=refuses)


def _quote(held: Held, question: str, answer: str, fact: str) -> Quote | None:
    """The sentence nearest to what is said that holds the answer; else just the nearest.

    The fact may be another sentence than the answer's, so the question is tried beside it.
    """
    text, segment = held.document.text, held.segment
    nearest: Quote | None = None
    own = Sentences(text, segment.start, segment.end)
    for note in (f"{answer} {fact}", f"{answer} {question}"):
        near = own.nearest(note, limit=_CANDIDATES, floor=_NEAR)
        for at, _ in near:
            quote = Quote(at, text[at.start : at.end], holds(text[at.start : at.end], answer))
            if quote.supported:
                return quote
            nearest = nearest or quote
    return nearest


def _about(question: str, quote: str) -> bool:
    asked, said = query_words(question), set(query_words(quote))
    return sum(word in said for word in asked) >= _ABOUT * len(asked)
