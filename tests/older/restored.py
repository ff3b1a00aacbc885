"""A store of this folder, as an older version has left it, put where a test may open it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from lcagent.place import Place

HERE = Path(__file__).parent
ALL = ("nov28/files", "nov29/files", "nov29/postgres")
"""Which there are."""


def restored(which: str, home: Path, database: str) -> Place:
    """Put one there.

    Args:
        which: of `ALL`.
        home: a folder that is made.
        database: an empty one in a PostgreSQL; unused for files.
    """
    kept = HERE / which
    for table in kept.glob("boats.jsonl"):
        shutil.copy(table, home.parent)
    if which.endswith("postgres"):
        import psycopg

        with psycopg.connect(database, autocommit=True) as made:
            script: Any = (kept / "all.sql").read_text("utf-8")
            made.execute(script)
        return Place(home, database)
    for path in (path for path in (kept / "home").rglob("*") if path.is_file()):
        to = home / path.relative_to(kept / "home")
        to.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix != ".sql":
            shutil.copy(path, to)
            continue
        with closing(sqlite3.connect(to.with_suffix(".db"), isolation_level=None)) as made:
            made.executescript(path.read_text("utf-8"))
    return Place(home)
