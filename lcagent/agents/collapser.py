"""The collapser: findings of consecutive parts, put together into one in the same four fields.

Source: "LLM×MapReduce: Simplified Long-Sequence Processing using LLMs", collapse stage. Which evidence
the new finding rests on is not asked: it is its members', by code.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel

from lcagent.agents.mapper import ANSWER_CHARS, FACT_CHARS, RATIONALE_CHARS, Confidence, Mode, bounded, listed
from lcagent.agents.prompt import as_data, load_prompt
from lcagent.models.chat import ChatModel
from lcagent.models.structured import ask_typed
from lcagent.models.window import Part

PROMPT = load_prompt("collapse")
REPLY_TOKENS = 320
MOST_FACTS = 4


class CollapseReply(BaseModel):
    """What the collapser is asked for."""

    facts: Annotated[list[str], listed(MOST_FACTS, FACT_CHARS)]
    rationale: Annotated[str, bounded(RATIONALE_CHARS)] = ""
    answered: Literal["yes", "no"] = "no"
    answer: Annotated[str, bounded(ANSWER_CHARS)] = ""
    confidence: Confidence = "zero"


async def collapse(model: ChatModel, mode: Mode, question: str, findings: str) -> CollapseReply:
    """Put findings together.

    Args:
        model: who does it.
        mode: what kind of question it is.
        question: as asked.
        findings: as the prompt shows them, within the budget of such a call.

    Raises:
        MalformedReply, CutReply: after a retry.
    """
    # The question stands first: the calls of a round share it, and differ in the findings.
    parts = [Part("question", as_data(question)), Part("findings", as_data(findings))]
    fitted = await model.window.fit(PROMPT.bind(mode=mode), parts, reply=REPLY_TOKENS)
    return await ask_typed(model, "collapse", fitted, CollapseReply)
