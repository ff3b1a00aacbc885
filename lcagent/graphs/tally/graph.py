"""Tally: a model says what an item is and finds them all, code counts, adds up, compares and sorts.

Source: OOLONG (2511.02817), on whose questions over all of a text no model passes 50 % at 128k tokens, while
models label its single items well; HoloBench and LongBioBench, whose questions are those of a database. The
question becomes a schema and, once the rows are there, a query of a closed set, which code runs. Rows are
kept: another question over the same items reads nothing.

    START -> design (what is an item?) -> label (all segments side by side) -> answer (which query? run it)
    -> END
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from lcagent.agents import designer, labeller, querier
from lcagent.documents.corpus import Corpus
from lcagent.errors import MalformedReply
from lcagent.graphs.shared.reading import NOTHING_YET, Run, Unread, attempt, segment_budget
from lcagent.graphs.shared.task import Task
from lcagent.graphs.shared.verdict import Verdict
from lcagent.graphs.shared.works import follows_from
from lcagent.graphs.tally import querying
from lcagent.graphs.tally.cells import Values
from lcagent.graphs.tally.merging import Item
from lcagent.graphs.tally.options import Options
from lcagent.graphs.tally.reading import items_of, label
from lcagent.graphs.tally.telling import Coverage, Table, Teller
from lcagent.memory.items import kept_schemas
from lcagent.memory.schema import Schema
from lcagent.models.prompt import Prompt

MOST_VALUES = 12
"""Values of a column that the querier is shown."""
_SAMPLE = 4000
"""Characters of each of two places that the designer is shown, if they fit."""


class TallyState(Run):
    """The whole run. `schema` as JSON; `works` hold the rows, `built` are those to which this run added;
    `table` the rows behind the answer."""

    schema: str
    works: list[int]
    built: list[int]
    table: Table | None


class Tally:
    """The strategy `tally`."""

    name = "tally"
    version = 1

    def prompts(self, options: Options) -> list[Prompt]:
        """One for each role."""
        return [designer.PROMPT, labeller.PROMPT, querier.PROMPT, querier.WORDS_PROMPT]

    def segment_tokens(self, task: Task) -> int:
        """What the window leaves for a segment beside any schema, whatever is asked; the question has to fit
        beside a table."""
        window, brief, question = task.model.window, task.trust.brief, task.question
        room = labeller.room(window, brief=brief)
        fits = querier.room(window, question) >= querier.least(window)
        if not fits or designer.room(window, question, brief=brief) < 0:
            room = 0
        return segment_budget(task, room, task.options.segment_tokens)

    def graph(self, task: Task) -> StateGraph[Any, Any, Any, Any]:
        """Design, label, answer."""
        graph = StateGraph(TallyState, context_schema=Task)
        graph.add_node("design", design)
        graph.add_node("label", read)
        graph.add_node("answer", answer)
        graph.add_edge(START, "design")
        graph.add_conditional_edges("design", designed, ["label", END])
        graph.add_edge("label", "answer")
        graph.add_edge("answer", END)
        return graph

    def start(self, task: Task) -> dict[str, Any]:
        """Nothing is read yet."""
        return {**NOTHING_YET, "schema": "", "works": [], "built": [], "table": None}


async def design(state: TallyState, runtime: Runtime[Task]) -> dict[str, Any]:
    """The schema: one by which the documents were read before, or a new one."""
    task = runtime.context
    exacts = follows_from(task, labeller.PROMPT)
    kept = await asyncio.to_thread(kept_schemas, task.store, task.run, exacts)
    window, brief = task.model.window, task.trust.brief
    most = window.size // labeller.SCHEMA_SHARE
    asked = designer.design(task.model, task.question, sample(task.corpus), kept, most, brief=brief)
    got = await attempt(task, asked)
    if isinstance(got, Unread):
        if got.budget:
            return {"stop": got.reason, "verdict": Verdict().as_state()}
        raise _unusable("what it counts", got)
    return {"schema": got.as_json()}


async def designed(state: TallyState) -> str:
    """Whether there is a schema to read by."""
    return "label" if state["schema"] else END


async def read(state: TallyState, runtime: Runtime[Task]) -> dict[str, Any]:
    """The rows, as far as no earlier question has read them."""
    got = await label(runtime.context, Schema.from_json(state["schema"]))
    places = [*got.before, *got.reading.replies]
    return {**got.reading.as_update(), "read": places, "works": got.works, "built": got.built}


async def answer(state: TallyState, runtime: Runtime[Task]) -> dict[str, Any]:
    """The query, run over the items."""
    task, schema = runtime.context, Schema.from_json(state["schema"])
    items, values = await asyncio.to_thread(items_of, task, schema, state["works"])
    if schema == designer.WORDS:
        asked = querier.ask_words(task.model, task.question, schema)
    else:
        table = querier.Table(
            schema,
            {kind: len(some) for kind, some in items.items()},
            await asyncio.to_thread(_most_frequent, schema, items),
            querying.wrong(schema, values),
        )
        asked = querier.ask_query(task.model, task.question, table)
    got = await attempt(task, asked)
    if isinstance(got, Unread):
        if got.budget:
            return {"stop": got.reason, "verdict": Verdict().as_state()}
        raise _unusable("what to do with its rows", got)
    read = [(place[0], place[1]) for place in state["read"]]
    return await asyncio.to_thread(_told, task, got, schema, (items, values), read)


def _told(
    task: Task,
    query: querier.Query,
    schema: Schema,
    table: tuple[Mapping[str, Sequence[Item]], Mapping[tuple[str, str], Values]],
    read: Sequence[tuple[int, int]],
) -> dict[str, Any]:
    run = querying.Run(query, schema, *table)
    run.go()
    teller = Teller(run, task.corpus, Coverage(read, task.corpus.total))
    return {"verdict": teller.verdict().as_state(), "table": teller.table()}


def _unusable(what: str, got: Unread) -> MalformedReply:
    return MalformedReply(
        f"the model did not turn the question into {what}: {got.reason}",
        hint="ask for one number, or one list, of things that the document tells of; or use a larger model",
    )


def sample(corpus: Corpus) -> str:
    """The beginning and the middle of what is read: what an item looks like there."""
    places = list(corpus.places)
    chosen = dict.fromkeys(places[at] for at in (0, len(places) // 2) if at < len(places))
    share = [corpus.segment_text(place).strip()[:_SAMPLE] for place in chosen]
    return "\n[…]\n".join(share)


def _most_frequent(schema: Schema, items: Mapping[str, Sequence[Item]]) -> dict[str, list[str]]:
    """Some values of each column, the most frequent first."""
    told: dict[str, list[str]] = {}
    for name, column in schema.columns.items():
        if not column.part:
            cells = (item.cell(column.field.name).text for item in items[column.kind])
            told[name] = [text for text, _ in Counter(filter(None, cells)).most_common(MOST_VALUES)]
    return told
