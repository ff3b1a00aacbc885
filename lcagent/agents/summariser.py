"""The summariser: notes of all parts of a document, in order, to one connected text.

Source: "LLM×MapReduce: Simplified Long-Sequence Processing using LLMs", reduce stage, task summary.
"""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel

from lcagent.agents.prompt import load_prompt
from lcagent.models.chat import ChatModel
from lcagent.models.prompt import as_data
from lcagent.models.streaming import StringField
from lcagent.models.structured import RETRY_TOKENS, ask_typed
from lcagent.models.window import Part, Window

PROMPT = load_prompt("summarise")
# As questions: told to "summarise the document", a 1.5B model finds that no segment does so.
ABOUT = "What does this text say about {topic}?"
_TOKENS_A_WORD, _BESIDE = 2.5, 96
"""A word is less than two tokens; the rest is for a model that counts badly."""


class SummaryReply(BaseModel):
    """What the summariser is asked for."""

    summary: str


def most_words(window: int) -> int:
    """Words of the longest summary: its reply takes a third of the window."""
    return max(20, int((window // 3 - _BESIDE) / _TOKENS_A_WORD))


def reply_tokens(words: int) -> int:
    """Most tokens of a reply."""
    return int(words * _TOKENS_A_WORD) + _BESIDE


def room(window: Window, question: str, words: int) -> int:
    """Tokens of notes that a call and its retry can hold beside the question."""
    reply = reply_tokens(words) + RETRY_TOKENS
    return PROMPT.bind(words=words).room(window, "findings", question, reply=reply)


async def summarise(
    model: ChatModel,
    question: str,
    findings: str,
    words: int,
    *,
    on_text: Callable[[str], None] | None = None,
) -> str:
    """Write the summary.

    Args:
        model: who writes.
        question: what is to be summarised, and about what.
        findings: the notes as the prompt shows them.
        words: about how long.
        on_text: gets the text as it is written.

    Raises:
        MalformedReply, CutReply: after a retry.
    """
    parts = [Part("question", as_data(question)), Part("findings", as_data(findings))]
    fitted = await model.window.fit(PROMPT.bind(words=words), parts, reply=reply_tokens(words))
    on_delta = StringField("summary", on_text) if on_text else None
    reply = await ask_typed(model, "summarise", fitted, SummaryReply, final=True, on_delta=on_delta)
    return reply.summary.strip()
