"""`lcagent models`: model files and servers of our own."""

from __future__ import annotations

from typing import Annotated

import typer

from lcagent.cli import terminal
from lcagent.cli.options import HomeOption, settings_from

app = typer.Typer(help="Fetch the CPU model; see and stop our vLLM server.", no_args_is_help=True)


@app.command()
def pull(
    home: HomeOption = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")] = False,
) -> None:
    """Fetch the embedded CPU model (1.1 GB), or check the copy that is there."""
    settings = settings_from(home=home)
    from lcagent.cli.progress import Console
    from lcagent.models.serving.weights import ensure

    console = Console(quiet=quiet)
    with console:
        path = ensure(None, models_dir=settings.models_dir, progress=console.fetching)
    terminal.line(str(path))


@app.command("list")
def list_models(home: HomeOption = None) -> None:
    """The model files that are here."""
    settings = settings_from(home=home)
    from lcagent.models.serving.weights import state

    terminal.line(state(settings.models_dir))
    for file in sorted(settings.models_dir.glob("*.gguf")):
        terminal.line(f"{file}  {file.stat().st_size / 1e9:.2f} GB")


@app.command()
def status(home: HomeOption = None) -> None:
    """Our vLLM server: what it serves, since when, who uses it, its log."""
    settings = settings_from(home=home)
    from lcagent.models.serving import vllm_server

    server = vllm_server.status(settings.data_dir)
    if server is None:
        terminal.line("no vLLM server of ours is running")
        raise typer.Exit(3)
    terminal.line(
        f"{server.model} at http://127.0.0.1:{server.port}/v1, window {server.window}, pid {server.pid}"
    )
    terminal.line(f"used by {len(server.leases)} process(es); log: {server.log}")


@app.command()
def stop(home: HomeOption = None) -> None:
    """Stop our vLLM server."""
    settings = settings_from(home=home)
    from lcagent.models.serving import vllm_server

    terminal.line("stopped" if vllm_server.stop(settings.data_dir) else "no vLLM server of ours was running")
