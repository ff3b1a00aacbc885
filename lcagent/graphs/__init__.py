"""Graphs: the strategies, one LangGraph graph a file, and the one runner that runs them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lcagent.graphs.shared.task import Strategy, Task

STRATEGIES = {
    "direct": "lcagent.graphs.direct:Direct",
    "memagent": "lcagent.graphs.memagent.graph:MemAgent",
    "mapreduce": "lcagent.graphs.mapreduce.graph:MapReduce",
    "longagent": "lcagent.graphs.longagent.graph:LongAgent",
    "segment": "lcagent.graphs.segmentplus.graph:Segment",
}
"""Each strategy's class, imported when it is used."""


def pick_strategy(task: Task) -> Strategy:
    """The strategy that the settings name; `auto` takes `direct` where everything fits one call."""
    named = task.settings.strategy
    if named == "auto":
        from lcagent.graphs.direct import direct_room, fits

        room = direct_room(task)
        named = "direct" if room > 0 and fits(task, room) else "memagent"
    module, _, name = STRATEGIES[named].partition(":")
    return getattr(import_module(module), name)()
