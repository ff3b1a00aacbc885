"""What asks a store, from an event loop that has other things to do meanwhile.

A file answers sooner than a thread could be asked to: it is asked where one stands, on the loop. A database
may say nothing for a minute (docs/design/0038-silent-networks.md): it is asked in a thread.
docs/design/0040-statements-aside.md has the figures.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial
from typing import Any, ParamSpec, TypeVar

from lcagent.place import Place

P = ParamSpec("P")
T = TypeVar("T")

_MOST = 64
"""Threads at once, which are made as they are needed."""
_THREADS = ThreadPoolExecutor(_MOST, "lcagent-store")
"""Apart from the loop's own, in which prompts are counted and files parsed: all of these may be waiting for a
database that says nothing. More than it has connections, as who comes when it is known to be away waits
little."""


async def aside(place: Place, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Do what asks the store of a place.

    Cancelled, it is done to its end all the same before this raises, as if nobody had been able to come
    between: what was to be written is written, and nothing is let go of that is still being used.

    Args:
        place: whose store.
        work: asks it.
        args: what it is given.
        named: likewise.

    Raises:
        Exception: whatever `work` raises.
    """
    if not place.url:
        return work(*args, **named)
    result, cancelled = await _to_its_end(partial(work, *args, **named))
    if cancelled is not None:
        raise cancelled
    return result


async def apart(place: Place, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Do in a thread what asks the store of a place and takes long wherever that is; arguments and errors as
    for `aside`."""
    if not place.url:
        return await asyncio.to_thread(work, *args, **named)
    return await aside(place, work, *args, **named)


def widen(place: Place) -> None:
    """Have more threads for this event loop where those of many readings may wait for a database at once: a
    prompt that is counted needs none, and is not to wait for them.

    Args:
        place: whose store is asked.
    """
    if place.url:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_MOST, "lcagent"))


@asynccontextmanager
async def within(place: Place, manager: AbstractContextManager[T]) -> AsyncGenerator[T]:
    """Enter and leave what asks the store of a place at both ends, such as a lock.

    Args:
        place: whose store.
        manager: may be entered in one thread and left in another.

    Raises:
        Exception: whatever the manager raises.
    """
    if not place.url:
        with manager as entered:
            yield entered
        return
    entered, cancelled = await _to_its_end(manager.__enter__)
    if cancelled is not None:
        await aside(place, manager.__exit__, None, None, None)
        raise cancelled
    try:
        yield entered
    except BaseException as error:
        if not await aside(place, manager.__exit__, type(error), error, error.__traceback__):
            raise
    else:
        await aside(place, manager.__exit__, None, None, None)


async def unbroken(work: Coroutine[Any, Any, T]) -> T:
    """Do something that asks a store several times to its end, however often this is cancelled meanwhile.

    Raises:
        Exception: whatever `work` raises.
    """
    doing = asyncio.ensure_future(work)
    if (cancelled := await _ended(doing)) is not None:
        raise cancelled from doing.exception()
    return doing.result()


async def _to_its_end(work: Callable[[], T]) -> tuple[T, asyncio.CancelledError | None]:
    """What a thread makes of it, and whether this was cancelled meanwhile."""
    context = contextvars.copy_context()
    doing = asyncio.get_running_loop().run_in_executor(_THREADS, context.run, work)
    cancelled = await _ended(doing)
    if cancelled is not None and (error := doing.exception()) is not None:
        raise cancelled from error
    return doing.result(), cancelled


async def _ended(doing: asyncio.Future[Any]) -> asyncio.CancelledError | None:
    """Wait until something has ended, however often this is cancelled meanwhile; the last time of these."""
    cancelled: asyncio.CancelledError | None = None
    while not doing.done():
        try:
            await asyncio.wait((doing,))
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled
