"""A row: blank before its item is asked, then with what a run gave and what it cost."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from lcagent.answer import Answer
from lcagent.documents import load
from lcagent.evals.items import Cited, Cost, Item, Row
from lcagent.evals.measure import cost, retention
from lcagent.memory.opening import open_store
from lcagent.runs.records import Runs
from lcagent.settings import Settings


def blank(item: Item, strategy: str, *, model: str, window: int) -> Row:
    """A row with all that an item says of itself, before it is asked.

    Args:
        item: what is asked.
        strategy: how, as it is named.
        model: who is asked.
        window: tokens of a call.
    """
    return Row(
        task=item.task,
        item=item.id,
        length=item.length,
        strategy=strategy,
        question=item.question,
        answers=item.answers,
        match=item.match,
        metric=item.metric,
        category=item.category,
        options=item.options,
        gold=item.gold,
        gold_pages=item.gold_pages,
        depths=item.depths(),
        tokens=item.tokens,
        model=model,
        window=window,
    )


def fill(row: Row, answer: Answer, source: Path, settings: Settings) -> None:
    """Put an answer into its row.

    Args:
        row: gets it.
        answer: of a run that has finished.
        source: the document, by which quotes are checked.
        settings: where the run is kept.
    """
    with _runs(settings) as runs:
        calls, entries = runs.journal(answer.run_id).calls(), runs.findings(answer.run_id)
    text = load(source).text
    row.prediction, row.status, row.run_id = answer.answer, answer.status, answer.run_id
    row.citations = [
        Cited(
            page=c.page,
            char_start=c.char_start,
            char_end=c.char_end,
            quote=c.quote,
            verbatim=text[c.char_start : c.char_end] == c.quote,
        )
        for c in answer.citations
    ]
    row.warnings = answer.warnings
    row.chars_read, row.chars_total = answer.coverage.chars_read, answer.coverage.chars_total
    row.recorded, row.kept = retention(row.answers, entries, calls)
    row.cost = cost(calls, answer.usage.seconds, row.window)


def spent(row: Row, settings: Settings, seconds: float) -> Cost:
    """What a run had spent when it failed: its finished calls stand in its journal.

    Args:
        row: of the run; without a run's id no call had been begun.
        settings: where the run is kept.
        seconds: wall seconds, where there is no run.
    """
    found = Cost(seconds=round(seconds, 3))
    if row.run_id:
        with _runs(settings) as runs:
            seconds = runs.find(row.run_id)["seconds"]
            found = cost(runs.journal(row.run_id).calls(), seconds, row.window)
    found.overruns += int(row.error == "WindowExceeded")
    return found


@contextmanager
def _runs(settings: Settings) -> Generator[Runs]:
    store = open_store(settings.place)
    try:
        yield Runs(store)
    finally:
        store.close()
