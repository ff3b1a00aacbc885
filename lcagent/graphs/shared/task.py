"""What a strategy gets: a question, a corpus, and services."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from lcagent.documents.corpus import Corpus, Place
from lcagent.documents.retrieval import Retrieval
from lcagent.graphs.shared.trust import Trust
from lcagent.memory.ledger import Ledger
from lcagent.memory.rows import Rows
from lcagent.models.chat import ChatModel
from lcagent.models.embeddings import Embedder

Style = Literal["auto", "short", "full"]


class Progress(Protocol):
    """What is told while a run goes on, and how many segments are in work at once."""

    gate: asyncio.Semaphore
    """Segments in work at once: those in flight and as many that are being prepared."""
    stream: bool
    """The answer's text is shown while it is written."""

    def alive(self) -> bool:
        """Whether the model server still answers."""
        ...

    def notice(self, text: str) -> None:
        """Tell people something, in a sentence."""
        ...

    def writes(self, text: str) -> None:
        """A piece of the answer's text."""
        ...

    def read(self, corpus: Corpus, place: Place, *, kept: int) -> None:
        """One more segment is read, and what of it was kept; one read again in a later round counts once."""
        ...


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
        store: where the run is kept, and what is true of a document whatever is asked.
        trust: what follows from what is known of the model.
        retrieval: finds passages of the corpus.
        progress: what is told meanwhile.
        embedder: an embedding model, where one is asked for.
        run: the run's id; empty as long as there is none.
    """

    question: str
    corpus: Corpus
    options: Any
    style: Style
    model: ChatModel
    ledger: Ledger
    store: Rows
    trust: Trust
    retrieval: Retrieval
    progress: Progress
    embedder: Embedder | None = None
    run: str = ""
