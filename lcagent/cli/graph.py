"""`lcagent graph`: the graph of a document's facts, built once for every question."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lcagent.cli import terminal
from lcagent.cli.options import (
    JsonOption,
    PasswordOption,
    QuietOption,
    VerboseOption,
    reading,
    settings_from,
    stored,
)
from lcagent.errors import UsageError
from lcagent.text import folded_line

if TYPE_CHECKING:
    from lcagent.memory.graph import FactGraph

app = typer.Typer(help="Build, show and export the graph of documents' facts.", no_args_is_help=True)
Documents = Annotated[list[str], typer.Argument(metavar="DOC...", help="Files, folders, or -.")]


class Form(StrEnum):
    """What a graph is exported as."""

    HTML = "html"
    GRAPHML = "graphml"
    JSON = "json"


@app.command()
@reading
def build(
    flags: dict[str, Any],
    documents: Documents,
    password: PasswordOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Read documents once, and keep their facts for every later question (`--strategy graphreader`).

    What was read before is not read again. Exit status: 0 all is read, 4 a budget was reached or some could
    not be read; the same command again goes on.
    """
    settings = settings_from(**flags)
    from lcagent.cli.progress import Console
    from lcagent.reader import Reader

    with (
        Console(quiet=quiet, verbose=verbose) as console,
        Reader(settings, progress=console.fetching) as reader,
    ):
        counts = reader.build(documents, password=password, on_event=console.show)
    if as_json:
        terminal.as_json(counts, indent=None)
    else:
        terminal.line(_counted(counts))
        if counts["unread"]:
            terminal.line(f"{counts['unread']} segments are not read: the same command goes on")
    raise typer.Exit(4 if counts["unread"] else 0)


def _counted(counts: dict[str, int]) -> str:
    names = (("documents", "document"), ("facts", "fact"), ("nodes", "element"), ("edges", "connection"))
    return ", ".join(f"{counts[key]} {name}{'s' * (counts[key] != 1)}" for key, name in names)


@app.command()
@stored
def show(
    flags: dict[str, Any],
    documents: Documents,
    element: Annotated[
        str | None, typer.Option(help="One element: its written forms, facts and neighbours.")
    ] = None,
    password: PasswordOption = None,
    as_json: JsonOption = False,
    limit: Annotated[int, typer.Option("-n", min=1, help="Most elements, facts or neighbours.")] = 20,
) -> None:
    """What a graph holds: how much, and the elements in most facts; or one element. Of a document that is not
    read in full, what there is."""
    from lcagent.runs.graphs import kept_graph

    with kept_graph(documents, settings_from(**flags), password=password) as kept:
        told = _element(kept.graph, element, limit) if element else _overview(kept.graph, limit)
        told["partial"] = [{"document": d, "segments": done, "of": every} for d, done, every in kept.partial]
    if as_json:
        terminal.as_json(told)
        return
    for name, done, every in kept.partial:
        of = f" of {every}" if every else ""
        terminal.line(f"partial: {done}{of} segments of {folded_line(name)} are read")
    if element:
        _print_element(told)
        return
    terminal.line(_counted(told["counts"]))
    for node in told["elements"]:
        terminal.line(f"{node['facts']:>6}  {folded_line(node['name'])}")


def _overview(graph: FactGraph, limit: int) -> dict[str, Any]:
    nodes = [{"name": node.name, "facts": node.facts} for node in graph.nodes(limit)]
    return {"counts": graph.counts(), "elements": nodes}


def _element(graph: FactGraph, name: str, limit: int) -> dict[str, Any]:
    from lcagent.memory.elements import node_of

    node = graph.node(node_of(name)) or next(iter(graph.candidates(name, 1)), None)
    if node is None:
        raise UsageError(f"no element is like {name!r}", hint="`lcagent graph show DOC` lists the commonest")
    facts = graph.facts_of(node.key, query="", limit=limit)
    neighbours, _ = graph.neighbours(node.key, limit=limit)
    return {
        "name": node.name,
        "forms": graph.aliases(node.key),
        "facts": [fact.text for fact in facts],
        "more_facts": graph.size(node.key) - len(facts),
        "neighbours": [other.name for other, _ in neighbours],
    }


def _print_element(told: dict[str, Any]) -> None:
    terminal.line(told["name"])
    forms = [f"{form['name']} ({form['stage']})" for form in told["forms"]]
    terminal.line(f"written    {folded_line(', '.join(forms))}")
    terminal.line(f"neighbours {folded_line(', '.join(told['neighbours'])) or 'none'}")
    for fact in told["facts"]:
        terminal.line(f"- {folded_line(fact)}")
    if told["more_facts"]:
        terminal.line(f"and {told['more_facts']} more facts")


@app.command()
@stored
def export(
    flags: dict[str, Any],
    documents: Documents,
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")],
    form: Annotated[
        Form | None, typer.Option("--as", help="Default: by the file's ending.", case_sensitive=False)
    ] = None,
    password: PasswordOption = None,
) -> None:
    """Write a graph as one HTML page, with the paths of its answers, or as GraphML or JSON."""
    from lcagent.runs.graphs import exported

    ending = output.suffix.lstrip(".").lower()
    if form is None and ending not in set(Form):
        raise UsageError(f"{output} does not end in a known form", hint=f"--as {', '.join(Form)}")
    text = exported(documents, settings_from(**flags), str(form or ending), password=password)
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from error
    terminal.line(str(output))
