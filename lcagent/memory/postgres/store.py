"""A store in PostgreSQL (`lcagent.memory.rows.Rows`), over the connections that its process shares.

Nothing is set in a connection beyond a transaction, so that PgBouncer may give each transaction another one.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg_pool import PoolTimeout

from lcagent.errors import LcagentError, StoreError
from lcagent.memory.migrations import Steps
from lcagent.memory.postgres import leases
from lcagent.memory.postgres.faults import lost, told
from lcagent.memory.postgres.leases import Held, leased
from lcagent.memory.postgres.near import Near
from lcagent.memory.postgres.pools import WAIT, given_back, taken
from lcagent.memory.postgres.schema import dialect_of, prepare
from lcagent.memory.postgres.sizes import used
from lcagent.memory.postgres.words import Words
from lcagent.place import Place

if TYPE_CHECKING:
    from lcagent.memory.postgres.checkpoints import PoolSaver

T = TypeVar("T")
_Connection = psycopg.Connection[Any]
_BEGIN = (
    # A process that is stopped within a transaction keeps nobody else waiting for long.
    f"BEGIN; SET LOCAL idle_in_transaction_session_timeout = '{2 * WAIT:.0f}s';"
    f" SET LOCAL lock_timeout = '{WAIT:.0f}s'"
)
_prepared: dict[tuple[str, str], str] = {}
"""Schemas that this process has seen at their version, by server and name, each with where pgvector is."""


def _ours(sql: str) -> Any:
    """A statement that code alone has written."""
    return sql


class PostgresStore:
    """The rows of one kind of a place.

    Args:
        place: where.
        kind: runs, memory or server.
        steps: the tables, as SQLite makes them.

    Raises:
        StoreError: the server cannot be reached, or refuses.
        NewerVersion: a newer version made it.
    """

    def __init__(self, place: Place, kind: str, steps: Steps) -> None:
        self.place, self.dialect = place, dialect_of(place, kind, steps)
        if (known := (place.server, self.dialect.schema)) not in _prepared:
            _prepared[known] = prepare(place, kind, steps, self.dialect)
        self.near = Near(self, _prepared[known]) if _prepared[known] else None
        """What compares vectors there; None: the server has no pgvector."""
        self.held: dict[str, Held] = {}
        """The leases under which is written, by their names."""
        self.pool = taken(place)
        self._here = threading.local()
        self._closed = False

    def close(self) -> None:
        """Give its share of the connections back."""
        if not self._closed:
            self._closed = True
            given_back(self.place)

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> psycopg.Cursor[Any]:
        """Run one statement; outside a transaction it is committed when this returns.

        There it is tried again once, over another connection, where the server was started anew.

        Raises:
            StoreError: the server cannot be reached, has no room, or refuses.
            LcagentError: another process has taken what is written here.
        """
        return self._run(sql, values)

    def rows(self, sql: str, values: tuple[Any, ...] | dict[str, Any] = ()) -> list[dict[str, Any]]:
        """Run one query."""
        found = self._run(sql, values)
        names = [column.name for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found]

    def execute_many(self, sql: str, values: Iterable[tuple[Any, ...] | dict[str, Any]]) -> None:
        """Run one statement for each of some values, in one go and one transaction.

        Outside of one it is tried again as `execute` does; errors likewise.
        """
        statement, every = self.dialect.turned(sql), list(values)

        def work(connection: _Connection) -> None:
            with connection.pipeline():  # what is between two of its synchronisations is one transaction
                if self.held and not self._within:
                    connection.execute(self.fences())
                connection.cursor().executemany(_ours(statement), every)

        with self.told():
            if self._within:
                work(self._current)
            else:
                self.over(work)

    def insert_many(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Insert rows in one transaction; a row that stands there already stays as it is."""
        if rows:
            names, values = ",".join(rows[0]), ",".join(f":{name}" for name in rows[0])
            self.execute_many(
                f"INSERT INTO {table} ({names}) VALUES ({values}) ON CONFLICT DO NOTHING",  # noqa: S608 - ours
                rows,
            )

    def transaction(self) -> AbstractContextManager[None]:
        """Everything in it, or nothing; of all such of one schema one goes on at a time, as SQLite has it.

        An inner one is part of it. Where the connection is lost, it fails, and whatever is done with it.
        """
        return self._begun()

    def locked(self, name: str, busy: LcagentError) -> AbstractContextManager[None]:
        """Be the one who writes something (`lcagent.memory.postgres.leases`)."""
        return leased(self, name, busy)

    @property
    def full_text(self) -> Words:
        """What finds facts by their words."""
        return Words(self)

    def checkpoints(self) -> AbstractContextManager[PoolSaver]:
        """The steps of runs, in the same schema."""
        from lcagent.memory.postgres.checkpoints import open_checkpoints

        return open_checkpoints(self)

    def drop_steps(self, run: str) -> None:
        """Delete the steps of a run."""
        with self.checkpoints() as saver:
            saver.delete_thread(run)

    def table(self, name: str) -> str:
        """A table with its schema."""
        return self.dialect.table(name)

    def given(self, table: str, at_least: int = 0) -> int:
        """The last id that a table has given; see `lcagent.memory.rows.Rows`."""
        sequence = self.execute("SELECT pg_get_serial_sequence(?, 'id')", (self.dialect.table(table),))
        (name,) = sequence.fetchone() or ("",)
        (last, called) = self.execute(f"SELECT last_value, is_called FROM {name}").fetchone() or (0, False)  # noqa: S608 - ours
        given = last if called else last - 1
        if given < at_least:
            self.execute("SELECT setval(?::regclass, ?)", (name, at_least))
        return max(given, at_least)

    def size(self, scope: str = "") -> int:
        """About how many bytes rows take, without those of steps; see `lcagent.memory.rows.Rows`."""
        return used(self, scope)

    def now(self) -> float:
        """Seconds since 1970, by the server's clock: those of its clients differ."""
        return float(self.execute(f"SELECT {leases.NOW}").fetchone()[0])  # type: ignore[index]

    def engine(self) -> str:
        """What keeps it, and its version."""
        with self.told(), self.pool.connection() as connection:
            version = connection.info.parameter_status("server_version")
        return f"PostgreSQL {version}{' with pgvector' if self.near else ''}"

    def release(self) -> None:
        """Nothing: the server does it when it is at rest (autovacuum)."""

    def rewrite(self) -> bool:
        """False: what was deleted stays in the server's files until it writes over it (autovacuum), and in
        its log and backups for as long as these are kept."""
        return False

    @property
    def _current(self) -> _Connection:
        return self._here.connection

    @property
    def _within(self) -> bool:
        return getattr(self._here, "connection", None) is not None

    def _run(self, sql: str, values: tuple[Any, ...] | dict[str, Any]) -> psycopg.Cursor[Any]:
        statement: Any = self.dialect.turned(sql)
        with self.told():
            if self._within:
                return self._current.cursor(binary=True).execute(statement, values)
            return self.over(lambda connection: self._alone(connection, statement, values))

    def over(self, work: Callable[[_Connection], T]) -> T:
        """Do something over a connection; over another one again, once, where it was lost.

        Raises:
            psycopg.Error: whatever goes wrong.
        """
        try:
            with self.pool.connection() as connection:
                return work(connection)
        except psycopg.Error as error:
            if not lost(error):
                raise
        self.pool.drain()  # those that were lost with it: asking each takes long where none says anything
        with self.pool.connection() as connection:
            return work(connection)

    def _alone(
        self, connection: _Connection, statement: Any, values: tuple[Any, ...] | dict[str, Any]
    ) -> psycopg.Cursor[Any]:
        cursor = connection.cursor(binary=True)
        if not self.held or statement.lstrip()[:6].upper() == "SELECT":
            return cursor.execute(statement, values)
        with connection.pipeline():  # one way there and back, and one transaction
            connection.execute(self.fences())
            cursor.execute(statement, values)
        return cursor

    def fences(self) -> Any:
        """A query that fails where a lease is no longer held."""
        return self.dialect.qualified(leases.check(dict(self.held)))

    @contextmanager
    def _begun(self) -> Generator[None]:
        if self._within:
            yield
            return
        alone = f"SELECT pg_advisory_xact_lock({zlib.crc32(self.dialect.schema.encode())})"
        begin = [_BEGIN, alone]
        if self.held:
            begin.append(self.fences())
        every: Any = "; ".join(begin)
        with self.told():
            connection = self._started(every)
        try:
            self._here.connection = connection
            try:
                yield
            finally:
                self._here.connection = None
            if connection.info.transaction_status == TransactionStatus.INERROR:
                raise StoreError("a statement failed, and with it all of what was to be written together")
            with self.told():
                connection.execute("COMMIT")
        finally:
            self.pool.putconn(connection)  # undone where it was not committed

    def _started(self, begin: Any) -> _Connection:
        """A connection in a transaction; one that is dead is changed for another, as nothing is lost yet."""
        for again in (True, False):
            connection = self.pool.getconn()
            try:
                connection.execute(begin)
            except psycopg.Error as error:
                self.pool.putconn(connection)
                if not again or not lost(error):
                    raise
                self.pool.drain()
            else:
                return connection
        raise PoolTimeout("no connection")  # pragma: no cover - the second one begins or raises

    @contextmanager
    def told(self) -> Generator[None]:
        """Tell what goes wrong in words of our own (`faults`), a lease that was lost as its own error."""
        with told(self.place):
            try:
                yield
            except psycopg.Error as error:
                if error.sqlstate == leases.LOST and self.held:
                    raise next(iter(self.held.values())).busy from error
                raise
