"""The merger: a batch of notes to one short note.

Source: "SEGMENT+: Long Text Processing with Short-Context Language Models" (Shi et al. 2024), section 3,
merging. The model says which facts matter; which sentences they rest on is known by code.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel

from lcagent.agents.prompt import load_prompt
from lcagent.models.chat import ChatModel
from lcagent.models.prompt import as_data
from lcagent.models.structured import RETRY_TOKENS, ask_typed, bounded, bounded_list, reply_limit
from lcagent.models.window import Part, Window

PROMPT = load_prompt("merge")
BRIEF_TOKENS = 280
FACT_CHARS = 180
REASONING_CHARS = 160


class MergeReply(BaseModel):
    """What the merger is asked for."""

    facts: list[str]
    reasoning: Annotated[str, bounded(REASONING_CHARS)] = ""


class BriefMergeReply(MergeReply):
    """What a weak one is asked for."""

    facts: Annotated[list[str], bounded_list(4, FACT_CHARS)]


def reply_tokens(window: int, *, brief: bool) -> int:
    """Most tokens of a reply."""
    return reply_limit(BRIEF_TOKENS, window, brief=brief, part=6)


def room(window: Window, question: str, *, brief: bool) -> int:
    """Tokens of notes that a call and its retry can hold beside the question."""
    reply = reply_tokens(window.size, brief=brief) + RETRY_TOKENS
    return PROMPT.bind(brief=brief).room(window, "notes", question, reply=reply)


async def merge_notes(model: ChatModel, question: str, notes: str, *, brief: bool) -> MergeReply:
    """What of a batch of notes matters, and what it comes to.

    Args:
        model: who merges.
        question: what is asked.
        notes: the batch as it is shown, within `room`.
        brief: ask for little.

    Raises:
        MalformedReply, CutReply: after a retry.
    """
    parts = [Part("question", as_data(question)), Part("notes", as_data(notes))]
    tokens = reply_tokens(model.window.size, brief=brief)
    fitted = await model.window.fit(PROMPT.bind(brief=brief), parts, reply=tokens, spare=RETRY_TOKENS)
    return await ask_typed(model, "merge", fitted, BriefMergeReply if brief else MergeReply)
