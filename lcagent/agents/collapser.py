"""The collapser: findings of consecutive parts, put together into one in the same four fields.

Source: "LLM×MapReduce: Simplified Long-Sequence Processing using LLMs", collapse stage. Which evidence the
new finding rests on is not asked: it is its members', by code.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel

from lcagent.agents.prompt import load_prompt
from lcagent.models.chat import ChatModel
from lcagent.models.prompt import as_data
from lcagent.models.structured import RETRY_TOKENS, ask_typed, bounded, bounded_list, reply_limit
from lcagent.models.window import Part, Window

Confidence = Literal["high", "middle", "zero"]
Mode = Literal["qa", "summary", "code", "math", "retrieval"]
PROMPT = load_prompt("collapse")
REPLY_TOKENS = 320
FACT_CHARS = 180
RATIONALE_CHARS = 160
ANSWER_CHARS = 240


class CollapseReply(BaseModel):
    """What the collapser is asked for."""

    facts: list[str]
    rationale: Annotated[str, bounded(RATIONALE_CHARS)] = ""
    answered: Literal["yes", "no"] = "no"
    answer: Annotated[str, bounded(ANSWER_CHARS)] = ""
    confidence: Confidence = "zero"


class BriefCollapseReply(CollapseReply):
    """What a weak model is asked for."""

    facts: Annotated[list[str], bounded_list(4, FACT_CHARS)]


def detail(rationale: str, answer: str, confidence: Confidence) -> str:
    """What a finding says beside its facts, as a prompt shows it."""
    lines = [f"rationale: {' '.join(rationale.split())}"] if rationale.strip() else []
    # On a line of its own: in brackets after the answer, a small model took it for a part of it.
    lines += [f"answer: {' '.join(answer.split())}", f"confidence: {confidence}"] if answer.strip() else []
    return "\n".join(lines)


def reply_tokens(window: int, *, brief: bool) -> int:
    """Most tokens of a reply: a quarter of a group may be left of it."""
    return reply_limit(REPLY_TOKENS, window, brief=brief, part=6)


def room(window: Window, question: str, *, mode: Mode = "qa", brief: bool) -> int:
    """Tokens of findings that a call and its retry can hold beside the question."""
    reply = reply_tokens(window.size, brief=brief) + RETRY_TOKENS
    return PROMPT.bind(mode=mode, brief=brief).room(window, "findings", question, reply=reply)


async def collapse(
    model: ChatModel, question: str, findings: str, *, mode: Mode = "qa", brief: bool
) -> CollapseReply:
    """Put findings together.

    Args:
        model: who does it.
        question: as asked.
        findings: as the prompt shows them, within `room`.
        mode: what kind of question it is.
        brief: ask for little.

    Raises:
        MalformedReply, CutReply: after a retry.
    """
    # The question stands first: the calls of a round share it, and differ in the findings.
    parts = [Part("question", as_data(question)), Part("findings", as_data(findings))]
    render = PROMPT.bind(mode=mode, brief=brief)
    fitted = await model.window.fit(render, parts, reply=reply_tokens(model.window.size, brief=brief))
    return await ask_typed(model, "collapse", fitted, BriefCollapseReply if brief else CollapseReply)
