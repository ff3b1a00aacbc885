"""Graphs built by a worker where the store is shared, else in this process."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from lcagent.documents.named import DocumentSource, File, Named, named
from lcagent.events import Emit
from lcagent.memory.rows import Rows
from lcagent.memory.served.uploads import Uploads
from lcagent.models.serving.session import ModelSession
from lcagent.runs.graphs import build_graph
from lcagent.settings import BUDGETS, Settings
from lcagent.work.asked import Asked
from lcagent.work.following import by_worker


class Sent(BaseModel):
    """One source: its files, as the upload of each and its name; the folder that they were in, if they were
    in one, with the names of what is not read of it."""

    model_config = ConfigDict(frozen=True)

    files: tuple[tuple[str, str], ...]
    folder: str | None = None
    unread: tuple[str, ...] = ()


class Built(BaseModel):
    """What `build_graph` gives."""

    model_config = ConfigDict(frozen=True)

    counts: dict[str, int]


class BuildAsk(Asked):
    """The graph of some documents is wanted; `how` are the settings that say how they are read
    (`Settings.how`), `budgets` what it may cost."""

    kind: Literal["graph"] = "graph"
    sources: tuple[Sent, ...]
    password: str | None = None
    how: dict[str, Any]
    budgets: dict[str, float | None]

    async def done(self, store: Rows, settings: Settings, session: ModelSession, emit: Emit) -> Built:
        """Build it.

        Args:
            store: of what is served; holds the files.
            settings: of who reads.
            session: leads to the model.
            emit: gets what happens meanwhile.

        Raises:
            LcagentError: as of `build_graph`.
        """
        uploads = Uploads(store)
        sources: list[DocumentSource] = [
            Named(
                [File(uploads.path(uploads.get(file)), name) for file, name in sent.files],
                None if sent.folder is None else Path(sent.folder),
                list(sent.unread),
            )
            for sent in self.sources
        ]
        own = settings.reading(self.how).within(self.budgets)
        try:
            counts = await build_graph(sources, own, session, emit, password=self.password)
        finally:
            uploads.leave([file for sent in self.sources for file, _ in sent.files])
        return Built(counts=counts)


async def build(
    sources: Sequence[DocumentSource],
    settings: Settings,
    session: ModelSession,
    emit: Emit,
    *,
    password: str | None = None,
) -> dict[str, int]:
    """As `build_graph`, by a worker where there is one."""
    every = [named(source) for source in sources]
    paths = [file.path for one in every for file in one.files]
    there = all(path is not None and path.is_file() and os.access(path, os.R_OK) for path in paths)
    if settings.place.url and paths and there:
        job = _named(every, settings)

        def make(uploads: Uploads) -> BuildAsk:
            return BuildAsk(
                sources=tuple(_sent(one, uploads, job, at) for at, one in enumerate(every)),
                password=password,
                how=settings.how(),
                budgets={name: getattr(settings, name) for name in BUDGETS},
            )

        if (came := await by_worker(settings.place, job, make, emit)) is not None:
            return Built.model_validate(came).counts
    return await build_graph(sources, settings, session, emit, password=password)


def _named(every: Sequence[Named], settings: Settings) -> str:
    """The id of a job, the same for the same files and settings."""
    files = [file.path for one in every for file in one.files if file.path is not None]
    stats = [
        (os.fspath(path.absolute()), (found := path.stat()).st_mtime_ns, found.st_size) for path in files
    ]
    exact = json.dumps([stats, [len(one.files) for one in every], settings.how()])
    return f"graph_{hashlib.sha256(exact.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"


def _sent(one: Named, uploads: Uploads, job: str, at: int) -> Sent:
    """A source, whose files are uploaded."""
    files: list[tuple[str, str]] = []
    for number, file in enumerate(one.files):
        assert file.path is not None
        files.append((uploads.pass_on(file.path, f"{job}.{at}.{number}"), file.name))
    return Sent(
        files=tuple(files), folder=None if one.folder is None else str(one.folder), unread=tuple(one.unread)
    )
