"""What commands that run for long have in common: what is kept brought up, an address, a log on stderr."""

from __future__ import annotations

import logging
import socket
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from lcagent.cli import terminal
from lcagent.errors import ServerError, UsageError
from lcagent.place import Place


@contextmanager
def needs_extra(extra: str) -> Generator[None]:
    """Imports in it are of packages that an extra brings.

    Args:
        extra: its name.

    Raises:
        UsageError: one is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise UsageError(
            f"this needs packages that are not installed ({error.name})",
            hint=f"pip install 'lcagent[{extra}]'",
        ) from error


_M_ARENA_MAX = -8
"""Of glibc's `mallopt`."""


def few_arenas() -> None:
    """Have all threads allocate from two arenas of glibc's, in place of one each.

    What is free in one arena serves no thread of another, so that a process that runs for long goes on
    growing. Other C libraries are left as they are.
    """
    import ctypes

    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(_M_ARENA_MAX, 2)


def brought_up(place: Place) -> None:
    """Have all that is kept at the version of this program, before anybody is served.

    Args:
        place: where it is kept.

    Raises:
        NewerVersion: a newer lcagent made it.
        StoreError: it cannot be reached, read or written.
    """
    from lcagent.memory.opening import open_store
    from lcagent.memory.served.tables import open_served
    from lcagent.memory.tiers.tables import open_memory

    for opened in (open_store, open_memory, open_served):
        opened(place).close()


def serve_at(host: str, port: int, app: Any, path: str = "") -> None:
    """Serve until Ctrl-C.

    Args:
        host: a name or an address.
        port: 0: a free one.
        app: an ASGI application.
        path: under which it is asked, as it is shown.

    Raises:
        ServerError: the address cannot be bound.
    """
    import uvicorn

    few_arenas()
    with _bound_to(host, port) as bound:
        terminal.note(f"serving at {_address_of(bound)}{path}  (Ctrl-C ends it)")
        config = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=3
        )
        uvicorn.Server(config).run(sockets=[bound])


def _bound_to(host: str, port: int) -> socket.socket:
    """A socket to serve at.

    Args:
        host: a name or an address.
        port: 0: a free one.

    Raises:
        ServerError: it cannot be bound.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ServerError(
            f"{host}:{port} cannot be served at: {error.strerror or error}",
            hint="--port names another port; 0 takes a free one",
        ) from error


def _address_of(bound: socket.socket) -> str:
    """The address of what is served at a socket."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Log(logging.Handler):
    """Lines of the log, on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one."""
        for line in self.format(record).splitlines():
            terminal.note(line)


def log_to_terminal(levels: Mapping[str, int]) -> None:
    """Show the log on stderr.

    Args:
        levels: of what is shown, by the names of loggers.
    """
    handler = _Log()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    for name, level in levels.items():
        log = logging.getLogger(name)
        log.handlers, log.propagate = [handler], False
        log.setLevel(level)
