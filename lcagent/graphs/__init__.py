"""Graphs: the strategies, one LangGraph graph a folder or file, and the registry by which they are found."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel

    from lcagent.graphs.interface import Strategy

STRATEGIES: Mapping[str, tuple[str, str | None]] = {
    "auto": ("lcagent.graphs.auto.graph:Auto", "lcagent.graphs.auto.options:Options"),
    "direct": ("lcagent.graphs.direct.graph:Direct", "lcagent.graphs.direct.options:Options"),
    "memagent": ("lcagent.graphs.memagent.graph:MemAgent", "lcagent.graphs.memagent.options:Options"),
    "mapreduce": ("lcagent.graphs.mapreduce.graph:MapReduce", "lcagent.graphs.mapreduce.options:Options"),
    "longagent": ("lcagent.graphs.longagent.graph:LongAgent", "lcagent.graphs.longagent.options:Options"),
    "graphreader": (
        "lcagent.graphs.graphreader.graph:GraphReader",
        "lcagent.graphs.graphreader.options:Options",
    ),
    "segment": ("lcagent.graphs.segmentplus.graph:SegmentPlus", "lcagent.graphs.segmentplus.options:Options"),
    "memgpt": ("lcagent.graphs.memgpt.paging:MemGpt", "lcagent.graphs.memgpt.options:Options"),
    "tally": ("lcagent.graphs.tally.graph:Tally", "lcagent.graphs.tally.options:Options"),
}
"""Each strategy's class and the class of its settings, imported when they are used."""


def strategy(name: str) -> Strategy:
    """A strategy by its name."""
    return _imported(STRATEGIES[name][0])()


def options(name: str) -> type[BaseModel] | None:
    """The class of a strategy's settings (`--set NAME.SETTING=VALUE`); None: it has none."""
    where = STRATEGIES[name][1]
    return _imported(where) if where else None


def _imported(where: str) -> type:
    module, _, name = where.partition(":")
    return getattr(import_module(module), name)
