"""The workers to whom a server hands what is to outlive its client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from lcagent.errors import StoreError
from lcagent.work.missing import no_worker

if TYPE_CHECKING:
    from lcagent.work.engine import Engine

LOG = logging.getLogger("lcagent.server")


class Crew:
    """Whether any of them is there.

    Args:
        engine: hands out.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.silent_since: float | None = None
        """As of the engine; None also while it is not known yet."""

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Have the engine open, and look meanwhile.

        Raises:
            StoreError: the database cannot be reached.
        """
        async with self.engine.open():
            watching = asyncio.create_task(self._watch())
            try:
                yield
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            try:
                since = await self.engine.silent_since()
            except StoreError as error:  # what was known of them is all there is
                LOG.warning("whether there is a worker cannot be read: %s", error.message)
            else:
                if since is None and self.silent_since is not None:
                    LOG.info("a worker is there")
                elif since is not None and self.silent_since is None:
                    LOG.warning("%s", no_worker(since))
                self.silent_since = since
            await asyncio.sleep(self.engine.pause)
