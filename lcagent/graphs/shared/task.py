"""What a strategy gets: a question, a corpus, and services; and what every strategy's class offers."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

from lcagent.agents.prompt import Prompt
from lcagent.documents import Document, Segment
from lcagent.events import Event, SegmentRead
from lcagent.graphs.shared.trust import Trust
from lcagent.memory.ledger import Ledger
from lcagent.models.chat import ChatModel

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

    from lcagent.graphs.shared.retrieval import Retrieval

Place = tuple[int, int]
"""(document, segment)."""
Region = tuple[int, int, int]
"""(document, start, end): characters of a document."""
Style = Literal["auto", "short", "full"]


@dataclass(frozen=True)
class Corpus:
    """The documents of a run and their segments; nothing of it changes."""

    documents: tuple[Document, ...]
    segments: tuple[tuple[Segment, ...], ...] = ()

    @property
    def places(self) -> Iterator[Place]:
        """All segments in reading order."""
        return ((d, s.index) for d, segments in enumerate(self.segments) for s in segments)

    @cached_property
    def total(self) -> int:
        """Segments of all documents."""
        return sum(map(len, self.segments))

    def segment(self, place: Place) -> Segment:
        """One segment."""
        return self.segments[place[0]][place[1]]

    def segment_text(self, place: Place) -> str:
        """Exact text of one segment."""
        segment = self.segment(place)
        return self.documents[place[0]].text[segment.start : segment.end]

    def text(self, region: Region) -> str:
        """Exact text of a region."""
        return self.documents[region[0]].text[region[1] : region[2]]

    def segment_at(self, document: int, offset: int) -> int:
        """The index of the segment that a character stands in."""
        at = bisect_right(self.segments[document], offset, key=lambda segment: segment.start) - 1
        return self.segments[document][max(at, 0)].index

    def where(self, document: int, offset: int) -> str:
        """A place for a prompt: the document's name where there are several, and its page."""
        source = self.documents[document]
        page = source.page_at(offset)
        name = source.name if len(self.documents) > 1 else ""
        return ", ".join(filter(None, [name, f"{source.unit} {page}" if page else ""]))

    @cached_property
    def _tokens_a_character(self) -> float:
        some = [s for segments in self.segments for s in segments[:8]]
        return (1 + sum(s.tokens for s in some)) / (1 + sum(s.end - s.start for s in some))

    def token_estimate(self, text: str) -> int:
        """Tokens of a short text by the documents' own ratio, with a fifth to spare.

        Saves a request for each sentence; every call is measured again before it is sent.
        """
        return int(1.2 * len(text) * self._tokens_a_character) + 4


@dataclass(slots=True)
class Progress:
    """What is told while a run goes on, and how many segments are in work at once.

    Args:
        emit: gets events.
        alive: whether the model server still answers.
        gate: segments in work at once: those in flight and as many that are being prepared.
        stream: the answer's text is shown while it is written.
    """

    emit: Callable[[Event], None]
    alive: Callable[[], bool]
    gate: asyncio.Semaphore
    stream: bool = False
    _done: set[Place] = field(default_factory=set)

    def tell(self, corpus: Corpus, place: Place, *, kept: int) -> None:
        """One more segment is read; one read again in a later round is not counted twice."""
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


@dataclass(frozen=True, slots=True)
class Task:
    """One question about some documents, and the services that answer it.

    Args:
        question: as asked.
        corpus: what is read.
        options: the strategy's own settings.
        style: how long an answer is wished.
        model: who is asked.
        ledger: where findings are kept.
        trust: what follows from what is known of the model.
        retrieval: finds passages of the corpus.
        progress: what is told meanwhile.
    """

    question: str
    corpus: Corpus
    options: Any
    style: Style
    model: ChatModel
    ledger: Ledger
    trust: Trust
    retrieval: Retrieval
    progress: Progress


class Strategy(Protocol):
    """A way to read: a LangGraph graph over a typed state, with a Task as its context.

    Its last state holds `verdict` (`Verdict.as_state`), `unread` and `stop` (`reading.Reading`).
    """

    name: str
    version: int
    """Raised where what the graph keeps or does changes: a run of another version begins anew."""

    def prompts(self, options: Any) -> list[Prompt]:
        """The prompts it uses; their versions are part of a run's key."""
        ...

    def segment_tokens(self, task: Task) -> int:
        """Most tokens of one segment, given the question and the window.

        Raises:
            QuestionTooLong: there is no room for a segment beside the question.
        """
        ...

    def graph(self, task: Task) -> StateGraph[Any, Any, Any, Any]:
        """The graph, not yet compiled."""
        ...

    def start(self, task: Task) -> dict[str, Any]:
        """The graph's input."""
        ...
