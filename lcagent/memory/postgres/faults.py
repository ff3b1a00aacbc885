"""What goes wrong with a PostgreSQL, in words of our own; passwords are in none of them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg_pool import PoolTimeout

from lcagent.errors import StoreAway, StoreBusy, StoreDamaged, StoreError
from lcagent.place import Place
from lcagent.text import without_password

_AGAIN = "what is finished is kept: the same command goes on once it is there again"
GONE = ("57P01", "57P02", "57P03", "08")
"""How SQLSTATEs begin where the server ends, or begins, or the connection to it is lost."""
_REFUSED = ("28",)
_KINDS: Sequence[tuple[tuple[str, ...], type[StoreError], str, str]] = (
    (
        _REFUSED,
        StoreError,
        "does not let us in",
        "--store or LCAGENT_STORE holds who and a password, or ~/.pgpass",
    ),
    (GONE, StoreAway, "cannot be reached", _AGAIN),
    (("53100",), StoreError, "has no room", "its disk is full; make room there"),
    (("55P03", "40P01", "40001", "53300", "25P03", "57014"), StoreBusy, "is busy", _AGAIN),
    (
        ("42P01", "42703", "3F000"),
        StoreDamaged,
        "does not have the tables of its version",
        "restore it from a backup, or name another one with LCAGENT_STORE or --store",
    ),
    (
        ("42501", "25006"),
        StoreError,
        "lets us keep nothing",
        "its user needs the right to make schemas: GRANT CREATE ON DATABASE … TO …",
    ),
    (("54000",), StoreError, "holds no name as long as this", "of a key or an element it takes 2,700 bytes"),
    (("3D000",), StoreError, "has no such database", "createdb makes one"),
)
"""What is said of a server, and what may help, by how SQLSTATEs begin."""

_SAID = {"password": "28", "database": "3D000"}
"""SQLSTATEs by what a refusal speaks of."""


def shown(place: Place) -> str:
    """A place as it may be shown."""
    return without_password(place.server)


@contextmanager
def told(place: Place) -> Generator[None]:
    """Tell a fault of a server in words of our own; an error in a statement stays as it is.

    Args:
        place: where it is.

    Raises:
        StoreAway: it cannot be reached, or says nothing.
        StoreBusy: others hold what is wanted for too long.
        StoreDamaged: its tables are not those of its version.
        StoreError: it refuses.
    """
    try:
        yield
    except (psycopg.Error, PoolTimeout) as error:
        fault = _fault(place, error)
        if fault is None:
            raise
        raise fault from error


def lost(error: psycopg.Error) -> bool:
    """Whether the connection is lost, and another one may do."""
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        return True
    return bool(error.sqlstate and error.sqlstate.startswith(GONE))


def _fault(place: Place, error: psycopg.Error | PoolTimeout) -> StoreError | None:
    why = " ".join(str(error).split("\n", 1)[0].split())
    code = getattr(error, "sqlstate", None) or _of_a_refusal(why)
    for begins, kind, what, hint in _KINDS:
        if code.startswith(begins):
            return kind(f"{shown(place)} {what}: {why}", hint=hint)
    return None


def _of_a_refusal(why: str) -> str:
    """The SQLSTATE of a connection that was not made, of which none is told."""
    _, _, said = why.partition("FATAL:")
    return next((code for word, code in _SAID.items() if f"{word} " in said), GONE[0])
