"""Databases looked through, and saved as far as they can be read (docs/design/0028-storage-faults.md).

What was written by a person or paid for is copied row by row into a new file; what follows from it is made
again from there. The damaged file stays beside, as it was.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import struct
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from lcagent.errors import StoreBusy, StoreError
from lcagent.memory.migrations import STEPS, Steps
from lcagent.memory.parsed import PARSED
from lcagent.memory.sqlite import LEAST_BYTES, PRIMARY, discard, told, unkept
from lcagent.memory.store import FILE as RUNS_FILE
from lcagent.memory.store import Store
from lcagent.private import private_file

_LAST_ROWID = (1 << 63) - 1
_UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading a damaged place raises; the second where SQLite complains of a name that is no text."""
_UNUSABLE = (ValueError, TypeError, LookupError, zlib.error, struct.error)
"""What a check of a damaged value raises."""
_NEAR = 256
"""Numbers behind a damaged place that are tried one by one."""
_BESIDE = ("", "-wal", "-shm")
"""What the files of one database end in."""
_FAULTS = 3
"""Complaints of SQLite that are told."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How one kind of database is saved.

    Args:
        name: of the file.
        steps: make its tables.
        tables: what is copied; all else follows from it.
        checks: by table and column, what a value must pass; a row that does not cannot be used.
        words: by table and column, texts of people's that are kept with U+FFFD for what is damaged in them.
        renew: makes what follows, in the new file.
    """

    name: str
    steps: Steps
    tables: tuple[str, ...]
    checks: Mapping[tuple[str, str], Callable[[Any], object]] = field(default_factory=dict)
    words: frozenset[tuple[str, str]] = frozenset()
    renew: Callable[[Store], None] = lambda _: None


@dataclass(slots=True)
class Repaired:
    """What became of a damaged file: rows that are saved, places at which some are lost, where it is now."""

    saved: dict[str, int]
    lost: dict[str, int]
    aside: Path


def json_kept(value: Any) -> None:
    """Raise ValueError or TypeError for what is neither JSON nor missing."""
    if value is not None:
        json.loads(value)


def packed_kept(value: Any) -> None:
    """Raise an error for what is neither compressed nor missing."""
    if value is not None:
        zlib.decompress(value)


def faults(path: Path, kept: Kept | None = None) -> list[str]:
    """What is wrong with a database; nothing where it is sound, or is not there.

    Args:
        path: the file.
        kept: also look at what its rows hold.

    Raises:
        StoreBusy: another program keeps it locked.
    """
    if not path.exists():
        return []
    if path.stat().st_size < LEAST_BYTES:
        return ["it is empty"]
    check = "integrity_check" if kept is not None else "quick_check"
    try:
        if kept is not None:
            Store(path, kept.steps).close()
        with told(path), closing(_opened(path)) as connection:
            found = [str(row[0]) for row in connection.execute(f"PRAGMA {check}({_FAULTS})")]
            if found == ["ok"]:
                found = [*islice(_unusable(connection, kept), _FAULTS)] if kept is not None else []
            return found
    except StoreBusy:
        raise
    except StoreError as error:
        return [error.message]
    except sqlite3.Error as error:
        return [str(error)]


def _unusable(connection: sqlite3.Connection, kept: Kept) -> Iterator[str]:
    """What of the rows is no text, or does not pass its check; and tables that are missing."""
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%'"
    )
    tables = [name for (name,) in rows]
    yield from (f"there is no table {table}" for table in kept.tables if table not in tables)
    for table in tables:
        cursor = connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - its own name
        names = [column[0] for column in cursor.description]
        checks = [(at, kept.checks.get((table, name))) for at, name in enumerate(names)]
        for row in cursor:
            for at, check in checks:
                try:
                    if isinstance(row[at], str):
                        row[at].encode()  # half a surrogate pair stands for a byte that is no text
                    if check is not None:
                        check(row[at])
                except _UNUSABLE as error:
                    yield f"{names[at]} of {table}: {type(error).__name__}"


