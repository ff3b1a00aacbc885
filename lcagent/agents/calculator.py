"""The calculator: which calculation a question asks for; code then does it.

Source: task math of LLM×MapReduce, whose reduce lets the model do sums. A small model does none right.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel

from lcagent.agents.prompt import load_prompt
from lcagent.errors import CutReply, MalformedReply
from lcagent.models.chat import ChatModel
from lcagent.models.prompt import as_data
from lcagent.models.structured import RETRY_TOKENS, ask_typed
from lcagent.models.window import Part

PROMPT = load_prompt("calculate")
REPLY_TOKENS = 48
Operation = Literal["largest", "smallest", "count", "sum", "difference", "other"]


class OperationReply(BaseModel):
    """What the calculator is asked for."""

    operation: Operation


async def choose_operation(model: ChatModel, question: str) -> Operation:
    """The calculation that answers a question; `other` without a usable reply."""
    part = Part("question", as_data(question))
    room = model.window.room(PROMPT.bind(), ("question",), reply=REPLY_TOKENS + RETRY_TOKENS)
    if room - model.window.size // 100 < model.window.count(part.text):
        return "other"
    fitted = await model.window.fit(PROMPT.bind(), [part], reply=REPLY_TOKENS)
    try:
        return (await ask_typed(model, "calculate", fitted, OperationReply)).operation
    except (MalformedReply, CutReply):
        return "other"


def calculate(operation: Operation, values: list[Decimal]) -> Decimal | None:
    """The result; None where the numbers do not allow it."""
    if operation == "count":
        return Decimal(len(values))
    if not values or operation == "other":
        return None
    if operation == "difference":
        return max(values) - min(values) if len(values) == 2 else None
    done = {"largest": max, "smallest": min, "sum": sum}[operation](values)
    return Decimal(done)
