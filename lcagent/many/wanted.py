"""What a table is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lcagent.many.columns import Column
from lcagent.many.sources import Sources


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a table is made of.

    Args:
        sources: its documents.
        columns: what each is asked.
        out: the file, whose ending says its kind.
        limit: the first so many documents; None: all.
        concurrency: documents that are read at once; None: as many as requests are in flight, or as many as
            keep the workers busy.
        password: for encrypted PDFs.
        retry_failed: documents that failed before are read again.
    """

    sources: Sources
    columns: tuple[Column, ...]
    out: Path
    limit: int | None = None
    concurrency: int | None = None
    password: str | None = None
    retry_failed: bool = False
