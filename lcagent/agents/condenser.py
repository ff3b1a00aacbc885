"""The condenser: a summary and the messages that come next, to a summary of both.

Source: "MemGPT: Towards LLMs as Operating Systems", section 2.2 (recursive summary).
"""

from __future__ import annotations

from pydantic import BaseModel

from lcagent.agents.prompt import load_prompt
from lcagent.models.chat import ChatModel
from lcagent.models.prompt import Bound, as_data
from lcagent.models.structured import RETRY_TOKENS, ask_typed
from lcagent.models.window import Part, Window

PROMPT = load_prompt("condense")
SHARE = 10
"""A summary takes at most this part of its window …"""
MOST_TOKENS = 600
"""… and no more than so many tokens."""
_TOKENS_A_WORD = 1.6


class CondenseReply(BaseModel):
    """What the condenser is asked for."""

    summary: str


def most_tokens(window: int) -> int:
    """Most tokens of a summary."""
    return min(MOST_TOKENS, window // SHARE)


def room(window: Window, summary: str) -> int:
    """Tokens of messages that a call and its retry can hold beside the summary so far."""
    names, reply = ("summary", "conversation"), most_tokens(window.size) + RETRY_TOKENS
    return (
        window.room(_bound(window), names, reply=reply) - window.count(as_data(summary)) - window.size // 100
    )


def _bound(window: Window) -> Bound:
    return PROMPT.bind(words=int(most_tokens(window.size) / _TOKENS_A_WORD * 0.75))


async def condense(model: ChatModel, summary: str, conversation: str) -> str:
    """Make one summary of an earlier one and what follows it.

    Args:
        model: who does it.
        summary: so far; empty at the beginning.
        conversation: what comes next, as it is shown, within `room`.

    Raises:
        MalformedReply, CutReply: after a retry.
    """
    window = model.window
    parts = [Part("summary", as_data(summary)), Part("conversation", conversation)]
    fitted = await window.fit(_bound(window), parts, reply=most_tokens(window.size), spare=RETRY_TOKENS)
    reply = await ask_typed(model, "condense", fitted, CondenseReply)
    return " ".join(reply.summary.split())
