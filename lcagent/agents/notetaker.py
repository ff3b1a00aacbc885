"""The note-taker: evidence and reasoning from one segment, without knowing of any other.

Source: "SEGMENT+: Long Text Processing with Short-Context Language Models" (Shi et al. 2024), section 3,
information gathering. There the model copies its evidence; here it states facts, and code finds the
sentences that they came from, so that a quote can never be invented.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, WithJsonSchema

from lcagent.agents.prompt import as_data, load_prompt
from lcagent.documents import Document, Segment
from lcagent.memory.notes import Note
from lcagent.memory.places import Places
from lcagent.models.chat import ChatModel
from lcagent.models.structured import RETRY_TOKENS, ask_typed
from lcagent.models.window import Part

PROMPT = load_prompt("note")
REPLY_TOKENS = 240
"""Room for three facts and the reasoning; longer replies copy the segment."""
MOST_FACTS = 3
FACT_CHARS = 180
REASONING_CHARS = 160

# Bounds that a constrained decoder keeps; from one that is not constrained, more is taken as it comes.
_FACTS = {"type": "array", "items": {"type": "string", "maxLength": FACT_CHARS}, "maxItems": MOST_FACTS}
_REASONING = {"type": "string", "maxLength": REASONING_CHARS}


class NoteReply(BaseModel):
    """What the note-taker is asked for."""

    relevant: Literal["yes", "no"]
    facts: Annotated[list[str], WithJsonSchema(_FACTS)]
    reasoning: Annotated[str, WithJsonSchema(_REASONING)] = ""


async def take_note(
    model: ChatModel, question: str, document: Document, index: int, segment: Segment
) -> Note:
    """Take a note on one segment; without evidence where nothing helps, or nothing is found again.

    Args:
        model: who reads.
        question: what is asked.
        document: the document.
        index: the document's index in the run.
        segment: which segment of it.

    Raises:
        MalformedReply, CutReply: after a retry; the segment then counts as not read.
    """
    text = as_data(document.text[segment.start : segment.end])
    parts = [Part("segment", text, tokens=segment.tokens), Part("question", as_data(question))]
    fitted = await model.window.fit(PROMPT.bind(), parts, reply=REPLY_TOKENS, spare=RETRY_TOKENS)
    reply = await ask_typed(model, "note", fitted, NoteReply)
    if reply.relevant == "no":
        return Note(())
    places = Places(document, index, segment)
    for fact in reply.facts:
        places.note(fact)
    reasoning = " ".join(reply.reasoning.split())[:REASONING_CHARS]
    claimed = places.claimed(reply.facts)[:FACT_CHARS]
    return Note(tuple(places.evidence[start] for start in sorted(places.evidence)), reasoning, claimed)
