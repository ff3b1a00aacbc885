"""`lcagent runs`: what was asked before."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lcagent.cli import terminal
from lcagent.cli.answers import footnotes, hop_lines, notes, search_lines, status_line
from lcagent.cli.calls import call_line, resent, show_call
from lcagent.cli.options import ApiBaseOption, ApiKeyOption, ModelOption, settings_from, stored
from lcagent.text import folded_line

if TYPE_CHECKING:
    from lcagent.runs.records import Runs

app = typer.Typer(help="List, show, replay, delete and prune runs; send a call again.", no_args_is_help=True)
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, its beginning, or 'last'.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
@stored
def list_runs(
    flags: dict[str, Any],
    as_json: JsonOption = False,
    limit: Annotated[int, typer.Option("-n", help="Most runs to list.")] = 20,
) -> None:
    """The newest runs."""
    rows = _runs(flags).list(limit)
    if as_json:
        terminal.as_json(rows)
        return
    for row in rows:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["created"]))
        sources = ", ".join(json.loads(row["sources"])[:2])
        terminal.line(
            f"{row['id']}  {when}  {row['status']:<11}  {row['calls']:>5} calls  {row['seconds']:>7.1f} s"
            f"  {folded_line(sources)}: {folded_line(row['question'][:60])}"
        )


@app.command()
@stored
def show(
    flags: dict[str, Any],
    run: RunArgument,
    as_json: JsonOption = False,
    call: Annotated[
        int | None, typer.Option(metavar="N", help="One call alone: what was sent and what came back.")
    ] = None,
) -> None:
    """One run: question, answer, citations, cost, evidence; or one of its calls."""
    runs = _runs(flags)
    row = runs.find(run)
    if call is not None:
        show_call(runs.journal(row["id"]).call(call), as_json)
        return
    findings = runs.findings(row["id"])
    if as_json:
        row["answer"] = json.loads(row["answer"]) if row["answer"] else None
        row["evidence"] = findings
        terminal.as_json(row)
        return
    terminal.line(f"run       {row['id']} ({row['status']})")
    terminal.line(f"question  {row['question']}")
    terminal.line(f"documents {', '.join(json.loads(row['sources']))}")
    terminal.line(f"how       {row['strategy']} with {row['model']}")
    if row["error"]:
        terminal.line(f"error     {row['error']}")
    if row["answer"]:
        _print_answer(row["answer"])
    if findings:
        terminal.line(f"evidence  {len(findings)} findings")
    for entry in findings:
        quote = " ".join((entry["quote"] or entry["text"]).split())
        target = f" {entry['target']}" if entry["target"] else ""
        where = f"{entry['document']}.{entry['segment']}.{entry['seq']}"
        terminal.line(f"  {where} {entry['op']}{target}: {quote}")


def _print_answer(kept: str) -> None:
    from pydantic import ValidationError

    from lcagent.answer import Answer

    try:
        answer = Answer.model_validate_json(kept)
    except ValidationError:  # an earlier version kept it
        terminal.text(f"answer    {json.loads(kept).get('answer')}")
        return
    terminal.text(f"answer    {answer.text}")
    for line in footnotes(answer):
        terminal.line(f"  {folded_line(line)}")
    for line in hop_lines(answer):
        terminal.line(f"  step {folded_line(line)}")
    for label, text in search_lines(answer):
        terminal.line(f"  {label:<10} {folded_line(text)}")
    for note in notes(answer):
        terminal.line(f"  note: {folded_line(note)}")
    terminal.line(f"in all    {folded_line(status_line(answer))}")


@app.command()
@stored
def replay(flags: dict[str, Any], run: RunArgument) -> None:
    """Every call of a run, in the order they ended, from the journal: no model is asked."""
    runs = _runs(flags)
    row = runs.find(run)
    for call in runs.journal(row["id"]).calls():
        terminal.line(call_line(call))
        terminal.text(call["text"])
    if row["answer"]:
        terminal.line("--- answer")
        kept = json.loads(row["answer"])
        terminal.text(kept.get("text") or kept["answer"])


@app.command()
@stored
def resend(
    flags: dict[str, Any],
    run: RunArgument,
    call: Annotated[int, typer.Argument(metavar="N", help="The call's number, as `replay` has it.")],
    model: ModelOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
) -> None:
    """Send one call of a run again, to the model that the settings name; the run stays as it is."""
    settings = settings_from(model=model, api_base=api_base, api_key=api_key, **flags)
    runs = _runs(flags)
    kept = runs.journal(runs.find(run)["id"]).call(call)
    name, reply = resent(kept, settings)
    terminal.line(call_line(kept))
    terminal.text(kept["text"])
    terminal.line(f"--- now, {name}: {reply.prompt_tokens} + {reply.completion_tokens} tokens")
    terminal.text(reply.text)


@app.command()
@stored
def delete(flags: dict[str, Any], run: RunArgument) -> None:
    """Delete a run with its calls, evidence, checkpoints, and the parsed text that only it used."""
    runs = _runs(flags)
    row = runs.find(run)
    runs.delete(row["id"])
    terminal.line(f"deleted {row['id']}")


@app.command()
@stored
def prune(
    flags: dict[str, Any],
    older_than: Annotated[
        float | None,
        typer.Option(metavar="DAYS", min=0, help="Finished runs older than this go; default 30."),
    ] = None,
    max_size: Annotated[
        int | None,
        typer.Option(metavar="MB", min=0, help="Beyond it the oldest finished runs go, old or not."),
    ] = None,
) -> None:
    """Delete old finished runs, and works that no run uses; what is unfinished stays."""
    from lcagent.runs import prune as room

    place = settings_from(**flags).place
    most = None if max_size is None else max_size << 20
    runs, works = room.prune(place, older_than=older_than, most=most)
    size = room.stored_bytes(place) / (1 << 20)
    terminal.line(f"deleted {runs} runs and {works} works; {size:.1f} MB are left")


def _runs(flags: dict[str, Any]) -> Runs:
    from lcagent.memory.opening import open_store
    from lcagent.runs.records import Runs

    return Runs(open_store(settings_from(**flags).place))
