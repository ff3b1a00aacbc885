"""Runs that somebody else wants given up: several processes may work over one folder, each on runs of it."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping

from lcagent.errors import StoreError
from lcagent.server.job import AnyJob
from lcagent.work.following import LOOK

LOG = logging.getLogger("lcagent.server")


class Unwanted:
    """Cancels what this process works on and another one wants given up.

    Args:
        live: what this process works on.
    """

    def __init__(self, live: Mapping[tuple[str, str], AnyJob]) -> None:
        self._live = live
        self._task: asyncio.Task[None] | None = None

    def watch(self) -> None:
        """Look from now on, for as long as there is something that others may know of."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch(), name="unwanted")

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while any(job.kept for job in self._live.values()):
            await asyncio.sleep(LOOK)
            try:
                await self._look()
            except StoreError as error:  # the next look may find it in order again
                LOG.warning("what is to be given up cannot be read: %s", error.message)

    async def _look(self) -> None:
        kept: dict[str, list[AnyJob]] = defaultdict(list)
        for job in self._live.values():
            if job.kept:
                kept[job.tenant.name].append(job)
        for jobs in kept.values():
            tenant = jobs[0].tenant
            unwanted = await tenant.aside(tenant.jobs.unwanted, [job.id for job in jobs])
            for job in jobs:
                # Once: a second time would break off how it ends.
                if job.id in unwanted and job.task is not None and not job.task.cancelling():
                    job.task.cancel()
