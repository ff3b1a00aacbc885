"""Who writes a run, or a work: a lease with a fence that grows, which is looked at with every write.

As `lcagent.memory.tiers.leases` has it for sessions, for what a file is locked for elsewhere. The server's
own locks belong to a connection, and PgBouncer gives each transaction another one. The server tells the time.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lcagent.errors import LcagentError, StoreError
from lcagent.memory.holders import gone, taking

if TYPE_CHECKING:
    from lcagent.memory.postgres.store import PostgresStore

SECONDS = 60.0
"""How long a lease holds that is not renewed."""
NOW = "extract(epoch FROM clock_timestamp())"
"""Seconds since 1970, as the server has it."""
# Of one that was given back, and is taken anew, the fence goes on above what it was.
_TAKE = """
INSERT INTO leases (name, fence, holder, until)
VALUES (:name, CAST(1000 * {_NOW} AS INTEGER), :holder, {_NOW} + :seconds)
ON CONFLICT (name) DO UPDATE SET fence = greatest(leases.fence + 1, excluded.fence),
    holder = excluded.holder, until = excluded.until
WHERE leases.until < {_NOW} OR leases.fence = :over
RETURNING fence
""".replace("{_NOW}", NOW)
_RENEW = f"UPDATE leases SET until = {NOW} + ? WHERE name = ? AND fence = ?"  # noqa: S608 - ours
LOST = "22012"
"""The error of a write under a fence that holds no more: a division by the number of leases that do."""

_left: set[tuple[str, str, int]] = set()
"""Leases that this process could not give back, as the server was away: by schema, name and fence."""


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that is held.

    Args:
        fence: under which is written.
        busy: the error of who has lost it.
    """

    fence: int
    busy: LcagentError


def check(held: dict[str, Held]) -> str:
    """A query that fails where leases are no longer held; until its transaction ends nobody takes them."""
    both = ", ".join(f"('{name.replace(chr(39), chr(39) * 2)}', {one.fence})" for name, one in held.items())
    return (
        f"SELECT 1 / CAST(count(*) = {len(held)} AS INT) FROM"  # noqa: S608 - ours
        f" (SELECT 1 FROM leases WHERE (name, fence) IN ({both}) FOR SHARE) AS held"
    )


@contextmanager
def leased(store: PostgresStore, name: str, busy: LcagentError) -> Generator[None]:
    """Hold a lease, renewed for as long as it takes.

    Args:
        store: where it lies, and what is written under it.
        name: of what is written.
        busy: raised where somebody else holds it, and by a write where somebody has taken it meanwhile.

    Raises:
        LcagentError: `busy`.
    """
    fence = _taken(store, name)
    if fence is None:
        raise busy
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(store, name, fence, ended), daemon=True)
    store.held[name] = Held(fence, busy)
    renewing.start()
    try:
        yield
    finally:
        ended.set()
        renewing.join()
        del store.held[name]
        try:
            store.execute("DELETE FROM leases WHERE name = ? AND fence = ?", (name, fence))
        except LcagentError:  # it ends with its time, and for this process at once
            _left.add((store.dialect.schema, name, fence))


def _taken(store: PostgresStore, name: str) -> int | None:
    """Take a lease: one that nobody holds, that has ended, that a dead process of this machine held, or that
    this one could not give back."""
    # Where the connection is lost in it, it is done again, and finds its own.
    own = taking()
    values = {"name": name, "holder": own, "seconds": SECONDS, "over": -1}
    if rows := store.rows(_TAKE, values):
        return int(rows[0]["fence"])
    there = _there(store, name)
    if there and there[1] != own and not gone(there[1]):
        left = (store.dialect.schema, name, there[0])
        if left not in _left:
            return None
        _left.discard(left)
    if not there or there[1] != own:
        store.rows(_TAKE, {**values, "over": there[0] if there else -1})
        there = _there(store, name)
    return there[0] if there and there[1] == own else None


def _there(store: PostgresStore, name: str) -> tuple[int, str] | None:
    """The fence of a lease, and who holds it."""
    row = store.execute("SELECT fence, holder FROM leases WHERE name = ?", (name,)).fetchone()
    return (int(row[0]), str(row[1])) if row else None


def _renew(store: PostgresStore, name: str, fence: int, ended: threading.Event) -> None:
    pause = SECONDS / 3
    while not ended.wait(pause):
        pause = SECONDS / 3
        try:
            if not store.execute(_RENEW, (SECONDS, name, fence)).rowcount:
                return  # another process has it: the next write says so
        except StoreError:
            pause = SECONDS / 60  # the server may come back before the lease ends
        except LcagentError:
            return  # likewise
