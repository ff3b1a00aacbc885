"""Finished calls: what was asked and what came back, under the key of the exact request.

A scope says whose calls they are: a run's id, or `work:` and a work's id.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
import zlib
from collections.abc import Sequence
from typing import Any

from lcagent.errors import UsageError
from lcagent.memory.aside import aside
from lcagent.memory.rows import Rows
from lcagent.models.replies import RawReply

UNUSABLE = "unusable-"
"""Begins the key of a call whose reply was of no use: no request has such a key."""
_REPLY = "text, reasoning, finish_reason, prompt_tokens, cached_tokens, completion_tokens, seconds, certainty"


class StoredJournal:
    """Finished calls of one scope (`lcagent.models.chat.Journal`).

    Which there are is read when the first one is asked for: from then on nobody else may write its scope.

    Args:
        store: where they are kept.
        scope: whose they are.
        others: scopes in which the same request may have been answered.
    """

    def __init__(self, store: Rows, scope: str, others: Sequence[str] = ()) -> None:
        self._store = store
        self._scope = scope
        self._others = others
        self._scopes: dict[str, str] | None = None
        self._loading = threading.Lock()

    async def recall(self, key: str) -> RawReply | None:
        """`get`, from an event loop."""
        if (known := self._scopes) is not None and key not in known:
            return None
        return await aside(self._store.place, self.get, key)

    async def keep(self, key: str, role: str, reply: RawReply, request: bytes) -> None:
        """`put`, from an event loop."""
        await aside(self._store.place, self.put, key, role, reply, request)

    async def drop(self, keys: Sequence[str]) -> None:
        """`forget`, from an event loop."""
        await aside(self._store.place, self.forget, keys)

    def get(self, key: str) -> RawReply | None:
        """The reply to a finished call, if there is one."""
        scope = self._known().get(key)
        if scope is None:
            return None
        sql = f"SELECT {_REPLY} FROM calls WHERE scope = ? AND key = ?"  # noqa: S608 - ours
        row = self._store.execute(sql, (scope, key)).fetchone()
        return RawReply(*row) if row else None

    def _known(self) -> dict[str, str]:
        """The scope of each call that was answered, by its key: most of those that are asked for were not."""
        with self._loading:
            if self._scopes is None:
                scopes: dict[str, str] = {}  # told when it is whole: others ask meanwhile
                for scope in (*reversed(self._others), self._scope):
                    found = self._store.execute("SELECT key FROM calls WHERE scope = ?", (scope,))
                    scopes |= {key: scope for (key,) in found}
                self._scopes = scopes
            return self._scopes

    def put(self, key: str, role: str, reply: RawReply, request: bytes) -> None:
        """Keep a reply beside its request; when this returns, both survive a SIGKILL.

        Args:
            key: names the request.
            role: which agent asked.
            reply: as it came.
            request: the body as it was sent, as JSON.
        """
        self._store.execute(
            f"INSERT INTO calls (scope, key, role, {_REPLY}, created, request)"  # noqa: S608 - ours
            " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
            (
                self._scope,
                key,
                role,
                reply.text,
                reply.reasoning,
                reply.finish_reason,
                reply.prompt_tokens,
                reply.cached_tokens,
                reply.completion_tokens,
                reply.seconds,
                reply.certainty,
                time.time(),
                zlib.compress(request, 1),
            ),
        )
        self._known()[key] = self._scope

    def forget(self, keys: Sequence[str]) -> None:
        """Replies that were of no use are not given again; their rows stay, for what they cost."""
        with self._store.transaction():
            self._store.execute_many(
                "UPDATE calls SET key = ? WHERE scope = ? AND key = ?",
                [(f"{UNUSABLE}{secrets.token_hex(8)}", self._scope, key) for key in keys],
            )
        self._scopes = None

    def usable(self) -> int:
        """Finished calls whose replies need not be asked for again."""
        sql = "SELECT count(*) FROM calls WHERE scope = ? AND substr(key, 1, ?) != ?"
        return int(self._store.execute(sql, (self._scope, len(UNUSABLE), UNUSABLE)).fetchone()[0])

    def totals(self) -> dict[str, int]:
        """Calls and tokens, over all commands that worked on it."""
        (row,) = self._store.rows(
            "SELECT count(*) AS calls, coalesce(sum(prompt_tokens), 0) AS prompt_tokens,"
            " coalesce(sum(cached_tokens), 0) AS cached_tokens,"
            " coalesce(sum(completion_tokens), 0) AS completion_tokens FROM calls WHERE scope = ?",
            (self._scope,),
        )
        return row

    def calls(self) -> list[dict[str, Any]]:
        """Finished calls in the order they ended, numbered from 1 on, without their requests."""
        rows = self._store.rows(
            f"SELECT key, role, {_REPLY}, created FROM calls WHERE scope = ? ORDER BY rowid",  # noqa: S608 - ours
            (self._scope,),
        )
        return [{"number": number, **row} for number, row in enumerate(rows, start=1)]

    def call(self, number: int) -> dict[str, Any]:
        """One of `calls` with its `request`: the body that was sent, None where it is not kept (any more).

        Args:
            number: from 1 on.

        Raises:
            UsageError: there are fewer.
        """
        calls = self.calls()
        if not 1 <= number <= len(calls):
            raise UsageError(f"there is no call {number}", hint=f"there are {len(calls)} finished calls")
        sql = "SELECT request FROM calls WHERE scope = ? AND key = ?"
        (kept,) = self._store.execute(sql, (self._scope, calls[number - 1]["key"])).fetchone()
        return {**calls[number - 1], "request": json.loads(zlib.decompress(kept)) if kept else None}

    def drop_requests(self) -> None:
        """Make room: the replies stay."""
        sql = "UPDATE calls SET request = NULL WHERE scope = ? AND request IS NOT NULL"
        self._store.execute(sql, (self._scope,))

    def delete(self) -> None:
        """Delete all calls of the scope."""
        self._store.execute("DELETE FROM calls WHERE scope = ?", (self._scope,))
