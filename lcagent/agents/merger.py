"""The merger: a batch of notes to one short note.

Source: "SEGMENT+: Long Text Processing with Short-Context Language Models" (Shi et al. 2024), section 3,
merging. The model says which facts matter; which sentences of the batch say them is found by code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Annotated

from pydantic import BaseModel, WithJsonSchema

from lcagent.agents.prompt import as_data, load_prompt
from lcagent.documents import Sentences
from lcagent.memory.entries import Evidence
from lcagent.models.chat import ChatModel
from lcagent.models.structured import RETRY_TOKENS, ask_typed
from lcagent.models.window import Part

PROMPT = load_prompt("merge")
REPLY_TOKENS = 280
MOST_FACTS = 4
FACT_CHARS = 180
REASONING_CHARS = 160
_FACTS = {"type": "array", "items": {"type": "string", "maxLength": FACT_CHARS}, "maxItems": MOST_FACTS}
_REASONING = {"type": "string", "maxLength": REASONING_CHARS}


class MergeReply(BaseModel):
    """What the merger is asked for."""

    facts: Annotated[list[str], WithJsonSchema(_FACTS)]
    reasoning: Annotated[str, WithJsonSchema(_REASONING)] = ""


async def merge_notes(
    model: ChatModel,
    question: str,
    evidence: Sequence[Evidence],
    notes: str,
    shrink: Callable[[int], str],
) -> tuple[list[Evidence], str]:
    """The evidence of a batch that matters most, and what it comes to.

    Args:
        model: who merges.
        question: what is asked.
        evidence: all evidence of the batch.
        notes: the batch as it is shown.
        shrink: makes it shorter where it does not fit.

    Raises:
        MalformedReply, CutReply: after a retry.
    """
    parts = [Part("question", as_data(question)), Part("notes", notes, shrink=shrink)]
    fitted = await model.window.fit(PROMPT.bind(), parts, reply=REPLY_TOKENS, spare=RETRY_TOKENS)
    reply = await ask_typed(model, "merge", fitted, MergeReply)
    return named(evidence, reply.facts), " ".join(reply.reasoning.split())[:REASONING_CHARS]


def named(evidence: Sequence[Evidence], facts: Sequence[str]) -> list[Evidence]:
    """The evidence that facts in free text came from, in its own order."""
    text = "\n\n".join(item.quote for item in evidence)
    ends = list(accumulate(len(item.quote) + 2 for item in evidence))
    found: set[int] = set()
    said = Sentences(text)
    for fact in facts:
        for span, _ in said.nearest(fact, limit=1):
            found.add(next(at for at, end in enumerate(ends) if span.start < end))
    return [evidence[at] for at in sorted(found)]
