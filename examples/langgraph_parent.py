"""A graph of your own that has a document read as one of its steps, and checks the answer.

python examples/langgraph_parent.py report.pdf "Who signed it?"
"""

import sys

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from lcagent import Answer, Reader
from lcagent.integrations.subgraph import as_subgraph


class State(TypedDict):
    """`question` and `documents` go into the reading; `answer` and `lcagent` come out."""

    question: str
    documents: list[str]
    answer: str
    lcagent: dict
    verdict: str


def check(state: State) -> dict:
    """A step of your own behind the reading."""
    claims = Answer.model_validate(state["lcagent"]).claims
    return {"verdict": "every claim is cited" if all(one.citations for one in claims) else "look again"}


with Reader(strategy="memagent") as reader:
    graph = StateGraph(State)
    graph.add_node("reading", as_subgraph(reader))
    graph.add_node("check", check)
    graph.add_edge(START, "reading")
    graph.add_edge("reading", "check")
    graph.add_edge("check", END)
    parent = graph.compile(checkpointer=InMemorySaver())
    asked = {"documents": [sys.argv[1]], "question": sys.argv[2]}
    done = parent.invoke(asked, {"configurable": {"thread_id": "1"}})
print(done["answer"], f"({done['verdict']})")
