"""Graphs: the strategies, one LangGraph graph a file, and the one runner that runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lcagent.graphs.task import Strategy, Task


def pick_strategy(task: Task) -> Strategy:
    """The strategy that the settings name; `auto` takes `direct` where everything fits one call."""
    from lcagent.graphs.direct import Direct, direct_room, fits
    from lcagent.graphs.memagent import MemAgent

    named = task.settings.strategy
    if named == "direct":
        return Direct()
    if named == "memagent":
        return MemAgent()
    room = direct_room(task)
    return Direct() if room > 0 and fits(task, room) else MemAgent()
