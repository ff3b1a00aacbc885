"""The searcher: a question in other words, as the document may put it.

Source: "FB-RAG: Improving RAG with Forward and Backward Lookup": what a question's own words do not find, a
guess at the answer's words may.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel

from lcagent.agents.prompt import load_prompt
from lcagent.models.chat import ChatModel
from lcagent.models.prompt import as_data
from lcagent.models.structured import RETRY_TOKENS, ask_typed, bounded_list
from lcagent.models.window import Part

PROMPT = load_prompt("search")
MOST, CHARS = 3, 120
"""Searches, and characters of each."""
REPLY_TOKENS = 160
SAMPLE_CHARS = 400
"""Of the document: enough to tell its language and manner."""


class SearchReply(BaseModel):
    """What the searcher is asked for."""

    queries: Annotated[list[str], bounded_list(MOST, CHARS, least=1)]


async def reworded(model: ChatModel, question: str, sample: str) -> list[str]:
    """Other searches for what a question asks.

    Args:
        model: who is asked.
        question: whose own words did not find it.
        sample: the document's beginning; it may be cut.

    Raises:
        MalformedReply, CutReply: after a retry.
    """
    parts = [
        Part("question", as_data(question)),
        Part("sample", as_data(sample[:SAMPLE_CHARS]), shrink=lambda _: ""),
    ]
    fitted = await model.window.fit(PROMPT.bind(), parts, reply=REPLY_TOKENS, spare=RETRY_TOKENS)
    reply = await ask_typed(model, "search", fitted, SearchReply)
    worded = (" ".join(query.split())[:CHARS] for query in reply.queries)
    return [query for query in dict.fromkeys(worded) if query][:MOST]
