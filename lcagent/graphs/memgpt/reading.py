"""Reading: a question that searching cannot answer, handed over within a run of the strategy.

The documents are read by another strategy's graph, found through the registry; its calls are the run's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lcagent import graphs
from lcagent.documents.corpus import Corpus, Place
from lcagent.graphs.memgpt.turn import Read
from lcagent.graphs.shared.delegating import answered_by
from lcagent.graphs.shared.task import Progress, Task
from lcagent.graphs.shared.verdict import Verdict
from lcagent.memory.ledger import Ledger
from lcagent.models.prompt import Prompt

READER = "auto"
"""The strategy that reads; it never hands on to the agent's."""


def reading_prompts() -> list[Prompt]:
    """The prompts of the strategy that reads."""
    return graphs.strategy(READER).prompts(_options())


def _options() -> Any:
    kind = graphs.options(READER)
    return kind() if kind else None


@dataclass(frozen=True, slots=True)
class _Quiet:
    """What is told while the documents are read within a run: what that answers is not shown."""

    told: Progress
    stream = False

    @property
    def gate(self) -> asyncio.Semaphore:
        """Segments in work at once."""
        return self.told.gate

    def alive(self) -> bool:
        """Whether the model server still answers."""
        return self.told.alive()

    def notice(self, text: str) -> None:
        """Tell people something, in a sentence."""
        self.told.notice(text)

    def writes(self, text: str) -> None:
        """A piece of the answer's text."""

    def read(self, corpus: Corpus, place: Place, *, kept: int) -> None:
        """One more segment is read."""
        self.told.read(corpus, place, kept=kept)


class Readings:
    """Has the documents of a run read.

    Args:
        task: the run.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self.states: list[Mapping[str, Any]] = []
        """What each reading came to."""

    async def read(self, question: str) -> Read:
        """Have them read for a question.

        Raises:
            LcagentError: any that the strategy raises.
        """
        task = self._task
        asked = replace(
            task,
            question=question,
            options=_options(),
            retrieval=task.retrieval.about(question),
            progress=_Quiet(task.progress),
            ledger=Ledger(None, task.run),
        )
        state = await answered_by(asked, READER)
        self.states.append(state)
        verdict = Verdict.from_state(state["verdict"])
        regions = dict.fromkeys(region for one in verdict.statements for region in one.regions)
        return Read(verdict.text, list(regions), state["stop"] or "; ".join(state["way"][-1:]))

    @property
    def ended(self) -> Verdict | None:
        """What the last reading came to, if a budget ended it: nothing more can be asked."""
        if not self.states or not self.states[-1]["stop"]:
            return None
        return Verdict.from_state(self.states[-1]["verdict"])

    def as_update(self) -> dict[str, Any]:
        """For the run's state (`PagingState`)."""
        return {
            name: [one for state in self.states for one in state[name]]
            for name in ("read", "unread", "way", "built")
        }
