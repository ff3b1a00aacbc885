"""Coroutines for callers without an event loop, or inside of one that is running (notebooks); and what one
tells while it runs, as an iterator."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")
E = TypeVar("E")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also where an event loop is running already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    results: list[T] = []
    errors: list[BaseException] = []

    def target() -> None:
        try:
            results.append(asyncio.run(work))
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            errors.append(error)

    thread = threading.Thread(target=target, name="lcagent-ask")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def stream(make: Callable[[Callable[[E], None]], Coroutine[Any, Any, Any]]) -> Generator[E, None, None]:
    """What a coroutine tells while it runs in a thread of its own; left early, it is cancelled.

    Args:
        make: gets what is called with each event, and gives the coroutine.
    """
    events: queue.SimpleQueue[E | BaseException | None] = queue.SimpleQueue()
    loop = asyncio.new_event_loop()
    task = loop.create_task(make(events.put))

    def target() -> None:
        try:
            loop.run_until_complete(task)
            events.put(None)
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            events.put(error)
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    thread = threading.Thread(target=target, name="lcagent-reader", daemon=True)
    thread.start()
    try:
        while (event := events.get()) is not None:
            if isinstance(event, BaseException):
                raise event
            yield event
    finally:
        with contextlib.suppress(RuntimeError):  # it may have closed by itself
            loop.call_soon_threadsafe(task.cancel)
        thread.join()


async def astream(make: Callable[[Callable[[E], None]], Coroutine[Any, Any, Any]]) -> AsyncGenerator[E, None]:
    """What a coroutine tells while it runs in this event loop; left early, it is cancelled and has ended when
    the iterator is closed.

    Args:
        make: gets what is called with each event, from any thread, and gives the coroutine.
    """
    events: asyncio.Queue[E | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def emit(event: E) -> None:
        loop.call_soon_threadsafe(events.put_nowait, event)

    task = asyncio.create_task(make(emit))
    task.add_done_callback(lambda _: loop.call_soon(events.put_nowait, None))
    try:
        while (event := await events.get()) is not None:
            yield event
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)  # until what it holds may be held by another
