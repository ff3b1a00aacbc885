"""Collapsing: findings merged by the collapser, for the strategies that have no way of their own."""

from __future__ import annotations

from lcagent.agents import collapser
from lcagent.agents.collapser import Mode
from lcagent.graphs.shared.condensing import Merged, Merger
from lcagent.graphs.shared.task import Task


def collapsing(task: Task, mode: Mode = "qa") -> Merger:
    """The collapser's way."""
    brief = task.trust.brief

    async def merge(shown: str) -> Merged:
        reply = await collapser.collapse(task.model, task.question, shown, mode=mode, brief=brief)
        return Merged(tuple(reply.facts), collapser.detail(reply.rationale, reply.answer, reply.confidence))

    window, question = task.model.window, task.question
    return Merger(merge, lambda: collapser.room(window, question, mode=mode, brief=brief))
