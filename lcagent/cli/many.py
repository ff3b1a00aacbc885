"""`lcagent map`: a table of answers, a row a document."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lcagent.cli import terminal
from lcagent.cli.ask import asked
from lcagent.cli.options import JsonOption, PasswordOption, QuietOption, reading, settings_from

if TYPE_CHECKING:
    from lcagent.cli.progress import Console
    from lcagent.events import Event
    from lcagent.many.tables import Table


@reading
def map_documents(
    flags: dict[str, Any],
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE... QUESTION",
            help="Files, folders or patterns, then the question; with --questions documents alone.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The table: a .jsonl, .csv or .parquet file.")],
    questions: Annotated[
        Path | None,
        typer.Option("--questions", metavar="FILE", help="Several questions, with types: a TOML file."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The first so many documents alone.")] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Documents at once; else as many as requests at once.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Also read those again that failed before.")
    ] = False,
    strategy: Annotated[str | None, typer.Option(help="As of `lcagent ask`.")] = None,
    style: Annotated[str | None, typer.Option(help="As of `lcagent ask`, for columns of text.")] = None,
    password: PasswordOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Say what there is to say of each document.")
    ] = False,
) -> None:
    """Ask each of many documents the same: a table with typed columns and their citations.

    Exit status: 0 every document has its row, also one that says why it was not read; 1 not one could be
    read, or something concerned all; 4 a budget was reached, 2 usage, 130 interrupted. The same command again
    goes on where it stopped.
    """
    if questions is None and len(words) < 2:
        raise typer.BadParameter('name a document and a question: lcagent map papers/ "question"')
    from lcagent.many.columns import columns_in, columns_of

    sources, question = (words, "") if questions is not None else asked(words, None)
    columns = columns_in(questions) if questions is not None else columns_of(question)
    settings = settings_from(strategy=strategy, style=style, **flags)
    from lcagent.cli.progress import Console
    from lcagent.reader import Reader

    told = _Told(Console(quiet=quiet, verbose=verbose), verbose)
    with told.console, Reader(settings, progress=told.console.fetching) as reader:
        table = reader.map(
            sources,
            columns,
            out=out,
            on_event=told.show,
            limit=limit,
            concurrency=concurrency,
            password=password,
            retry_failed=retry_failed,
        )
    _tell(table, as_json, told.console)
    raise typer.Exit(4 if not table.complete else 1 if table.failed == table.rows else 0)


class _Told:
    """What a person sees of a table that is made.

    Args:
        console: where.
        verbose: also what there is to say of single documents.
    """

    def __init__(self, console: Console, verbose: bool) -> None:
        self.console, self._verbose = console, verbose

    def show(self, event: Event) -> None:
        """One event."""
        from lcagent.events import DocumentNotice, RowKept

        if isinstance(event, RowKept):
            if not gc.isenabled():  # `main` has put it off until here
                gc.freeze()
                gc.enable()
            failed = f", {event.failed:,} failed" if event.failed else ""
            cost = f"{event.calls:,} calls, {event.tokens:,} tokens"
            self.console.counting(f"{cost}{failed}", event.done, event.total, "documents")
        elif not isinstance(event, DocumentNotice):
            self.console.show(event)
        elif self._verbose:
            self.console.say(f"{event.document}: {event.text}")


def _tell(table: Table, as_json: bool, console: Console) -> None:
    counts = {
        "rows": table.rows,
        "failed": table.failed,
        "copies": table.copies,
        "asked": table.asked,
        "calls": table.calls,
        "tokens": table.tokens,
    }
    if as_json:
        terminal.as_json({"version": 1, "out": str(table.out), "complete": table.complete, **counts})
        return
    terminal.line(str(table.out))
    console.say(", ".join(f"{number:,} {what}" for what, number in counts.items()))
