"""What endpoints were found not to take, kept between commands: for a week, or until `lcagent probe`."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from lcagent.private import private_file, private_folder
from lcagent.text import without_password

_FILE = "endpoints.json"
_SECONDS = 7 * 24 * 3600.0
"""A server is brought up to date now and then, and may take more then."""


class Row(BaseModel, frozen=True):
    """What one endpoint does not take.

    Attributes:
        address: as it may be shown, without password and key.
        model: its name there.
        fingerprint: what the server tells of the model; empty where it tells nothing.
        since: when the first of it was found out, in seconds since 1970.
        refused: names, as `Manners` has them.
    """

    address: str
    model: str
    fingerprint: str
    since: float
    refused: frozenset[str]


_ROWS: TypeAdapter[list[Row]] = TypeAdapter(list[Row])


class KeptManners:
    """What one endpoint was found not to take of requests for one model; another model, or another server at
    the address as far as it tells, is asked afresh.

    Nothing depends on it but a few requests: what cannot be read or written is not kept, and of two processes
    that write at once one may have to find out again.

    Args:
        folder: of what is kept.
        address: a URL; who logs in, and what of its query is secret, is left out.
        model: its name there.
        fingerprint: what the server tells of the model.
    """

    def __init__(self, folder: Path, address: str, model: str, fingerprint: str = "") -> None:
        self._path = folder / _FILE
        self._name = (without_password(address), model, fingerprint)

    def row(self) -> Row | None:
        """What is known; None where nothing is, or it is too old."""
        return next((row for row in self._rows() if _name(row) == self._name), None)

    def put(self, refused: frozenset[str]) -> None:
        """Keep what was found out, in place of what was known of the model at this address.

        Args:
            refused: all of it.
        """
        known = self.row()
        address, model, fingerprint = self._name
        row = Row(
            address=address,
            model=model,
            fingerprint=fingerprint,
            since=known.since if known else time.time(),
            refused=refused,
        )
        self._write([*self._others(), row])

    def forget(self) -> None:
        """Ask the endpoint for everything again."""
        if self._path.exists():
            self._write(self._others())

    def _others(self) -> list[Row]:
        return [row for row in self._rows() if _name(row)[:2] != self._name[:2]]

    def _rows(self) -> list[Row]:
        try:
            rows = _ROWS.validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return []
        now = time.time()
        return [row for row in rows if 0 <= now - row.since < _SECONDS]

    def _write(self, rows: Sequence[Row]) -> None:
        with suppress(OSError):
            private_folder(self._path.parent)
            temporary = private_file(self._path.with_suffix(f".{os.getpid()}.tmp"))
            temporary.write_bytes(_ROWS.dump_json(list(rows)))
            temporary.replace(self._path)


def _name(row: Row) -> tuple[str, str, str]:
    return row.address, row.model, row.fingerprint
