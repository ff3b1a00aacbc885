"""What a run tells while it goes on, as events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from lcagent.documents.corpus import Corpus, Place
from lcagent.events import AnswerDelta, Event, Notice, SegmentRead


@dataclass(slots=True)
class RunProgress:
    """What strategies tell (`lcagent.graphs.shared.task.Progress`), made events of.

    Args:
        emit: gets them.
        alive: see `Progress`.
        gate: see `Progress`.
        stream: see `Progress`.
    """

    emit: Callable[[Event], None]
    alive: Callable[[], bool]
    gate: asyncio.Semaphore
    stream: bool = False
    _done: set[Place] = field(default_factory=set)

    def notice(self, text: str) -> None:
        """Tell people something, in a sentence."""
        self.emit(Notice(text))

    def writes(self, text: str) -> None:
        """A piece of the answer's text."""
        self.emit(AnswerDelta(text))

    def read(self, corpus: Corpus, place: Place, *, kept: int) -> None:
        """One more segment is read, and what of it was kept; one read again in a later round counts once."""
        if place in self._done:
            return
        self._done.add(place)
        source = corpus.documents[place[0]]
        self.emit(
            SegmentRead(
                document=source.name,
                index=place[1],
                page=source.page_at(corpus.segment(place).start),
                kept=kept,
                done=len(self._done),
                total=corpus.total,
            )
        )
