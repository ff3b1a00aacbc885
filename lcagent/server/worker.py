"""A worker: does what servers hand out, for as long as it runs."""

from __future__ import annotations

import logging
import time

from lcagent.errors import NewerVersion, RunNotFound
from lcagent.memory.aside import widen
from lcagent.server.jobs import Jobs
from lcagent.server.opened import Opened
from lcagent.server.options import Limits
from lcagent.server.tenants import Tenants
from lcagent.settings import Settings
from lcagent.work.engine import Engine

LOG = logging.getLogger("lcagent.work")


async def work(settings: Settings, engine: Engine, places: int) -> None:
    """Do what is handed out, until this is cancelled; what is not finished then is left to others.

    Args:
        settings: with which model, and where all is kept.
        engine: hands it out.
        places: readings at once.

    Raises:
        StoreError: the store, or the engine's database, cannot be reached.
    """
    widen(settings.place)
    tenants = Tenants(settings)
    opened = Opened(Limits().pages)
    jobs = Jobs(tenants, opened, places, Limits(running=places))

    async def take(tenant: str, job: str) -> None:
        LOG.info("run %s of %s", job, tenant)
        began = time.monotonic()
        try:
            await jobs.take(await tenants.found(tenant), job)
            LOG.info("run %s of %s has ended, after %.1f s", job, tenant, time.monotonic() - began)
        except RunNotFound:  # it was deleted meanwhile
            LOG.info("run %s of %s is not there any more", job, tenant)
        except NewerVersion as error:
            LOG.warning("run %s of %s is put back for newer workers: %s", job, tenant, error.message)
            raise

    async def lose(tenant: str, job: str) -> None:
        LOG.error("run %s of %s took down all workers that took it", job, tenant)
        await jobs.lose(await tenants.found(tenant), job)

    try:
        async with engine.open():
            for tenant in await tenants.every():
                await tenant.aside(tenant.uploads.tidy)
            await engine.work(take, lose, places=places)
    finally:
        await jobs.close()
        opened.close()
        tenants.close()
