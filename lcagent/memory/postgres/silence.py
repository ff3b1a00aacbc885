"""Connections that notice when nothing comes any more.

One may stay open and pass nothing: the other machine has lost its power, a NAT has forgotten it, a proxy
hangs. What is not acknowledged libpq notices by itself (`LIVELY`); a proxy that hangs acknowledges
everything. So whoever waits for a reply counts the seconds in which nothing came, and nothing could be sent:
a statement may take as long as it likes while its bytes move. docs/design/0038-silent-networks.md has the
reasons.
"""

from __future__ import annotations

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


class Connection(psycopg.Connection[Any]):
    """One that is closed, and fails as a lost one does, when nothing has come for some seconds."""

    silent = SILENT

    def wait(self, gen: PQGen[T], *args: Any, **more: Any) -> T:
        """See there.

        Raises:
            OperationalError: nothing came.
        """
        return super().wait(_heard(gen, self.pgconn, self.silent), *args, **more)


class AsyncConnection(psycopg.AsyncConnection[Any]):
    """The same for an event loop."""

    silent = SILENT

    async def wait(self, gen: PQGen[T], *args: Any, **more: Any) -> T:
        """See there.

        Raises:
            OperationalError: nothing came.
        """
        return await super().wait(_heard(gen, self.pgconn, self.silent), *args, **more)


def _heard(gen: PQGen[T], connection: PGconn, silent: float) -> PQGen[T]:
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
            connection.finish()
            raise psycopg.OperationalError(f"nothing came from it for {silent:g} s")
