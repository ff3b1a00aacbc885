"""A memory's entries embedded by the model of now: by a worker where the store is shared, else here."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import Literal

from pydantic import BaseModel, ConfigDict

from lcagent.errors import RunBusy, SettingsError
from lcagent.events import Emit, EntriesEmbedded
from lcagent.memory.aside import within
from lcagent.memory.rows import Rows
from lcagent.memory.tiers import bitmaps, nearest
from lcagent.memory.tiers.tables import open_memory
from lcagent.models.serving.session import ModelSession
from lcagent.place import Place
from lcagent.settings import Settings
from lcagent.work.asked import Asked
from lcagent.work.following import by_worker


class Embedded(BaseModel):
    """How many entries were embedded, and by which model."""

    model_config = ConfigDict(frozen=True)

    entries: int
    model: str


class EmbedAsk(Asked):
    """All entries of a memory are wanted to have a vector of the model that whoever does it has."""

    kind: Literal["embed"] = "embed"
    tenant: str

    async def done(self, _store: Rows, settings: Settings, session: ModelSession, emit: Emit) -> Embedded:
        """Embed them; arguments and errors as of `embed_here`."""
        return await embed_here(self.tenant, settings, session, emit)


async def embed(tenant: str, settings: Settings, session: ModelSession, emit: Emit) -> Embedded:
    """As `embed_here`, by a worker where there is one."""
    job = f"embed_{_named(tenant)}"
    came = await by_worker(settings.place, job, lambda _: EmbedAsk(tenant=tenant), emit)
    return (
        await embed_here(tenant, settings, session, emit) if came is None else Embedded.model_validate(came)
    )


async def embed_here(tenant: str, settings: Settings, session: ModelSession, emit: Emit) -> Embedded:
    """Embed all entries that have no vector of the embedding model; each part of them is kept.

    Args:
        tenant: whose memory.
        settings: where it is kept.
        session: leads to the embedding model.
        emit: gets `EntriesEmbedded` after each part.

    Raises:
        SettingsError: no embedding model is named.
        RunBusy: another process is at it.
        LcagentError: any other of the tree; the same call goes on.
    """
    embedder = await asyncio.to_thread(session.embedder)
    if embedder is None:
        raise SettingsError(
            "no embedding model is named",
            hint="--set embed_model=NAME, or embed_base=URL; for a worker its own",
        )
    busy = RunBusy(f"the memory of {tenant} is being embedded by another process", hint="wait for it to end")
    place = settings.place
    async with (
        within(place, _memory(place)) as store,
        within(place, store.locked(f"embed-{_named(tenant)}", busy)),
    ):
        missing = await asyncio.to_thread(nearest.missing, store, tenant, embedder.name)
        done, total = 0, bitmaps.count(missing)
        while True:
            part = asyncio.create_task(
                asyncio.to_thread(nearest.embed_missing, store, tenant, embedder, nearest.TOGETHER)
            )
            try:
                some = await asyncio.shield(part)
            finally:
                await asyncio.wait([part])  # nothing is written after the right to is given back
            done += some
            emit(EntriesEmbedded(done, max(done, total)))
            if some < nearest.TOGETHER:
                return Embedded(entries=done, model=embedder.name)


@contextmanager
def _memory(place: Place) -> Generator[Rows]:
    with closing(open_memory(place)) as store:
        yield store


def _named(tenant: str) -> str:
    return hashlib.sha256(tenant.encode()).hexdigest()[:32]
