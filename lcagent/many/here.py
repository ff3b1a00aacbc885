"""A table's documents read in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from lcagent.events import DocumentNotice, Emit, Event, Notice
from lcagent.many.columns import Column
from lcagent.many.document import Source, row_of
from lcagent.many.rows import Row
from lcagent.models.budget import Budget
from lcagent.models.serving.session import ModelSession
from lcagent.settings import Settings


class Here:
    """Reads several documents at once; the model is opened when the first is wanted.

    Args:
        columns: what each is asked.
        settings: how it is read.
        session: leads to the model.
        budget: of all together.
        emit: gets what happens meanwhile.
        most: documents at once; None: as many as requests are in flight.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        settings: Settings,
        session: ModelSession,
        budget: Budget,
        emit: Emit,
        most: int | None,
    ) -> None:
        self._columns, self._settings, self._session = columns, settings, session
        self._budget, self._emit, self._most = budget, emit, most
        self._slots: asyncio.Semaphore | None = None

    async def begin(self) -> None:
        """Wait until one more document may be begun.

        Raises:
            LcagentError: there is no model.
        """
        if self._slots is None:
            model = await self._session.wait_open(lambda text: self._emit(Notice(text)))
            self._slots = asyncio.Semaphore(self._most or model.at_once(self._settings))
        await self._slots.acquire()

    async def row(self, source: Source) -> Row:
        """A document's row; errors as of `row_of`."""

        def tell(event: Event) -> None:
            if isinstance(event, Notice):
                self._emit(DocumentNotice(source.file.name, event.text))

        return await row_of(self._settings, source, self._columns, self._session, self._budget, tell)

    def end(self, source: Source) -> None:
        """A document's row is kept, or there is none."""
        assert self._slots is not None
        self._slots.release()
