"""`lcagent`: the commands."""

from __future__ import annotations

import gc
from typing import Annotated

import typer

from lcagent.cli import ask as ask_command
from lcagent.cli import bench as bench_command
from lcagent.cli import chat as chat_command
from lcagent.cli import config, doctor, graph, memory, models, runs, store, terminal, works
from lcagent.cli import export as export_command
from lcagent.cli import inspect as inspect_command
from lcagent.cli import many as many_command
from lcagent.cli import mcp as mcp_command
from lcagent.cli import probe as probe_command
from lcagent.cli import serve as serve_command
from lcagent.cli import summarize as summarize_command
from lcagent.cli import worker as worker_command

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
app.command("map")(many_command.map_documents)
app.command("summarize")(summarize_command.summarize)
app.command("chat")(chat_command.chat)
app.command("inspect")(inspect_command.inspect)
app.command("export")(export_command.export)
app.command("bench")(bench_command.bench)
app.command("probe")(probe_command.probe)
app.command("doctor")(doctor.doctor)
app.command("config")(config.config)
app.add_typer(runs.app, name="runs")
app.add_typer(graph.app, name="graph")
app.add_typer(works.app, name="works")
app.add_typer(memory.app, name="memory")
app.add_typer(models.app, name="models")
app.add_typer(store.app, name="store")
app.command("serve")(serve_command.serve)
app.command("mcp")(mcp_command.mcp)
app.command("worker")(worker_command.worker)
app.add_typer(serve_command.keys, name="keys")


_READING = frozenset({"ask", "map", "summarize"})
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

        terminal.line(__version__)
        raise typer.Exit
