"""The connections of this process to each PostgreSQL, shared by all stores that are open there."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from lcagent.memory.postgres.faults import told
from lcagent.memory.postgres.silence import LIVELY, Connection
from lcagent.memory.postgres.values import adapters
from lcagent.place import Place

MOST = 16
"""Connections of one process."""
WAIT = 20.0
"""Most seconds that a statement waits for a connection, a transaction for another one's end: less than after
which a silent server is given up."""
_AWAY = 1.0
"""The same where somebody has waited in vain: what is asked of a server that is away is refused soon."""
# What it says of a server that is gone is told by the statement that waits for it.
logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())
logging.getLogger("psycopg.pool").propagate = False


class Pool(ConnectionPool[psycopg.Connection[Any]]):
    """One of which the first waits long for a server that is away, and who comes after it does not."""

    _away = False

    def getconn(self, timeout: float | None = None) -> psycopg.Connection[Any]:
        """See there."""
        try:
            connection = super().getconn(timeout or (_AWAY if self._away else WAIT))
        except PoolTimeout:
            self._away = True
            raise
        self._away = False
        return connection


@dataclass(slots=True)
class _Open:
    pool: Pool
    users: int


_open: dict[str, _Open] = {}
_opening = threading.Lock()


def connect(place: Place) -> psycopg.Connection[Any]:
    """One connection, beside the pool.

    Raises:
        StoreError: the server cannot be reached, or refuses.
    """
    with told(place):
        connection = Connection.connect(place.server, autocommit=True, context=adapters(), **LIVELY)
        _configured(connection)
        return connection


def taken(place: Place) -> Pool:
    """The pool of a server, opened where it is not; `given_back` when it is no longer needed."""
    with _opening:
        if place.server not in _open:
            pool = Pool(
                place.server,
                connection_class=Connection,
                kwargs={"autocommit": True, "context": adapters(), **LIVELY},
                configure=_configured,
                min_size=1,
                max_size=MOST,
                # Its pauses between attempts double for as long as this; then who wants one begins anew.
                reconnect_timeout=WAIT,
                num_workers=1,
                open=True,
            )
            _open[place.server] = _Open(pool, 0)
        held = _open[place.server]
        held.users += 1
        return held.pool


def given_back(place: Place) -> None:
    """Close the pool of a server when the last of its users has gone."""
    with _opening:
        held = _open[place.server]
        held.users -= 1
        if held.users:
            return
        del _open[place.server]
    held.pool.close()


def _configured(connection: psycopg.Connection[Any]) -> None:
    """No statement is prepared where another connection of the server may get it.

    PgBouncer tells numbers of its own for the server's processes, by which it is known.
    """
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    if row is None or row[0] != connection.info.backend_pid:
        connection.prepare_threshold = None
