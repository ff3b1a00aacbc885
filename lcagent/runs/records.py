"""Runs: found again by what decides their calls, listed, shown, deleted."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterable
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lcagent.answer import Answer
from lcagent.documents import Loaded
from lcagent.errors import LcagentError, RunBusy, RunNotFound, StoreError
from lcagent.graphs.shared.task import Task
from lcagent.memory.journal import StoredJournal
from lcagent.memory.ledger import Ledger
from lcagent.memory.opening import open_store
from lcagent.memory.parsed import PARSED
from lcagent.memory.rows import NUMBERS, Rows, marks, parts
from lcagent.memory.works import Works
from lcagent.place import Place
from lcagent.settings import Settings

_COLUMNS = (
    "id, key, status, created, updated, question, sources, strategy, model, settings, answer, error, seconds,"
    " told, version"
)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One row of the table of runs. `answer` is set when it has finished and is only told again.

    `version` is what its checkpoints and its evidence were made by; None before there are any.
    """

    id: str
    seconds: float = 0.0
    answer: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that a run has read: where it is, what its bytes were, and its format."""

    path: Path
    sha256: str
    format: str


class Runs:
    """The table of runs."""

    def __init__(self, store: Rows) -> None:
        self._store = store

    def open(
        self, key: str, task: Task, strategy: str, settings: Settings, *, resume: bool, since: float
    ) -> RunRecord:
        """The unfinished run of this key, one that nobody was told of, or a new one.

        The same command again goes on where the last one stopped, if only to tell its answer; asked
        again after that, it is a new run.

        Args:
            key: names it by everything that decides its calls.
            task: what is asked.
            strategy: how it is read.
            settings: kept beside it.
            resume: a finished one that was told is told again too.
            since: so is one that has finished since then, in seconds since 1970: who asks the same at the
                same time is told the same.
        """
        with self._store.transaction():  # two askers at once must find one run
            rows = self._store.rows(
                "SELECT id, status, answer, seconds, told, version, updated FROM runs WHERE key = ?"
                " ORDER BY rowid DESC LIMIT 1",  # not by time: clocks are set back
                (key,),
            )
            if rows:
                row = rows[0]
                meanwhile = since <= row["updated"] <= time.time()
                if row["status"] != "finished" or resume or not row["told"] or meanwhile:
                    return _record(row)
            return self._new(key, task, strategy, settings)

    def again(self, record: RunRecord) -> RunRecord:
        """A run as it is now that it is held: another process may have finished it since it was opened."""
        sql = "SELECT id, status, answer, seconds, version FROM runs WHERE id = ?"
        rows = self._store.rows(sql, (record.id,))
        return _record(rows[0]) if rows else record

    def _new(self, key: str, task: Task, strategy: str, settings: Settings) -> RunRecord:
        run = f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}"
        now = time.time()
        self._store.execute(
            "INSERT INTO runs"
            " (id,key,status,created,updated,question,sources,strategy,model,settings,told)"
            " VALUES (?,?,?,?,?,?,?,?,?,?,0)",
            (
                run,
                key,
                "running",
                now,
                now,
                task.question,
                json.dumps([d.name for d in task.corpus.documents]),
                strategy,
                task.model.name,
                json.dumps(settings.without_secrets()),
            ),
        )
        return RunRecord(run)

    def writing(self, run: str) -> AbstractContextManager[None]:
        """Be the one who writes a run.

        Raises:
            RunBusy: another process is at it.
        """
        busy = RunBusy(
            f"run {run} is being written by another process",
            hint="wait for it to end; its command with --resume then shows its answer",
        )
        return self._store.locked(run, busy)

    def uses(self, run: str, works: Iterable[int]) -> None:
        """Note what a run uses, and that it was used now.

        Args:
            run: its id.
            works: ids of works; one that was deleted meanwhile is passed over.
        """
        every = json.dumps(list(works))
        with self._store.transaction():
            self._store.execute(
                f"INSERT INTO uses (run, work) SELECT ?, id FROM works WHERE id IN {NUMBERS}"  # noqa: S608 - ours
                " ON CONFLICT DO NOTHING",
                (run, every),
            )
            self._store.execute(
                f"UPDATE works SET used = ? WHERE id IN {NUMBERS}",  # noqa: S608 - ours
                (time.time(), every),
            )

    def read_from(self, run: str, loaded: Loaded) -> None:
        """Note where the files are that a run reads, which is told nowhere else.

        Args:
            run: its id.
            loaded: what is read.
        """
        known = {document.name: document for document in loaded.documents}
        with self._store.transaction():
            self._store.execute_many(
                "INSERT INTO files (run, document, path, sha256, format) VALUES (?,?,?,?,?)"
                " ON CONFLICT (run, document) DO UPDATE SET path = excluded.path,"
                " sha256 = excluded.sha256, format = excluded.format",
                [
                    (run, name, os.fsencode(path), known[name].sha256, known[name].format)
                    for name, path in loaded.paths.items()
                ],
            )

    def files(self, run: str) -> dict[str, SourceFile]:
        """The files that a run has read, by the names of the documents; none of what came from a pipe."""
        rows = self._store.rows("SELECT document, path, sha256, format FROM files WHERE run = ?", (run,))
        return {
            row["document"]: SourceFile(Path(os.fsdecode(row["path"])), row["sha256"], row["format"])
            for row in rows
        }

    def begin(self, run: str, version: str) -> None:
        """Note what a run's graph is begun by; evidence of an earlier beginning goes.

        Args:
            run: its id.
            version: of graph, code and segments.
        """
        with self._store.transaction():
            self._store.execute("DELETE FROM findings WHERE run = ?", (run,))
            self._store.execute("UPDATE runs SET version = ? WHERE id = ?", (version, run))

    def ledger(self, run: str) -> Ledger:
        """The evidence of a run, as it stands now."""
        return Ledger(self._store, run)

    def journal(self, run: str) -> StoredJournal:
        """The finished calls of a run."""
        return StoredJournal(self._store, run)

    def tell(self, *runs: str) -> None:
        """Note that the answers of runs have reached whoever asked."""
        for some in parts(runs):
            self._store.execute(
                f"UPDATE runs SET told = 1 WHERE told = 0 AND id IN ({marks(some)})",  # noqa: S608 - ours
                tuple(some),
            )

    def finished(self, run: str, answer: Answer, seconds: float) -> None:
        """Keep a run's answer, and the seconds of all commands; one that met its budget stays open."""
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
            "UPDATE runs SET status=?, updated=?, seconds=?, answer=?, error=? WHERE id=?",
            (status, time.time(), seconds, answer, error, run),
        )

    def list(self, limit: int = 50) -> list[dict[str, Any]]:
        """The newest runs, each with its calls and tokens."""
        return self._store.rows(
            "SELECT r.id, r.status, r.created, r.strategy, r.model, r.question, r.sources, r.seconds,"
            " r.error, count(c.key) AS calls,"
            " coalesce(sum(c.prompt_tokens + c.completion_tokens), 0) AS tokens"
            " FROM runs r LEFT JOIN calls c ON c.scope = r.id GROUP BY r.id ORDER BY r.rowid DESC LIMIT ?",
            (limit,),
        )

    def find(self, prefix: str) -> dict[str, Any]:
        """The run whose id begins so, or `last`.

        Raises:
            RunNotFound: none, or several.
        """
        if prefix == "last":
            rows = self._store.rows(f"SELECT {_COLUMNS} FROM runs ORDER BY rowid DESC LIMIT 1")  # noqa: S608 - ours
        else:
            rows = self._store.rows(
                f"SELECT {_COLUMNS} FROM runs WHERE substr(id, 1, ?) = ? ORDER BY rowid DESC",  # noqa: S608 - ours
                (len(prefix), prefix),
            )
        if len(rows) != 1:
            what = f"no run {prefix!r}" if not rows else f"{len(rows)} runs begin with {prefix!r}"
            raise RunNotFound(what, hint="`lcagent runs list` shows them")
        return rows[0]

    def findings(self, run: str) -> list[dict[str, Any]]:
        """The ledger of a run in reading order."""
        return self._store.rows(
            "SELECT * FROM findings WHERE run = ? ORDER BY document, segment, seq", (run,)
        )

    def delete(self, run: str) -> None:
        """Delete a run with its calls, evidence, checkpoints, page, and the parsed text that only it used.

        Args:
            run: its id.

        Raises:
            RunBusy: another process is writing it.
        """
        with self.writing(run):
            self._store.drop_steps(run)
            page_file(self._store.place.folder, run).unlink(missing_ok=True)
            with self._store.transaction():
                own = self._store.rows(
                    "SELECT w.id, w.kind FROM works w JOIN uses u ON u.work = w.id AND u.run = ?"
                    " WHERE NOT EXISTS (SELECT 1 FROM uses o WHERE o.work = w.id AND o.run != u.run)",
                    (run,),
                )
                for work in own:
                    if work["kind"] in PARSED:
                        Works(self._store).drop(work["id"])
                self.journal(run).delete()
                self._store.execute("DELETE FROM runs WHERE id = ?", (run,))
            self._store.release()
            with suppress(
                StoreError
            ):  # no room for a copy: what was deleted is overwritten, and its space free
                self._store.rewrite()


def page_file(folder: Path, run: str) -> Path:
    """Where the page of a run's answer is written, if it is looked at in a browser.

    Args:
        folder: of the store.
        run: its id.
    """
    return folder / "pages" / f"{run}.html"


def _record(row: dict[str, Any]) -> RunRecord:
    done = row["status"] == "finished" and _can_be_read(row["answer"])
    return RunRecord(row["id"], row["seconds"], row["answer"] if done else None, row["version"])


def _can_be_read(answer: str) -> bool:
    """Whether a stored answer is one of this version; another one is made again from the finished calls."""
    try:
        Answer.model_validate_json(answer)
    except ValueError:
        return False
    return True


def forget_runs(place: Path | Place, runs: Iterable[str]) -> None:
    """Delete the runs that forgotten entries tell of: they hold the question, and what was found.

    Args:
        place: of the store.
        runs: their ids; one that is gone already is passed over.

    Raises:
        RunBusy: another process is writing one.
    """
    names = list(runs)
    if not names:
        return
    with closing(open_store(place)) as store:
        for run in names:
            with suppress(RunNotFound):
                Runs(store).delete(run)
