"""Parsing that is given up with whoever awaits it, whatever a parser is at."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

T = TypeVar("T")


async def halting(work: Callable[[threading.Event], T], threads: Executor | None = None) -> T:
    """Do something in a thread that may have a file parsed; cancelled, the parser that works for it is ended.

    Args:
        work: gets what is set when nobody waits any more.
        threads: in one of which it is done; None: in one of the event loop's.

    Raises:
        Exception: whatever `work` raises.
    """
    halt = threading.Event()
    context = contextvars.copy_context()
    try:
        return await asyncio.get_running_loop().run_in_executor(threads, lambda: context.run(work, halt))
    except asyncio.CancelledError:
        from lcagent.documents.parsing import PARSER  # who gives nothing up need not load it

        PARSER.halt(halt)
        raise
