"""Tables of an earlier version in a PostgreSQL: brought up to the newest by SQLite's own steps."""

import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from lcagent.errors import SettingsError
from lcagent.memory.described import statements
from lcagent.memory.migrations import STEPS, Steps
from lcagent.memory.opening import opened
from lcagent.memory.rows import Rows
from lcagent.memory.served.keys import Keys
from lcagent.memory.served.tables import STEPS as SERVED
from lcagent.memory.tiers.tables import STEPS as MEMORY
from lcagent.place import Place
from tests.cluster import Cluster

pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
KINDS = {"runs": ("lcagent.db", STEPS), "memory": ("memory.db", MEMORY), "server": ("server.db", SERVED)}
STOOD = {"runs": 7, "memory": 4, "server": 2}
"""The versions of the first tables in a PostgreSQL."""


class Forgetful(dict[tuple[str, str], str]):
    """As if each store were opened by a process of its own."""

    def __contains__(self, _: object) -> bool:
        return False


@pytest.fixture(autouse=True)
def processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lcagent.memory.postgres.store._prepared", Forgetful())


@pytest.fixture
def anywhere(cluster: Cluster, home: Path) -> Callable[[], Place]:
    """Gives a new place each time."""
    return lambda: Place(home, f"{cluster.url}#{secrets.token_hex(8)}")


def shape(store: Rows, kind: str, place: Place) -> set[tuple[str, ...]]:
    """All that makes tables what they are: columns, keys, references, checks, indices."""
    schema = f"lcagent_{kind}_{place.name}"
    asked = (
        "SELECT table_name, column_name, data_type, is_nullable, coalesce(column_default, ''), is_identity,"
        " coalesce(collation_name, '') FROM information_schema.columns WHERE table_schema = ?",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = ?",
        "SELECT c.conrelid::regclass::text, pg_get_constraintdef(c.oid) FROM pg_constraint c"
        " JOIN pg_namespace n ON n.oid = c.connamespace WHERE n.nspname = ?",
    )
    rows = [tuple(row.values()) for sql in asked for row in store.rows(sql, (schema,))]
    assert len(rows) > 20
    return {tuple(str(value).replace(place.name, "") for value in row) for row in rows}


LEFT = {"server": "spent"}
"""A table that stays for processes of an older version (`STEPS_OF_OUR_OWN`)."""


def brought(place: Place, kind: str, steps: Steps, since: int) -> set[tuple[str, ...]]:
    """The tables of a version, brought to the newest."""
    file, _ = KINDS[kind]
    opened(place, file, steps[:since]).close()
    with closing(opened(place, file, steps)) as store:
        assert store.rows("SELECT number FROM version") == [{"number": len(steps)}]
        return shape(store, kind, place)


def fresh(place: Place, kind: str, steps: Steps) -> set[tuple[str, ...]]:
    with closing(opened(place, KINDS[kind][0], steps)) as store:
        return shape(store, kind, place)


@pytest.mark.parametrize("kind", KINDS)
def test_each_step_brings_older_tables_to_what_is_made_anew(anywhere: Callable[[], Place], kind: str) -> None:
    """Who adds one that SQLite's statements cannot take here is told so by this test (`STEPS_OF_OUR_OWN`).

    Steps from before there was a PostgreSQL are taken too, where they say nothing of SQLite's own.
    """
    _, steps = KINDS[kind]
    own = [
        bool({"SELECT", "DROP"} & {said.split()[0] for said in statements(steps, n)})
        for n in range(1, len(steps) + 1)
    ]
    first = max((n for n in range(1, STOOD[kind] + 1) if own[n - 1]), default=1)
    assert first < STOOD[kind] <= len(steps)
    whole = fresh(anywhere(), kind, steps)
    for since in range(first, len(steps)):
        found = brought(anywhere(), kind, steps, since)
        left = {row for row in found if LEFT.get(kind, "?") in row[0]}
        assert found - left == whole and bool(left) == (kind == "server" and since < 3)


