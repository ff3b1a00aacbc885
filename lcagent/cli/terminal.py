"""Everything that is printed goes through here: UTF-8, and nothing in it that would steer a terminal.

Documents, file names, models and servers say what they like. A line stays one line, control characters,
escape sequences and what turns the direction of writing are shown as escapes (docs/design/0027-terminal.md).
"""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from lcagent.errors import OutputError
from lcagent.text import shown

if TYPE_CHECKING:
    from rich.console import Console


class Interrupted(Exception):
    """Ctrl-C where something else is to be told than that the same command goes on."""


class OutputGone(Exception):
    """Who read stdout has gone (`| head -1`): there is nothing left to be said."""


def prepare() -> None:
    """Make stdout and stderr UTF-8, whatever the locale or PYTHONIOENCODING says; open what was closed."""
    _occupy()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    if sys.stderr is None:  # type: ignore[reportUnnecessaryComparison] - closed (`2>&-`)
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - until the process ends
    if sys.stdin is None:  # type: ignore[reportUnnecessaryComparison]
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123 - likewise


def _occupy() -> None:
    """Open the first three descriptors: a database would else get one of them, and be printed into."""
    with suppress(OSError):
        while (opened := os.open(os.devnull, os.O_RDWR)) < 3:
            pass
        os.close(opened)


def line(text: str = "") -> None:
    """Print one line on stdout.

    Args:
        text: a new line in it is shown as an escape.

    Raises:
        OutputError: stdout is closed, or the disk is full.
        OutputGone: nobody reads it.
    """
    write(_one_line(text) + "\n")


def text(text: str, *, end: str = "\n") -> None:
    """Print text of any number of lines on stdout; raises as `line` does."""
    write(text + end)


def as_json(told: object, *, indent: int | None = 2) -> None:
    """Print an object on stdout; what a terminal would obey is escaped within its strings alone.

    Args:
        told: plain data.
        indent: None: in one line.
    """
    json_text(json.dumps(told, indent=indent, ensure_ascii=False))


def json_text(told: str) -> None:
    """Print an object that is JSON already, as `as_json`."""
    write(told + "\n")


def exact(data: bytes) -> None:
    """Bytes on stdout as they are, for another program; raises as `line` does."""
    _stdout(lambda out: out.buffer.write(data))


def on_terminal() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()  # type: ignore[reportUnnecessaryComparison]


def write(text: str) -> None:
    """A piece of text on stdout; raises as `line` does."""
    _stdout(lambda out: out.write(shown(text.replace("\r\n", "\n"))))


def flush() -> None:
    """What is printed has arrived when this returns; raises as `line` does."""
    if sys.stdout is not None:  # type: ignore[reportUnnecessaryComparison] - closed (`>&-`)
        _stdout(lambda out: out.flush())


def _stdout(work: Callable[[TextIO], object]) -> None:
    out: TextIO | None = sys.stdout
    if out is None:
        raise _lost("it is closed")
    try:
        work(out)
    except BrokenPipeError as error:
        _drop_stdout()
        raise OutputGone from error
    except OSError as error:
        _drop_stdout()
        if error.errno == errno.EINVAL and os.name == "nt":  # how Windows says that nobody reads
            raise OutputGone from error
        raise _lost(str(error.strerror)) from error


def _drop_stdout() -> None:
    """What is still to be written goes nowhere: else Python complains of it at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _lost(why: str) -> OutputError:
    return OutputError(
        f"standard output cannot be written: {why}",
        hint="what was worked out is kept: the same command gives it without another call",
    )


def note(text: str = "") -> None:
    """Print one line on stderr; nothing where nobody reads it."""
    error(_one_line(text) + "\n")


def error(text: str, *, raw: bool = False) -> None:
    """Write to stderr.

    Args:
        text: of any number of lines.
        raw: as it is, since it is code's own and steers the terminal on purpose.
    """
    with suppress(OSError, ValueError):
        sys.stderr.write(text if raw else shown(text))
        sys.stderr.flush()


def _one_line(text: str) -> str:
    return shown(text).replace("\n", "\\n")


def console(*, stderr: bool = False, width: int | None = None) -> Console:
    """A console for tables, bars and wrapped lines, as safe as `line` is.

    Args:
        stderr: it writes there.
        width: characters; None: as the terminal has.
    """
    from lcagent.cli.safe_console import SafeConsole

    return SafeConsole(stderr=stderr, width=width)
