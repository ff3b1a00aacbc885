"""The reducer: all findings that are left, and passages of the document, to one short answer.

Source: "LLM×MapReduce: Simplified Long-Sequence Processing using LLMs", reduce stage: a rationale, then
the answer. The passages around the evidence are ours: a finding in a small model's words leaves out
what the answer turns on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from lcagent.agents.answerer import FinalReply, Found, Values, in_a_row
from lcagent.agents.mapper import Mode, bounded
from lcagent.agents.prompt import as_data, load_prompt
from lcagent.models.chat import ChatModel
from lcagent.models.structured import Decided, ask_typed
from lcagent.models.window import Part

PROMPT = load_prompt("reduce")
REPLY_TOKENS = 320
_RATIONALE_CHARS = 240


class ReduceReply(Decided):
    """What the reducer is asked for."""

    rationale: Annotated[str, bounded(_RATIONALE_CHARS)] = ""
    found: Found
    answer: str


class ReduceListReply(Decided):
    """What it is asked for where the question is for several things."""

    rationale: Annotated[str, bounded(_RATIONALE_CHARS)] = ""
    found: Found
    answers: Values


async def reduce(
    model: ChatModel,
    mode: Mode,
    question: str,
    findings: str,
    evidence: str,
    *,
    shrink: Callable[[int], str],
    several: bool = False,
) -> FinalReply:
    """Answer from findings and passages.

    Args:
        model: who answers.
        mode: what kind of question it is.
        question: the whole question, with its wishes for the form.
        findings: as the prompt shows them.
        evidence: passages of the document.
        shrink: makes the passages shorter where they do not fit.
        several: the question asks for several things.

    Raises:
        MalformedReply, CutReply: after a retry.
    """
    parts = [
        Part("question", as_data(question)),
        Part("findings", as_data(findings)),
        Part("evidence", as_data(evidence), shrink=lambda tokens: as_data(shrink(tokens))),
    ]
    fitted = await model.window.fit(PROMPT.bind(mode=mode, several=several), parts, reply=REPLY_TOKENS)
    if several:
        listed = await ask_typed(model, "reduce", fitted, ReduceListReply, final=True)
        text = in_a_row(listed.answers)
        return FinalReply(found=listed.found, answer=text).decided(listed.certainty)
    reply = await ask_typed(model, "reduce", fitted, ReduceReply, final=True)
    return FinalReply(found=reply.found, answer=reply.answer).decided(reply.certainty)
