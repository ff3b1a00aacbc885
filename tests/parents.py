"""A LangGraph graph of somebody else's, with a strategy as a node; also in a process that can be killed."""

from pathlib import Path
from typing import Any

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict

from lcagent import Reader
from lcagent.integrations.subgraph import as_subgraph
from tests.helpers import QUESTION

WINDOW = 2048


class Shared(TypedDict):
    question: str
    documents: list[str]
    answer: str
    lcagent: dict[str, Any]
    mood: str


class Own(TypedDict):
    query: str
    files: list[str]
    reply: str


def shared(reader: Reader, **options: Any) -> CompiledStateGraph[Any, Any, Any, Any]:
    """A parent with the same keys and one of its own; the strategy is its node."""
    graph = StateGraph(Shared)
    graph.add_node("greet", lambda _: {"mood": "glad"})
    graph.add_node("reading", as_subgraph(reader))
    graph.add_edge(START, "greet")
    graph.add_edge("greet", "reading")
    return graph.compile(**options)


def own(reader: Reader, **options: Any) -> CompiledStateGraph[Any, Any, Any, Any]:
    """A parent with other keys; a node of its own calls the strategy."""
    reading = as_subgraph(reader)

    def ask(state: Own) -> dict[str, str]:
        asked = reading.invoke({"question": state["query"], "documents": state["files"]})
        return {"reply": asked["answer"]}

    graph = StateGraph(Own)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    return graph.compile(**options)


def asked(document: Path) -> dict[str, Any]:
    """What goes into either parent; each takes the keys that it has."""
    paths = [str(document)]
    return {"question": QUESTION, "documents": paths, "query": QUESTION, "files": paths}


def steps_of(
    url: str, document: str, folder: str, make: str, again: bool
) -> tuple[dict[str, Any], list[str]]:
    """Invoke a parent on thread 1; its last state, and the steps that were streamed.

    Args:
        url: of the model.
        document: what is read.
        folder: of the parent's checkpoints, and of our store.
        make: `shared` or `own`.
        again: give the input, not None, which goes on from the checkpoint.
    """
    config: Any = {"configurable": {"thread_id": "1"}}
    with (
        SqliteSaver.from_conn_string(f"{folder}/parent.db") as saver,
        Reader(api_base=url, window=WINDOW, strategy="memagent", home=f"{folder}/home") as reader,
    ):
        parent = (shared if make == "shared" else own)(reader, checkpointer=saver)
        given = asked(Path(document)) if again else None
        steps: list[str] = []
        # "sync", so that a test knows which checkpoints are written when it kills.
        for _, update in parent.stream(given, config, subgraphs=True, durability="sync"):
            steps += update
        return parent.get_state(config).values, steps
