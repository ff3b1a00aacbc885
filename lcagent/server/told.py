"""Events in words, for clients that show a line."""

from __future__ import annotations

from typing import Any


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
