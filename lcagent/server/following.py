"""A job from the side of who waits for it: if the client leaves, it is given up, unless it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

from fastapi import Request

from lcagent.server.came import Outcome
from lcagent.server.job import Question


async def outcome_of(job: Question, request: Request) -> Outcome | None:
    """What came of a job; None where the client has left.

    Raises:
        LcagentError: why nothing did.
    """
    waiting = asyncio.create_task(job.wait())
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({waiting, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        return None
    finally:
        for task in (waiting, leaving):
            task.cancel()
        await asyncio.gather(waiting, leaving, return_exceptions=True)
        give_up(job)


async def events_of(job: Question) -> AsyncGenerator[dict[str, Any]]:
    """Its events; whoever closes this has left."""
    try:
        async with aclosing(job.follow()) as events:
            async for _, event in events:
                yield event
    finally:
        give_up(job)


def give_up(job: Question) -> None:
    """End a job that nobody waits for any more."""
    if not job.kept and not job.ended and job.task is not None:
        job.task.cancel()


async def _left(request: Request) -> None:
    with suppress(RuntimeError):
        while (await request.receive())["type"] != "http.disconnect":
            pass
