"""A member: holds one segment and answers a sub-question from it, or refuses.

Source: "LongAgent: Scaling Language Models to 128k Context through Multi-Agent Collaboration". Refusal
is a field, not a phrase, and is asked first. Where two members disagree, one of each side is asked again
over both segments. The segment stands ahead of the sub-question, and one prompt serves both calls: so
the server's prefix cache holds a segment for the next question, and for the call that shares it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import BaseModel, WithJsonSchema

from lcagent.agents.prompt import as_data, load_prompt
from lcagent.documents import Document, Segment, Span, best_sentences
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
class Claim:
    """What a member says; `answer` is empty where it refuses."""

    answer: str
    fact: str


@dataclass(frozen=True, slots=True)
class Quote:
    """The sentence that code finds for a claim, and whether it holds the answer."""

    span: Span
    text: str
    supported: bool


def share_room(model: ChatModel) -> int:
    """Tokens that two shared segments and a sub-question can take together."""
    names = ("segment", "other", "question")
    room = model.window.room(PROMPT.bind(), names, reply=REPLY_TOKENS + RETRY_TOKENS)
    return room - model.window.size // 100


async def ask_member(model: ChatModel, question: str, segment: Part, other: Part | None = None) -> Claim:
    """Put a sub-question to one member, or to one that also holds another's segment.

    Args:
        model: who is asked.
        question: the sub-question.
        segment: the member's own segment (`held`).
        other: the segment shared with it.

    Raises:
        MalformedReply, CutReply: after a retry.
    """
    asked = Part("question", as_data(question))
    if other is None:
        render, parts = PROMPT.bind(other=""), [segment, asked]
    else:
        render, parts = PROMPT.bind(), [segment, Part("other", other.text, other.tokens), asked]
    fitted = await model.window.fit(render, parts, reply=REPLY_TOKENS)
    reply = await ask_typed(model, "member" if other is None else "share", fitted, MemberReply)
    answer, fact = (" ".join(text.split()) for text in (reply.answer, reply.fact))
    # A small model that has nothing to say may say so in the wrong field.
    if reply.refuse == "yes" or _SAYS_NOTHING.fullmatch(answer):
        return Claim("", "")
    return Claim(answer[:ANSWER_CHARS], fact[:FACT_CHARS])


def held(document: Document, segment: Segment) -> Part:
    """A segment as a member's prompt shows it."""
    return Part("segment", as_data(document.text[segment.start : segment.end]), tokens=segment.tokens)


def own_quote(document: Document, segment: Segment, question: str, claim: Claim) -> Quote | None:
    """The sentence of a member's own segment that its claim comes from; the model only pointed at it.

    Args:
        document: the document.
        segment: the member's segment.
        question: the sub-question; it finds the nearest sentence where the claim's words stand nowhere.
        claim: what the member says.
    """
    text = document.text
    for note in (f"{claim.answer} {claim.fact}", question):
        near = best_sentences(text, note, segment.start, segment.end, limit=_CANDIDATES, floor=0.01)
        quotes = [Quote(at, text[at.start : at.end], False) for at, _ in near]
        quotes = [replace(quote, supported=holds(quote.text, claim.answer)) for quote in quotes]
        if quotes:
            return next((quote for quote in quotes if quote.supported), quotes[0])
    return None
