"""Events of a reading as custom events of the LangGraph graph that it happens in, if there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from langgraph.config import get_stream_writer

from lcagent.answer import Answer
from lcagent.events import Event, Finished


class Told:
    """Passes events on as plain data, each under its name as `event`, and keeps the answer of the last one.

    Made in the node or tool whose events they are.
    """

    answer: Answer

    def __init__(self) -> None:
        self._write: Callable[[Any], None] = _writer()

    def take(self, event: Event) -> None:
        """Pass an event on."""
        if isinstance(event, Finished):
            self.answer = event.answer
        else:
            self._write({"event": type(event).__name__, **asdict(event)})


def _writer() -> Callable[[Any], None]:
    try:
        return get_stream_writer()
    except (RuntimeError, KeyError):  # in no graph, or in no graph of LangGraph's
        return lambda _: None
