"""The index of what was said, by words and by meaning: written and deleted with the entries.

Words are in `postings`, vectors in `nearest`. A word stands in keys alone, so that with the last entry that
holds it no trace of it is left (docs/design/0020-memory-search.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lcagent.memory.rows import Rows
from lcagent.memory.tiers import nearest, postings
from lcagent.memory.tiers.bitmaps import CHUNK
from lcagent.memory.tiers.postings import SEARCHED, Said


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    tenant: str
    session: str
    kind: str
    author: str
    text: str
    valid: float


def index(store: Rows, entries: Sequence[Said]) -> None:
    """Index entries, as part of the caller's transaction or in one; kinds that are not searched are passed
    over, and what is indexed already stays as it is.

    Args:
        store: where they are kept.
        entries: cheapest some hundred at once, since each word is then written once.
    """
    with store.transaction():
        postings.add(store, [entry for entry in entries if entry.kind in SEARCHED])


def unindex(store: Rows, ids: Iterable[int]) -> None:
    """Take entries out of the index, with their vectors; before their rows are deleted, in the same
    transaction."""
    ids = list(ids)
    with store.transaction():
        postings.remove(store, _read(store, ids))
        nearest.forget(store, ids)


def rebuild(store: Rows, tenant: str) -> None:
    """Index all entries of a tenant anew, in one transaction; vectors stay."""
    with store.transaction():
        store.execute("DELETE FROM postings WHERE tenant = ?", (tenant,))
        rows = store.execute("SELECT id FROM entries WHERE tenant = ? ORDER BY id", (tenant,))
        ids = [id for (id,) in rows]
        for at in range(0, len(ids), CHUNK):
            index(store, list(_read(store, ids[at : at + CHUNK])))


def _read(store: Rows, ids: Iterable[int]) -> Iterable[_Row]:
    """The rows of entries that are searched."""
    marks = ",".join("?" * len(SEARCHED))
    for one in ids:
        row = store.execute(
            "SELECT id, tenant, session, kind, author, text, valid FROM entries"  # noqa: S608 - marks
            f" WHERE id = ? AND kind IN ({marks})",
            (one, *SEARCHED),
        ).fetchone()
        if row:
            yield _Row(*row)
