"""TEMPORARY stub."""

from __future__ import annotations
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from lcagent.documents import query_words
from lcagent.memory.rows import Rows


@dataclass(frozen=True, slots=True)
class Hit:
    id: int
    score: float


@dataclass(frozen=True, slots=True)
class Hits:
    entries: list[Hit]
    total: int
    cursor: str | None = None

    @property
    def numbers(self) -> list[int]:
        return [one.id for one in self.entries]


class Search:
    def __init__(self, store: Rows, tenant: str, embedder: Any = None) -> None:
        self._store, self._tenant = store, tenant

    def find(
        self,
        query: str,
        *,
        sessions: Sequence[str] | None = None,
        kinds: Sequence[str] = ("message",),
        since: float | None = None,
        until: float | None = None,
        limit: int,
        cursor: str | None = None,
    ) -> Hits:
        words = set(query_words(query))
        found = []
        for row in self._store.rows(
            "SELECT id, session, kind, text, valid FROM entries WHERE tenant = ?", (self._tenant,)
        ):
            if row["kind"] not in kinds or (sessions and row["session"] not in sessions):
                continue
            if (since is not None and row["valid"] < since) or (until is not None and row["valid"] >= until):
                continue
            held = words & set(query_words(row["text"]))
            if held or not words:
                found.append(Hit(row["id"], len(held)))
        found.sort(key=lambda h: (-h.score, h.id))
        return Hits(found[:limit], len(found))
