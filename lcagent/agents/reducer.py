"""The reducer: all findings that are left, and passages of the document, to one answer.

Source: "LLM×MapReduce: Simplified Long-Sequence Processing using LLMs", reduce stage: a rationale, then the
answer. The passages around the evidence are ours: a finding in a small model's words leaves out what the
answer turns on.
"""

from __future__ import annotations

from typing import Annotated, Literal

from lcagent.agents.answerer import Form, Found
from lcagent.agents.collapser import Mode
from lcagent.agents.prompt import load_prompt
from lcagent.models.structured import Decided, bounded, reply_limit

PROMPT = load_prompt("reduce")
REPLY_TOKENS = 320
RATIONALE_CHARS = 240


class ReduceReply(Decided):
    """What the reducer is asked for: its reasons first."""

    rationale: Annotated[str, bounded(RATIONALE_CHARS)] = ""
    found: Found
    answer: str
    conflict: Literal["no", "yes"] = "no"


def form(mode: Mode, style: str, window: int) -> Form:
    """How the reducer is asked, for the answering call.

    Args:
        mode: what kind of question it is.
        style: how long an answer is wished.
        window: tokens of a call.
    """
    fixed = (("mode", mode), ("style", style))
    tokens = reply_limit(REPLY_TOKENS, window, brief=False)
    return Form(PROMPT, ReduceReply, fixed, tokens, name="findings", role="reduce")
