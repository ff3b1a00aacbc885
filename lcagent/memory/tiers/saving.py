"""How the memory of conversations is saved where its file is damaged (`lcagent.memory.repair`)."""

from __future__ import annotations

from lcagent.memory.repair import Kept, json_kept, packed_kept
from lcagent.memory.store import Store
from lcagent.memory.tiers import index
from lcagent.memory.tiers.bitmaps import from_blob
from lcagent.memory.tiers.entries import Entries
from lcagent.memory.tiers.leases import Lease
from lcagent.memory.tiers.tables import FILE, STEPS


def _follows(store: Store) -> None:
    """Make again what follows from the entries: the index of their words, and what of them holds no more."""
    store.execute("UPDATE sessions SET holder = '', until = 0")
    store.execute(
        "INSERT INTO sessions"
        " SELECT tenant, session, max(recorded), 0, '', 0 FROM entries WHERE TRUE GROUP BY tenant, session"
        " ON CONFLICT DO NOTHING"
    )
    for (tenant,) in store.execute("SELECT DISTINCT tenant FROM sessions"):
        index.rebuild(store, tenant)
    for row in store.rows("SELECT tenant, session FROM sessions"):
        with Lease(store, row["tenant"], row["session"]).held() as fence:
            Entries(store, row["tenant"], row["session"], fence=fence).rebuild()


MEMORY = Kept(
    FILE,
    STEPS,
    ("entries", "rests", "sessions", "attached", "items"),
    checks={
        ("entries", "data"): json_kept,
        ("attached", "meta"): json_kept,
        ("attached", "text"): packed_kept,
        ("items", "value"): json_kept,
        ("postings", "ids"): from_blob,
    },
    words=frozenset({("entries", "text")}),
    renew=_follows,
)
"""What was said, what was attached, what programs keep; vectors are made again when they are next needed."""
