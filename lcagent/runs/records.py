"""Runs: found again by what decides their calls, locked while written, listed, shown, deleted."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lcagent.answer import Answer
from lcagent.errors import LcagentError, RunBusy, RunNotFound
from lcagent.graphs.shared.task import Task
from lcagent.memory.store import UNUSABLE, Store


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One row of the table of runs. `answer` is set when it has finished and is only shown again."""

    id: str
    seconds: float = 0.0
    answer: str | None = None


class Runs:
    """The table of runs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def open(self, key: str, task: Task, strategy: str, *, resume: bool) -> RunRecord:
        """The unfinished run of this key, or a new one; with `resume` a finished one too.

        The same command again goes on where the last one stopped; asked again after it had
        finished, it is a new run.
        """
        rows = self._store.rows(
            "SELECT id, status, answer, seconds FROM runs WHERE key = ? ORDER BY created DESC LIMIT 1",
            (key,),
        )
        if rows and rows[0]["status"] != "finished":
            return RunRecord(rows[0]["id"], rows[0]["seconds"])
        if rows and resume:
            return RunRecord(rows[0]["id"], rows[0]["seconds"], rows[0]["answer"])
        run = f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}"
        now = time.time()
        self._store.execute(
            "INSERT INTO runs (id,key,status,created,updated,question,sources,strategy,model,settings)"
            " VALUES (?,?,?,?,?,?,?,?,?,?)",
            (
                run,
                key,
                "running",
                now,
                now,
                task.question,
                json.dumps([d.name for d in task.documents]),
                strategy,
                task.model.name,
                task.settings.model_dump_json(exclude={"api_key"}),
            ),
        )
        return RunRecord(run)

    @contextmanager
    def lock(self, record: RunRecord, folder: Path) -> Generator[None]:
        """One writer a run; the lock goes with the process, however it ends.

        Raises:
            RunBusy: another process is writing this run.
        """
        try:
            import fcntl
        except ImportError:  # no such lock on Windows: two writers then only repeat work
            yield
            return
        path = folder / "locks" / record.id
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise RunBusy(
                    f"run {record.id} is being written by another process",
                    hint="wait for it to end; its command with --resume then shows its answer",
                ) from error
            try:
                yield
            finally:
                path.unlink(missing_ok=True)

    def calls(self, run: str) -> int:
        """Finished calls of a run whose replies need not be asked for again."""
        sql = "SELECT count(*) FROM calls WHERE run = ? AND key NOT LIKE ?"
        row = self._store.execute(sql, (run, f"{UNUSABLE}%")).fetchone()
        return int(row[0])

    def totals(self, run: str) -> dict[str, int]:
        """Calls and tokens of a run, over all commands that worked on it."""
        (row,) = self._store.rows(
            "SELECT count(*) AS calls, coalesce(sum(prompt_tokens), 0) AS prompt_tokens,"
            " coalesce(sum(cached_tokens), 0) AS cached_tokens,"
            " coalesce(sum(completion_tokens), 0) AS completion_tokens FROM calls WHERE run = ?",
            (run,),
        )
        return row

    def finished(self, run: str, answer: Answer, seconds: float) -> None:
        """Keep a run's answer; one that met its budget stays open."""
        status = "budget" if answer.status == "budget" else "finished"
        self._close(run, status, seconds, answer=answer.model_dump_json())

    def failed(self, run: str, error: LcagentError, seconds: float) -> None:
        """Keep why a run stopped; it stays open."""
        self._close(run, "failed", seconds, error=f"{error.code}: {error.message}")

    def interrupted(self, run: str, seconds: float) -> None:
        """Note that a run was interrupted; it stays open."""
        self._close(run, "interrupted", seconds)

    def _close(
        self,
        run: str,
        status: str,
        seconds: float,
        *,
        answer: str | None = None,
        error: str | None = None,
    ) -> None:
        self._store.execute(
            "UPDATE runs SET status=?, updated=?, seconds=seconds+?, answer=?, error=? WHERE id=?",
            (status, time.time(), seconds, answer, error, run),
        )

    def list(self, limit: int = 50) -> list[dict[str, Any]]:
        """The newest runs, each with its calls and tokens."""
        return self._store.rows(
            "SELECT r.id, r.status, r.created, r.strategy, r.model, r.question, r.sources, r.seconds,"
            " r.error, count(c.key) AS calls,"
            " coalesce(sum(c.prompt_tokens + c.completion_tokens), 0) AS tokens"
            " FROM runs r LEFT JOIN calls c ON c.run = r.id GROUP BY r.id ORDER BY r.created DESC LIMIT ?",
            (limit,),
        )

    def find(self, prefix: str) -> dict[str, Any]:
        """The run whose id begins so, or `last`.

        Raises:
            RunNotFound: none, or several.
        """
        if prefix == "last":
            rows = self._store.rows("SELECT * FROM runs ORDER BY created DESC LIMIT 1")
        else:
            rows = self._store.rows(
                "SELECT * FROM runs WHERE substr(id, 1, ?) = ? ORDER BY created DESC",
                (len(prefix), prefix),
            )
        if len(rows) != 1:
            what = f"no run {prefix!r}" if not rows else f"{len(rows)} runs begin with {prefix!r}"
            raise RunNotFound(what, hint="`lcagent runs list` shows them")
        return rows[0]

    def call_rows(self, run: str) -> list[dict[str, Any]]:
        """Finished calls in the order they ended."""
        return self._store.rows("SELECT * FROM calls WHERE run = ? ORDER BY created", (run,))

    def entries(self, run: str) -> list[dict[str, Any]]:
        """The ledger of a run in reading order."""
        return self._store.rows("SELECT * FROM entries WHERE run = ? ORDER BY document, segment, seq", (run,))

    def delete(self, run: str, folder: Path) -> None:
        """Delete a run with its calls, evidence and checkpoints.

        Args:
            run: its id.
            folder: where the checkpoints' file lies.

        Raises:
            RunBusy: another process is writing it.
        """
        with self.lock(RunRecord(run), folder):
            checkpoints = folder / "checkpoints.db"
            if checkpoints.is_file():
                from lcagent.memory.checkpoints import open_checkpoints

                with open_checkpoints(checkpoints) as saver:
                    saver.delete_thread(run)
            for table, column in (("calls", "run"), ("entries", "run"), ("runs", "id")):
                self._store.execute(f"DELETE FROM {table} WHERE {column} = ?", (run,))  # noqa: S608 - fixed names
