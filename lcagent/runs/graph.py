"""The graph of a run: begun, gone on with, or begun anew where its checkpoint is of no use.

The journal makes that safe: a graph that begins anew gets the reply to every finished call from there.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import uuid
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lcagent import __version__
from lcagent.documents.load import PARSER_VERSION
from lcagent.errors import LcagentError, StoreDamaged
from lcagent.graphs.interface import Strategy
from lcagent.graphs.shared.task import Task
from lcagent.memory.aside import aside, within
from lcagent.memory.rows import Rows
from lcagent.memory.sqlite import discard
from lcagent.memory.store import CHECKPOINTS
from lcagent.runs.records import RunRecord, Runs

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig


async def read(task: Task, strategy: Strategy, record: RunRecord, runs: Runs, store: Rows) -> dict[str, Any]:
    """The last state of the strategy's graph, from where its checkpoint stands.

    Args:
        task: what is asked.
        strategy: whose graph it is.
        record: the run.
        runs: where it is noted.
        store: what keeps the checkpoints.

    Raises:
        LcagentError: any of the tree; the run can be resumed.
    """
    try:
        return await _read(task, strategy, record, runs, store)
    except StoreDamaged as error:
        if error.file is None or not error.file.name.startswith(CHECKPOINTS):
            raise
        task.progress.notice(f"{error.message}: the run goes on from its finished calls")
        discard(store.place.folder / CHECKPOINTS)
        return await _read(task, strategy, record, runs, store)


async def _read(task: Task, strategy: Strategy, record: RunRecord, runs: Runs, store: Rows) -> dict[str, Any]:
    async with within(store.place, store.checkpoints()) as saver:
        graph = strategy.graph(task).compile(checkpointer=saver)
        version = _version(task, strategy, graph)
        config: Any = {
            "configurable": {"thread_id": record.id},
            "recursion_limit": _steps(task),
        }
        state = None
        if record.version == version:
            try:
                state = await _go_on(await _with_ledger(task, runs, record), graph, config)
            except (LcagentError, sqlite3.Error):
                raise
            except Exception as error:  # noqa: BLE001 - what a checkpoint lacks; any other fault comes again
                why = f"{type(error).__name__}: {error}"
                told = f"a checkpoint is of no use ({why}): the run goes on from its finished calls"
                task.progress.notice(told)
        if state is None:
            await saver.adelete_thread(record.id)
            await aside(store.place, runs.begin, record.id, version)
            begun = await _with_ledger(task, runs, record)
            state = await graph.ainvoke(strategy.start(begun), config, context=begun, durability="sync")
        # The graph has ended: only without its checkpoints does the next command of a run that failed or met
        # its budget ask again.
        await saver.adelete_thread(record.id)
        return state


async def read_within(
    task: Task, strategy: Strategy, record: RunRecord, runs: Runs, config: RunnableConfig
) -> dict[str, Any]:
    """The last state of the strategy's graph, run as a subgraph of a graph of somebody else's.

    Its steps are streamed there, and its checkpoints lie with that graph's, if it keeps any.

    Args:
        task: what is asked.
        strategy: whose graph it is.
        record: the run.
        runs: where it is noted.
        config: of the node that asks.

    Raises:
        LcagentError: any of the tree; the run can be resumed.
    """
    from langgraph.constants import CONFIG_KEY_CHECKPOINTER
    from langgraph.errors import EmptyInputError

    graph = strategy.graph(task).compile()
    version = _version(task, strategy, graph)
    settings: dict[str, Any] = {**config, "recursion_limit": _steps(task)}
    made_by, _, begun = (record.version or "").partition("@")
    if made_by == version and begun and config.get("configurable", {}).get(CONFIG_KEY_CHECKPOINTER):
        there = _under(settings, f"{strategy.name}:{begun}")
        going = await _with_ledger(task, runs, record)
        with suppress(EmptyInputError):  # nothing is there, or it is replayed from before it
            return await graph.ainvoke(None, there, context=going)
    # A beginning has a namespace of its own: what an earlier one has left there cannot be deleted, and its
    # findings are gone.
    begun = uuid.uuid4().hex
    await aside(task.store.place, runs.begin, record.id, f"{version}@{begun}")
    there = _under(settings, f"{strategy.name}:{begun}")
    starting = await _with_ledger(task, runs, record)
    return await graph.ainvoke(strategy.start(starting), there, context=starting)


async def _with_ledger(task: Task, runs: Runs, record: RunRecord) -> Task:
    """The task with what its run has recorded, which is read here: nodes look at it as they please."""
    ledger = runs.ledger(record.id)
    await aside(task.store.place, ledger.findings)
    return replace(task, ledger=ledger)


def _under(config: dict[str, Any], name: str) -> Any:
    """A node's config with a namespace for checkpoints below its own."""
    given = config["configurable"]
    return {**config, "configurable": {**given, "checkpoint_ns": f"{given['checkpoint_ns']}|{name}"}}


def _steps(task: Task) -> int:
    """Most steps of a graph, more than any takes."""
    return 4 * task.corpus.total + 100


async def _go_on(task: Task, graph: Any, config: dict[str, Any]) -> dict[str, Any] | None:
    """The last state of a graph that goes on from its checkpoint; None where there is none.

    Whether it has ended is the graph's business: of a step whose tasks are done, and which was killed before
    its checkpoint, a snapshot names nothing that would come next, and holds what it gave.
    """
    from langgraph.errors import EmptyInputError

    with suppress(EmptyInputError):
        return await graph.ainvoke(None, config, context=task, durability="sync")
    return None


def _version(task: Task, strategy: Strategy, graph: Any) -> str:
    """Names what a checkpoint and evidence are good for: code, the graph's shape, the segments.

    A strategy whose steps come to mean something else, in the same shape, counts its `version` up.
    """
    graphs = [("", graph), *graph.get_subgraphs(recurse=True)]
    exact = {
        "code": __version__,
        "graph": strategy.version,
        "shape": [(name, sorted(part.channels), sorted(part.nodes)) for name, part in graphs],
        "parser": PARSER_VERSION,
        "segments": [[(s.start, s.end) for s in segments] for segments in task.corpus.segments],
    }
    return hashlib.sha256(json.dumps(exact).encode()).hexdigest()
