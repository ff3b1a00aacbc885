"""A command in a process of its own, which can be killed at any moment.

It is forked from a process that has imported everything once: a test then costs no second of imports.
"""

import atexit
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import reduction
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from lcagent.cli import terminal
from lcagent.cli.main import main
from lcagent.graphs import STRATEGIES
from tests.loopback import Loopback, Reply, Request

FORKED = multiprocessing.get_context("forkserver")
"""Starts processes from one that has imported everything."""
FORKED.set_forkserver_preload(
    [
        "tests.forked",
        "aiohttp",
        "lcagent.cli.commands",
        "lcagent.cli.progress",
        "lcagent.reader",
        "jinja2",
        "langchain_core.tracers.context",
        "lcagent.agents.prompt",
        "lcagent.runs.chatting",
        "lcagent.runs.runner",
        "tests.dying",
        "tests.parents",
        "tests.killable",
        "tests.handing",
        "lcagent.server.worker",
        "lcagent.memory.checkpoints",
        *(where.partition(":")[0] for where, _ in STRATEGIES.values()),
    ]
)


def started(work: Callable[..., None], *given: object) -> BaseProcess:
    """A function in a process of its own, in the environment of this one; Ctrl-C interrupts it.

    Args:
        work: stands in a module.
        given: to it.
    """
    process = FORKED.Process(target=_worked, args=(dict(os.environ), work, given))
    process.start()
    return process


class Command:
    """`lcagent` with some arguments, started at once; every warning is an error.

    Args:
        arguments: of the command.
        stdin: what it reads.
        tty: the descriptor of a terminal in which it runs: what it prints goes there.
        cwd: its folder; None: this process's.
        environment: variables beside those of this process.
        first: is called in it before the command is.
    """

    def __init__(
        self,
        *arguments: object,
        stdin: bytes = b"",
        tty: int | None = None,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        first: Callable[[], None] | None = None,
    ) -> None:
        self._dead = threading.Event()
        self.stdout = self.stderr = b""
        self._streams = [tempfile.TemporaryFile() for _ in range(3)]  # noqa: SIM115 - until it has ended
        self._streams[0].write(stdin)
        self._streams[0].seek(0)
        streams = [_Descriptor(one.fileno() if tty is None else tty) for one in self._streams]
        self._process = FORKED.Process(
            target=_command,
            args=(
                list(map(str, arguments)),
                streams,
                str(cwd or Path.cwd()),
                {**os.environ, **(environment or {})},
                first,
            ),
        )
        self._process.start()

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it runs yet."""
        if self.poll() is None:
            os.kill(self._process.pid or 0, number)

    def kill(self) -> None:
        """SIGKILL; returns when it is dead. For a thread other than the one that waits for its end."""
        os.kill(self._process.pid or 0, signal.SIGKILL)
        assert self._dead.wait(30)

    def poll(self) -> int | None:
        """Its exit status, once it has ended."""
        return self._process.exitcode

    def ended(self) -> int:
        """Its exit status, once there is one; below 0 the signal that ended it."""
        self._process.join()
        self._dead.set()
        status = self._process.exitcode
        assert status is not None
        if not self._streams[0].closed:
            for file in self._streams:
                file.seek(0)
            _, self.stdout, self.stderr = (file.read() for file in self._streams)
            for file in self._streams:
                file.close()
        return status

    def __del__(self) -> None:
        for file in self._streams:  # of a test that failed before its end
            file.close()

    def done(self) -> subprocess.CompletedProcess[bytes]:
        """What it printed, and its exit status, once it has ended."""
        return subprocess.CompletedProcess(["lcagent"], self.ended(), self.stdout, self.stderr)

    def told(self) -> subprocess.CompletedProcess[str]:
        """As `done`, with what it printed as text."""
        status = self.ended()
        return subprocess.CompletedProcess(["lcagent"], status, self.stdout.decode(), self.stderr.decode())


def killed_at(
    step: int,
    server: Loopback,
    arguments: Sequence[str],
    reply: Callable[[Request], Reply | str],
) -> None:
    """Run a command that dies of SIGKILL when its request number `step` is asked; it answers on afterwards.

    Args:
        step: from 0.
        server: it is asked.
        arguments: of the command.
        reply: of the server.
    """
    started: list[Command] = []
    ready = threading.Event()

    def kills(request: Request) -> Reply | str:
        if request.number == step:
            assert ready.wait(10)
            started[0].kill()
        return reply(request)

    server.reply = kills
    started.append(Command(*arguments))
    ready.set()
    assert started[0].ended() == -signal.SIGKILL
    server.reply = reply


def dies_before_printing() -> None:
    """A command that `first` does this dies of SIGKILL in place of printing its answer."""
    terminal.write = lambda *_: os.kill(os.getpid(), signal.SIGKILL)


class _Descriptor:
    """A descriptor that is given to the process that is started with it."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _taken, (reduction.DupFd(self._number),)


def _taken(passed: Any) -> int:
    return passed.detach()


def _worked(environment: dict[str, str], work: Callable[..., None], given: Sequence[object]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir("/")  # the folder of the test that began the first one may be gone
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background ignores it
    work(*given)


def _command(
    arguments: list[str],
    streams: list[int],
    folder: str,
    environment: dict[str, str],
    first: Callable[[], None] | None,
) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - until it has ended
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background ignores it
    warnings.resetwarnings()
    warnings.simplefilter("error")
    sys.argv = ["lcagent", *arguments]
    if first:
        first()
    try:
        main()
    finally:
        atexit._run_exitfuncs()
