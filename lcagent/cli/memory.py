"""`lcagent memory`: what is kept of conversations, shown, edited, carried about and forgotten."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from lcagent.cli import dates, memory_told, terminal
from lcagent.cli.memory_embed import embed
from lcagent.cli.memory_files import export, import_memory
from lcagent.cli.memory_forget import forget
from lcagent.cli.memory_opened import (
    DEFAULT_SESSION,
    DEFAULT_TENANT,
    SessionOption,
    SinceOption,
    TenantOption,
    UntilOption,
    core_of,
    entries_of,
    find_in,
    opened,
    writing,
)
from lcagent.cli.options import JsonOption, settings_from, stored
from lcagent.errors import UsageError
from lcagent.text import folded_line, told_time

app = typer.Typer(
    help="List, search, show, edit, embed, export, import and forget what is kept of conversations.",
    no_args_is_help=True,
)
BlockArgument = Annotated[str, typer.Argument(metavar="BLOCK", help="A block of core memory, e.g. human.")]


@app.command("list")
@stored
def list_sessions(
    flags: dict[str, Any],
    tenant: TenantOption = DEFAULT_TENANT,
    as_json: JsonOption = False,
) -> None:
    """The conversations, the one that was written last first."""
    from dataclasses import asdict

    from lcagent.memory.tiers.sessions import sessions

    with opened(settings_from(**flags)) as store:
        found = sessions(store, tenant)
    if as_json:
        memory_told.print_json([asdict(one) for one in found])
        return
    for one in found:
        terminal.line(
            f"{told_time(one.used)}  {one.messages:>6,} messages  {one.passages:>5,} passages"
            f"  {one.documents:>3} documents  {one.bytes / 1024:>8,.1f} KB  {folded_line(one.name)}"
        )


@app.command()
@stored
def search(
    flags: dict[str, Any],
    query: Annotated[str, typer.Argument(help="Words; left out: all of the time.")] = "",
    tenant: TenantOption = DEFAULT_TENANT,
    session: SessionOption = DEFAULT_SESSION,
    after: SinceOption = None,
    before: UntilOption = None,
    page: Annotated[int, typer.Option("--page", min=1)] = 1,
    size: Annotated[int, typer.Option("-n", min=1, help="Results of a page.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Messages and passages by their words, meaning and time, with how many there are."""
    settings = settings_from(**flags)
    with opened(settings) as store:
        entries = entries_of(store, tenant, session)
        numbers, total = find_in(entries, settings, query, (after, before), page * size)
        held = entries.get(numbers[(page - 1) * size :])
        told = [
            memory_told.entry_told(entries, held[number])
            for number in numbers[(page - 1) * size :]
            if number in held
        ]
    pages = -(-total // size)
    if as_json:
        memory_told.print_json({"total": total, "page": page, "pages": pages, "entries": told})
        return
    terminal.line(f"{total:,} found" + (f", page {page} of {pages}" if total else ""))
    for one in told:
        terminal.line(memory_told.line(one))


@app.command()
@stored
def show(
    flags: dict[str, Any],
    entry: Annotated[
        int | None, typer.Argument(metavar="ID", help="One entry, what it rests on, and what rests on it.")
    ] = None,
    tenant: TenantOption = DEFAULT_TENANT,
    session: SessionOption = DEFAULT_SESSION,
    at: Annotated[
        str | None, typer.Option("--at", metavar="DATE", help="Core memory as it was at the end of a date.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Core memory with what each line rests on, the summary, and how much there is; or one entry."""
    settings = settings_from(**flags)
    with opened(settings) as store:
        entries = entries_of(store, tenant, session)
        if entry is not None:
            told = memory_told.one(entries, entry)
            memory_told.print_json(told) if as_json else memory_told.print_entry(told)
            return
        told = memory_told.overview(
            entries, core_of(entries, settings), None if at is None else dates.until(at)
        )
    memory_told.print_json(told) if as_json else memory_told.print_overview(told)


@app.command()
@stored
def edit(
    flags: dict[str, Any],
    block: BlockArgument,
    tenant: TenantOption = DEFAULT_TENANT,
    session: SessionOption = DEFAULT_SESSION,
    replace: Annotated[
        tuple[str, str] | None,
        typer.Option("--replace", metavar="OLD NEW", help="Replace text of a line; by '' to take it away."),
    ] = None,
    append: Annotated[str | None, typer.Option("--append", metavar="TEXT", help="Add a line.")] = None,
) -> None:
    """Edit a block of core memory, in $EDITOR where nothing else is said."""
    from lcagent.memory.tiers.folder import block_lines, block_text, edit_block

    settings = settings_from(**flags)
    with opened(settings) as store, writing(store, tenant, session) as entries:
        core = core_of(entries, settings)
        if replace is not None:
            core.replace(block, *replace, author="user", source="said")
        if append is not None:
            core.append(block, append, author="user", source="said")
        if replace is None and append is None:
            lines = block_lines(_edited(block_text(core, block)))
            with store.transaction():
                done = list(edit_block(core, block, lines, source="said"))
            for one in done:
                terminal.note(folded_line(one))
        terminal.text(block_text(core, block), end="")


@app.command()
@stored
def undo(
    flags: dict[str, Any],
    block: BlockArgument,
    tenant: TenantOption = DEFAULT_TENANT,
    session: SessionOption = DEFAULT_SESSION,
) -> None:
    """Undo the last change of a block of core memory."""
    from lcagent.memory.tiers.folder import block_text

    settings = settings_from(**flags)
    with opened(settings) as store, writing(store, tenant, session) as entries:
        core = core_of(entries, settings)
        core.undo(block, author="user")
        terminal.text(block_text(core, block), end="")


app.command()(embed)
app.command()(export)
app.command("import")(import_memory)
app.command()(forget)


@app.command()
@stored
def rebuild(flags: dict[str, Any], tenant: TenantOption = DEFAULT_TENANT) -> None:
    """Make anew what follows from the entries: what holds no more, and the index."""
    from lcagent.memory.tiers import index
    from lcagent.memory.tiers.sessions import sessions

    with opened(settings_from(**flags)) as store:
        index.rebuild(store, tenant)
        names = [one.name for one in sessions(store, tenant)]
        for name in names:
            with writing(store, tenant, name) as entries:
                entries.rebuild()
    terminal.line(f"{len(names)} sessions are rebuilt")


def _edited(text: str) -> str:
    """A text as a person leaves it in their editor."""
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "")
    if not command:
        raise UsageError("no editor is named", hint="set EDITOR, or use --replace OLD NEW or --append TEXT")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "block.md")
        file.write_text(text, encoding="utf-8")
        try:
            subprocess.run([*command, str(file)], check=True)  # noqa: S603 - the user's own editor
            return file.read_text(encoding="utf-8")
        except (OSError, subprocess.CalledProcessError, UnicodeDecodeError) as error:
            raise UsageError(f"the editor failed, and nothing is changed: {error}") from error
