"""`lcagent works`: what is kept of documents, whatever is asked of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lcagent.cli import terminal
from lcagent.cli.calls import show_call
from lcagent.cli.options import settings_from, stored
from lcagent.text import folded_line

if TYPE_CHECKING:
    from lcagent.memory.rows import Rows

app = typer.Typer(help="List, show and delete what is kept of documents.", no_args_is_help=True)
WorkArgument = Annotated[
    str, typer.Argument(metavar="WORK", help="A work's id, or the beginning of its key.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
@stored
def list_works(
    flags: dict[str, Any],
    as_json: JsonOption = False,
    kind: Annotated[
        str | None, typer.Option(help="Only works of one kind: document, segmentation, facts, ...")
    ] = None,
) -> None:
    """All works, the one that was used last first."""
    from dataclasses import asdict

    from lcagent.memory.works import Works

    works = [work for work in Works(_store(flags)).list() if kind in {None, work.kind}]
    if as_json:
        terminal.as_json([asdict(work) for work in works])
        return
    for work in works:
        terminal.line(
            f"{work.id:>5}  {_when(work.used)}  {work.kind:<12}  {work.status:<8}  {folded_line(work.name)}"
            f"  {folded_line(_exact(work.exact))}"
        )


@app.command()
@stored
def show(
    flags: dict[str, Any],
    work: WorkArgument,
    as_json: JsonOption = False,
    call: Annotated[
        int | None, typer.Option(metavar="N", help="One call alone: what was sent and what came back.")
    ] = None,
) -> None:
    """One work: what it follows from, what it holds, what it cost; or one of its calls."""
    from dataclasses import asdict

    from lcagent.memory.works import Works

    works = Works(_store(flags))
    found = works.find(work)
    if call is not None:
        show_call(works.journal(found).call(call), as_json)
        return
    cost, holds, runs = works.journal(found).totals(), works.holds(found), works.runs(found)
    if as_json:
        told = {**asdict(found), "holds": holds, "runs": runs, "cost": cost}
        terminal.as_json(told)
        return
    terminal.line(f"work      {found.id} ({found.kind}, {found.status})")
    terminal.line(f"key       {found.key}")
    terminal.line(f"document  {found.name} {found.document}")
    for name, value in found.exact.items():
        terminal.line(f"from      {name} {value}")
    terminal.line(f"made      {_when(found.created)}, used {_when(found.used)}")
    for name, count in holds.items():
        terminal.line(f"holds     {count:,} {name}")
    for run in runs:
        terminal.line(f"used by   run {run}")
    if cost["calls"]:
        tokens = cost["prompt_tokens"] + cost["completion_tokens"]
        terminal.line(f"cost      {cost['calls']:,} calls, {tokens:,} tokens")


@app.command()
@stored
def delete(flags: dict[str, Any], work: WorkArgument) -> None:
    """Delete a work with all that it holds and its calls; who needs it again makes it again."""
    from lcagent.memory.works import Works

    works = Works(_store(flags))
    found = works.find(work)
    works.delete(found.id)
    terminal.line(f"deleted {found.id}")


def _exact(exact: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value[:40]}" for name, value in exact.items())


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _store(flags: dict[str, Any]) -> Rows:
    from lcagent.memory.opening import open_store

    return open_store(settings_from(**flags).place)
