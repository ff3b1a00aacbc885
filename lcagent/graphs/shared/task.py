"""What a strategy gets and what it gives back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from lcagent.agents.prompt import Prompt
from lcagent.answer import Status
from lcagent.documents import Document, Layout, Segment, lay_out, search, unmentioned
from lcagent.events import Event
from lcagent.memory.entries import Entry, Evidence
from lcagent.memory.ledger import Ledger
from lcagent.models.chat import ChatModel
from lcagent.settings import Settings

_FOR_ALL = re.compile(r"\b(?:all|every|each)\b(?!-)|^\s*(?:All|Every|Each|List)\b(?!-)")


@dataclass(slots=True)
class Task:
    """One question about some documents, and everything a strategy may use to answer it.

    Args:
        question: as asked.
        documents: what is read.
        segments: for each document its segments.
        model: who is asked.
        ledger: where evidence is kept.
        settings: how to read.
        emit: gets events.
        alive: whether the model server still answers.
    """

    question: str
    documents: list[Document]
    segments: list[list[Segment]]
    model: ChatModel
    ledger: Ledger
    settings: Settings
    emit: Callable[[Event], None]
    alive: Callable[[], bool]
    gate: asyncio.Semaphore
    """Segments in work at once: those whose request is in flight and as many that are being prepared."""
    stream: bool = False
    done: int = 0
    """Segments read so far, by earlier commands too."""
    entered: set[int] = field(default_factory=set)
    """Documents that this command has begun to read, or gone on reading."""
    hints: list[list[tuple[int, int, float]]] | None = None
    """For each document its passages that match the question, once they have been looked for."""
    layouts: dict[int, Layout] = field(default_factory=dict)
    """For each document where its passages are, found once."""
    missing: list[str] | None = None
    """Names that no document mentions, once they have been looked for."""

    @property
    def several(self) -> bool:
        """Whether the question asks for several things, each of which may stand in a place of its own."""
        return bool(_FOR_ALL.search(self.question))

    @property
    def total(self) -> int:
        """Segments of all documents."""
        return sum(map(len, self.segments))

    def token_estimate(self, text: str) -> int:
        """Tokens of a short text by the documents' own ratio, with a fifth to spare.

        Saves a request for each sentence; every call is measured again before it is sent.
        """
        chars = tokens = 1
        for segments in self.segments:
            for segment in segments[:8]:
                chars += segment.end - segment.start
                tokens += segment.tokens
        return int(1.2 * len(text) * tokens / chars) + 4

    def layout(self, document: int) -> Layout:
        """Where the passages of a document are; none crosses the end of a segment, so each belongs to one."""
        if document not in self.layouts:
            spans = [(s.start, s.end) for s in self.segments[document]]
            self.layouts[document] = lay_out(self.documents[document].text, spans)
        return self.layouts[document]

    def unmentioned(self) -> list[str]:
        """Names in the question that no document mentions."""
        if self.missing is None:
            self.missing = unmentioned(self.question, [document.text for document in self.documents])
        return self.missing

    def worded(self) -> bool:
        """Whether any content word of the question stands in a document."""
        return any(
            search(document.text, self.question, limit=1, layout=self.layout(index))
            for index, document in enumerate(self.documents)
        )

    def span(self, document: int, index: int) -> tuple[int, int]:
        """Where one segment begins and ends in its document's text."""
        segment = self.segments[document][index]
        return segment.start, segment.end

    def segment_text(self, document: int, index: int) -> str:
        """Exact text of one segment."""
        start, end = self.span(document, index)
        return self.documents[document].text[start:end]


def counted(task: Task, entry: Entry) -> Entry:
    """A row of the ledger with an estimate of its tokens."""
    return replace(entry, tokens=task.token_estimate(entry.quote))


@dataclass(slots=True)
class Outcome:
    """What a strategy gives back; the runner checks its quotes and makes the Answer.

    Args:
        text: the answer.
        status: what kind of answer it is.
        cited: evidence the answer rests on.
        read: (document, segment) pairs that a model has read.
        skipped: what was not read, each with the reason.
        warnings: sentences for people.
    """

    text: str
    status: Status
    cited: list[Evidence]
    read: set[tuple[int, int]]
    skipped: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class Strategy(Protocol):
    """A way to read: a LangGraph graph over a typed state, with a Task as its context."""

    name: str

    def prompts(self, settings: Settings) -> list[Prompt]:
        """The prompts it uses; their versions are part of a run's key."""
        ...

    def segment_tokens(self, task: Task) -> int:
        """Most tokens of one segment, given the question and the window.

        Raises:
            QuestionTooLong: there is no room for a segment beside the question.
        """
        ...

    def compile(self, task: Task, checkpointer: Any) -> Any:
        """The compiled graph."""
        ...

    def start(self, task: Task) -> dict[str, Any]:
        """The graph's input."""
        ...

    def outcome(self, task: Task, state: dict[str, Any]) -> Outcome:
        """The outcome, from the graph's last state."""
        ...
