"""The mapper: one segment against the question, in the four fields of LLM×MapReduce.

Source: "LLM×MapReduce: Simplified Long-Sequence Processing using LLMs", map stage, structured information
protocol and in-context confidence calibration. The prompt holds the segment ahead of the question, so that
a second question about the same document finds system prompt and segment in the server's prefix cache.
`relevant` and `answered` are two fields: a fact that only leads on to the answer is no reason to drop a
segment.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from pydantic import BaseModel

from lcagent.agents.collapser import ANSWER_CHARS, FACT_CHARS, RATIONALE_CHARS, Confidence, Mode
from lcagent.agents.prompt import load_prompt
from lcagent.documents import Segment, Span
from lcagent.documents.placing import NUMBER, Carried, Placing
from lcagent.documents.segments import halved
from lcagent.models.chat import ChatModel
from lcagent.models.halves import in_halves
from lcagent.models.prompt import as_data
from lcagent.models.structured import ask_typed, bounded, bounded_list, reply_limit
from lcagent.models.window import Part

PROMPT = load_prompt("map")
WHOLE = "What are the main points of this text?"
"""The question of a summary of everything: whatever a segment says bears on it."""
NUMBER_CHARS = 40


class MapReply(BaseModel):
    """What the mapper is asked for."""

    relevant: Literal["yes", "no"]
    facts: list[str]
    rationale: Annotated[str, bounded(RATIONALE_CHARS)] = ""
    answered: Literal["yes", "no"] = "no"
    answer: str = ""
    confidence: Confidence = "zero"


class BriefMapReply(MapReply):
    """What a weak model is asked for."""

    facts: Annotated[list[str], bounded_list(2, FACT_CHARS)]
    answer: Annotated[str, bounded(ANSWER_CHARS)] = ""


class NumbersReply(BriefMapReply):
    """In mode `math`: many facts, each a bare number."""

    facts: Annotated[list[str], bounded_list(16, NUMBER_CHARS)]


class PointsReply(BriefMapReply):
    """In mode `summary`: more facts."""

    facts: Annotated[list[str], bounded_list(4, FACT_CHARS)]


_RANKS: list[Confidence] = ["zero", "middle", "high"]
_BRIEF: dict[str, type[MapReply]] = {"math": NumbersReply, "summary": PointsReply}


def reply_tokens(mode: Mode, window: int, *, brief: bool) -> int:
    """Most tokens of a reply."""
    least = {"summary": 400, "math": 320, "retrieval": 320}.get(mode, 256)
    return reply_limit(least, window, brief=brief)


@dataclass(frozen=True, slots=True)
class Mapping:
    """What one segment gave.

    Args:
        facts: in the model's words, with the sentences that carry each, if they were found.
        rationale: in the model's words.
        answer: empty where there is none here.
        confidence: of the answer.
        unplaced: in mode `math`, numbers that stand nowhere in the segment: they are no part of a sum.
    """

    facts: Carried = ()
    rationale: str = ""
    answer: str = ""
    confidence: Confidence = "zero"
    unplaced: int = 0

    def __len__(self) -> int:
        return len(self.facts)

    def and_then(self, other: Mapping) -> Mapping:
        """With what the piece after it gave; of two answers both, as sure as the less sure one."""
        answers = list(dict.fromkeys(filter(None, [self.answer, other.answer])))
        sure: list[Confidence] = [one.confidence for one in (self, other) if one.answer]
        return Mapping(
            (*self.facts, *other.facts),
            " ".join(filter(None, [self.rationale, other.rationale])),
            ", ".join(answers),
            min(sure, key=_RANKS.index) if sure else "zero",
            self.unplaced + other.unplaced,
        )


async def map_segment(
    model: ChatModel, mode: Mode, question: str, text: str, segment: Segment, *, brief: bool
) -> Mapping:
    """Read one segment.

    Args:
        model: who reads.
        mode: what kind of question it is.
        question: as asked.
        text: the document's text.
        segment: which segment of it.
        brief: ask for little.

    Raises:
        MalformedReply, CutReply: after a retry; the segment then counts as not read.
    """

    async def read(piece: Segment) -> Mapping:
        return await _map_piece(model, mode, question, text, piece, brief=brief)

    return await in_halves(segment, read, Mapping.and_then, partial(halved, text))


async def _map_piece(
    model: ChatModel, mode: Mode, question: str, text: str, segment: Segment, *, brief: bool
) -> Mapping:
    shown = as_data(text[segment.start : segment.end])
    parts = [Part("segment", shown, tokens=segment.tokens), Part("question", as_data(question))]
    tokens = reply_tokens(mode, model.window.size, brief=brief)
    fitted = await model.window.fit(PROMPT.bind(mode=mode, brief=brief), parts, reply=tokens)
    reply_type = _BRIEF.get(mode, BriefMapReply) if brief else MapReply
    reply = await ask_typed(model, "map", fitted, reply_type, shorter=brief)
    if reply.relevant == "no" and not (mode == "summary" and question == WHOLE):
        return Mapping()
    return _placed(reply, mode, question, Placing(text, segment.start, segment.end))


def _placed(reply: MapReply, mode: Mode, question: str, segment: Placing) -> Mapping:
    """With the sentences that its facts and its answer came from."""
    rationale = " ".join(reply.rationale.split())
    answer = " ".join(reply.answer.split()) if reply.answered == "yes" else ""
    confidence: Confidence = reply.confidence if answer else "zero"
    if mode == "math":
        numbers = _numbers(reply.facts, question, segment)
        return Mapping(tuple(numbers), rationale, answer, confidence, len(reply.facts) - len(numbers))
    if mode == "retrieval" and answer:
        values = [answer] if segment.value(answer, question) else answer.split(", ")
        found = [(v, at) for v in values if (at := segment.value(v, question))]
        facts = tuple((v, (segment.sentence(span),)) for v, (span, _) in found)
        return Mapping(facts, rationale, ", ".join(v for v, _ in found), confidence)
    return Mapping(segment.carried(reply.facts), rationale, answer, confidence)


def _numbers(facts: list[str], question: str, segment: Placing) -> list[tuple[str, tuple[Span, ...]]]:
    """Numbers with their digits as written; each time one is named it stands for a further place."""
    taken: set[Span] = set()
    found: list[tuple[str, tuple[Span, ...]]] = []
    for fact in facts:
        span = next((span for span in segment.numbers(fact, question) if span not in taken), None)
        if span is not None and (number := NUMBER.search(fact)):
            taken.add(span)
            found.append((number.group(), (segment.sentence(span),)))
    return found
