"""What a worker is asked for a table, and what it gives."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from lcagent.documents.named import File
from lcagent.errors import EndpointUnavailable
from lcagent.events import Emit, Event, Notice
from lcagent.many.columns import Column
from lcagent.many.document import TRUSTED_SECONDS, Source, row_of
from lcagent.many.rows import Row
from lcagent.memory.rows import Rows
from lcagent.memory.served.spending import SharedBudget
from lcagent.memory.served.uploads import Uploads
from lcagent.models.serving.session import ModelSession
from lcagent.settings import Settings
from lcagent.work.asked import Asked

LOG = logging.getLogger("lcagent.work")
_PAUSE = 2.0
"""Seconds for which a worker without a model keeps a document: it would else take all of them, and fail."""


class RowDone(BaseModel):
    """A row, and what there is to say of its document."""

    model_config = ConfigDict(frozen=True)

    row: Row
    notices: list[str]


class RowAsk(Asked):
    """One document's row is wanted.

    `document` is its name, `file` the upload that holds its bytes, which go with the job; `how` are the
    settings that say how it is read (`Settings.how`); `budget` names what all documents may spend together,
    if that is limited.
    """

    kind: Literal["row"] = "row"
    document: str
    file: str
    sha256: str
    password: str | None = None
    columns: tuple[Column, ...]
    how: dict[str, Any]
    budget: tuple[str, int | None] | None = None
    """Its name, and the tokens that it holds in all."""

    async def done(self, store: Rows, settings: Settings, session: ModelSession, emit: Emit) -> RowDone:
        """Read the document. Nothing is told meanwhile: what there is to say goes with the row.

        Args:
            store: of what is served; holds its bytes.
            settings: of who reads.
            session: leads to the model.
            emit: nothing.

        Raises:
            LcagentError: what concerns all documents.
        """
        notices: list[str] = []

        def tell(event: Event) -> None:
            if isinstance(event, Notice):
                notices.append(event.text)

        uploads, budget = Uploads(store), None
        if self.budget is not None:
            name, tokens = self.budget
            budget = SharedBudget(max_tokens=tokens, store=store, id=name)
        path = await asyncio.to_thread(lambda: uploads.path(uploads.get(self.file)))
        source = Source(File(path, self.document), self.sha256, self.password)
        try:
            # First, so that a model which cannot be opened is no fault of the document's.
            await session.wait_open(lambda text: LOG.info("%s", text), trusted=TRUSTED_SECONDS)
            row = await row_of(settings.reading(self.how), source, self.columns, session, budget, tell)
        except EndpointUnavailable:
            await asyncio.sleep(_PAUSE)
            raise
        finally:
            uploads.leave([self.file])
        return RowDone(row=row, notices=notices)
