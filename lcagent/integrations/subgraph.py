"""A strategy as a compiled LangGraph graph, to be a node of a graph of somebody else's.

The runner's journal has the finished calls, the parent's checkpointer where the strategy's graph stands
(docs/design/0031-subgraphs.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.constants import CONFIG_KEY_CHECKPOINTER
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict  # of which pydantic makes the schemas that LangGraph Studio shows

from lcagent import blocking
from lcagent.answer import Answer
from lcagent.errors import UsageError
from lcagent.events import Event
from lcagent.integrations.progress import Told
from lcagent.memory.checkpoints import LentSaver
from lcagent.reader import Reader
from lcagent.runs.runner import Request, mark_told, run

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph


class Asked(TypedDict):
    """What goes in: a question, and the paths of the files and folders that are read."""

    question: str
    documents: list[str]


class Answered(TypedDict):
    """What comes out: the answer's text with its marks, and the whole `lcagent.Answer` as plain data."""

    answer: str
    lcagent: dict[str, Any]


class _State(Asked, Answered):
    """Both."""


def as_subgraph(
    reader: Reader, *, folder: Path | None = None
) -> CompiledStateGraph[_State, Any, Asked, Answered]:
    """The reader's strategy as a compiled graph: `question` and `documents` in, `answer` and `lcagent` out.

    As a node of another graph it shares these keys with it, no others, and keeps its checkpoints with that
    graph's checkpointer. Its custom events are those of `lcagent.events` as plain data, each under its name
    as `event`, but for `Finished`. A question that was answered before, about the same documents and with
    the same settings and model, is given its stored answer.

    Args:
        reader: how it reads; it stays open for as long as the graph is used.
        folder: what alone is read of, where whoever asks may not read every file of the machine.

    Example:
        >>> from langgraph.graph import StateGraph
        >>> from lcagent import Reader
        >>> from lcagent.integrations.subgraph import Answered, Asked, as_subgraph
        >>> class State(Asked, Answered): ...
        >>> graph = StateGraph(State)
        >>> graph.add_node("reading", as_subgraph(Reader(strategy="memagent")))  # doctest: +SKIP
    """
    graph = StateGraph(_State, input_schema=Asked, output_schema=Answered)
    node = RunnableLambda(partial(_read, reader, folder), partial(_aread, reader, folder), name="read")
    graph.add_node("read", node)
    graph.add_edge(START, "read")
    graph.add_edge("read", END)
    return graph.compile(name=reader.settings.strategy)


def _read(reader: Reader, folder: Path | None, state: Asked, config: RunnableConfig) -> dict[str, Any]:
    configurable = config.get("configurable", {})
    if saver := configurable.get(CONFIG_KEY_CHECKPOINTER):
        # The parent calls it synchronously: it need have no other methods.
        configurable = {**configurable, CONFIG_KEY_CHECKPOINTER: LentSaver(saver)}
    there: RunnableConfig = {**config, "configurable": configurable}
    context = copy_context()  # a thread of its own, where a loop is running, has none of it

    async def work() -> dict[str, Any]:
        return await asyncio.create_task(_aread(reader, folder, state, there), context=context)

    return blocking.run(work())


async def _aread(reader: Reader, folder: Path | None, state: Asked, config: RunnableConfig) -> dict[str, Any]:
    documents = state["documents"] if folder is None else _inside(folder, state["documents"])
    request = Request(documents, state["question"], resume=True, stream=True, within=config)

    def work(emit: Callable[[Event], None]) -> Coroutine[Any, Any, Answer]:
        return run(request, reader.settings, reader.session, emit)

    told = Told()
    async with aclosing(blocking.astream(work)) as events:
        async for event in events:
            told.take(event)
    answer = told.answer
    mark_told(reader.settings, answer.run_id)
    return {"answer": answer.text, "lcagent": answer.model_dump(mode="json")}


def _inside(folder: Path, documents: list[str]) -> list[str]:
    """The documents' whole paths.

    Raises:
        UsageError: one lies outside of the folder.
    """
    root = folder.resolve()
    paths = [(root / document).resolve() for document in documents]
    for path, document in zip(paths, documents, strict=True):
        if not path.is_relative_to(root):
            raise UsageError(f"{document} is outside of the folder that may be read")
    return [str(path) for path in paths]
