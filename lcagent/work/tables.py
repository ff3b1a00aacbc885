"""The engine's tables, and what of ours lies beside them: made and renewed by one process, all or none."""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence
from typing import LiteralString, cast

from psycopg.types.json import Jsonb

from lcagent.memory.postgres.silence import AsyncConnection

_OURS = (
    "CREATE TABLE IF NOT EXISTS lcagent_work_migrations (names jsonb NOT NULL)",
    "CREATE TABLE IF NOT EXISTS lcagent_work_queues (name text PRIMARY KEY, served timestamptz)",
)
_RENAMED = (
    "CREATE TABLE lcagent_work_renamed (name text PRIMARY KEY, now_named text NOT NULL)",
    # Whoever puts a job there: a server of an older version, or a worker of it that is told to end.
    "CREATE FUNCTION lcagent_work_rename() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " NEW.queue_name := coalesce((SELECT now_named FROM lcagent_work_renamed WHERE name = NEW.queue_name),"
    " NEW.queue_name); RETURN NEW; END $$",
    "CREATE TRIGGER lcagent_work_rename BEFORE INSERT OR UPDATE ON procrastinate_jobs"
    " FOR EACH ROW WHEN (NEW.status = 'todo') EXECUTE FUNCTION lcagent_work_rename()",
)
"""What takes jobs out of the queue of workers that cannot do them over tables of now."""
_MOVED = (
    "UPDATE procrastinate_jobs SET queue_name = now_named FROM lcagent_work_renamed"
    " WHERE queue_name = name AND name = %s AND status = 'todo'"
)


def queue_of(name: str, format: int) -> str:
    """The queue of jobs of one format.

    Args:
        name: whose work it is.
        format: see `lcagent.work.asked`.
    """
    return f"{format} {name}"


async def made(database: AsyncConnection, schema: str, queues: Sequence[str]) -> None:
    """Make the tables, or bring them to this version; its migrations are files that are run in their order.

    Args:
        database: connected; committed by who has opened it.
        schema: makes the engine's.
        queues: that of before formats had numbers, and the one which has its jobs now.
    """
    folder = importlib.resources.files("procrastinate.sql") / "migrations"
    files = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    await database.execute("SELECT pg_advisory_xact_lock(hashtext('lcagent work'))")
    for statement in _OURS:
        await database.execute(statement)
    row = await (await database.execute("SELECT names FROM lcagent_work_migrations")).fetchone()
    done = row[0] if row else []
    if row is None:
        await database.execute(cast(LiteralString, schema))
        await database.execute("INSERT INTO lcagent_work_migrations VALUES ('[]')")
    elif new := [name for name in files if name not in done]:
        for name in new:
            await database.execute(cast(LiteralString, (folder / name).read_text("utf-8")))
    if row is None or {*files} - {*done}:
        await database.execute("UPDATE lcagent_work_migrations SET names = %s", (Jsonb(files),))
    await _renamed(database, queues)


async def _renamed(database: AsyncConnection, queues: Sequence[str]) -> None:
    there = await database.execute("SELECT 1 FROM pg_tables WHERE tablename = 'lcagent_work_renamed'")
    if await there.fetchone() is None:
        for statement in _RENAMED:
            await database.execute(statement)
    sql = "INSERT INTO lcagent_work_renamed VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING name"
    if await (await database.execute(sql, tuple(queues))).fetchone() is not None:
        await database.execute(_MOVED, (queues[0],))
