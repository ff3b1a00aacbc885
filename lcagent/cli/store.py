"""`lcagent store`: all that is kept, wherever it is."""

from __future__ import annotations

from typing import Annotated

import typer

from lcagent.cli import terminal
from lcagent.cli.options import HomeOption, settings_from

app = typer.Typer(help="Take all that is kept to another place.", no_args_is_help=True)


@app.callback()
def store() -> None:
    """Take all that is kept to another place."""


@app.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A folder, or postgresql://….")],
    target: Annotated[str, typer.Argument(metavar="TO", help="Likewise; it holds nothing else.")],
    home: HomeOption = None,
) -> None:
    """Copy runs, works, conversations and what is served; the same command again goes on with it.

    Nothing else may write either of them meanwhile. In the end both are compared, row by row.
    """
    from lcagent.memory.copying import copied

    places = [settings_from(home=home, store=str(one)).place for one in (source, target)]
    done = copied(places[0], places[1], terminal.note)
    terminal.line(f"{done.rows} rows are the same in both ({done.fresh} of them new): {done.digest}")
