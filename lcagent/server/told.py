"""Events in words, for clients that show a line."""

from __future__ import annotations

from typing import Any

from lcagent.work.missing import no_worker

WAITING = "waiting"
"""The event that tells of workers that are missing: it is told, and kept nowhere."""


def waiting(since: float | None) -> dict[str, Any]:
    """That a run waits for a worker, or does no more.

    Args:
        since: when there was none, as of `Crew.silent_since`.
    """
    text = "a worker is there" if since is None else f"waiting for a worker: {no_worker(since)}"
    return {"type": WAITING, "no_worker_since": since, "text": text}


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
    if kind in {"notice", WAITING}:
        return event["text"]
    if kind == "function.called":
        return f"{event['name']}({event['about']})" if event["about"] else event["name"]
    return ""
