"""The sessions of a tenant: which there are, and what each holds."""

from __future__ import annotations

from dataclasses import dataclass

from lcagent.errors import SessionNotFound
from lcagent.memory.rows import Rows


@dataclass(frozen=True, slots=True)
class Session:
    """What a session holds.

    Args:
        name: of it.
        created: seconds since 1970.
        used: when something was last written, seconds since 1970.
        messages: how many.
        passages: how many, those that hold no more too.
        documents: how many are attached.
        bytes: of all texts; documents as they are kept, compressed.
    """

    name: str
    created: float
    used: float
    messages: int
    passages: int
    documents: int
    bytes: int


_HELD = (
    "SELECT session, max(recorded) AS used, count(*) FILTER (WHERE kind = 'message') AS messages,"
    " count(*) FILTER (WHERE kind = 'passage') AS passages,"
    " sum(length(CAST(text AS BLOB)) + length(CAST(data AS BLOB))) AS bytes"
    " FROM entries WHERE tenant = ? GROUP BY session"
)
_ATTACHED = (
    "SELECT session, count(*) AS documents, sum(length(text)) AS bytes"
    " FROM attached WHERE tenant = ? GROUP BY session"
)


def sessions(store: Rows, tenant: str) -> list[Session]:
    """The sessions of a tenant, the one that was written last first."""
    held = {row["session"]: row for row in store.rows(_HELD, (tenant,))}
    attached = {row["session"]: row for row in store.rows(_ATTACHED, (tenant,))}
    found: list[Session] = []
    for row in store.rows("SELECT session, created FROM sessions WHERE tenant = ?", (tenant,)):
        own, papers = held.get(row["session"], {}), attached.get(row["session"], {})
        found.append(
            Session(
                name=row["session"],
                created=row["created"],
                used=own.get("used", row["created"]),
                messages=own.get("messages", 0),
                passages=own.get("passages", 0),
                documents=papers.get("documents", 0),
                bytes=own.get("bytes", 0) + papers.get("bytes", 0),
            )
        )
    return sorted(found, key=lambda one: (-one.used, one.name))


def known(store: Rows, tenant: str, session: str) -> str:
    """The name of a session that is there.

    Raises:
        SessionNotFound: it is not.
    """
    if not store.rows("SELECT 1 FROM sessions WHERE tenant = ? AND session = ?", (tenant, session)):
        raise SessionNotFound(
            f"no session {session!r} of {tenant!r} is kept", hint="`lcagent memory list` has them all"
        )
    return session
