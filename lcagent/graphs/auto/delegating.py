"""Delegating: the kinds of question that another strategy is made for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lcagent import graphs
from lcagent.errors import QuestionTooLong
from lcagent.graphs.shared.delegating import answered_by
from lcagent.graphs.shared.reading import Run
from lcagent.graphs.shared.task import Task
from lcagent.models.prompt import Prompt

DELEGATED: Mapping[str, tuple[str, dict[str, Any]]] = {
    "summary": ("mapreduce", {"mode": "summary"}),
    "aggregate": ("tally", {}),
}
"""By kind of question the strategy that is made for it, and how it is set."""
PASSED_ON = ("built", "hops", "table")
"""What the runner tells of a strategy's last state, besides what all of them have."""


def prompts() -> list[Prompt]:
    """Of all strategies that questions are handed to."""
    return [p for name, _ in DELEGATED.values() for p in graphs.strategy(name).prompts(options(name))]


def handed_over(task: Task, kind: str) -> bool:
    """Whether another strategy is made for such questions, and the window is large enough for it."""
    if kind not in DELEGATED:
        return False
    name, _ = DELEGATED[kind]
    try:
        graphs.strategy(name).segment_tokens(replace(task, options=options(name)))
    except QuestionTooLong:
        return False
    return True


async def answered_as(task: Task, kind: str) -> dict[str, Any]:
    """What the strategy that is made for such questions has come to, for the run's state.

    Args:
        task: the run.
        kind: of question, one of `DELEGATED`.

    Raises:
        LcagentError: any that the strategy raises.
    """
    name, _ = DELEGATED[kind]
    task.progress.notice(f"read by {name}, as questions of this kind are")
    done = await answered_by(replace(task, options=options(name)), name)
    return {name: done[name] for name in (*Run.__annotations__, *PASSED_ON) if name in done}


def options(name: str) -> Any:
    """How a strategy is set that a question is handed to."""
    kind, set_so = graphs.options(name), next(values for other, values in DELEGATED.values() if other == name)
    return kind(**set_so) if kind else None
