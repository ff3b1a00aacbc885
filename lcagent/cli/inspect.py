"""`lcagent inspect`: what a document would be read as, and what of it would not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lcagent.cli import terminal
from lcagent.cli.options import EncodingOption, JsonOption, PasswordOption
from lcagent.text import folded_line

if TYPE_CHECKING:
    from lcagent.documents.inspecting import Inspection


def inspect(
    documents: Annotated[list[str], typer.Argument(metavar="DOC...", help="Files, folders, or -.")],
    password: PasswordOption = None,
    encoding: EncodingOption = None,
    as_json: JsonOption = False,
    segments: Annotated[bool, typer.Option("--segments", help="List what would be read at a time.")] = False,
) -> None:
    """Show what of each document would be read, and what would not. No model is asked."""
    from lcagent.documents import load_all
    from lcagent.documents.inspecting import inspected

    loaded = load_all(documents, password=password, encoding=encoding)
    found = [inspected(document) for document in loaded.documents]
    if as_json:
        told = {
            "version": 1,
            "documents": [one.as_json() for one in found],
            "not_read": loaded.left_out(),
        }
        terminal.as_json(told)
        return
    for number, one in enumerate(found):
        if number:
            terminal.line()
        for line in _lines(one, whole=segments):
            terminal.line(line)
    for what in loaded.left_out():
        terminal.line(f"not read: {what}")


def _lines(one: Inspection, *, whole: bool) -> list[str]:
    document = one.document
    pages = len(document.pages)
    counted = f"{pages:,} {document.unit}{'s' * (pages != 1)}, " if pages else ""
    lines = [
        f"{folded_line(document.name)}: {document.format}, {counted}{len(document.text):,} characters,"
        f" about {one.tokens:,} tokens in {len(one.segments):,} segment{'s' * (len(one.segments) != 1)}"
    ]
    lines += [f"  warning: {folded_line(what)}" for what in document.warnings]
    lines += [f"  | {folded_line(line)}" for line in one.first_lines()]
    if whole:
        lines += [
            f"  segment {part.index + 1}: {folded_line(document.place(part.start))},"
            f" about {part.tokens:,} tokens"
            for part in one.segments
        ]
    return lines
