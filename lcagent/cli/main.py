"""`lcagent`: the commands, and how an error is told."""

from __future__ import annotations

import gc
import json
import logging
import os
import shutil
import sys
import textwrap
from typing import Annotated, NoReturn

import typer

from lcagent.cli import ask as ask_command
from lcagent.cli import bench as bench_command
from lcagent.cli import chat as chat_command
from lcagent.cli import config, doctor, graph, memory, models, runs, works
from lcagent.cli import inspect as inspect_command
from lcagent.cli import probe as probe_command
from lcagent.cli import summarize as summarize_command
from lcagent.errors import LcagentError
from lcagent.text import shown

app = typer.Typer(
    name="lcagent",
    help="A language model with a small, fixed window reads documents of any length, and says where"
    " each answer stands.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("ask")(ask_command.ask)
app.command("summarize")(summarize_command.summarize)
app.command("chat")(chat_command.chat)
app.command("inspect")(inspect_command.inspect)
app.command("bench")(bench_command.bench)
app.command("probe")(probe_command.probe)
app.command("doctor")(doctor.doctor)
app.command("config")(config.config)
app.add_typer(runs.app, name="runs")
app.add_typer(graph.app, name="graph")
app.add_typer(works.app, name="works")
app.add_typer(memory.app, name="memory")
app.add_typer(models.app, name="models")


INTERRUPTED = 130
"""Exit status after Ctrl-C."""


_READING = frozenset({"ask", "summarize"})
"""Commands that import what they need while they start, and let the collector run from there on."""


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Options of all commands."""
    if context.invoked_subcommand not in _READING:
        gc.enable()
    if version:
        from lcagent import __version__

        print(__version__)
        raise typer.Exit


def main() -> NoReturn:
    """Run a command; every error is one message with a hint, and its exit code."""
    # Nothing is garbage of what is imported first: looking for it is a fifth of the CPU of a short question.
    gc.disable()
    # A retry is told by our own progress; the library's log line would only repeat it.
    logging.getLogger("stamina").setLevel(logging.ERROR)
    try:
        status = app(standalone_mode=False)  # a command's exit status comes back as its value
        if status == INTERRUPTED:  # typer has turned Ctrl-C into an exit status
            _tell_interrupted()
        sys.exit(status if isinstance(status, int) else 0)
    except LcagentError as error:
        _tell(error)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        _tell_interrupted()
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of stdout has gone (`| head`); say nothing, and let Python close quietly.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        _usage(error)
        raise


def _usage(error: Exception) -> None:
    """Typer's own complaints: it says them itself, we only need its exit code."""
    show = getattr(error, "show", None)
    if callable(show):
        show()
        sys.exit(2)


def _tell_interrupted() -> None:
    print("\ninterrupted; the same command goes on from here", file=sys.stderr)


def _tell(error: LcagentError) -> None:
    if "--json" in sys.argv:
        print(json.dumps({"code": error.code, "message": error.message, "hint": error.hint}))
        return
    _say(f"error: {error.message}")
    if error.hint:
        _say(f"hint: {error.hint}")


def _say(line: str) -> None:
    """One line on stderr; a terminal gets several that end with a word."""
    line = shown(line)
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        indent = " " * (line.index(":") + 2)
        line = textwrap.fill(
            line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
