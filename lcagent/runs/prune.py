"""Room in the store: a work can be made again, and a run that has finished may be old."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from lcagent.errors import RunBusy, StoreBusy
from lcagent.memory.journal import StoredJournal
from lcagent.memory.opening import open_store
from lcagent.memory.parsed import PARSED
from lcagent.memory.rows import Rows
from lcagent.memory.works import Works
from lcagent.place import Place
from lcagent.runs.records import Runs

OLD_DAYS = 30.0
"""A run that finished longer ago is old."""
_FINISHED = (
    "SELECT id AS scope, updated AS at FROM runs WHERE status = 'finished'"
    " UNION ALL SELECT 'work:' || id, used FROM works WHERE status = 'done' ORDER BY at"
)
"""Scopes of calls that nobody goes on from."""
_SPARE = (
    "status = 'done' AND NOT EXISTS"
    " (SELECT 1 FROM uses u JOIN runs r ON r.id = u.run WHERE u.work = w.id AND r.status != ?)"
)
"""Works that are finished and that no run uses, but for runs of one status."""


def stored_bytes(place: Place) -> int:
    """Bytes on the disk of all that is kept; in a PostgreSQL those that runs and works take.

    Args:
        place: where.

    Raises:
        StoreError: the server cannot be reached.
    """
    if place.url:
        with closing(open_store(place)) as store:
            return store.size()
    return sum(file.stat().st_size for file in place.folder.glob("*.db*") if file.is_file())


def evict(store: Rows, limit: int) -> int:
    """Make room until a store keeps to a limit: requests of what is finished, the oldest first, then works.

    Nothing but looking at a call needs its request. Of works the one that was used longest ago goes first.
    Those that an unfinished run uses stay, those that are not finished too; so do runs.

    Args:
        store: the store.
        limit: bytes.

    Returns:
        How many works went.
    """
    if store.size() <= limit:
        return 0
    busy = StoreBusy("another process is making room in the store")
    try:
        with store.locked("room", busy):  # two at once would each make all of it
            return _evicted(store, store.size() - limit)
    except StoreBusy as error:
        if error is not busy:
            raise
        return 0


def _evicted(store: Rows, excess: int) -> int:
    """Make room; one after the other, so that nobody who writes meanwhile waits for long."""
    works, gone = Works(store), 0
    for row in store.rows(_FINISHED):
        if excess <= 0:
            break
        excess -= _freed(store, row["scope"], StoredJournal(store, row["scope"]).drop_requests)
    for row in store.rows(f"SELECT id FROM works w WHERE {_SPARE} ORDER BY used", ("finished",)):  # noqa: S608 - ours
        if excess <= 0:
            break
        with store.transaction():
            still = f"SELECT id FROM works w WHERE {_SPARE} AND id = ?"  # noqa: S608 - ours
            if store.rows(still, ("finished", row["id"])):
                excess -= _freed(store, f"work:{row['id']}", partial(_dropped, works, row["id"]))
                gone += 1
    works.release()
    return gone


def _freed(store: Rows, scope: str, drop: Callable[[], None]) -> int:
    """Bytes that dropping something of a scope gives back."""
    with store.transaction():
        before = store.size(scope)
        drop()
        return before - store.size(scope)


def _dropped(works: Works, work: int) -> None:
    from lcagent.memory.facts import compact

    works.drop(work)
    compact(works.store)  # only then it takes less room


def prune(where: Path | Place, *, older_than: float | None, most: int | None) -> tuple[int, int]:
    """Delete old finished runs, and works that no run uses.

    Works that cost no call go at once, the others when they were last used as long ago. One that is not
    finished stays, as an unfinished run does.

    Args:
        folder: where the store lies.
        older_than: days since a run finished after which it goes; None: `OLD_DAYS`, or none for its age where
            `most` is given.
        most: bytes; beyond them the oldest finished runs go too, and then the least recently used works.

    Returns:
        How many runs went, and how many works.
    """
    with closing(open_store(where)) as store:
        runs, works, before = Runs(store), Works(store), _count(store)
        days = OLD_DAYS if older_than is None and most is None else older_than
        until = float("-inf") if days is None else time.time() - days * 86400
        deleted = 0
        for row in store.rows("SELECT id, updated FROM runs WHERE status = 'finished' ORDER BY updated"):
            if row["updated"] <= until or (most is not None and store.size() > most):
                deleted += _deleted(runs, row["id"])
        with store.transaction():
            for row in store.rows(f"SELECT id, kind, used FROM works w WHERE {_SPARE}", ("",)):  # noqa: S608 - ours
                if row["kind"] in PARSED or row["used"] <= until:
                    works.drop(row["id"])
        if most is not None:
            evict(store, most)
        works.release()
        return deleted, before - _count(store)


def _deleted(runs: Runs, run: str) -> bool:
    """Delete a run, but for one that another process is at."""
    try:
        runs.delete(run)
    except RunBusy:
        return False
    return True


def _count(store: Rows) -> int:
    return store.rows("SELECT count(*) AS n FROM works")[0]["n"]
