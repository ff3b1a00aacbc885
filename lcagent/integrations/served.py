"""A graph for each strategy, under its name: what `langgraph.json` names, for `langgraph dev`.

The settings are those of the environment and of `lcagent.toml`. Since whoever reaches that server may name
documents, only those below the folder that it was started in are read.
"""

from __future__ import annotations

from pathlib import Path

from lcagent.graphs import STRATEGIES
from lcagent.integrations.subgraph import as_subgraph
from lcagent.reader import Reader

globals().update({name: as_subgraph(Reader(strategy=name), folder=Path.cwd()) for name in STRATEGIES})
