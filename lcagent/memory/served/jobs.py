"""Jobs that outlive who asked: what was asked, what has happened, what came of it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lcagent.errors import RunNotFound
from lcagent.memory.rows import Rows, marks

JobStatus = Literal["queued", "running", "finished", "failed", "cancelled"]
UNFINISHED = ("queued", "running")


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as it is kept. `outcome`: an answer or a reply, as plain data; `error`: a code, message, hint;
    `unwanted`: whoever works on it is to give it up."""

    id: str
    status: JobStatus
    created: float
    updated: float
    ask: dict[str, Any]
    run: str
    outcome: dict[str, Any] | None
    error: dict[str, Any] | None
    unwanted: bool = False


class StoredJobs:
    """The jobs of a tenant.

    Args:
        store: of what is served.
    """

    def __init__(self, store: Rows) -> None:
        self._store = store

    def put(self, job: str, ask: dict[str, Any]) -> None:
        """Keep a new one; when this returns, nothing loses it."""
        now = time.time()
        self._store.execute(
            "INSERT INTO jobs (id, status, created, updated, ask) VALUES (?,'queued',?,?,?)"
            " ON CONFLICT DO NOTHING",
            (job, now, now, json.dumps(ask)),
        )

    def set(
        self,
        job: str,
        status: JobStatus,
        *,
        outcome: dict[str, Any] | None = None,
        error: dict[str, Any] | None = None,
    ) -> None:
        """Note how far it is."""
        self._store.execute(
            "UPDATE jobs SET status = ?, updated = ?, outcome = ?, error = ? WHERE id = ?",
            (
                status,
                time.time(),
                json.dumps(outcome) if outcome else None,
                json.dumps(error) if error else None,
                job,
            ),
        )

    def reads(self, job: str, run: str) -> None:
        """Note the run that answers it."""
        self._store.execute("UPDATE jobs SET run = ? WHERE id = ?", (run, job))

    def tell(self, job: str, seq: int, event: dict[str, Any]) -> None:
        """Keep an event."""
        self._store.execute(
            "INSERT INTO events (job, seq, event) VALUES (?,?,?)"
            " ON CONFLICT (job, seq) DO UPDATE SET event = excluded.event",
            (job, seq, json.dumps(event)),
        )

    def events(self, job: str, after: int = 0) -> list[tuple[int, dict[str, Any]]]:
        """Its events after a number, in order."""
        rows = self._store.execute(
            "SELECT seq, event FROM events WHERE job = ? AND seq > ? ORDER BY seq", (job, after)
        )
        return [(seq, json.loads(event)) for seq, event in rows]

    def get(self, job: str) -> JobRow:
        """One job.

        Raises:
            RunNotFound: there is none of this id.
        """
        rows = self._store.rows("SELECT * FROM jobs WHERE id = ?", (job,))
        if not rows:
            raise RunNotFound(f"no run {job!r}", hint="GET /v1/runs lists them")
        return _row(rows[0])

    def all(self, *, limit: int, before: float | None = None) -> list[JobRow]:
        """The newest jobs.

        Args:
            limit: most of them.
            before: only those that were started before, seconds since 1970.
        """
        rows = self._store.rows(
            "SELECT * FROM jobs WHERE created < ? ORDER BY created DESC LIMIT ?", (before or 1e12, limit)
        )
        return [_row(row) for row in rows]

    def unfinished(self) -> list[JobRow]:
        """Those that a server left when it ended, the oldest first."""
        rows = self._store.rows("SELECT * FROM jobs WHERE status IN (?,?) ORDER BY created", UNFINISHED)
        return [_row(row) for row in rows]

    def waiting(self) -> int:
        """How many wait or are worked on."""
        sql = "SELECT count(*) FROM jobs WHERE status IN (?,?)"
        return self._store.execute(sql, UNFINISHED).fetchone()[0]

    def give_up(self, job: str) -> None:
        """Note that somebody wants one given up; one that has ended stays as it is."""
        self._store.execute(
            "UPDATE jobs SET unwanted = 1 WHERE id = ? AND status IN (?,?)", (job, *UNFINISHED)
        )

    def unwanted(self, jobs: Sequence[str]) -> set[str]:
        """Those that are to be given up.

        Args:
            jobs: of which.
        """
        rows = self._store.rows(
            f"SELECT id FROM jobs WHERE unwanted != 0 AND id IN ({marks(jobs)})",  # noqa: S608 - marks alone
            tuple(jobs),
        )
        return {row["id"] for row in rows}

    def delete(self, job: str) -> None:
        """Delete one with its events.

        Raises:
            RunNotFound: there is none of this id.
        """
        self.get(job)
        self._store.execute("DELETE FROM jobs WHERE id = ?", (job,))


def _row(row: dict[str, Any]) -> JobRow:
    told: dict[str, Any] = {
        name: json.loads(row[name]) if row[name] else None for name in ("outcome", "error")
    }
    told |= {"ask": json.loads(row["ask"]), "unwanted": bool(row["unwanted"])}
    return JobRow(**(row | told))
