"""`lcagent export`: the pages that an answer cites, with the quotes marked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lcagent.cli import terminal
from lcagent.cli.options import PasswordOption, settings_from, stored
from lcagent.errors import UsageError


@stored
def export(
    flags: dict[str, Any],
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, its beginning, or 'last'.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The PDF to write.")],
    password: PasswordOption = None,
) -> None:
    """Write the pages that an answer cites as a PDF, with the quotes highlighted.

    Question and answer stand in its outline, its properties and a note on the first page. Only PDFs are
    exported, from where they were read; what is not in it is told on stderr.
    """
    from lcagent.runs.export import exported
    from lcagent.runs.sources import kept

    made = exported(kept(settings_from(**flags), run), password)
    for sentence in made.missing:
        terminal.note(sentence)
    try:
        output.write_bytes(made.data)
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from error
    terminal.line(str(output))
