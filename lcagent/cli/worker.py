"""`lcagent worker`: does what servers hand out, on any machine that reaches their PostgreSQL and a model."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress
from typing import Annotated, Any

import typer

from lcagent.cli import terminal
from lcagent.cli.listening import brought_up, few_arenas, log_to_terminal, needs_extra
from lcagent.cli.options import reading, settings_from
from lcagent.errors import UsageError
from lcagent.text import without_password


@reading
def worker(
    flags: dict[str, Any],
    places: Annotated[int, typer.Option("--places", min=1, help="Readings at once.")] = 8,
) -> None:
    """Do what servers hand out, over the PostgreSQL that --store names; as many workers as you like.

    Ctrl-C or SIGTERM ends it; another one goes on with what it is at, and repeats no finished call.
    """
    settings = settings_from(**flags)
    if not settings.place.url:
        raise UsageError(
            "a worker takes its work from a store that servers share",
            hint="--store postgresql://…, the same as theirs",
        )
    with needs_extra("server,postgres"):
        from lcagent.server.worker import work
        from lcagent.work.engine import Engine
    brought_up(settings.place)
    few_arenas()
    log_to_terminal({"lcagent.work": logging.INFO, "lcagent.server": logging.WARNING})
    terminal.note(f"taking work from {without_password(settings.place.server)}  (Ctrl-C ends it)")

    async def until_told() -> None:
        this = asyncio.current_task()
        assert this is not None
        for told in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(told, this.cancel)
        await work(settings, Engine.of(settings.place), places)

    with suppress(asyncio.CancelledError):
        asyncio.run(until_told())
