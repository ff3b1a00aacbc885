"""The note-taker: evidence and reasoning from one segment, without knowing of any other.

Source: "SEGMENT+: Long Text Processing with Short-Context Language Models" (Shi et al. 2024), section 3,
information gathering. There the model copies its evidence; here it states facts, and code finds the
sentences that they came from, so that a quote can never be invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from pydantic import BaseModel

from lcagent.agents.prompt import load_prompt
from lcagent.documents import Segment
from lcagent.documents.placing import Carried, Placing
from lcagent.documents.segments import halved
from lcagent.models.chat import ChatModel
from lcagent.models.halves import in_halves
from lcagent.models.prompt import as_data
from lcagent.models.structured import RETRY_TOKENS, ask_typed, bounded, bounded_list, reply_limit
from lcagent.models.window import Part

PROMPT = load_prompt("note")
BRIEF_TOKENS = 240
"""Room for three facts and the reasoning; longer replies of a weak model copy the segment."""
FACT_CHARS = 180
REASONING_CHARS = 160


class NoteReply(BaseModel):
    """What the note-taker is asked for."""

    relevant: Literal["yes", "no"]
    facts: list[str]
    reasoning: Annotated[str, bounded(REASONING_CHARS)] = ""


class BriefNoteReply(NoteReply):
    """What a weak one is asked for."""

    facts: Annotated[list[str], bounded_list(3, FACT_CHARS)]


@dataclass(frozen=True, slots=True)
class Noted:
    """What was noted of one segment: facts with the sentences that carry them, and what they come to."""

    facts: Carried = ()
    reasoning: str = ""

    def __len__(self) -> int:
        return len(self.facts)

    def and_then(self, other: Noted) -> Noted:
        """With what the piece after it gave."""
        reasoning = " ".join(filter(None, [self.reasoning, other.reasoning]))
        return Noted((*self.facts, *other.facts), reasoning)


def reply_tokens(window: int, *, brief: bool) -> int:
    """Most tokens of a reply."""
    return reply_limit(BRIEF_TOKENS, window, brief=brief)


async def take_note(model: ChatModel, question: str, text: str, segment: Segment, *, brief: bool) -> Noted:
    """Take a note on one segment.

    Args:
        model: who reads.
        question: what is asked.
        text: the document's text.
        segment: which segment of it.
        brief: ask for little.

    Raises:
        MalformedReply, CutReply: after a retry; the segment then counts as not read.
    """

    async def read(piece: Segment) -> Noted:
        return await _note_piece(model, question, text, piece, brief=brief)

    return await in_halves(segment, read, Noted.and_then, partial(halved, text))


async def _note_piece(model: ChatModel, question: str, text: str, segment: Segment, *, brief: bool) -> Noted:
    shown = as_data(text[segment.start : segment.end])
    parts = [Part("segment", shown, tokens=segment.tokens), Part("question", as_data(question))]
    tokens = reply_tokens(model.window.size, brief=brief)
    fitted = await model.window.fit(PROMPT.bind(brief=brief), parts, reply=tokens, spare=RETRY_TOKENS)
    reply = await ask_typed(model, "note", fitted, BriefNoteReply if brief else NoteReply, shorter=brief)
    if reply.relevant == "no":
        return Noted()
    facts = Placing(text, segment.start, segment.end).carried(reply.facts)
    return Noted(facts, " ".join(reply.reasoning.split()))
