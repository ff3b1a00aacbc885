"""The extractor: the atomic facts of one segment and their key elements, whatever will be asked.

Source: "GraphReader: Building Graph-based Agent to Enhance Long-Context Abilities of LLMs", section 3.2. A
fact is understandable by itself; where it stands in the text is found by code, so that it can be quoted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel, WithJsonSchema

from lcagent.agents.prompt import load_prompt
from lcagent.documents import Segment, Span
from lcagent.documents.placing import Placing
from lcagent.documents.segments import halved
from lcagent.errors import CutReply
from lcagent.models.chat import ChatModel
from lcagent.models.halves import in_halves
from lcagent.models.prompt import as_data
from lcagent.models.structured import RETRY_TOKENS, ask_typed
from lcagent.models.window import Part, Window

PROMPT = load_prompt("extract")
FACT_CHARS, ELEMENT_CHARS = 300, 60
MOST_FACTS, MOST_ELEMENTS = 60, 8
"""Where a constrained decoder ends a list; a segment that has more to say is read in halves."""
_SPEC: dict[str, Any] = {
    "type": "array",
    "maxItems": MOST_FACTS,
    "items": {
        "type": "object",
        "properties": {
            "fact": {"type": "string", "maxLength": FACT_CHARS},
            "elements": {
                "type": "array",
                "items": {"type": "string", "maxLength": ELEMENT_CHARS},
                "maxItems": MOST_ELEMENTS,
            },
        },
        "required": ["fact", "elements"],
        "additionalProperties": False,
    },
}


class AtomicFact(BaseModel):
    """One fact and what it is about."""

    fact: str
    elements: list[str] = []


class ExtractReply(BaseModel):
    """What the extractor is asked for."""

    facts: Annotated[list[AtomicFact], WithJsonSchema(_SPEC)]


@dataclass(frozen=True, slots=True)
class Extracted:
    """A fact in the model's words, the sentences that carry it (none: not found), its key elements."""

    text: str
    spans: tuple[Span, ...]
    elements: tuple[str, ...]


Extract = tuple[Extracted, ...]


def reply_tokens(window: int) -> int:
    """Most tokens of a reply: facts and elements are about as long as the text that they are taken from."""
    return window * 3 // 8


def room(window: Window) -> int:
    """Tokens of a segment that a call and its retry can hold; no question is part of it."""
    left = window.room(PROMPT.bind(), ("segment",), reply=reply_tokens(window.size) + RETRY_TOKENS)
    return left - window.size // 100


async def extract(model: ChatModel, text: str, segment: Segment) -> Extract:
    """Extract the facts of one segment.

    Args:
        model: who reads.
        text: the document's text.
        segment: which segment of it.

    Raises:
        MalformedReply, CutReply: after a retry; the segment then counts as not read.
    """

    async def read(piece: Segment) -> Extract:
        return await _extract_piece(model, text, piece)

    def joined(one: Extract, other: Extract) -> Extract:
        return (*one, *other)

    return await in_halves(segment, read, joined, partial(halved, text))


async def _extract_piece(model: ChatModel, text: str, segment: Segment) -> Extract:
    shown = as_data(text[segment.start : segment.end])
    parts = [Part("segment", shown, tokens=segment.tokens)]
    tokens = reply_tokens(model.window.size)
    fitted = await model.window.fit(PROMPT.bind(), parts, reply=tokens, spare=RETRY_TOKENS)
    reply = await ask_typed(model, "extract", fitted, ExtractReply, shorter=False)
    if len(reply.facts) >= MOST_FACTS:
        raise CutReply("the segment states more facts than one reply lists")
    placing = Placing(text, segment.start, segment.end)
    facts: dict[str, Extracted] = {}
    for one in reply.facts:
        line = " ".join(one.fact.split())
        if line and line not in facts:
            elements = dict.fromkeys(filter(None, (" ".join(e.split()) for e in one.elements)))
            facts[line] = Extracted(line, placing.carriers(line), tuple(elements))
    return tuple(facts.values())