def repaired(folder: Path, kept: Kept) -> Repaired:
    """Save what can be read of a damaged database into a new one, which takes its place.

    Args:
        folder: where it lies.
        kept: what it is.

    Raises:
        StoreBusy: another process has it open.
        StoreError: there is no room for a copy.
    """
    path = folder / kept.name
    with tempfile.TemporaryDirectory(dir=folder, prefix=".repair-") as made:
        scratch = Path(made)
        try:
            for end in _BESIDE[:2]:
                with suppress(FileNotFoundError):
                    shutil.copy(f"{path}{end}", scratch / f"old.db{end}")
        except OSError as error:
            raise unkept(folder, str(error.strerror)) from error
        _alone(path)
        saved, lost = _saved(scratch, kept)
        aside = _aside(path)
        (scratch / kept.name).replace(path)
    return Repaired(saved, lost, aside)


def _saved(scratch: Path, kept: Kept) -> tuple[dict[str, int], dict[str, int]]:
    """Copy what can be read of `old.db` in a folder into a new database beside it.

    Returns:
        Rows that are saved, and places at which some are lost, by table.
    """
    saved, lost = dict[str, int](), dict[str, int]()
    with closing(Store(scratch / kept.name, kept.steps)) as fresh:
        with closing(_opened(scratch / "old.db")) as old:
            _mend_schema(old, fresh)
        with closing(_opened(scratch / "old.db")) as old, fresh.transaction():
            for table in kept.tables:
                saved[table], places = _copied(old, fresh, kept, table)
                if places:
                    lost[table] = places
        kept.renew(fresh)
        fresh.rewrite()
    return saved, lost


def set_aside(path: Path) -> Path:
    """Take a damaged database that can be made again out of the way; returns where it is now."""
    _alone(path)
    return _aside(path)


def _aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
    for end in _BESIDE:
        with suppress(FileNotFoundError):
            Path(f"{path}{end}").replace(f"{aside}{end}")
    private_file(aside)
    discard(path)
    return aside


def _alone(path: Path) -> None:
    """Make sure that nobody else has a database open: who has it would write into the damaged file.

    Raises:
        StoreBusy: somebody has.
    """
    with suppress(*_UNREADABLE), closing(_opened(path)) as connection:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & PRIMARY != sqlite3.SQLITE_BUSY:
                return
            raise StoreBusy(
                f"another process has {path} open",
                hint="end it, then repair again: what it writes meanwhile would be lost",
            ) from error


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=1.0, isolation_level=None)
    # Half a surrogate pair stands for each byte that is no text.
    connection.text_factory = _as_text
    return connection


def _as_text(kept: bytes) -> str:
    return kept.decode("utf-8", "surrogateescape")


def _mend_schema(old: sqlite3.Connection, fresh: Store) -> None:
    """Have the damaged copy tell its tables as they were made, so that their rows can be asked for."""
    wanted = {row["name"]: row["sql"] for row in fresh.rows("SELECT name, sql FROM sqlite_master")}
    with suppress(*_UNREADABLE):
        old.execute("PRAGMA writable_schema=ON")
        for rowid, kind, name, sql in old.execute(
            "SELECT rowid, type, name, sql FROM sqlite_master"
        ).fetchall():
            if kind == "table" and name in wanted and sql != wanted[name] and _is_broken(sql):
                old.execute("UPDATE sqlite_master SET sql = ? WHERE rowid = ?", (wanted[name], rowid))
            elif kind != "table" and sql and _is_broken(sql):
                old.execute("DELETE FROM sqlite_master WHERE rowid = ?", (rowid,))


def _is_broken(sql: Any) -> bool:
    """Whether a table's statement makes no table any more."""
    try:
        with closing(sqlite3.connect(":memory:")) as trial:
            trial.execute(str(sql))
    except UnicodeEncodeError:  # a byte of it is no text
        return True
    except sqlite3.Error as error:
        return "syntax" in str(error) or "unrecognized" in str(error)
    return False


def _copied(old: sqlite3.Connection, fresh: Store, kept: Kept, table: str) -> tuple[int, int]:
    """Copy the rows of a table that can be read and used; how many, and at how many places some cannot."""
    saved = lost = 0
    columns = [row["name"] for row in fresh.rows(f"PRAGMA table_info({table})")]
    marks = ",".join("?" * len(columns))
    sql = f"INSERT OR IGNORE INTO {table} ({','.join(columns)}) VALUES ({marks})"  # noqa: S608 - ours
    old.execute("PRAGMA writable_schema=ON")  # a file that is shorter than it says can be read then
    for row in _rows(old, table, ",".join(f'"{name}"' for name in columns)):
        values = None if row is None else _usable(dict(zip(columns, row, strict=True)), kept, table)
        done = 0
        if values is not None:
            with suppress(sqlite3.IntegrityError):  # what it belongs to is lost
                done = fresh.execute(sql, tuple(values[name] for name in columns)).rowcount
        saved, lost = saved + done, lost + (not done)
    return saved, lost


