"""A command in a process of its own, which can be killed at any moment.

It is forked from a process that has imported everything once: a test then costs no second of imports.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from lcagent.cli import terminal
from lcagent.cli.main import main
from lcagent.graphs import STRATEGIES
from tests.loopback import Loopback, Reply, Request

FORKED = multiprocessing.get_context("forkserver")
"""Starts processes from one that has imported everything."""
FORKED.set_forkserver_preload(
    [
        "aiohttp",
        "lcagent.cli.progress",
        "lcagent.reader",
        "jinja2",
        "langchain_core.tracers.context",
        "lcagent.agents.prompt",
        "lcagent.runs.chatting",
        "lcagent.runs.runner",
        "tests.dying",
        "tests.parents",
        "lcagent.memory.checkpoints",
        *(where.partition(":")[0] for where, _ in STRATEGIES.values()),
    ]
)


class Killable:
    """`lcagent` with some arguments, started at once.

    Args:
        arguments: of the command.
        folder: gets what it prints.
        before_printing: it dies of SIGKILL in place of printing its answer.
    """

    def __init__(self, arguments: Sequence[str], folder: Path, *, before_printing: bool = False) -> None:
        self._dead = threading.Event()
        self._process = FORKED.Process(
            target=_command, args=(list(arguments), str(folder / "printed"), before_printing)
        )
        self._process.start()

    def kill(self) -> None:
        """SIGKILL; returns when it is dead. For a thread other than the one that waits for its end."""
        os.kill(self._process.pid or 0, signal.SIGKILL)
        assert self._dead.wait(30)

    def ended(self) -> int | None:
        """Its exit status, once there is one; below 0 the signal that ended it."""
        self._process.join()
        self._dead.set()
        return self._process.exitcode


def killed_at(
    step: int,
    server: Loopback,
    arguments: Sequence[str],
    folder: Path,
    reply: Callable[[Request], Reply | str],
) -> None:
    """Run a command that dies of SIGKILL when its request number `step` is asked; it answers on afterwards.

    Args:
        step: from 0.
        server: it is asked.
        arguments: of the command.
        folder: gets what it prints.
        reply: of the server.
    """
    started: list[Killable] = []
    ready = threading.Event()

    def kills(request: Request) -> Reply | str:
        if request.number == step:
            assert ready.wait(10)
            started[0].kill()
        return reply(request)

    server.reply = kills
    started.append(Killable(arguments, folder))
    ready.set()
    assert started[0].ended() == -signal.SIGKILL
    server.reply = reply


def _command(arguments: list[str], printed: str, before_printing: bool) -> None:
    output = os.open(printed, os.O_WRONLY | os.O_CREAT)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if before_printing:
        terminal.write = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    sys.argv = ["lcagent", *arguments]
    main()
