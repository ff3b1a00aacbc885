"""What the commands of `lcagent memory` share: their options, and a session opened to be read or written."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from lcagent.cli import dates

if TYPE_CHECKING:
    from lcagent.memory.rows import Rows
    from lcagent.memory.tiers.core import Core
    from lcagent.memory.tiers.entries import Entries
    from lcagent.settings import Settings

TenantOption = Annotated[str, typer.Option("--tenant", help="Whose memory.")]
SessionOption = Annotated[str, typer.Option("--session", help="Which conversation.")]
SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="DATE", help="Not before this date (UTC).")
]
UntilOption = Annotated[
    str | None, typer.Option("--until", metavar="DATE", help="Not after this date (UTC).")
]
DEFAULT_TENANT, DEFAULT_SESSION = "default", "main"


@contextmanager
def opened(settings: Settings) -> Generator[Rows]:
    """The memory that the settings lead to."""
    from lcagent.memory.tiers.tables import open_memory

    with closing(open_memory(settings.place)) as store:
        yield store


def entries_of(store: Rows, tenant: str, session: str) -> Entries:
    """A session that is there, to be read."""
    from lcagent.memory.tiers.entries import Entries
    from lcagent.memory.tiers.sessions import known

    return Entries(store, tenant, known(store, tenant, session))


@contextmanager
def writing(store: Rows, tenant: str, session: str) -> Generator[Entries]:
    """A session that is there, under its lease."""
    from lcagent.memory.tiers.entries import Entries
    from lcagent.memory.tiers.leases import Lease
    from lcagent.memory.tiers.sessions import known

    with Lease(store, tenant, known(store, tenant, session)).held() as fence:
        yield Entries(store, tenant, session, fence=fence)


def core_of(entries: Entries, settings: Settings, more: tuple[str, ...] = ()) -> Core:
    """The blocks of a session: those that the settings name, those that are written, and more."""
    from lcagent.graphs.memgpt.options import Options
    from lcagent.graphs.memgpt.turn import block_tokens
    from lcagent.memory.tiers.core import Core, labels
    from lcagent.models.estimate import EstimateCounter

    options = settings.of("memgpt")
    assert isinstance(options, Options)
    return Core(
        entries,
        tuple(dict.fromkeys([*options.blocks, *labels(entries), *more])),
        limit=block_tokens(options, settings.window),
        count=EstimateCounter().count,
    )


def find_in(
    entries: Entries, settings: Settings, query: str, time: tuple[str | None, str | None], limit: int
) -> tuple[list[int], int]:
    """Numbers of messages and passages, the best first, and how many there are in all."""
    from lcagent.memory.tiers.search import Search
    from lcagent.models.serving.session import ModelSession

    since, until = moments(time)
    with closing(ModelSession(settings)) as models:
        hits = Search(entries.store, entries.tenant, models.embedder(), beside=False).find(
            query,
            sessions=[entries.session],
            kinds=("message", "passage"),
            since=since,
            until=until,
            limit=limit,
        )
    return hits.numbers, hits.total


def moments(time: tuple[str | None, str | None]) -> tuple[float | None, float | None]:
    """A time as it was given, in seconds since 1970: from when, and before when."""
    since, until = time
    return None if since is None else dates.since(since), None if until is None else dates.until(until)
