"""`lcagent`: a command runs, and whatever its ending is, it is told in a line, or in an object with `--json`.

What takes long to import is imported where Ctrl-C and faults are caught already.
"""

from __future__ import annotations

import gc
import shutil
import signal
import sys
import textwrap
from typing import NoReturn

from lcagent.cli import began, terminal
from lcagent.errors import LcagentError

INTERRUPTED = 130
"""Exit status after Ctrl-C."""
_GOES_ON = "interrupted; the same command goes on from here"


def main() -> NoReturn:
    """Run a command; every error is one message with a hint, and its exit code."""
    # Nothing is garbage of what is imported first: looking for it is a fifth of the CPU of a short question.
    gc.disable()
    terminal.prepare()
    began.note()
    try:
        status = _ended()
    except terminal.OutputGone:
        status = 1
    except LcagentError as error:  # stdout fails where the ending is told
        _say(f"error: {error.message}")
        status = error.exit_code
    except KeyboardInterrupt:
        status = INTERRUPTED
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing is left to be saved: Ctrl-C ends what still ends
    sys.exit(status)


def _ended() -> int:
    """Run the command and tell how it ended.

    Returns:
        The exit status.
    """
    from lcagent.cli import faults

    try:
        faults.watch()
        from lcagent.cli.commands import app

        status = app(standalone_mode=False)  # a command's exit status comes back as its value
        terminal.flush()
    except terminal.OutputGone:
        raise
    except LcagentError as error:
        return _told(error.code, error.message, error.hint, error.exit_code)
    except terminal.Interrupted as stop:
        return _told("Interrupted", str(stop), "", INTERRUPTED)
    except KeyboardInterrupt:
        status = INTERRUPTED
    except SystemExit as error:
        if not isinstance(error.__context__, OSError):
            raise
        return _unexpected(error.__context__)  # typer takes any broken pipe for stdout's
    except Exception as error:  # noqa: BLE001 - told in a line, and noted
        return _unexpected(error)
    if status == INTERRUPTED:  # typer has turned Ctrl-C into an exit status
        return _told("Interrupted", _GOES_ON, "", INTERRUPTED)
    return status if isinstance(status, int) else 0


def _unexpected(error: BaseException) -> int:
    """Tell typer's own complaints as usage errors, and anything else as a fault of ours."""
    from lcagent.cli import faults

    if callable(complaint := getattr(error, "format_message", None)):
        context = getattr(error, "ctx", None)
        usage = context.get_usage() if context is not None else ""
        hint = f"{context.command_path} --help" if context is not None else "lcagent --help"
        if type(error).__name__ == "NoArgsIsHelpError":
            if not _as_json():
                terminal.error(f"{complaint()}\n")
                return 2
            return _told("UsageError", "a command is missing", hint, 2)
        if usage and not _as_json():
            terminal.error(f"{usage}\n")
        return _told("UsageError", str(complaint()), hint, 2)
    if type(error).__name__ == "Abort":
        return _told("Interrupted", _GOES_ON, "", INTERRUPTED)
    if damage := faults.damage():
        hint = "`lcagent doctor --repair` keeps it beside, and saves what can be read"
        return _told("StoreDamaged", damage, hint, 1)
    where = faults.noted(error)
    hint = "the same command goes on from what is finished; `lcagent doctor --repair` checks what is kept"
    if where is not None:
        hint = f"where it happened is noted in {where}; {hint}"
    return _told("UnexpectedError", faults.in_a_line(error), hint, 1)


def _as_json() -> bool:
    arguments = sys.argv[1:]
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in own


def _told(code: str, message: str, hint: str, status: int) -> int:
    if _as_json():
        terminal.as_json({"code": code, "message": message, "hint": hint}, indent=None)
        terminal.flush()
    elif code == "Interrupted":
        terminal.error(f"\n{message}\n")
    else:
        _say(f"error: {message}")
        if hint:
            _say(f"hint: {hint}")
    return status


def _say(line: str) -> None:
    """One line on stderr; a terminal gets several that end with a word."""
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        indent = " " * (line.index(":") + 2)
        line = textwrap.fill(
            line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
        terminal.error(f"{line}\n")
        return
    terminal.note(line)


if __name__ == "__main__":
    main()
