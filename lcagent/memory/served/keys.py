"""Keys to the server, each bound to a tenant, and what a tenant has spent."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass

from lcagent.errors import NotFound, UsageError
from lcagent.memory.rows import Rows

PREFIX = "lca-"
OWN = "default"
"""The tenant of who asks without a key, on this machine: its folder is that of the command line."""
_TENANT_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_MOST_TENANT = 48


@dataclass(frozen=True, slots=True)
class Key:
    """A key, without its secret."""

    id: str
    tenant: str
    name: str
    created: float
    revoked: float | None


class Keys:
    """All keys.

    Args:
        store: of the first folder.
    """

    def __init__(self, store: Rows) -> None:
        self._store = store

    def create(self, tenant: str, name: str = "") -> tuple[Key, str]:
        """Make a key.

        Args:
            tenant: whose documents, runs and memories it opens.
            name: for people.

        Returns:
            The key, and its secret, which is kept nowhere.

        Raises:
            UsageError: the tenant has no proper name.
        """
        checked_tenant(tenant)
        secret = PREFIX + secrets.token_urlsafe(32)
        key = Key(f"key_{secrets.token_hex(6)}", tenant, name, time.time(), None)
        self._store.execute(
            "INSERT INTO keys (id, tenant, name, hash, created) VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING",
            (key.id, key.tenant, key.name, _hash(secret), key.created),
        )
        return key, secret

    def holder(self, secret: str) -> Key | None:
        """Whose key a secret is; None: nobody's, or it was revoked."""
        rows = self._store.rows(
            "SELECT id, tenant, name, created, revoked FROM keys WHERE hash = ? AND revoked IS NULL",
            (_hash(secret),),
        )
        return Key(**rows[0]) if rows else None

    def all(self) -> list[Key]:
        """Every key, the newest first."""
        rows = self._store.rows("SELECT id, tenant, name, created, revoked FROM keys ORDER BY created DESC")
        return [Key(**row) for row in rows]

    def revoke(self, key: str) -> Key:
        """Let a key open nothing any more.

        Raises:
            NotFound: there is none of this id, or it was revoked before.
        """
        found = next((one for one in self.all() if one.id == key and one.revoked is None), None)
        if found is None:
            raise NotFound(f"no key {key!r} that is in use", hint="`lcagent keys list` shows them")
        self._store.execute("UPDATE keys SET revoked = ? WHERE id = ?", (time.time(), key))
        return found

    def spend(self, tenant: str, job: str, tokens: int) -> None:
        """Count tokens of today; those of a job once, however often it is told. Days before are forgotten."""
        today = _today()
        self._store.execute(
            "INSERT INTO spendings (tenant, day, job, tokens) VALUES (?,?,?,?)"
            " ON CONFLICT (tenant, day, job) DO UPDATE SET tokens = excluded.tokens",
            (tenant, today, job, tokens),
        )
        self._store.execute("DELETE FROM spendings WHERE tenant = ? AND day < ?", (tenant, today))

    def spent(self, tenant: str) -> int:
        """Tokens of today."""
        (tokens,) = self._store.execute(
            "SELECT coalesce(sum(tokens), 0) FROM spendings WHERE tenant = ? AND day = ?", (tenant, _today())
        ).fetchone()
        return int(tokens)


def checked_tenant(tenant: str) -> str:
    """A tenant's name, which is that of a folder.

    Raises:
        UsageError: it is none.
    """
    if not tenant or len(tenant) > _MOST_TENANT or not set(tenant) <= _TENANT_CHARS or tenant[0] == "-":
        raise UsageError(
            f"{tenant!r} is no name of a tenant", hint="small letters, digits and hyphens: team-a"
        )
    return tenant


def _hash(secret: str) -> str:
    # A secret of 256 random bits is guessed by nobody: a slow hash would only be slow.
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())
