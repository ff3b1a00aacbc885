"""A turn of a conversation in a process of its own that dies of SIGKILL at a boundary (`tests.killable`)."""

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from lcagent.chat import ChatSession
from lcagent.events import MessageKept
from lcagent.memory.store import Store
from lcagent.models.transport import HttpTransport

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
