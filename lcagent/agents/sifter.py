"""The sifter: keep or drop one note, seen apart from the segment that it was taken from.

Source: "SEGMENT+: Long Text Processing with Short-Context Language Models" (Shi et al. 2024), section 3,
the filter. One decision and nothing else is asked for.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from lcagent.agents.prompt import load_prompt
from lcagent.models.chat import ChatModel
from lcagent.models.prompt import as_data
from lcagent.models.structured import RETRY_TOKENS, ask_typed
from lcagent.models.window import Part

PROMPT = load_prompt("sift")
REPLY_TOKENS = 24


class SiftReply(BaseModel):
    """What the sifter is asked for."""

    keep: Literal["yes", "no"]


async def worth_keeping(model: ChatModel, question: str, note: str) -> bool:
    """Whether a note helps to answer the question.

    Args:
        model: who decides.
        question: what is asked.
        note: the note as it is shown.

    Raises:
        MalformedReply, CutReply: after a retry.
    """

    def shorter(tokens: int) -> str:
        # A decision needs no more than how a note begins; the note itself stays whole.
        kept = as_data(note)
        while model.window.count(kept) > tokens:
            kept = kept[: len(kept) * 3 // 4]
        return kept

    parts = [Part("question", as_data(question)), Part("note", as_data(note), shrink=shorter)]
    fitted = await model.window.fit(PROMPT.bind(), parts, reply=REPLY_TOKENS, spare=RETRY_TOKENS)
    return (await ask_typed(model, "sift", fitted, SiftReply)).keep == "yes"
