"""Where everything is kept: a folder, with SQLite files in it or a PostgreSQL in their place."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lcagent.text import without_password

URLS = ("postgresql://", "postgres://")
"""How the address of a PostgreSQL begins."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows are kept, and what is no row.

    Args:
        folder: of logs, pages, uploaded files; of the SQLite files too where there is no server.
        url: of a PostgreSQL, as libpq takes it; empty: SQLite files in the folder. What follows a `#` names
            whose rows they are: each name has schemas of its own, as it would have a folder.
    """

    folder: Path
    url: str = field(default="", repr=False)  # it may hold a password

    @property
    def server(self) -> str:
        """The address without the name."""
        return self.url.partition("#")[0]

    @property
    def name(self) -> str:
        """Whose rows they are; empty: those of who names nobody."""
        return self.url.partition("#")[2]

    def __str__(self) -> str:
        """As it may be shown: without who logs in."""
        return without_password(self.url) or str(self.folder)

    def within(self, tenant: str) -> Place:
        """The place of one of those who are served here."""
        url = f"{self.server}#{self.name}/{tenant}" if self.url else ""
        return Place(self.folder / "tenants" / tenant, url)


def place_of(where: Path | Place) -> Place:
    """A place, of which a folder alone is one."""
    return where if isinstance(where, Place) else Place(where)
