"""A member: holds one segment and answers a sub-question from it, or refuses.

Source: "LongAgent: Scaling Language Models to 128k Context through Multi-Agent Collaboration". Refusal is a
field, not a phrase, and is asked first. Where two members disagree, one of each side is asked again over
both segments. The segment stands ahead of the sub-question, and one prompt serves both calls: so the
server's prefix cache holds a segment for the next question, and for the call that shares it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from pydantic import BaseModel

from lcagent.agents.prompt import load_prompt
from lcagent.documents import Segment, Span
from lcagent.documents.placing import Placing
from lcagent.documents.segments import halved
from lcagent.models.chat import ChatModel
from lcagent.models.halves import in_halves
from lcagent.models.prompt import as_data
from lcagent.models.structured import RETRY_TOKENS, ask_typed, bounded, reply_limit
from lcagent.models.window import Part

PROMPT = load_prompt("member")
REPLY_TOKENS = 160
ANSWER_CHARS = 120
FACT_CHARS = 160
_SAYS_NOTHING = re.compile(
    r"\W*(?:n/?a|none|nothing|unknown|unclear|empty|refused?|not? (?:answer|information|fact)|"
    r"(?:it is )?not (?:mentioned|stated|specified|given|found|available|provided|known|applicable)\b.*)?\W*",
    re.I | re.S,
)


class MemberReply(BaseModel):
    """What a member is asked for."""

    refuse: Literal["no", "yes"]
    answer: str = ""
    fact: str = ""


class BriefMemberReply(MemberReply):
    """What a weak one is asked for."""

    answer: Annotated[str, bounded(ANSWER_CHARS)] = ""
    fact: Annotated[str, bounded(FACT_CHARS)] = ""


@dataclass(frozen=True, slots=True)
class Held:
    """A segment in a member's hands, of a document's text."""

    text: str
    segment: Segment

    def part(self, name: str) -> Part:
        """As a variable of the prompt."""
        shown = as_data(self.text[self.segment.start : self.segment.end])
        return Part(name, shown, tokens=self.segment.tokens)


@dataclass(frozen=True, slots=True)
class Said:
    """What a member says.

    Args:
        answer: empty where it names none.
        fact: the sentence that says so, in its words.
        refused: it refused, whatever else it says.
        spans: sentences that carry it; empty where none is near.
        held: they hold the answer, and are about what was asked.
    """

    answer: str
    fact: str = ""
    refused: bool = False
    spans: tuple[Span, ...] = ()
    held: bool = False

    def __len__(self) -> int:
        return int(bool(self.answer) and not self.refused)

    def and_then(self, other: Said) -> Said:
        """With what the piece after it says; a refusal gives way to an answer."""
        if self.refused or other.refused:
            return other if self.refused else self
        answers = ", ".join(dict.fromkeys([self.answer, other.answer]))
        facts = " ".join(filter(None, [self.fact, other.fact]))
        return Said(answers, facts, False, (*self.spans, *other.spans), self.held and other.held)


def reply_tokens(window: int, *, brief: bool) -> int:
    """Most tokens of a reply."""
    return reply_limit(REPLY_TOKENS, window, brief=brief)


def share_room(model: ChatModel, *, brief: bool) -> int:
    """Tokens that two shared segments and a sub-question can take together."""
    reply = reply_tokens(model.window.size, brief=brief) + RETRY_TOKENS
    room = model.window.room(PROMPT.bind(), ("segment", "other", "question"), reply=reply)
    return room - model.window.size // 100


async def ask_member(model: ChatModel, question: str, own: Held, other: Held | None, *, brief: bool) -> Said:
    """Put a sub-question to one member, or to one that also holds another's segment.

    Args:
        model: who is asked.
        question: the sub-question.
        own: the member's own segment.
        other: the segment shared with it; neither side's answer is shown, so none can be copied.
        brief: ask for little.

    Raises:
        MalformedReply, CutReply: after a retry.
    """
    if other is not None:
        return await _ask(model, question, own, other, brief=brief)

    async def ask(piece: Segment) -> Said:
        return await _ask(model, question, Held(own.text, piece), None, brief=brief)

    return await in_halves(own.segment, ask, Said.and_then, partial(halved, own.text))


async def _ask(model: ChatModel, question: str, own: Held, other: Held | None, *, brief: bool) -> Said:
    asked = Part("question", as_data(question))
    if other is None:
        render, parts = PROMPT.bind(other=""), [own.part("segment"), asked]
    else:
        render, parts = PROMPT.bind(), [own.part("segment"), other.part("other"), asked]
    tokens = reply_tokens(model.window.size, brief=brief)
    fitted = await model.window.fit(render, parts, reply=tokens)
    role = "member" if other is None else "share"
    shorter = brief or other is not None
    reply_type = BriefMemberReply if brief else MemberReply
    reply = await ask_typed(model, role, fitted, reply_type, shorter=shorter)
    return await asyncio.to_thread(_placed, reply, question, [own, other] if other else [own], brief)


def _placed(reply: MemberReply, question: str, shown: Sequence[Held], brief: bool) -> Said:
    """What a reply says, and the sentences that its answer came from; the model only pointed at them."""
    answer, fact = (" ".join(text.split()) for text in (reply.answer, reply.fact))
    refused = reply.refuse == "yes"
    if not answer or (brief and _SAYS_NOTHING.fullmatch(answer)):
        return Said("", fact, refused=True)
    placings = [Placing(held.text, held.segment.start, held.segment.end) for held in shown]
    placed = [one.holding(answer, fact, question, doubtful=refused) for one in placings]
    spans, held = max(placed, key=lambda one: (one[1], bool(one[0])))
    return Said(answer, fact, refused, spans, held)
