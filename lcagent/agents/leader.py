"""The leader: sees what the members answered and chooses what happens next.

Source: "LongAgent: Scaling Language Models to 128k Context through Multi-Agent Collaboration": NEW_STATE
(put another sub-question to the members), CONFLICT (let those who disagree share their segments) or
ANSWER. A small model leads badly: a 1.5B one said ANSWER in 5 of 5 cases, before anybody was asked and with
two answers before it. So code corrects each choice by what it can count itself (`guarded`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, WithJsonSchema

from lcagent.agents.prompt import as_data, load_prompt
from lcagent.documents import query_words
from lcagent.models.chat import ChatModel
from lcagent.models.structured import RETRY_TOKENS, ask_typed
from lcagent.models.window import Part

PROMPT = load_prompt("leader")
REPLY_TOKENS = 120
ASK_CHARS = 160
"""Longest sub-question."""
KNOWN_CHARS = 120
"""Most of the members' answers that go with the question where it is asked again."""
ASK_TOKENS = 64
"""Most tokens by which a sub-question may be longer than the question."""
_ABOUT = 0.5
"""Share of a sub-question's words that must stand in the question or in the members' answers."""

State = Literal["NEW_STATE", "CONFLICT", "ANSWER"]


class LeaderReply(BaseModel):
    """What the leader is asked for."""

    state: State
    ask: Annotated[str, WithJsonSchema({"type": "string", "maxLength": ASK_CHARS})] = ""


def leader_room(model: ChatModel) -> int:
    """Tokens that the question and the members' answers can take together."""
    names = ("question", "findings")
    room = model.window.room(PROMPT.bind(), names, reply=REPLY_TOKENS + RETRY_TOKENS)
    return room - model.window.size // 100


async def lead(model: ChatModel, question: str, findings: Sequence[str]) -> LeaderReply:
    """Ask the leader what to do.

    Args:
        model: who leads.
        question: the whole question.
        findings: one text a round, in order: what was asked and what was answered.

    Raises:
        MalformedReply, CutReply: after a retry.
    """
    text = await asyncio.to_thread(_latest, model, question, findings)
    parts = [Part("question", as_data(question)), Part("findings", text)]
    fitted = await model.window.fit(PROMPT.bind(), parts, reply=REPLY_TOKENS)
    return await ask_typed(model, "leader", fitted, LeaderReply)


def _latest(model: ChatModel, question: str, findings: Sequence[str]) -> str:
    """The last rounds that fit beside the question, with the retry's note to spare."""
    room = leader_room(model) - model.window.count(as_data(question))
    for first in range(len(findings)):
        text = as_data("\n\n".join(findings[first:]))
        if model.window.count(text) <= room:
            return text
    return ""


def guarded(
    reply: LeaderReply | None,
    question: str,
    *,
    asked: Sequence[str],
    known: Sequence[str],
    sides: int,
    rounds: int,
) -> tuple[State, str]:
    """The leader's choice, corrected by what code knows; and the sub-question where one is to be asked.

    - Two or more answers that differ are a conflict, whatever the leader says; without them there is none.
    - Nothing is answered before the members were asked.
    - A sub-question that was asked before ends the rounds: it would only be answered as before.
    - As long as a word of the question stood in no sub-question, or nobody found anything, the question
      itself is asked, with what is known so far: a small leader says ANSWER after the first of two hops.

    Args:
        reply: what the leader said; None where it gave no usable reply.
        question: the whole question.
        asked: sub-questions so far.
        known: the members' answers that stand; empty if they all refused.
        sides: answers to the last sub-question that differ and were not yet confronted.
        rounds: sub-questions that may still be asked.
    """
    if sides > 1:
        return "CONFLICT", ""
    if rounds < 1:
        return "ANSWER", ""
    repeated = {_key(text) for text in asked}
    if reply and (reply.state == "NEW_STATE" or not asked):
        following = sub_question(reply.ask, question, known)
        if following and _key(following) not in repeated:
            return "NEW_STATE", following
    covered = _key(question) <= frozenset().union(*repeated)
    whole = f"{question} (known: {'; '.join(known)[:KNOWN_CHARS]})" if known else question
    if not (covered and known) and _key(whole) not in repeated:
        return "NEW_STATE", whole
    return "ANSWER", ""


def sub_question(text: str, question: str, known: Sequence[str]) -> str:
    """One sub-question that is about the question and what is known so far; else empty."""
    first, mark, _ = text.partition("?")  # a small leader asks several at once; members answer one
    words = query_words(first)
    about = _key(question).union(*map(_key, known))
    if not words or sum(w in about for w in words) < _ABOUT * len(words):
        return ""
    return " ".join(f"{first}{mark}".split())[:ASK_CHARS]


def _key(text: str) -> frozenset[str]:
    return frozenset(query_words(text))
