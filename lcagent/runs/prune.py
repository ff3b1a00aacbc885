"""Room in the store: what is parsed can be parsed again, and a run that has finished may be old."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

from lcagent.errors import RunBusy
from lcagent.memory.store import Store
from lcagent.runs.records import KEPT, Runs

OLD_DAYS = 30.0
"""A run that finished longer ago is old."""


def stored_bytes(folder: Path) -> int:
    """Bytes on the disk of all runs, checkpoints and parsed documents.

    Args:
        folder: where the store lies.
    """
    return sum(file.stat().st_size for file in folder.glob("*.db*") if file.is_file())


def evict(store: Store, limit: int) -> int:
    """Delete the least recently used parsed documents and segmentations until a store keeps to a limit.

    What an unfinished run uses stays; so do runs.

    Args:
        store: the store.
        limit: bytes.

    Returns:
        How many went.
    """
    excess = store.size() - limit
    if excess <= 0:
        return 0
    rows = store.rows(
        "SELECT 'documents' AS kept, key, used, length(text) + length(meta) AS size FROM documents"
        " UNION ALL SELECT 'segmentations', key, used, length(spans) FROM segmentations ORDER BY used"
    )
    busy = "SELECT u.kept, u.key FROM uses u JOIN runs r ON r.id = u.run WHERE r.status != 'finished'"
    needed = {(row["kept"], row["key"]) for row in store.rows(busy)}
    gone = 0
    with store.transaction():
        for row in rows:
            if excess <= 0:
                break
            if (row["kept"], row["key"]) not in needed:
                store.execute(f"DELETE FROM {row['kept']} WHERE key = ?", (row["key"],))  # noqa: S608 - ours
                excess -= row["size"]
                gone += 1
    if gone:
        store.release()
    return gone


def prune(folder: Path, *, older_than: float | None, most: int | None) -> tuple[int, int]:
    """Delete old finished runs, and parsed documents that no run uses.

    Args:
        folder: where the store lies.
        older_than: days since a run finished after which it goes; None: `OLD_DAYS`, or none for its age where
            `most` is given.
        most: bytes; beyond them the oldest finished runs go too, and then the least recently used parsed
            documents.

    Returns:
        How many runs went, and how many parsed documents and segmentations.
    """
    with closing(Store.open(folder)) as store:
        runs, before = Runs(store), _parsed(store)
        days = OLD_DAYS if older_than is None and most is None else older_than
        until = float("-inf") if days is None else time.time() - days * 86400
        deleted = 0
        for row in store.rows("SELECT id, updated FROM runs WHERE status = 'finished' ORDER BY updated"):
            if row["updated"] <= until or (most is not None and store.size() > most):
                deleted += _deleted(runs, row["id"])
        with store.transaction():
            for kept in KEPT:
                sql = f"DELETE FROM {kept} WHERE key NOT IN (SELECT key FROM uses WHERE kept = ?)"  # noqa: S608 - ours
                store.execute(sql, (kept,))
        if most is not None:
            evict(store, most)
        store.release()
        return deleted, before - _parsed(store)


def _deleted(runs: Runs, run: str) -> bool:
    """Delete a run, but for one that another process is at."""
    try:
        runs.delete(run)
    except RunBusy:
        return False
    return True


def _parsed(store: Store) -> int:
    return sum(store.rows(f"SELECT count(*) AS n FROM {kept}")[0]["n"] for kept in KEPT)  # noqa: S608 - ours
