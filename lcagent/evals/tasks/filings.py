"""`filings`: questions on the filings of companies, in PDF; the answer, and the page that it stands on.

FinanceBench (Islam et al. 2023). Page numbers are the PDF's own, from 1.
"""

from __future__ import annotations

from collections.abc import Iterator

from lcagent.evals.items import Item
from lcagent.evals.tasks.data import found, records
from lcagent.evals.tasks.request import Request, drawn, item_id


def filings(request: Request) -> Iterator[Item]:
    """Each names a PDF; its length is not known before it is read, so that any length lets all through."""
    rows = records(request.data, "filings.jsonl")
    drawn("filings", request.seed, "order").shuffle(rows)
    for index, row in enumerate(rows[: request.n]):
        found(request.data, row["pdf"])
        yield Item(
            id=item_id("filings", request, index),
            task="filings",
            length=request.length,
            question=row["question"],
            answers=tuple(row["answers"]),
            metric="f1",
            path=row["pdf"],
            gold_pages=tuple(sorted(set(row["meta"]["evidence_pages"]))),
            category=row["type"],
        )
