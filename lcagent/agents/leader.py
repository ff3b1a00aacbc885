"""The leader: sees what the members answered and chooses what happens next.

Source: "LongAgent: Scaling Language Models to 128k Context through Multi-Agent Collaboration": NEW_STATE
(put another sub-question to the members), CONFLICT (let those who disagree share their segments) or
ANSWER. Code corrects a choice only by what it can count itself (`settled`); of a leader
that is known to be weak it also asks the question whole where its sub-questions left something out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel

from lcagent.agents.prompt import load_prompt
from lcagent.documents import query_words
from lcagent.models.chat import ChatModel
from lcagent.models.prompt import as_data
from lcagent.models.structured import RETRY_TOKENS, ask_typed, bounded
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
    several: Literal["no", "yes"] = "no"
    ask: Annotated[str, bounded(ASK_CHARS)] = ""


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


@dataclass(frozen=True, slots=True)
class SoFar:
    """What code can count before the leader chooses.

    Args:
        asked: sub-questions so far.
        known: the members' answers that are left; empty if they all refused.
        sides: answers to the last sub-question that differ and were not yet confronted.
        rounds: sub-questions that may still be asked.
    """

    asked: Sequence[str]
    known: Sequence[str]
    sides: int
    rounds: int


def settled(reply: LeaderReply | None, question: str, so_far: SoFar, *, brief: bool) -> tuple[State, str]:
    """The leader's choice, corrected by what code knows; and the sub-question where one is to be asked.

    - Two or more answers that differ are a conflict, unless several things are asked for.
    - Nothing is answered before the members were asked.
    - A sub-question that was asked before ends the rounds: it would only be answered as before.
    - Of a weak leader a sub-question counts only if it is about the question; and as long as a word of the
      question stood in none, or nobody found anything, the question itself is asked, with what is known so
      far.

    Args:
        reply: what the leader said; None where it gave no usable reply.
        question: the whole question.
        so_far: what was asked and answered.
        brief: the leader is known to be weak.
    """
    if so_far.sides > 1 and not (reply and reply.several == "yes"):
        return "CONFLICT", ""
    if so_far.rounds < 1:
        return "ANSWER", ""
    repeated = {_key(text) for text in so_far.asked}
    if reply and (reply.state == "NEW_STATE" or not so_far.asked):
        about = sub_question(reply.ask, question, so_far.known) if brief else " ".join(reply.ask.split())
        if about and _key(about) not in repeated:
            return "NEW_STATE", about
    if not so_far.asked or reply is None or brief:
        covered = _key(question) <= frozenset().union(*repeated)
        known = f" (known: {'; '.join(so_far.known)[:KNOWN_CHARS]})" if so_far.known else ""
        if not (covered and known) and _key(question + known) not in repeated:
            return "NEW_STATE", question + known
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
