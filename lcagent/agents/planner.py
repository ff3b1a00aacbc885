"""The planner: before reading, what is asked, how the answer is wanted, and what to look for.

Source: QwenLong-L1.5, which keeps a plan beside MemAgent's memory and splits a query into its core,
which drives the reading, and its wishes for the form, which only the answer needs. What the model
says is used only where code can vouch for it: a small model drops half of the question as lightly as
a wish for one word.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel

from lcagent.agents.prompt import load_prompt
from lcagent.documents import query_words
from lcagent.errors import CutReply, MalformedReply
from lcagent.models.chat import ChatModel
from lcagent.models.prompt import as_data
from lcagent.models.structured import RETRY_TOKENS, ask_typed, bounded_list
from lcagent.models.window import Part

PROMPT = load_prompt("plan")
MOST_STEPS = 4
STEP_CHARS = 120
_FIXED_REPLY = 200
"""Tokens of the reply beside the question that it repeats."""
Asks = Literal["fact", "list", "text"]
_REFERENCE = re.compile(r"#\s*(\d{1,2})(?!\d)")
"""What a step is written with that needs the answer to an earlier one, by its number from 1."""


class PlanReply(BaseModel):
    """What the planner is asked for."""

    core: str
    form: str
    asks: Asks = "fact"
    steps: Annotated[list[str], bounded_list(MOST_STEPS, STEP_CHARS, least=1)]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a question is read for.

    Args:
        core: what drives the reading; the whole question where it could not be split safely.
        steps: what to find, one after the other; `#1` stands for the answer to the first.
        asks: for a fact, for several things, or for a text that explains, compares or sums up.
    """

    core: str
    steps: tuple[str, ...] = ()
    asks: Asks = "fact"


def as_text(steps: Sequence[str]) -> str:
    """Steps as a reading call sees them."""
    if not any(map(references, steps)):
        return " Then: ".join(steps)
    return " ".join(f"{number}. {step}" for number, step in enumerate(steps, 1))


def references(step: str) -> list[int]:
    """The numbers of the steps whose answers a step needs."""
    return [int(match[1]) for match in _REFERENCE.finditer(step)]


def worded(step: str) -> str:
    """A step without its references: what it says itself."""
    return _REFERENCE.sub(" ", step)


def filled(step: str, answers: Mapping[int, str]) -> str | None:
    """A step with the answers that it needs in their places; None where one of them is not known.

    Args:
        step: as planned.
        answers: by the number of the step that gave them.
    """
    if any(number not in answers for number in references(step)):
        return None
    return " ".join(_REFERENCE.sub(lambda match: answers[int(match[1])], step).split())


def without(steps: Sequence[str], dropped: Container[int]) -> tuple[str, ...]:
    """Steps without some of them and without those that need them, numbered anew.

    Args:
        steps: as planned.
        dropped: numbers, from 1.
    """
    numbers: dict[int, str] = {}
    kept: list[str] = []
    for number, step in enumerate(steps, 1):
        renamed = filled(step, numbers)
        if number in dropped or renamed is None:
            continue
        kept.append(renamed)
        numbers[number] = f"#{len(kept)}"
    return tuple(kept)


async def make_plan(model: ChatModel, question: str) -> Plan:
    """Plan the reading for a question; without a usable reply the question itself is the plan.

    Args:
        model: who plans.
        question: as asked.
    """
    # The reply repeats the question at most, so it needs as much room again.
    reply_tokens = _FIXED_REPLY + model.window.count(question)
    parts = [Part("question", as_data(question))]
    room = model.window.room(PROMPT.bind(), ("question",), reply=reply_tokens + RETRY_TOKENS)
    if room - model.window.size // 100 < model.window.count(parts[0].text):
        return Plan(question)
    fitted = await model.window.fit(PROMPT.bind(), parts, reply=reply_tokens, spare=RETRY_TOKENS)
    try:
        reply = await ask_typed(model, "plan", fitted, PlanReply)
    except (MalformedReply, CutReply):
        return Plan(question)
    steps = tuple(step[:STEP_CHARS] for step in reply.steps[:MOST_STEPS])
    return Plan(split_core(question, reply.core, reply.form), steps, reply.asks)


def split_core(question: str, core: str, form: str) -> str:
    """The core, if every content word of the question stands in it or in the form; else the question."""
    asked, kept, wishes = (set(query_words(text)) for text in (question, core, form))
    safe = bool(kept) and kept <= asked and asked <= kept | wishes
    return core.strip() if safe else question
