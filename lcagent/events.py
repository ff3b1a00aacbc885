"""What happens during a reading, as typed events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from lcagent.answer import Answer, Reply


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""


@dataclass(frozen=True, slots=True)
class Notice(Event):
    """A sentence for people: a warning, a server being started, a retry."""

    text: str


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """The plan is made: how, with which model, over how many segments."""

    run_id: str
    strategy: str
    model: str
    window: int
    segments: int
    earlier_calls: int
    """Calls that an earlier command of this run had finished."""


@dataclass(frozen=True, slots=True)
class Counted(Event):
    """So many characters of a large text are counted in the model's tokens."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class SegmentRead(Event):
    """One more segment is read; `kept` sentences of it went into the evidence."""

    document: str
    index: int
    page: int | None
    kept: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class AnswerDelta(Event):
    """A piece of the answer's text: as the model writes it, or all at once where it might yet be withheld."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished(Event):
    """The last event."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class MessageKept(Event):
    """A message of a conversation is stored: from here on nothing loses it."""

    id: int


@dataclass(frozen=True, slots=True)
class FunctionCalled(Event):
    """The agent of a conversation called a function; `about` is its most telling argument."""

    name: str
    about: str


@dataclass(frozen=True, slots=True)
class Replied(Event):
    """The last event of a turn."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class DocumentNotice(Event):
    """A sentence for people about one document of a table."""

    document: str
    text: str


@dataclass(frozen=True, slots=True)
class RowKept(Event):
    """One more document of a table is done and its row kept: `done` of `total`, those of earlier calls among
    them. `failed`, `calls` and `tokens` are of this call so far."""

    document: str
    status: str
    done: int
    total: int
    failed: int
    calls: int
    tokens: int


@dataclass(frozen=True, slots=True)
class EntriesEmbedded(Event):
    """So many entries of a memory have a vector of the embedding model."""

    done: int
    total: int


Emit = Callable[[Event], None]
"""Gets what happens meanwhile."""
NAMES: dict[type[Event], str] = {
    RunStarted: "run.started",
    Counted: "text.counted",
    SegmentRead: "segment.read",
    Notice: "notice",
    AnswerDelta: "answer.delta",
    MessageKept: "message.kept",
    FunctionCalled: "function.called",
    Finished: "answer",
    Replied: "reply",
    EntriesEmbedded: "entries.embedded",
}
"""How an event is called on the wire."""


def as_data(event: Event) -> dict[str, Any]:
    """An event as it goes over the wire: its `type`, and its fields."""
    if isinstance(event, Finished):
        told: dict[str, Any] = {"answer": event.answer.model_dump(mode="json")}
    elif isinstance(event, Replied):
        told = {"reply": event.reply.model_dump(mode="json")}
    else:
        told = asdict(event)
    return {"type": NAMES[type(event)], **told}


def event_of(data: Mapping[str, Any]) -> Event | None:
    """An event that came over the wire; None for one that another process makes something of, or that this
    version does not know. What it does not know of one is left out.

    Args:
        data: as of `as_data`.
    """
    kind = next((kind for kind, name in NAMES.items() if name == data["type"]), None)
    if kind is None or kind in {Finished, Replied}:
        return None
    return kind(**{one.name: data[one.name] for one in fields(kind) if one.name in data})
