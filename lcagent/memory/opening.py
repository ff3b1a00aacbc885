"""Opens the store of a place: SQLite files in its folder, or schemas of the PostgreSQL that it names."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from lcagent.errors import SettingsError
from lcagent.memory.migrations import STEPS, Steps
from lcagent.memory.rows import Rows
from lcagent.memory.store import FILE, Store
from lcagent.place import Place, place_of


def open_store(where: Path | Place) -> Rows:
    """Open the store of runs and works, or make it.

    Raises:
        StoreError: it cannot be reached, read or written there.
        NewerVersion: a newer version made it.
        SettingsError: the packages for a PostgreSQL are missing.
    """
    return opened(where, FILE, STEPS)


@contextmanager
def using(where: Path | Place) -> Generator[Rows]:
    """The store of runs and works, open; errors as for `open_store`."""
    with closing(open_store(where)) as store:
        yield store


def opened(where: Path | Place, file: str, steps: Steps) -> Rows:
    """Open one of the stores of a place; errors as for `open_store`.

    Args:
        where: the place.
        file: the store's name in a folder, such as `memory.db`.
        steps: make its tables.
    """
    place = place_of(where)
    if not place.url:
        return Store(place.folder / file, steps)
    try:
        from lcagent.memory.postgres.store import PostgresStore
    except ImportError as error:
        raise SettingsError(
            f"a store in PostgreSQL needs further packages: {error}", hint="pip install 'lcagent[postgres]'"
        ) from error

    return PostgresStore(place, "runs" if file == FILE else file.removesuffix(".db"), steps)
