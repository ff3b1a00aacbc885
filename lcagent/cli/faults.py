"""A fault that nobody foresaw: a line for the person, and a log of where it happened.

The log holds places in code and kinds of errors. It holds no messages: these may quote a document.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from lcagent.private import private_file, private_folder

FILE = "lcagent.log"
"""Its name within the home folder."""
_MOST_BYTES = 1 << 20
"""Of the log; it is begun anew beyond."""
_MOST_LINE = 200
"""Characters of an error's own words."""


def watch() -> None:
    """Have the log take what Python and its packages would print: tracebacks, warnings, log lines."""
    root = logging.getLogger()
    root.addHandler(_Log(logging.WARNING))
    logging.captureWarnings(True)
    # A retry is told by our own progress; the library's log line would only repeat it.
    logging.getLogger("stamina").setLevel(logging.ERROR)
    sys.unraisablehook = lambda fault: _write(_places(fault.exc_type.__name__, fault.exc_traceback))
    threading.excepthook = lambda fault: _write(_places(fault.exc_type.__name__, fault.exc_traceback))


def noted(error: BaseException) -> Path | None:
    """Log where an error happened, and what it came from.

    Returns:
        The log; None where none can be written.
    """
    chain: list[str] = []
    one: BaseException | None = error
    while one is not None and len(chain) < 10:
        chain.append(_places(type(one).__name__, one.__traceback__))
        one = one.__cause__ or one.__context__
    return _write("".join(chain))


def in_a_line(error: BaseException) -> str:
    """An unforeseen error for people."""
    words = " ".join(str(error).split())
    cut = words if len(words) <= _MOST_LINE else f"{words[:_MOST_LINE]}…"
    return f"something went wrong that should not have: {type(error).__name__}{': ' if cut else ''}{cut}"


def damage() -> str:
    """What is wrong with a database of this home, which may be where a fault comes from; "" if nothing is."""
    with suppress(Exception):
        from lcagent.memory.repair import RUNS, faults
        from lcagent.memory.tiers.saving import MEMORY

        for kept in (RUNS, MEMORY):
            if found := faults(_home() / kept.name, kept):
                return f"{_home() / kept.name} is damaged: {found[0]}"
    return ""


class _Log(logging.Handler):
    """Takes packages' log lines: whose, where, and of which error."""

    def emit(self, record: logging.LogRecord) -> None:
        kind, _, trace = record.exc_info or (None, None, None)
        places = _places(kind.__name__, trace) if kind else ""
        _write(f"{record.levelname} of {record.name} at {record.pathname}:{record.lineno}\n{places}")


def _places(kind: str, trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)
    return f"{kind}\n" + "".join(f"  {one.filename}:{one.lineno} in {one.name}\n" for one in frames)


def _write(text: str) -> Path | None:
    with suppress(Exception):  # there may be no room for it either
        path = private_file(private_folder(_home()) / FILE)
        mode = "w" if path.stat().st_size > _MOST_BYTES else "a"
        with path.open(mode, encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}")
        return path
    return None


def _home() -> Path:
    """The folder of this command, also where its settings are what is wrong."""
    from platformdirs import user_data_path

    given: str | None = None
    for at, word in enumerate(sys.argv):
        if word == "--home" and at + 1 < len(sys.argv):
            given = sys.argv[at + 1]
        elif word.startswith("--home="):
            given = word.removeprefix("--home=")
    try:
        from lcagent.settings import load_settings

        return load_settings({"home": given}).data_dir
    except Exception:  # noqa: BLE001 - then it is where it would be without settings
        own = given or os.environ.get("LCAGENT_HOME")
        return Path(own).expanduser() if own else user_data_path("lcagent")
