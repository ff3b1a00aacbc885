"""One writer a session: a lease in the store, with a number that grows each time it is taken.

The number fences: it is looked at in the transaction of every write, so that a process which was thought
dead, and wakes, writes nothing any more. A lease ends with its time, and at once where the process that holds
it is known to be gone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from lcagent.errors import LcagentError, SessionBusy, SessionLost
from lcagent.memory.aside import aside
from lcagent.memory.holders import gone, taking
from lcagent.memory.rows import Rows

if TYPE_CHECKING:
    from lcagent.memory.tiers.entries import Entries

SECONDS = 60.0
"""How long a lease holds that is not renewed."""
_LOOK_AGAIN = 0.1


def holds(store: Rows, entries: Entries) -> None:
    """Make sure, within a transaction, that a session may still be written; a new one is made.

    Raises:
        SessionLost: another process has taken it over.
    """
    rows = store.rows(
        "SELECT fence FROM sessions WHERE tenant = ? AND session = ?", (entries.tenant, entries.session)
    )
    if not rows:
        if entries.fence is not None:
            raise _lost(entries.session)
        _begin(store, entries.tenant, entries.session, entries.clock(), store.now())
    elif entries.fence is not None and rows[0]["fence"] != entries.fence:
        raise _lost(entries.session)


def _begin(store: Rows, tenant: str, session: str, created: float, now: float) -> int:
    # Of a session that was forgotten and begins anew the fence goes on above what it was.
    fence = int(1000 * now)
    store.execute(
        "INSERT INTO sessions (tenant, session, created, fence, holder, until) VALUES (?, ?, ?, ?, '', 0)",
        (tenant, session, created, fence),
    )
    return fence


def _lost(session: str) -> SessionLost:
    return SessionLost(
        f"session {session!r} was taken over by another process, or forgotten",
        hint="nothing of what was acknowledged is lost: open the session again",
    )


class Lease:
    """The right to write a session.

    Args:
        store: where it lies.
        tenant: whose session it is.
        session: which.
        clock: seconds since 1970; None: the store's.
    """

    def __init__(
        self, store: Rows, tenant: str, session: str, *, clock: Callable[[], float] | None = None
    ) -> None:
        self._store, self.tenant, self.session, self._clock = store, tenant, session, clock or store.now
        self.fence, self._given_back = 0, 0
        self.place, self._holder = store.place, taking()

    def take(self, wait: float = 0.0) -> int:
        """Take the lease.

        Args:
            wait: seconds to wait for whoever holds it.

        Returns:
            The fence under which is written.

        Raises:
            SessionBusy: somebody else holds it.
        """
        until = time.monotonic() + wait
        while not self.taken():
            if time.monotonic() >= until:
                raise self.busy()
            time.sleep(_LOOK_AGAIN)
        return self.fence

    def busy(self) -> SessionBusy:
        """The error of a session that somebody else holds."""
        return SessionBusy(
            f"session {self.session!r} is busy: another process is writing it",
            hint="wait for it to end, or name another session",
        )

    def taken(self) -> bool:
        """Take the lease, if nobody else holds it; whether it is ours."""
        fence: int | None = None
        try:
            with self._store.transaction():
                fence = self._noted()
        except LcagentError:
            if fence is not None:  # it may be ours all the same: a server keeps what it cannot tell of
                self._given_back = fence
            raise
        if fence is not None:
            self.fence = fence
        return fence is not None

    def _noted(self) -> int | None:
        """The fence under which it is ours now; None where somebody else holds it."""
        now = self._clock()
        rows = self._store.rows(
            "SELECT fence, holder, until FROM sessions WHERE tenant = ? AND session = ?",
            (self.tenant, self.session),
        )
        held: dict[str, Any] = {"holder": "", "until": 0.0}
        if rows:
            held = rows[0]
        else:
            held["fence"] = _begin(self._store, self.tenant, self.session, now, now)
        # One that could not be given back, as on a full disk, is ours.
        own = held["holder"] == self._holder and held["fence"] == self._given_back
        if held["holder"] and held["until"] > now and not own and not gone(held["holder"]):
            return None
        fence = int(held["fence"]) + 1
        self._store.execute(
            "UPDATE sessions SET fence = ?, holder = ?, until = ? WHERE tenant = ? AND session = ?",
            (fence, self._holder, now + SECONDS, self.tenant, self.session),
        )
        return fence

    def renew(self) -> None:
        """Hold it for longer.

        Raises:
            SessionLost: another process has taken it.
        """
        changed = self._store.execute(
            "UPDATE sessions SET until = ? WHERE tenant = ? AND session = ? AND fence = ? AND holder = ?",
            (self._clock() + SECONDS, self.tenant, self.session, self.fence, self._holder),
        )
        if not changed.rowcount:
            raise _lost(self.session)

    def release(self) -> None:
        """Give it back; nothing where another process has taken it."""
        self._given_back = self.fence
        self._store.execute(
            "UPDATE sessions SET holder = '', until = 0 WHERE tenant = ? AND session = ? AND fence = ?"
            " AND holder = ?",
            (self.tenant, self.session, self.fence, self._holder),
        )

    @contextmanager
    def held(self, wait: float = 0.0) -> Generator[int]:
        """Hold it for a while; arguments and errors as for `take`."""
        fence = self.take(wait)
        try:
            yield fence
        finally:
            self.release()


@asynccontextmanager
async def leased(lease: Lease, wait: float) -> AsyncGenerator[int]:
    """Hold a session's lease, renewed for as long as it takes.

    Args:
        lease: of the session.
        wait: seconds to wait for whoever holds it.

    Raises:
        SessionBusy: somebody else holds it.
        SessionLost: it was taken over meanwhile.
    """
    fence = await _taken(lease, wait)
    whole = asyncio.current_task()
    lost: list[BaseException] = []

    async def renew() -> None:
        try:
            while True:
                await asyncio.sleep(SECONDS / 3)
                await asyncio.to_thread(lease.renew)
        except Exception as error:  # noqa: BLE001 - raised below, in the turn itself
            lost.append(error)
            if whole is not None:
                whole.cancel()

    renewing = asyncio.create_task(renew())
    try:
        yield fence
    except asyncio.CancelledError:
        if lost:
            raise lost[0] from None
        raise
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        await aside(lease.place, lease.release)


async def _taken(lease: Lease, wait: float) -> int:
    """Take a lease; where the turn is given up meanwhile, it is given back.

    It waits outside of any thread: whoever holds the lease needs one of them to go on.
    """
    until = time.monotonic() + wait
    while not await _taken_now(lease):
        if time.monotonic() >= until:
            raise lease.busy()
        await asyncio.sleep(_LOOK_AGAIN)
    return lease.fence


async def _taken_now(lease: Lease) -> bool:
    taking = asyncio.create_task(asyncio.to_thread(lease.taken))
    try:
        return await asyncio.shield(taking)
    except asyncio.CancelledError:
        (taken,) = await asyncio.gather(taking, return_exceptions=True)
        if taken is True:
            await aside(lease.place, lease.release)
        raise
