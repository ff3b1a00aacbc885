"""Whether there is a model to answer with: looked for when the server starts, and again from time to time."""

from __future__ import annotations

import asyncio
import logging

from pydantic import BaseModel

from lcagent.errors import LcagentError
from lcagent.models.serving.session import ModelSession

LOG = logging.getLogger("lcagent.server")
AGAIN_SECONDS = 15.0


class State(BaseModel):
    """Whether the server can answer, with which model, or why not.

    `no_worker_since`: what is handed to workers waits, as none has given a sign of life since then (seconds
    since 1970; 0: there never was one); null where one is there, or none is needed. All else is answered.
    """

    ready: bool
    model: str
    reason: str = ""
    no_worker_since: float | None = None


class Readiness:
    """Looks for the model.

    Args:
        models: the way to it.
    """

    def __init__(self, models: ModelSession) -> None:
        self._models = models
        self.state = State(ready=False, model="", reason="the model is being looked for")

    async def watch(self) -> None:
        """Look, until cancelled."""
        while True:
            try:
                opened = await self._models.wait_open(LOG.info)
                now = State(ready=True, model=opened.model)
            except LcagentError as error:
                now = State(ready=False, model="", reason=error.message)
            if now != self.state:
                LOG.info("ready, with %s" if now.ready else "not ready: %s", now.model or now.reason)
            self.state = now
            await asyncio.sleep(AGAIN_SECONDS)
