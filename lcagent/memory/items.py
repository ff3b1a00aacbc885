"""Items of a document: rows of a work, as a model read them, each with the place of its quote.

What they mean (numbers, dates, which of them are one item) is found out when they are asked for: a better
reading of values needs no new reading of the document.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lcagent.documents import Span
from lcagent.memory.rows import Rows
from lcagent.memory.schema import Schema

KIND = "items"
"""The kind of the works that hold them."""
_MOST_SCHEMAS = 8


@dataclass(frozen=True, slots=True)
class Told:
    """One item as a model told it.

    Args:
        kind: of the schema's.
        quote: with which the text begins to tell of it, as the model wrote it.
        span: where that stands; None: it was not found.
        values: by field, as written; a field that is not told is left out.
    """

    kind: str
    quote: str
    span: Span | None
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """An item as it was told, and where."""

    segment: int
    seq: int
    told: Told


class Items:
    """The rows of one work.

    Args:
        store: where they are kept.
        work_id: the work's id.
    """

    def __init__(self, store: Rows, work_id: int) -> None:
        self._store, self._work = store, work_id

    def put(self, segment: int, items: Sequence[Told]) -> None:
        """Keep the items of a segment, or that it has none, in one transaction.

        A segment that was put before stays as it is.

        Args:
            segment: its index.
            items: in reading order.
        """
        with self._store.transaction():
            taken = self._store.execute(
                "INSERT INTO labelled (work, segment) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (self._work, segment),
            )
            if not taken.rowcount:
                return
            self._store.insert_many(
                "items",
                [
                    {
                        "work": self._work,
                        "segment": segment,
                        "seq": seq,
                        "kind": item.kind,
                        "quote": item.quote,
                        "begins": item.span.start if item.span else None,
                        "ends": item.span.end if item.span else None,
                        "fields": json.dumps(dict(item.values), ensure_ascii=False),
                    }
                    for seq, item in enumerate(items)
                ],
            )

    def segments(self) -> set[int]:
        """Segments whose items stand here."""
        sql = "SELECT segment FROM labelled WHERE work = ?"
        return {segment for (segment,) in self._store.execute(sql, (self._work,))}

    def rows(self) -> list[Row]:
        """All items in reading order."""
        found = self._store.execute(
            "SELECT segment, seq, kind, quote, begins, ends, fields FROM items WHERE work = ?"
            " ORDER BY segment, seq",
            (self._work,),
        )
        return [
            Row(
                segment,
                seq,
                Told(kind, quote, None if start is None else Span(start, end), json.loads(fields)),
            )
            for segment, seq, kind, quote, start, end, fields in found
        ]


def kept_schemas(store: Rows, run: str, exacts: Sequence[Mapping[str, str]]) -> list[Schema]:
    """The schemas by which all of some documents were read before a run began, the oldest first.

    A run that is gone on with sees the same ones, so that it asks the same.

    Args:
        store: where works are kept.
        run: its id.
        exacts: for each document what its work follows from besides the schema.
    """
    (began,) = store.execute("SELECT max(created) FROM runs WHERE id = ?", (run,)).fetchone()
    schemas: dict[str, set[int]] = {}
    for number, exact in enumerate(exacts):
        rows = store.execute(
            "SELECT exact FROM works WHERE kind = ? AND document = ? AND created < coalesce(?, 1e300)"
            " ORDER BY id",
            (KIND, exact["document"], began),
        )
        for (text,) in rows:
            kept = json.loads(text)
            if {**kept, "schema": ""} == {**exact, "schema": ""}:
                schemas.setdefault(kept["schema"], set()).add(number)
    whole = [text for text, held in schemas.items() if len(held) == len(exacts)]
    return [Schema.from_json(text) for text in whole[-_MOST_SCHEMAS:]]
