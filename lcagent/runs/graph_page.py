"""The page on which a person explores a graph of facts: one HTML file that loads and sends nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from importlib.resources import files
from typing import TypedDict

_SURROGATES = re.compile("[\ud800-\udfff]")


class PageRow(TypedDict):
    """A page, slide or the like: its number from 1, what is printed on it, and its part of the text."""

    number: int
    label: str | None
    start: int
    end: int


class DocumentRow(TypedDict):
    """A document's text. `unit` says what its places are counted in: "page", "slide", "line" or ""."""

    name: str
    unit: str
    text: str
    pages: list[PageRow]


class AliasRow(TypedDict):
    """A written form of an element, in how many facts it stands, and the stage that brought it there."""

    name: str
    facts: int
    stage: str


class NodeRow(TypedDict):
    """An element of the graph: its name, which no other one has, and the numbers of its facts."""

    name: str
    aliases: list[AliasRow]
    facts: list[int]


class FactRow(TypedDict):
    """A fact, the `[start, end]` of each sentence that carries it, and the numbers of its elements."""

    text: str
    document: int
    spans: list[list[int]]
    nodes: list[int]


class PieceRow(TypedDict):
    """A piece of a document's text."""

    document: int
    start: int
    end: int


class StepRow(TypedDict):
    """One function that a path called: its name, the element where, the pieces of text, findings noted."""

    do: str
    node: str
    pieces: list[PieceRow]
    noted: int


class PathRow(TypedDict):
    """A path: the element it set out from, its steps, why it ended and what it came to."""

    start: str
    ended: str
    conclusion: str
    steps: list[StepRow]


class AnswerRow(TypedDict):
    """An answer and the paths that it took."""

    question: str
    answer: str
    status: str
    paths: list[PathRow]


class GraphData(TypedDict):
    """All that the page shows. Places in a text are counted in characters, as Python counts them."""

    documents: list[DocumentRow]
    nodes: list[NodeRow]
    facts: list[FactRow]
    answers: list[AnswerRow]


def page(data: GraphData) -> str:
    """The page, in UTF-8 a file of its own; the same data give the same page.

    Args:
        data: documents, graph and answers. Facts, elements and documents are named by their index.

    Raises:
        ValueError: an index leads nowhere, or two elements have one name.
    """
    _check(data)
    template = files("lcagent.runs").joinpath("graph_page.html").read_text("utf-8")
    style = digest(template, "<style>", "</style>")
    script = digest(template, "<script>", "</script>")
    policy = (
        f"default-src 'none'; style-src '{style}'; script-src '{script}'; base-uri 'none'; form-action 'none'"
    )
    # The data go in last, so that nothing in them is taken for a place to fill.
    before, after = template.replace("{{policy}}", policy).split("{{data}}")
    return before + _embedded(data) + after


def _embedded(data: GraphData) -> str:
    """The data as JSON that no text in them can close."""
    # UTF-8 holds no lone half of a surrogate pair. One character takes its place, so that offsets stay right.
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return _SURROGATES.sub("\ufffd", text).replace("<", "\\u003c")


def digest(template: str, opening: str, closing: str) -> str:
    """The hash by which a Content-Security-Policy allows what stands between two tags, and nothing else."""
    content = template.split(opening, 1)[1].split(closing, 1)[0]
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _check(data: GraphData) -> None:
    """Raise ValueError where an index leads nowhere, or two elements have one name."""
    documents, facts, nodes = len(data["documents"]), len(data["facts"]), len(data["nodes"])
    if len({node["name"] for node in data["nodes"]}) < nodes:
        raise ValueError("two elements have the same name")
    steps = [step for answer in data["answers"] for path in answer["paths"] for step in path["steps"]]
    _within("a fact's document", (fact["document"] for fact in data["facts"]), documents)
    _within("a fact's element", (node for fact in data["facts"] for node in fact["nodes"]), nodes)
    _within("an element's fact", (fact for node in data["nodes"] for fact in node["facts"]), facts)
    _within("a step's document", (piece["document"] for step in steps for piece in step["pieces"]), documents)


def _within(what: str, indexes: Iterable[int], count: int) -> None:
    """Raise ValueError where an index is not below a count."""
    for index in indexes:
        if not 0 <= index < count:
            raise ValueError(f"{what} is number {index}, and there are {count}")