def _usable(row: dict[str, Any], kept: Kept, table: str) -> dict[str, Any] | None:
    """A row as it can be kept; None where nothing can be done with it."""
    for name, value in row.items():
        if isinstance(value, str) and not value.isascii() and (whole := _whole(value)) != value:
            if (table, name) not in kept.words:
                return None
            row[name] = whole
    try:
        for (of, name), check in kept.checks.items():
            if of == table:
                check(row[name])
    except _UNUSABLE:
        return None
    return row


def _whole(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _rows(old: sqlite3.Connection, table: str, names: str) -> Iterator[tuple[Any, ...] | None]:
    """The rows of a table in order; None for each place at which some cannot be read."""
    try:
        old.execute(f"SELECT rowid FROM {table} LIMIT 0")  # noqa: S608 - ours
    except _UNREADABLE as error:
        if "no such column: rowid" in str(error):
            yield from _from_both_ends(old, table, names)
        else:
            yield None
        return
    sql = f"SELECT rowid, {names} FROM {table} WHERE rowid >= ? ORDER BY rowid"  # noqa: S608 - ours
    start = -_LAST_ROWID
    while True:
        try:
            for row in old.execute(sql, (start,)):
                start = row[0] + 1
                yield tuple(row[1:])
        except _UNREADABLE:
            yield None
            behind = _behind(old, sql, start)
            if behind is None:
                return
            start = behind
        else:
            return


def _behind(old: sqlite3.Connection, sql: str, start: int) -> int | None:
    """The first number behind a damaged place from which rows can be read again; None: there is none."""

    def readable(number: int) -> bool:
        try:
            old.execute(f"{sql} LIMIT 1", (number,)).fetchone()
        except _UNREADABLE:
            return False
        return True

    start = max(start, 0)
    for step in range(1, _NEAR):
        if readable(start + step):
            return start + step
    low, high = start + _NEAR, start + 2 * _NEAR
    while not readable(high):
        if high == _LAST_ROWID:
            return None
        low, high = high, min(_LAST_ROWID, 2 * high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if readable(middle) else (middle, high)
    return high


def _from_both_ends(old: sqlite3.Connection, table: str, names: str) -> Iterator[tuple[Any, ...] | None]:
    """The rows of a table that has no rowids, up to a damaged place, and back to it from the end."""
    seen = set[tuple[Any, ...]]()
    keys = [row[1] for row in old.execute(f"PRAGMA table_info({table})") if row[5]]
    for order in ("ASC", "DESC"):
        by = ", ".join(f'"{key}" {order}' for key in keys)
        try:
            for row in old.execute(f"SELECT {names} FROM {table} ORDER BY {by}"):  # noqa: S608 - ours
                if row not in seen:
                    seen.add(row)
                    yield row
        except _UNREADABLE:
            if order == "ASC":
                yield None
        else:
            return


def _begun_again(store: Store) -> None:
    """Have all that follows from finished calls made again: works are built, and runs go on, from those."""
    with store.transaction():
        store.execute("UPDATE runs SET version = NULL")
        marks = ",".join("?" * len(PARSED))
        store.execute(f"DELETE FROM works WHERE kind IN ({marks})", PARSED)  # noqa: S608 - marks
        store.execute("UPDATE works SET status = 'building'")


RUNS = Kept(
    RUNS_FILE,
    STEPS,
    ("runs", "works", "uses", "calls", "profiles", "files"),
    checks={
        ("runs", "sources"): json_kept,
        ("runs", "settings"): json_kept,
        ("runs", "answer"): json_kept,
        ("works", "exact"): json_kept,
        ("calls", "request"): packed_kept,
    },
    words=frozenset({("runs", "question"), ("runs", "error"), ("works", "name")}),
    renew=_begun_again,
)
"""Runs, works and the calls that they cost; documents are read again, facts, rows and graphs made again from
the calls, and so is the evidence of runs that are not finished."""
