"""A turn: what answers one message or event of a session, and the services for it.

What functions act on is apart from the rest (`Occasion`): a model that is not ours may call them too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lcagent.documents.corpus import Region
from lcagent.documents.retrieval import Retrieval
from lcagent.graphs.memgpt.options import Options
from lcagent.graphs.memgpt.provenance import Seen
from lcagent.graphs.memgpt.view import Shown, View, shown_by
from lcagent.graphs.shared.trust import Trust
from lcagent.memory.tiers.archival import Archival
from lcagent.memory.tiers.core import Core
from lcagent.memory.tiers.entries import Entries
from lcagent.memory.tiers.queue import Queue
from lcagent.memory.tiers.search import Search
from lcagent.models.chat import ChatModel
from lcagent.models.embeddings import Embedder

BLOCK_SHARE = 16
"""A block takes at most this part of a window."""


class Told(Protocol):
    """What is told while a turn goes on."""

    def notice(self, text: str) -> None:
        """Tell people something, in a sentence."""
        ...

    def called(self, name: str, about: str) -> None:
        """A function was called."""
        ...

    @property
    def writes(self) -> Callable[[str], None] | None:
        """Gets the message to the user while it is written; None: nobody wants it."""
        ...


@dataclass(frozen=True, slots=True)
class Memory:
    """The tiers of one session."""

    entries: Entries
    core: Core
    queue: Queue
    archival: Archival
    search: Search


@dataclass(frozen=True, slots=True)
class Read:
    """What reading the documents for a question has come to.

    Args:
        answer: of them; empty: they do not say.
        regions: the sentences that it rests on.
        how_far: was read, in words for people.
        run: the id of the run that read; empty: the turn's own.
    """

    answer: str
    regions: Sequence[Region]
    how_far: str
    run: str = ""


Reader = Callable[[str], Awaitable[Read]]
"""Has the documents read for a question. It is handed in: the agent knows no other strategy."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What functions are called on.

    Args:
        number: of the entry that began it: a message, or an event.
        memory: the session's tiers.
        view: shows the session.
        retrieval: finds passages of the session's documents; its question is no matter.
        reader: has the documents read for a question that searching cannot answer; None: that is not offered.
    """

    number: int
    memory: Memory
    view: View
    retrieval: Retrieval
    reader: Reader | None = field(default=None, kw_only=True)

    @property
    def answers(self) -> int:
        """The message that is being answered, which no search finds; 0: none, as far as is known."""
        return 0

    def shown(self, before: int | None = None) -> list[Shown]:
        """What results have shown since it began.

        Args:
            before: only results with a smaller number.
        """
        own = self.memory.entries.oldest(["result"], limit=1 << 20, after=self.number, before=before)
        return [one for entry in own for one in shown_by(entry)]

    @property
    def documents(self) -> bool:
        """Whether the session has any."""
        return bool(self.retrieval.corpus.documents)


@dataclass(frozen=True, slots=True)
class Turn(Occasion):
    """One turn.

    Args:
        model: who talks.
        trust: what follows from what is known of it.
        options: settings.
        told: what is told meanwhile.
        now: the date as the prompt says it; empty: it does not.
        said_before: whether there is an earlier message to be found.
        seen: what the model had before it at a step, where that is known already.
    """

    model: ChatModel
    trust: Trust
    options: Options
    told: Told
    now: str = ""
    said_before: bool = False
    seen: dict[int, Seen] = field(default_factory=dict[int, Seen])

    @property
    def answers(self) -> int:
        """What began it."""
        return self.number

    def key(self, step: int, what: str = "") -> str:
        """Names what a step writes, so that it is written once."""
        return f"{self.number}.{step}{what}"

    @property
    def reply_key(self) -> str:
        """Names the entry that ends the turn."""
        return f"{self.number}.reply"


def memory_of(
    entries: Entries,
    options: Options,
    *,
    window: int,
    count: Callable[[str], int],
    embedder: Embedder | None = None,
) -> Memory:
    """The tiers of a session.

    Args:
        entries: of it.
        options: blocks and their size.
        window: tokens of a call.
        count: tokens of a text.
        embedder: weighs meaning in where it is searched.
    """
    core = Core(entries, options.blocks, limit=block_tokens(options, window), count=count)
    search = Search(entries.store, entries.tenant, embedder)
    return Memory(entries, core, Queue(entries), Archival(entries), search)


def block_tokens(options: Options, window: int) -> int:
    """Most tokens of a block of core memory."""
    return max(16, min(options.block_tokens, window // BLOCK_SHARE))


def core_text(core: Core, marks: Callable[[Sequence[int]], Sequence[str]]) -> str:
    """Core memory as a prompt shows it.

    Args:
        core: its blocks.
        marks: for the numbers of a block's lines what speaks against each.
    """
    told: list[str] = []
    for label in core.labels:
        lines = core.lines(label)
        against = marks([line.id for line in lines])
        shown = [
            f"- {line.text}{f' ({note})' if note else ''}" for line, note in zip(lines, against, strict=True)
        ]
        told.append("\n".join([f"{label}:", *(shown or ["- (empty)"])]))
    return "\n".join(told)