def test_what_was_spent_before_jobs_were_told_apart_counts(anywhere: Callable[[], Place]) -> None:
    place, today = anywhere(), time.strftime("%Y-%m-%d", time.gmtime())
    with closing(opened(place, "server.db", SERVED[:2])) as store:
        for day in ("2020-01-01", today):
            store.execute("INSERT INTO spent (tenant, day, tokens) VALUES ('t', ?, 5)", (day,))
    with closing(opened(place, "server.db", SERVED)) as store:
        keys = Keys(store)
        for job in ("one", "one", "other"):  # as where the connection was lost in the commit
            keys.spend("t", job, 10)
        assert (keys.spent("t"), keys.spent("u")) == (25, 0)
        assert store.rows("SELECT count(*) AS n FROM spendings") == [{"n": 3}]


def added(connection: sqlite3.Connection) -> None:
    """What a step may do: more columns, tables, indices, other values."""
    for statement in (
        "ALTER TABLE sessions ADD COLUMN title TEXT NOT NULL DEFAULT ''",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT NOT NULL, at REAL, bytes BLOB)",
        "CREATE INDEX notes_session ON notes (session, at)",
        "UPDATE sessions SET title = 'the 100% of ' || session WHERE session LIKE 'a%'",
        "INSERT INTO notes (session) SELECT session FROM sessions",
    ):
        connection.execute(statement)


def kept(place: Place) -> None:
    with closing(opened(place, "memory.db", MEMORY)) as store:
        sql = "INSERT INTO sessions (tenant, session, created, fence, holder, until) VALUES ('t', 'a', 0, 0, '', 0)"
        store.execute(sql)


def test_one_process_takes_a_step_while_others_wait(anywhere: Callable[[], Place]) -> None:
    place, steps = anywhere(), (*MEMORY, added)
    kept(place)
    ready = threading.Barrier(4)

    def told(_: int) -> list[dict[str, object]]:
        ready.wait()
        with closing(opened(place, "memory.db", steps)) as store:
            return store.rows("SELECT s.title, n.id FROM sessions s JOIN notes n ON n.session = s.session")

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(told, range(4))) == [[{"title": "the 100% of a", "id": 1}]] * 4
    with closing(opened(place, "memory.db", steps)) as store:
        assert shape(store, "memory", place) == fresh(anywhere(), "memory", steps)
    with pytest.raises(SettingsError, match="a newer lcagent made this store"):
        opened(place, "memory.db", MEMORY)


def looks(connection: sqlite3.Connection) -> None:
    """A step that goes through rows."""
    connection.execute("ALTER TABLE sessions ADD COLUMN letters INTEGER NOT NULL DEFAULT 0")
    for (session,) in connection.execute("SELECT session FROM sessions").fetchall():
        connection.execute("UPDATE sessions SET letters = ? WHERE session = ?", (len(session), session))


def other(connection: sqlite3.Connection) -> None:
    """One in words that PostgreSQL has not."""
    connection.execute("ALTER TABLE sessions ADD COLUMN letters INTEGER NOT NULL DEFAULT 0")
    connection.execute("UPDATE sessions SET letters = unicode(session)")


@pytest.mark.parametrize("step", [looks, other])
def test_a_step_that_cannot_be_taken_is_not_taken_by_half(
    anywhere: Callable[[], Place], monkeypatch: pytest.MonkeyPatch, step: Callable[[sqlite3.Connection], None]
) -> None:
    import psycopg

    place, steps = anywhere(), (*MEMORY, added, step)
    kept(place)
    with pytest.raises((ValueError, psycopg.Error), match=r"of PostgreSQL's own|unicode"):
        opened(place, "memory.db", steps)
    with closing(opened(place, "memory.db", MEMORY)) as store:
        assert shape(store, "memory", place) == fresh(anywhere(), "memory", MEMORY)
    own = (
        "ALTER TABLE {schema}.sessions ADD COLUMN letters BIGINT NOT NULL DEFAULT 0",
        "UPDATE {schema}.sessions SET letters = length(session)",
    )
    monkeypatch.setattr("lcagent.memory.postgres.schema.STEPS_OF_OUR_OWN", {("memory", len(steps)): own})
    with closing(opened(place, "memory.db", steps)) as store:
        assert store.rows("SELECT letters, title FROM sessions") == [{"letters": 1, "title": "the 100% of a"}]
        assert shape(store, "memory", place) == fresh(anywhere(), "memory", steps)
