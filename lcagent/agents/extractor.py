"""The extractor: the atomic facts of one segment and their key elements, whatever will be asked.

Source: "GraphReader: Building Graph-based Agent to Enhance Long-Context Abilities of LLMs", section 3.2. A
fact is understandable by itself; where it stands in the text is found by code, so that it can be quoted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from pydantic import BaseModel, WithJsonSchema

from lcagent.agents.prompt import load_prompt
from lcagent.documents import Segment, Span
from lcagent.documents.placing import Placing
from lcagent.documents.segments import halved
from lcagent.documents.words import STOPWORDS, terms
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
BRIEF_FACTS, BRIEF_CHARS, BRIEF_ELEMENTS = 8, 160, 4
BRIEF_TOKENS = 640
"""What a weak model is asked for: longer replies of one go round in circles."""


def _listed(facts: int, chars: int, elements: int) -> WithJsonSchema:
    """A list of facts, each with its elements."""
    names = {"type": "string", "maxLength": ELEMENT_CHARS}
    fact = {
        "type": "object",
        "properties": {
            "fact": {"type": "string", "maxLength": chars},
            "elements": {"type": "array", "items": names, "maxItems": elements},
        },
        "required": ["fact", "elements"],
        "additionalProperties": False,
    }
    return WithJsonSchema({"type": "array", "maxItems": facts, "items": fact})


class AtomicFact(BaseModel):
    """One fact and what it is about."""

    fact: str
    elements: list[str] = []


class ExtractReply(BaseModel):
    """What the extractor is asked for."""

    facts: Annotated[list[AtomicFact], _listed(MOST_FACTS, FACT_CHARS, MOST_ELEMENTS)]


class BriefExtractReply(ExtractReply):
    """What a weak one is asked for."""

    facts: Annotated[list[AtomicFact], _listed(BRIEF_FACTS, BRIEF_CHARS, BRIEF_ELEMENTS)]


@dataclass(frozen=True, slots=True)
class Extracted:
    """A fact in the model's words, the sentences that carry it (none: not found), its key elements."""

    text: str
    spans: tuple[Span, ...]
    elements: tuple[str, ...]


Extract = tuple[Extracted, ...]


def reply_tokens(window: int, *, brief: bool) -> int:
    """Most tokens of a reply: facts and elements are about as long as the text that they are taken from."""
    most = window * 3 // 8
    return min(BRIEF_TOKENS, most) if brief else most


def room(window: Window, *, brief: bool) -> int:
    """Tokens of a segment that a call and its retry can hold; no question is part of it."""
    reply = reply_tokens(window.size, brief=brief) + RETRY_TOKENS
    return window.room(PROMPT.bind(brief=brief), ("segment",), reply=reply) - window.size // 100


async def extract(model: ChatModel, text: str, segment: Segment, *, brief: bool) -> Extract:
    """Extract the facts of one segment.

    Args:
        model: who reads.
        text: the document's text.
        segment: which segment of it.
        brief: ask for little.

    Raises:
        MalformedReply, CutReply: after a retry; the segment then counts as not read.
    """

    async def read(piece: Segment) -> Extract:
        return await _extract_piece(model, text, piece, brief=brief)

    def joined(one: Extract, other: Extract) -> Extract:
        return (*one, *other)

    return await in_halves(segment, read, joined, partial(halved, text))


async def _extract_piece(model: ChatModel, text: str, segment: Segment, *, brief: bool) -> Extract:
    shown = as_data(text[segment.start : segment.end])
    parts = [Part("segment", shown, tokens=segment.tokens)]
    tokens = reply_tokens(model.window.size, brief=brief)
    fitted = await model.window.fit(PROMPT.bind(brief=brief), parts, reply=tokens, spare=RETRY_TOKENS)
    reply_type = BriefExtractReply if brief else ExtractReply
    reply = await ask_typed(model, "extract", fitted, reply_type, shorter=brief)
    if len(reply.facts) >= MOST_FACTS:
        raise CutReply("the segment states more facts than one reply lists")
    placing = Placing(text, segment.start, segment.end)
    facts: dict[str, Extracted] = {}
    for one in reply.facts:
        line = " ".join(one.fact.split())
        if line and line not in facts:
            elements = dict.fromkeys(filter(None, (" ".join(e.split()) for e in one.elements)))
            facts[line] = Extracted(line, placing.carriers(line), tuple(elements or telling(line)))
    return tuple(facts.values())


def telling(fact: str) -> list[str]:
    """The longest words of a fact: what it is about where the model does not say; a way then leads to it."""
    words = dict.fromkeys(word for word in terms(fact) if word.casefold() not in STOPWORDS)
    return sorted(words, key=len, reverse=True)[:BRIEF_ELEMENTS]
