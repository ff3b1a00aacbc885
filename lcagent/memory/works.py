"""Works: what is true of a document whatever is asked, kept under all that it follows from.

A parse, a segmentation, extracted facts, a graph, embeddings, summaries: each is a work. Whoever asks for one
with the same document, model, prompt version and so on finds it, finished or where it was broken off. Its
rows lie in tables of its own kind and go with it, as do the calls that it cost (scope `work:` and its id).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from lcagent.errors import WorkBusy, WorkNotFound
from lcagent.memory.journal import StoredJournal
from lcagent.memory.rows import Rows

_HOLDING = {
    "parses": "documents",
    "segmentations": "segmentations",
    "segments with their facts": "extracted",
    "facts": "facts",
    "mentions of elements": "facts JOIN elements ON fact = facts.id",
    "vectors": "vectors",
    "segments with their rows": "labelled",
    "rows": "items",
}
"""What a work may hold, and where."""
_VERSIONS = 4
"""Earlier versions of a document whose calls are looked at."""
_COLUMNS = "id, key, kind, name, document, exact, status, created, used"
_KEEP = (
    "INSERT INTO works (key, kind, name, document, exact, status, created, used) VALUES (?,?,?,?,?,?,?,?)"  # noqa: S608 - ours
    " ON CONFLICT (kind, key) DO UPDATE SET used = excluded.used,"
    " status = CASE WHEN excluded.status = 'done' THEN 'done' ELSE works.status END"
    f" RETURNING {_COLUMNS}"
)


@dataclass(frozen=True, slots=True)
class Work:
    """One work.

    Args:
        id: names it in this store.
        key: names it by its kind and all that it follows from.
        kind: document, segmentation, facts, ...
        name: for people.
        document: SHA-256 of the document's bytes; may be empty where an early version kept none.
        exact: what it follows from.
        status: whether it is finished.
        created: seconds since the epoch.
        used: when it was last asked for, likewise.
    """

    id: int
    key: str
    kind: str
    name: str
    document: str
    exact: Mapping[str, str]
    status: Literal["building", "done"]
    created: float
    used: float

    @property
    def scope(self) -> str:
        """Whose calls its calls are, in the journal."""
        return f"work:{self.id}"


class Works:
    """All works of a store.

    Args:
        store: where they are kept.
        run: the run that uses what is opened; "" where none does.
    """

    def __init__(self, store: Rows, *, run: str = "") -> None:
        self.store, self._run = store, run

    def open(self, kind: str, *, name: str, document: str, exact: Mapping[str, str]) -> Work:
        """The work that follows from all this, found or begun; it is used now.

        Args:
            kind: what it is.
            name: for people.
            document: SHA-256 of the document's bytes.
            exact: everything that decides it, such as the document's hash, the segmentation's key, the model
                and the version of its prompt.
        """
        named = json.dumps([kind, sorted(exact.items())])
        key = hashlib.sha256(named.encode()).hexdigest()
        return self.keep(kind, key, name=name, document=document, exact=exact)

    def keep(
        self,
        kind: str,
        key: str,
        *,
        name: str,
        document: str,
        exact: Mapping[str, str],
        status: Literal["building", "done"] = "building",
    ) -> Work:
        """The work of a key, found or begun; it is used now. `open` makes the key of all else.

        Args:
            kind: what it is.
            key: names it within its kind.
            name: for people.
            document: SHA-256 of the document's bytes.
            exact: what decides it, for people.
            status: "done": it is made in the same transaction.
        """
        now = time.time()
        with self.store.transaction():  # another process might delete it before its use is noted
            row = (key, kind, name, document, json.dumps(dict(exact)), status, now, now)
            work = _work(self.store.rows(_KEEP, row)[0])
            if self._run:
                sql = "INSERT INTO uses (run, work) VALUES (?, ?) ON CONFLICT DO NOTHING"
                self.store.execute(sql, (self._run, work.id))
        return work

    def adding(self, work: Work) -> None:
        """Note that the run adds to a work: what that costs is told with its answer, whenever it is ended."""
        self.store.execute("UPDATE uses SET added = 1 WHERE run = ? AND work = ?", (self._run, work.id))

    def added(self, works: Iterable[Work]) -> list[int]:
        """Ids of those works to which the run has added."""
        rows = self.store.execute("SELECT work FROM uses WHERE run = ? AND added = 1", (self._run,))
        found = {int(work) for (work,) in rows}
        return sorted(found & {work.id for work in works})

    def done(self, work: Work) -> Work:
        """Note that a work is finished.

        Returns:
            The work as it is then.
        """
        self.store.execute("UPDATE works SET status = 'done' WHERE id = ?", (work.id,))
        return replace(work, status="done")

    @contextmanager
    def building(self, work: Work) -> Generator[Work]:
        """Be the one who builds a work; what was put into it before stays.

        Yields:
            The work as it is now: another process may have finished it since it was opened.

        Raises:
            WorkBusy: another process is at it.
            WorkNotFound: it was deleted since it was opened.
        """
        with self._locked(work.id):
            now = self._where("id = ?", work.id)
            if not now:
                raise WorkNotFound(f"work {work.id} was deleted", hint="the same command makes it anew")
            yield now[0]

    def journal(self, work: Work) -> StoredJournal:
        """The finished calls of a work; what was asked of an earlier version is not asked again."""
        earlier = self._where(
            "kind = ? AND name = ? AND id != ? ORDER BY used DESC LIMIT ?",
            work.kind,
            work.name,
            work.id,
            _VERSIONS,
        )
        return StoredJournal(self.store, work.scope, [one.scope for one in earlier])

    def holds(self, work: Work) -> dict[str, int]:
        """How much of what a work holds, by names for people; what it holds none of is left out."""
        counts = {
            name: self.store.rows(f"SELECT count(*) AS n FROM {where} WHERE work = ?", (work.id,))[0]["n"]  # noqa: S608 - ours
            for name, where in _HOLDING.items()
        }
        return {name: count for name, count in counts.items() if count}

    def runs(self, work: Work) -> list[str]:
        """Ids of the runs that use a work, the newest first."""
        sql = "SELECT r.id FROM uses u JOIN runs r ON r.id = u.run WHERE u.work = ? ORDER BY r.created DESC"
        return [run for (run,) in self.store.execute(sql, (work.id,))]

    def latest(self, kind: str, document: str) -> Work | None:
        """The work of a kind that was used last of those of a document: a finished one, if there is any.

        Args:
            kind: what it is.
            document: SHA-256 of the document's bytes.
        """
        condition = "kind = ? AND document = ? ORDER BY status = 'done' DESC, used DESC, id DESC LIMIT 1"
        return next(iter(self._where(condition, kind, document)), None)

    def list(self) -> list[Work]:
        """All works, the one that was used last first."""
        return self._where("TRUE ORDER BY used DESC, id DESC")

    def find(self, prefix: str) -> Work:
        """The work of an id, or of a key that begins so.

        Args:
            prefix: of the key, or an id.

        Raises:
            WorkNotFound: none, or several.
        """
        found = self._where("id = ?", int(prefix)) if _is_id(prefix) else []
        found = found or self._where("substr(key, 1, ?) = ? LIMIT 2", len(prefix), prefix)
        if len(found) != 1:
            what = f"no work {prefix!r}" if not found else f"several works begin with {prefix!r}"
            raise WorkNotFound(what, hint="`lcagent works list` shows them")
        return found[0]

    def delete(self, id: int) -> None:
        """Delete a work with all its rows and calls.

        Args:
            id: the work's.

        Raises:
            WorkBusy: another process is building it.
        """
        with self._locked(id):
            self.drop(id)
        self.release()

    def drop(self, id: int) -> None:
        """Delete a work that nobody can be building; `release` then gives its space back.

        Args:
            id: the work's.
        """
        with self.store.transaction():
            StoredJournal(self.store, f"work:{id}").delete()
            self.store.execute("DELETE FROM works WHERE id = ?", (id,))

    def release(self) -> None:
        """Give the space of deleted works back, and leave none of their words."""
        from lcagent.memory.facts import compact

        compact(self.store)
        self.store.release()

    def _locked(self, id: int) -> Any:
        busy = WorkBusy(f"another process is building work {id}", hint="wait for it to end")
        return self.store.locked(f"work-{id}", busy)

    def _where(self, condition: str, *values: object) -> list[Work]:
        rows = self.store.rows(f"SELECT {_COLUMNS} FROM works WHERE {condition}", values)  # noqa: S608 - ours
        return [_work(row) for row in rows]


def _work(row: Mapping[str, Any]) -> Work:
    return Work(**{**row, "exact": json.loads(row["exact"])})


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
