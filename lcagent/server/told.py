"""Events as plain data: what clients of every protocol are told while something is done."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lcagent.events import (
    AnswerDelta,
    Counted,
    Event,
    Finished,
    FunctionCalled,
    MessageKept,
    Notice,
    Replied,
    RunStarted,
    SegmentRead,
)

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
}
"""How an event is called on the wire."""


def as_data(event: Event) -> dict[str, Any]:
    """An event as it goes over the wire: its `type`, and its fields."""
    if isinstance(event, Finished):
        fields: dict[str, Any] = {"answer": event.answer.model_dump(mode="json")}
    elif isinstance(event, Replied):
        fields = {"reply": event.reply.model_dump(mode="json")}
    else:
        fields = asdict(event)
    return {"type": NAMES[type(event)], **fields}


def in_words(event: dict[str, Any]) -> str:
    """A line for people on what is done; empty where there is nothing to say."""
    kind = event["type"]
    if kind == "run.started":
        segments = event["segments"]
        return f"{event['strategy']}: {segments:,} segment{'s' * (segments != 1)} with {event['model']}"
    if kind == "segment.read":
        page = f", page {event['page']}" if event["page"] else ""
        kept = f", {event['kept']} noted" if event["kept"] else ""
        return f"read {event['done']:,} of {event['total']:,} ({event['document']}{page}{kept})"
    if kind == "text.counted":
        return f"counted {100 * event['done'] // max(event['total'], 1)} % of the text"
    if kind == "notice":
        return event["text"]
    if kind == "function.called":
        return f"{event['name']}({event['about']})" if event["about"] else event["name"]
    return ""
