"""The mapper: one segment against the question, in the four fields of LLM×MapReduce.

Source: "LLM×MapReduce: Simplified Long-Sequence Processing using LLMs", map stage, structured
information protocol and in-context confidence calibration. The prompt holds the segment ahead of the
question, so that a second question about the same document finds system prompt and segment in the
server's prefix cache. `relevant` and `answered` are two fields: a fact that only leads on to the answer
is no reason to drop a segment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, WithJsonSchema

from lcagent.agents.prompt import as_data, load_prompt
from lcagent.documents import Document, Segment
from lcagent.memory.entries import Evidence
from lcagent.memory.places import Places
from lcagent.models.chat import ChatModel
from lcagent.models.structured import ask_typed
from lcagent.models.window import Part

Confidence = Literal["high", "middle", "zero"]
Mode = Literal["qa", "summary", "code", "math", "retrieval"]
PROMPT = load_prompt("map")
WHOLE = "What are the main points of this text?"
"""The question of a summary of everything: whatever a segment says bears on it."""
FACT_CHARS = 180
"""Enough to find the sentence again; a longer fact is a copy of the segment."""
NUMBER_CHARS = 40
RATIONALE_CHARS = 160
ANSWER_CHARS = 240


def bounded(chars: int) -> WithJsonSchema:
    """A string that a constrained decoder ends; from one that is not constrained, code cuts it."""
    return WithJsonSchema({"type": "string", "maxLength": chars})


def listed(items: int, chars: int) -> WithJsonSchema:
    """A list of such strings."""
    text = {"type": "string", "maxLength": chars}
    return WithJsonSchema({"type": "array", "items": text, "maxItems": items})


class MapReply(BaseModel):
    """What the mapper is asked for."""

    relevant: Literal["yes", "no"]
    facts: Annotated[list[str], listed(2, FACT_CHARS)]
    rationale: Annotated[str, bounded(RATIONALE_CHARS)] = ""
    answered: Literal["yes", "no"] = "no"
    answer: Annotated[str, bounded(ANSWER_CHARS)] = ""
    confidence: Confidence = "zero"


class NumbersReply(MapReply):
    """In mode `math`: many facts, each a bare number."""

    facts: Annotated[list[str], listed(16, NUMBER_CHARS)]


class PointsReply(MapReply):
    """In mode `summary`: more facts."""

    facts: Annotated[list[str], listed(4, FACT_CHARS)]


_REPLIES: dict[str, type[MapReply]] = {"math": NumbersReply, "summary": PointsReply}
_MOST_FACTS = {"math": 16, "summary": 4}


def reply_tokens(mode: Mode) -> int:
    """Most tokens of a reply."""
    return {"summary": 400, "math": 320, "retrieval": 320}.get(mode, 256)


@dataclass(frozen=True, slots=True)
class Mapping:
    """What one segment gave; without evidence, nothing in it is relevant.

    Args:
        evidence: sentences that facts and answer came from.
        facts: those that stand in the segment, in the model's words.
        rationale: in the model's words.
        answer: empty where there is none here.
        confidence: of the answer.
        unplaced: facts that stand nowhere in the segment; they are dropped.
    """

    evidence: list[Evidence] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    rationale: str = ""
    answer: str = ""
    confidence: Confidence = "zero"
    unplaced: int = 0


async def map_segment(
    model: ChatModel, mode: Mode, question: str, document: Document, index: int, segment: Segment
) -> Mapping:
    """Read one segment.

    Args:
        model: who reads.
        mode: what kind of question it is.
        question: as asked.
        document: the document.
        index: the document's index in the run.
        segment: which segment of it.

    Raises:
        MalformedReply, CutReply: after a retry; the segment then counts as not read.
    """
    text = as_data(document.text[segment.start : segment.end])
    parts = [Part("segment", text, tokens=segment.tokens), Part("question", as_data(question))]
    fitted = await model.window.fit(PROMPT.bind(mode=mode), parts, reply=reply_tokens(mode))
    reply = await ask_typed(model, "map", fitted, _REPLIES.get(mode, MapReply))
    if reply.relevant == "no" and not (mode == "summary" and question == WHOLE):
        return Mapping()
    return _placed(reply, mode, question, document, index, segment)


def _placed(
    reply: MapReply, mode: Mode, question: str, document: Document, index: int, segment: Segment
) -> Mapping:
    """With the sentences that its facts and its answer came from; what came from none is dropped."""
    places = Places(document, index, segment)
    wanted = [" ".join(fact.split())[:FACT_CHARS] for fact in reply.facts[: _MOST_FACTS.get(mode, 2)]]
    if mode == "math":
        facts = [fact for fact in wanted if places.number(fact, question)]
    else:
        facts = list(filter(None, map(places.note, dict.fromkeys(wanted))))
    answer = " ".join(reply.answer.split())[:ANSWER_CHARS] if reply.answered == "yes" else ""
    if mode == "retrieval":
        whole = places.value(answer, question)
        several = [places.value(part, question) for part in answer.split(", ")] if not whole else []
        answer = whole or ", ".join(filter(None, several))
    elif mode not in {"summary", "math"}:  # what sums a segment up stands in no sentence of it
        places.note(answer)
    return Mapping(
        list(places.evidence.values()),
        facts,
        " ".join(reply.rationale.split())[:RATIONALE_CHARS],
        answer,
        reply.confidence if answer else "zero",
        len(wanted) - len(facts),
    )
