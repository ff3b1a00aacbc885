"""One document's row: each column's question asked of it, in this process or by a worker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lcagent.answer import Answer
from lcagent.documents.named import File
from lcagent.errors import (
    BudgetReached,
    DocumentError,
    EndpointUnavailable,
    LcagentError,
    ModelError,
    RunBusy,
    WeightsError,
    WorkError,
)
from lcagent.events import Emit, Notice
from lcagent.many.columns import Column
from lcagent.many.rows import Cell, Quote, Row
from lcagent.many.turning import turned
from lcagent.models.budget import Budget
from lcagent.models.serving.session import ModelSession
from lcagent.runs.runner import Request, run
from lcagent.settings import Settings

_LOG = logging.getLogger(__name__)
OF_ALL = (EndpointUnavailable, WeightsError, BudgetReached)
"""Errors that concern more than one document, whatever else they are."""
OF_ONE = (DocumentError, ModelError, RunBusy, WorkError)
"""Errors that concern one document, or one question about it."""
TRUSTED_SECONDS = 10.0
"""For so long a server that was there is not asked again whether it is."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of a table.

    Args:
        file: where it is, and its name in the table.
        sha256: of its bytes.
        password: for an encrypted PDF.
    """

    file: File
    sha256: str
    password: str | None = None


async def _asked(
    settings: Settings,
    source: Source,
    columns: Sequence[Column],
    session: ModelSession,
    budget: Budget | None,
    emit: Emit,
) -> Row:
    """The row of all questions asked about a document; arguments as for `row_of`.

    Raises:
        LcagentError: what concerns all documents, or a server that did not answer this one.
    """
    cells: dict[str, Cell] = {}
    failed: Exception | None = None
    usage = [0, 0, 0.0]
    for column in columns:
        request = Request(
            [source.file], column.asked, source.password, budget=budget, trusted=TRUSTED_SECONDS
        )
        try:
            answer = await run(request, column.style(settings), session, emit)
        except OF_ALL:
            raise
        except OF_ONE as error:
            failed = failed or error
            if isinstance(error, DocumentError):
                break
            cells[column.name] = Cell(value=None, status="failed", text=error.message)
            continue
        if answer.status == "budget":  # what was found so far; the run goes on with a larger one
            raise BudgetReached(
                "the budget is reached", hint="the same command with a larger one goes on from here"
            )
        cells[column.name] = cell(column, answer)
        spent = answer.usage
        tokens = spent.prompt_tokens + spent.completion_tokens
        usage = [usage[0] + spent.calls, usage[1] + tokens, usage[2] + spent.seconds]
    calls, tokens, seconds = usage
    costs = {"calls": calls, "tokens": tokens, "seconds": round(seconds, 3)}
    if failed is None:
        return _row(source, status="read", answers=cells, **costs)
    row = failed_row(source, columns, failed)
    return row.model_copy(update={"answers": {**row.answers, **cells}, **costs})


async def row_of(
    settings: Settings,
    source: Source,
    columns: Sequence[Column],
    session: ModelSession,
    budget: Budget | None = None,
    emit: Emit = lambda _: None,
) -> Row:
    """A document's row, whatever is wrong with it. The runs are told of (`Runs.tell`) once the row is kept.

    Args:
        settings: how it is read.
        source: what is read.
        columns: what is asked.
        session: leads to the model.
        budget: shared with other documents; None: the settings', for each question.
        emit: gets what happens meanwhile.

    Raises:
        LcagentError: what concerns all documents: a server that has gone, no budget, no room. The runs go on
            from there.
    """
    try:
        return await _asked(settings, source, columns, session, budget, emit)
    except EndpointUnavailable as error:
        session.look_again()
        model = await session.wait_open(lambda text: emit(Notice(text)))
        if type(error) is not EndpointUnavailable or not await asyncio.to_thread(model.alive):
            raise
        return failed_row(source, columns, error)
    except LcagentError:
        raise
    except Exception as error:  # noqa: BLE001 - a fault of ours costs one row
        _LOG.exception("a document could not be read")
        return failed_row(source, columns, error)


def cell(column: Column, answer: Answer) -> Cell:
    """A column's cell of an answer.

    Args:
        column: what was asked, and of which type it is.
        answer: what came of it.
    """
    assert answer.status != "budget"
    quotes = [Quote.of(one) for one in answer.citations]
    value, status = None, answer.status
    if status != "not_found":
        value = turned(column, answer.answer, [one.quote for one in quotes])
        if value is None and status == "answered":
            status = "wrong_type"
    return Cell(value=value, status=status, text=answer.text, citations=quotes, run=answer.run_id)


def failed_row(source: Source, columns: Sequence[Column], error: Exception) -> Row:
    """The row of a document that has no answers.

    Args:
        source: which.
        columns: what was asked.
        error: why.
    """
    if isinstance(error, LcagentError):
        why = {"code": error.code, "message": error.message, "hint": error.hint}
    else:
        message = f"something went wrong that should not have: {type(error).__name__}: {error}"
        why = {"code": "UnexpectedError", "message": message, "hint": "--retry-failed reads it again"}
    none = {column.name: Cell(value=None, status="failed", text=why["message"]) for column in columns}
    return _row(source, status="failed", answers=none, **why)


def _row(source: Source, **told: Any) -> Row:
    return Row(document=source.file.name, sha256=source.sha256, **told)
