"""Graphs of documents' facts, whatever will be asked: built, looked at, written in other forms."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from lcagent.answer import Answer, PathReport
from lcagent.documents import Document, DocumentSource, load_all
from lcagent.documents.corpus import Corpus
from lcagent.errors import GraphNotBuilt, MalformedReply
from lcagent.events import Emit, RunStarted
from lcagent.graphs.shared.segmenting import segmented
from lcagent.memory.facts import Facts
from lcagent.memory.graph import FactGraph
from lcagent.memory.graph_whole import as_networkx, everything
from lcagent.memory.opening import open_store
from lcagent.memory.parsed import StoredDocuments, StoredSegments
from lcagent.memory.rows import Rows
from lcagent.memory.works import Work, Works
from lcagent.models.serving.session import ModelSession
from lcagent.runs.graph_page import (
    AnswerRow,
    DocumentRow,
    FactRow,
    GraphData,
    NodeRow,
    PathRow,
    page,
)
from lcagent.runs.runner import Request, asking
from lcagent.runs.segments import segment_tokens
from lcagent.settings import Settings

_MOST_ANSWERS = 100
_ANY = "?"
"""In place of a question: what is extracted does not hang on one."""


async def build_graph(
    sources: Sequence[DocumentSource],
    settings: Settings,
    session: ModelSession,
    emit: Emit,
    *,
    password: str | None = None,
) -> dict[str, int]:
    """Extract the facts of documents, and bring their elements together; what was extracted before is kept.

    Args:
        sources: files, folders or `-`.
        settings: how to read.
        session: leads to the model.
        emit: gets what happens meanwhile.
        password: for encrypted PDFs.

    Returns:
        How many documents, facts, nodes and edges there are now, and segments that could not be read.

    Raises:
        MalformedReply: no segment could be read.
        LcagentError: any other of the tree; the same command goes on.
    """
    from lcagent.graphs.graphreader.building import build, graph_of
    from lcagent.graphs.graphreader.graph import GraphReader

    strategy = GraphReader()
    async with asking(Request(sources, _ANY, password), settings, session, emit) as (asked, any_task, live):
        uncut = replace(any_task, options=settings.of(strategy.name))
        budget = await asyncio.to_thread(segment_tokens, uncut, strategy, settings.window)
        segments = await asyncio.to_thread(segmented, uncut, budget, StoredSegments(asked.store))
        task = replace(uncut, corpus=Corpus(uncut.corpus.documents, segments))
        live.emit(
            RunStarted(
                run_id="",
                strategy=strategy.name,
                model=task.model.name,
                window=task.model.window.size,
                segments=task.corpus.total,
                earlier_calls=0,
            )
        )
        built = await build(task)
        unread = built.reading.unread
        if unread and not built.before and not built.reading.replies:
            reasons = ", ".join(sorted(set(unread.values())))
            raise MalformedReply(f"none of the {len(unread)} segments could be read: {reasons[:300]}")
        counts = await asyncio.to_thread(graph_of(task, built.works).counts)
        left = task.corpus.total - len(built.before) - len(built.reading.replies)
        return {**counts, "unread": left}


@dataclass(frozen=True, slots=True)
class KeptGraph:
    """A graph as it is kept.

    Args:
        documents: in the graph's order.
        graph: of their facts.
        partial: of each document that is not extracted in full its name, how many segments are, and of how
            many; 0 where that is not known any more.
    """

    documents: list[Document]
    graph: FactGraph
    partial: list[tuple[str, int, int]]


@contextmanager
def kept_graph(
    sources: Sequence[DocumentSource], settings: Settings, *, password: str | None = None
) -> Generator[KeptGraph]:
    """The graph of documents that was built last, as far as it was; no model is asked.

    Args:
        sources: files, folders or `-`.
        settings: where it is kept.
        password: for encrypted PDFs.

    Raises:
        GraphNotBuilt: no fact of one of them was ever extracted.
    """
    store = open_store(settings.place)
    try:
        loaded = load_all(
            sources, password=password, encoding=settings.encoding, cache=StoredDocuments(store)
        )
        works = Works(store)
        facts: list[int] = []
        partial: list[tuple[str, int, int]] = []
        for document in loaded.documents:
            work = works.latest("facts", document.sha256)
            done = len(Facts(store, work.id).segments()) if work else 0
            if work is None or (work.status != "done" and not done):
                raise GraphNotBuilt(
                    f"no graph of {document.name} is kept", hint="`lcagent graph build` makes it"
                )
            facts.append(work.id)
            if work.status != "done":
                partial.append((document.name, done, _segments(store, document, work)))
        graph = FactGraph(works, facts)
        graph.prepare()
        yield KeptGraph(list(loaded.documents), graph, partial)
    finally:
        store.close()


def _segments(store: Rows, document: Document, work: Work) -> int:
    """How many segments a document was cut into for a work; 0 where that is not kept any more."""
    from lcagent.graphs.shared.works import segments_key

    cuts = StoredSegments(store).every(document)
    return next((len(cut) for cut in cuts if segments_key(cut) == work.exact["segments"]), 0)


def exported(
    sources: Sequence[DocumentSource], settings: Settings, form: str, *, password: str | None = None
) -> str:
    """The graph of documents in another form.

    Args:
        sources: files, folders or `-`.
        settings: where it is kept.
        form: `html`, one page with the paths of the answers that were given; `graphml`; `json`, one object of
            version 1.
        password: for encrypted PDFs.

    Raises:
        GraphNotBuilt: the facts of one of them were never extracted in full.
    """
    with kept_graph(sources, settings, password=password) as kept:
        if kept.partial:
            raise GraphNotBuilt(
                f"the graph of {kept.partial[0][0]} is partial", hint="`lcagent graph build` goes on with it"
            )
        documents, graph = kept.documents, kept.graph
        if form == "graphml":
            import networkx

            return "\n".join(networkx.generate_graphml(as_networkx(graph))) + "\n"
        answers = _answers(graph.store, documents) if form == "html" else []
        data = page_data(documents, graph, answers)
        if form == "html":
            return page(data)
        names = [document["name"] for document in data["documents"]]
        told = {"version": 1, "documents": names, "nodes": data["nodes"], "facts": data["facts"]}
        return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def _answers(store: Rows, documents: Sequence[Document]) -> list[tuple[str, Answer]]:
    """The answers of finished runs over these documents and no others, the newest first."""
    sql = (
        "SELECT question, sources, answer FROM runs WHERE strategy = 'graphreader' AND answer IS NOT NULL"
        " ORDER BY created DESC LIMIT ?"
    )
    names = sorted(document.name for document in documents)
    found: list[tuple[str, Answer]] = []
    for row in store.rows(sql, (_MOST_ANSWERS,)):
        if sorted(json.loads(row["sources"])) == names:
            found.append((row["question"], Answer.model_validate_json(row["answer"])))
    return found


def page_data(
    documents: Sequence[Document], graph: FactGraph, answers: Sequence[tuple[str, Answer]]
) -> GraphData:
    """What the graph's page shows.

    Args:
        documents: of the graph, in its order.
        graph: of their facts.
        answers: with the question of each; only those whose paths were noted are shown.
    """
    facts, nodes = everything(graph)
    numbers = {fact.id: number for number, (fact, _) in enumerate(facts)}
    at = {node.key: number for number, (node, _, _) in enumerate(nodes)}
    names = _unique([node.name for node, _, _ in nodes])
    return GraphData(
        documents=[_document(document) for document in documents],
        nodes=[
            NodeRow(
                name=name,
                aliases=[{"name": a["name"], "facts": a["facts"], "stage": a["stage"]} for a in aliases],
                facts=[numbers[fact] for fact in held],
            )
            for name, (_, aliases, held) in zip(names, nodes, strict=True)
        ],
        facts=[
            FactRow(
                text=fact.text,
                document=fact.document,
                spans=[[span.start, span.end] for span in fact.spans],
                nodes=sorted(at[key] for key in keys if key in at),
            )
            for fact, keys in facts
        ],
        answers=[
            AnswerRow(
                question=question,
                answer=answer.answer,
                status=answer.status,
                paths=[_path(path, documents) for path in answer.paths],
            )
            for question, answer in answers
            if answer.paths
        ],
    )


def _unique(names: Sequence[str]) -> list[str]:
    """Names of which no two are the same: two nodes may be written alike."""
    seen: dict[str, int] = {}
    told: list[str] = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        told.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return told if len(set(told)) == len(told) else [f"{name} #{n}" for n, name in enumerate(names)]


def _document(document: Document) -> DocumentRow:
    pages: list[Any] = [
        {"number": page.number, "label": page.label, "start": page.start, "end": page.end}
        for page in document.pages
    ]
    return DocumentRow(name=document.name, unit=document.unit, text=document.text, pages=pages)


def _path(path: PathReport, documents: Sequence[Document]) -> PathRow:
    index = {document.name: number for number, document in enumerate(documents)}
    return PathRow(
        start=path.start,
        ended=path.ended,
        conclusion=path.conclusion,
        steps=[
            {
                "do": step.do,
                "node": step.node,
                "pieces": [
                    {"document": index[piece.document], "start": piece.char_start, "end": piece.char_end}
                    for piece in step.pieces
                    if piece.document in index
                ],
                "noted": step.noted,
            }
            for step in path.steps
        ],
    )
