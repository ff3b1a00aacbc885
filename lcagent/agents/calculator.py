"""The calculator: which calculation a question asks for; code then does it.

Source: task math of LLM×MapReduce, whose reduce lets the model do sums. A small model does none right.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel

from lcagent.agents.prompt import load_prompt
from lcagent.documents.language import language_of
from lcagent.documents.numerals import DIGITS, decimal_mark, read_digits
from lcagent.documents.values import values
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


def value_of(number: str, beside: str = "") -> Decimal | None:
    """A bare number as written; None if it is none, or may be either of two.

    "1.234" alone is both 1234 and 1.234: a sum with the wrong one would be reported as right. "1,234" alone
    is 1234, since no other reading is likely where the decimals are not known to follow a comma.

    Args:
        number: with any separators, or in words ("1.5 million", "zwölf"), without a unit.
        beside: text of the same document: its sentence, the other numbers.
    """
    written = number.strip()
    sign = -1 if written.startswith(("-", "−")) else 1
    digits = written.lstrip("+-−").strip()
    if DIGITS.fullmatch(digits):
        readings = read_digits(digits, decimal_mark(f"{digits} {beside}"))
        unsure = len(readings) > 1 and "." in digits
        return None if unsure or not readings else sign * readings[0]
    found = values(written, language_of(beside))
    if len(found) != 1 or found[0].span != (0, len(written)) or found[0].others:
        return None
    return found[0].number if found[0].kind == "number" else None


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
