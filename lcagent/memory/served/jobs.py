"""Jobs that outlive who asked: what was asked, what has happened, what came of it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lcagent.errors import RunNotFound
from lcagent.memory.rows import Rows, marks, parts

JobStatus = Literal["queued", "running", "finished", "failed", "cancelled"]
UNFINISHED = ("queued", "running")
_COLUMNS = "id, status, created, updated, ask, run, outcome, error, unwanted, kind"
"""Named, since a newer version may have added some."""
_BEGINS, _LAST = "id >= ? AND id < ?", "\U0010ffff"


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
    kind: str = "question"


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a job is, without what was asked. `outcome` and `error` as of `JobRow`."""

    id: str
    status: JobStatus
    outcome: dict[str, Any] | None
    error: dict[str, Any] | None


class StoredJobs:
    """The jobs of a tenant.

    Args:
        store: of what is served.
        kind: only those of one kind; None: all.
    """

    def __init__(self, store: Rows, kind: str | None = None) -> None:
        self._store = store
        self._where, self._of = ("kind = ? AND ", (kind,)) if kind else ("", ())

    def put(self, job: str, ask: dict[str, Any], kind: str = "question") -> None:
        """Keep a new one; when this returns, nothing loses it.

        Args:
            job: its id.
            ask: what is asked.
            kind: of what.
        """
        now = time.time()
        self._store.execute(
            "INSERT INTO jobs (id, status, created, updated, ask, kind) VALUES (?,'queued',?,?,?,?)"
            " ON CONFLICT DO NOTHING",
            (job, now, now, json.dumps(ask), kind),
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

    def end(
        self,
        job: str,
        status: JobStatus,
        last: tuple[int, dict[str, Any]] | None,
        *,
        outcome: dict[str, Any] | None,
        error: dict[str, Any] | None,
    ) -> None:
        """Note that it has ended, how, and its last event, all at once: who hears of the answer finds it."""
        with self._store.transaction():
            if last is not None:
                self.tell(job, *last)
            self.set(job, status, outcome=outcome, error=error)

    def reads(self, job: str, run: str) -> None:
        """Note the run that answers it."""
        self._store.execute("UPDATE jobs SET run = ? WHERE id = ?", (run, job))

    def tell(self, job: str, seq: int, event: dict[str, Any]) -> None:
        """Keep an event; nothing of a job that was deleted meanwhile."""
        self._store.execute(
            "INSERT INTO events (job, seq, event) SELECT id, CAST(? AS INTEGER), ? FROM jobs WHERE id = ?"
            " ON CONFLICT (job, seq) DO UPDATE SET event = excluded.event",
            (seq, json.dumps(event), job),
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
        sql = f"SELECT {_COLUMNS} FROM jobs WHERE {self._where}id = ?"  # noqa: S608 - ours
        rows = self._store.rows(sql, (*self._of, job))
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
            f"SELECT {_COLUMNS} FROM jobs WHERE {self._where}created < ? ORDER BY created DESC LIMIT ?",  # noqa: S608 - ours
            (*self._of, before or 1e12, limit),
        )
        return [_row(row) for row in rows]

    def unfinished(self) -> list[JobRow]:
        """Those that a server left when it ended, the oldest first."""
        sql = f"SELECT {_COLUMNS} FROM jobs WHERE status IN (?,?) ORDER BY created"  # noqa: S608 - ours
        rows = self._store.rows(sql, UNFINISHED)
        return [_row(row) for row in rows]

    def waiting(self) -> int:
        """How many wait or are worked on."""
        sql = f"SELECT count(*) FROM jobs WHERE {self._where}status IN (?,?)"  # noqa: S608 - ours
        return self._store.execute(sql, (*self._of, *UNFINISHED)).fetchone()[0]

    def give_up(self, job: str) -> None:
        """Note that somebody wants one given up; one that has ended stays as it is."""
        self._store.execute(
            "UPDATE jobs SET unwanted = 1 WHERE id = ? AND status IN (?,?)", (job, *UNFINISHED)
        )

    def unwanted(self, jobs: Sequence[str]) -> set[str]:
        """Those that are to be given up, or are not there any more.

        Args:
            jobs: of which.
        """
        rows = self._store.rows(
            f"SELECT id FROM jobs WHERE unwanted = 0 AND id IN ({marks(jobs)})",  # noqa: S608 - marks alone
            tuple(jobs),
        )
        return {*jobs} - {row["id"] for row in rows}

    def standing(self, begins: str) -> list[Standing]:
        """How far jobs are whose ids begin alike.

        Args:
            begins: so.
        """
        sql = f"SELECT id, status, outcome, error FROM jobs WHERE {_BEGINS}"  # noqa: S608 - ours
        rows = self._store.rows(sql, (begins, begins + _LAST))
        return [Standing(**(row | _plain(row))) for row in rows]

    def asked(self, begins: str) -> dict[str, dict[str, Any]]:
        """What jobs were asked whose ids begin alike; arguments as for `standing`."""
        rows = self._store.rows(f"SELECT id, ask FROM jobs WHERE {_BEGINS}", (begins, begins + _LAST))  # noqa: S608 - ours
        return {row["id"]: json.loads(row["ask"]) for row in rows}

    def drop(self, jobs: Sequence[str]) -> None:
        """Delete jobs with their events, whether or not they are there; who works on one gives it up.

        Args:
            jobs: their ids.
        """
        for some in parts(jobs):
            self._store.execute(f"DELETE FROM jobs WHERE id IN ({marks(some)})", tuple(some))  # noqa: S608 - marks alone

    def delete(self, job: str) -> None:
        """Delete one with its events.

        Raises:
            RunNotFound: there is none of this id.
        """
        self.get(job)
        self.drop([job])


def waiting_in(stores: Sequence[Rows]) -> int:
    """How many jobs of all kinds wait or are worked on, of several stores of one place.

    Args:
        stores: of what is served, a tenant each; at least one.
    """
    if not stores[0].place.url:
        return sum(StoredJobs(store).waiting() for store in stores)
    count = 0
    for some in parts(stores, 100):  # one statement: of a server, another schema's table can be named
        counts = " UNION ALL ".join(
            f"SELECT count(*) AS n FROM {store.table('jobs')} WHERE status IN ('queued','running')"  # noqa: S608 - ours
            for store in some
        )
        count += int(stores[0].rows(f"SELECT sum(n) AS n FROM ({counts}) AS counts")[0]["n"])  # noqa: S608 - ours
    return count


def _row(row: dict[str, Any]) -> JobRow:
    told: dict[str, Any] = {**_plain(row), "ask": json.loads(row["ask"]), "unwanted": bool(row["unwanted"])}
    return JobRow(**(row | told))


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: json.loads(row[name]) if row[name] else None for name in ("outcome", "error")}
