"""Connections that notice when nothing comes any more.

One may stay open and pass nothing: the other machine has lost its power, a NAT has forgotten it, a proxy
hangs. What is not acknowledged libpq notices by itself (`LIVELY`); a proxy that hangs acknowledges
everything. So whoever waits for a reply counts the seconds in which nothing came, and nothing could be sent.
Then the server is asked over another connection whether it is still at the statement, which may take as long
as it likes. docs/design/0038-silent-networks.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGconn

T = TypeVar("T")

SILENT = 30.0
"""Seconds without a byte after which a connection is given up: more than a statement waits for a lock."""
LIVELY: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
"""How libpq is told to notice what is not acknowledged, within half a minute."""


_AT_IT = (
    "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND state = 'active'"
    " AND wait_event_type IS DISTINCT FROM 'Client'"  # it would have sent its reply, or has not got all
)


class _Brief(psycopg.Connection[Any]):
    """One that is closed, and fails as a lost one does, when nothing has come for some seconds."""

    silent = 10.0

    def wait(self, gen: PQGen[T], *args: Any, **more: Any) -> T:
        """See there.

        Raises:
            OperationalError: nothing came.
        """
        return super().wait(_heard(gen, self.pgconn, self.silent, self.is_at_it), *args, **more)

    def is_at_it(self) -> bool:
        """Whether the server is still at the statement that is waited for."""
        return False


class Connection(_Brief):
    """The same, but that a statement may take long."""

    silent = SILENT

    def is_at_it(self) -> bool:
        """Whether the server is still at it: it says so over another connection.

        Behind PgBouncer it does not, since there a client is not told which of the server's processes it has.
        """
        try:
            with _Brief.connect(self.info.dsn, password=self.info.password, **LIVELY) as asked:
                return asked.execute(_AT_IT, (self.info.backend_pid,)).fetchone() is not None
        except psycopg.Error:
            return False


class AsyncConnection(psycopg.AsyncConnection[Any]):
    """The same for an event loop, of which no statement takes long."""

    silent = SILENT

    async def wait(self, gen: PQGen[T], *args: Any, **more: Any) -> T:
        """See there.

        Raises:
            OperationalError: nothing came.
        """
        heard = _heard(gen, self.pgconn, self.silent, lambda: False)
        return await super().wait(heard, *args, **more)


def _heard(gen: PQGen[T], connection: PGconn, silent: float, at_it: Callable[[], bool]) -> PQGen[T]:
    """What waits for a reply, told each 0.1 s that nothing came; notifications may be waited for for ever."""
    ready: Any = None
    last = monotonic()
    while True:
        try:
            wanted = gen.send(ready)
        except StopIteration as ended:
            return ended.value
        ready = yield wanted
        if ready:
            last = monotonic()
        elif monotonic() - last > silent and connection.transaction_status == TransactionStatus.ACTIVE:
            if not at_it():
                connection.finish()
                raise psycopg.OperationalError(f"nothing came from it for {silent:g} s")
            last = monotonic()
