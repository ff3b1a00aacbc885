"""What processes of their own do with a conversation: one dies of SIGKILL, some write at once."""

import os
import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lcagent.chat import ChatSession
from lcagent.errors import EntryNotFound
from lcagent.events import MessageKept
from lcagent.integrations.store import MemoryStore
from lcagent.memory.store import Store
from lcagent.memory.tiers.leases import Lease
from lcagent.memory.tiers.tables import open_memory
from lcagent.models.transport import HttpTransport
from lcagent.place import Place

WINDOW = 2048
FILLER = "The tide came in and went out again, and nobody wrote it down. " * 9


def turn_that_dies(url: str, home: str, number: int, boundary: int, told: str, resume: bool) -> None:
    """Send a message, or go on with it, and die of SIGKILL at a boundary, the first one being 1.

    What is acknowledged is written to the file `told`.
    """
    at = _Boundaries(boundary)
    at.install()
    with ChatSession(api_base=url, window=WINDOW, home=home) as chat:
        if resume and chat.resume() is not None:
            return
        text = f"The code of harbour {number} is C-{number}. {FILLER}"
        for event in chat.stream(text, key=str(number)):
            if isinstance(event, MessageKept):
                with open(told, "a") as file:  # noqa: PTH123 - appended at once
                    file.write(f"{event.id}\n")


class _Boundaries:
    """Where a process may die: before and after each commit, and when a reply has come."""

    def __init__(self, last: int) -> None:
        self._left, self._depth = last, threading.local()

    def _reached(self) -> None:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        transaction, execute, send = Store.transaction, Store.execute, HttpTransport.send

        @contextmanager
        def counted(store: Store) -> Generator[None]:
            outer = not getattr(self._depth, "inside", False)
            try:
                with transaction(store):
                    self._depth.inside = True
                    yield
                    if outer:
                        self._reached()
            finally:
                if outer:
                    self._depth.inside = False
            if outer:
                self._reached()

        def executed(store: Store, sql: str, values: tuple[Any, ...] = ()) -> Any:
            result = execute(store, sql, values)
            if not getattr(self._depth, "inside", False) and sql.startswith(("INSERT", "UPDATE", "DELETE")):
                self._reached()
            return result

        async def sent(transport: HttpTransport, *arguments: Any, **named: Any) -> Any:
            reply = await send(transport, *arguments, **named)
            self._reached()
            return reply

        Store.transaction, Store.execute, HttpTransport.send = counted, executed, sent


def puts_and_dies(place: Place, number: int, die: bool) -> None:
    """Put items into a LangGraph store; then die of SIGKILL, or close it."""
    store = MemoryStore(home=place.folder, store=place.url or None)
    for at in range(20):
        store.put(("shared",), f"{number}.{at}", {"text": f"word{number}"})
    store.put(("shared",), "both", {"by": number})
    if die:
        os.kill(os.getpid(), signal.SIGKILL)
    store.close()


def takes_and_waits(home: str, ready: Any) -> None:
    """Hold the lease of session `s` of tenant `t` until killed."""
    Lease(open_memory(Path(home)), "t", "s").take()
    ready.set()
    time.sleep(60)


def counts_up(home: str, seconds: float, name: str, told: Any) -> None:
    """Raise the number in a line of core memory, again and again, as the others do at the same time.

    Args:
        home: of the memory; its session `main` has a line "count 0.".
        seconds: for how long.
        name: of this process; it adds a message under it each time.
        told: a queue that gets how often it raised the number.
    """
    until, raised = time.monotonic() + seconds, 0
    with ChatSession(api_base="http://127.0.0.1:9", home=home) as chat:
        while time.monotonic() < until:
            (line,) = (one.text for one in chat.memory()["human"])
            number = int(line.removeprefix("count ").rstrip("."))
            try:
                chat.edit("human", line, f"count {number + 1}.")
            except EntryNotFound:  # somebody else was faster
                continue
            raised += 1
            chat.add(f"{name} counts {number + 1}", key=f"{name}.{raised}")
    told.put(raised)
