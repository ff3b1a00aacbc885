"""`lcagent memory export` and `import`: a conversation as a file, or as a folder that a person can edit."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lcagent.cli import memory_told, terminal
from lcagent.cli.memory_opened import (
    DEFAULT_SESSION,
    DEFAULT_TENANT,
    SessionOption,
    TenantOption,
    core_of,
    entries_of,
    opened,
)
from lcagent.cli.options import JsonOption, settings_from, stored
from lcagent.errors import UsageError
from lcagent.text import folded_line

if TYPE_CHECKING:
    from lcagent.memory.rows import Rows
    from lcagent.settings import Settings


@stored
def export(
    flags: dict[str, Any],
    path: Annotated[
        Path,
        typer.Argument(help="A .jsonl file, with all that is kept; - for stdout; or a folder of Markdown."),
    ],
    tenant: TenantOption = DEFAULT_TENANT,
    session: SessionOption = DEFAULT_SESSION,
    every: Annotated[bool, typer.Option("--all-sessions", help="All conversations, as .jsonl.")] = False,
) -> None:
    """Write a conversation to a file that any lcagent can import, or to a folder that a person can edit."""
    from lcagent.memory.tiers import exchange, folder
    from lcagent.memory.tiers.sessions import known
    from lcagent.private import private_file

    lines = str(path) == "-" or path.suffix.lower() == ".jsonl"
    if every and not lines:
        raise UsageError("a folder holds one session", hint="name a .jsonl file for all of them")
    with opened(settings_from(**flags)) as store:
        one = None if every else known(store, tenant, session)
        if not lines:
            folder.write(path, folder.files(entries_of(store, tenant, session)))
        elif str(path) == "-":
            for line in exchange.exported(store, tenant, one):
                terminal.exact(line.encode("utf-8", "surrogatepass") + b"\n")
            return
        else:
            try:
                with private_file(path).open(
                    "w", encoding="utf-8", errors="surrogatepass", newline="\n"
                ) as out:
                    for line in exchange.exported(store, tenant, one):
                        out.write(f"{line}\n")
            except OSError as error:
                raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    terminal.line(str(path))


@stored
def import_memory(
    flags: dict[str, Any],
    path: Annotated[
        Path, typer.Argument(help="What `export` wrote: a .jsonl file, - for stdin, or a folder.")
    ],
    tenant: TenantOption = DEFAULT_TENANT,
    session: Annotated[
        str | None, typer.Option("--session", help="Into which; default: as in the file, of a folder main.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Read what was exported: a file once, whatever is there already; a folder with the edits in it."""
    from dataclasses import asdict

    from lcagent.memory.tiers import exchange

    settings = settings_from(**flags)
    with opened(settings) as store:
        if path.is_dir():
            _import_folder(store, settings, path, (tenant, session or DEFAULT_SESSION), as_json)
            return
        done = exchange.imported(store, tenant, _read_lines(path), session=session)
    if as_json:
        memory_told.print_json(asdict(done))
        return
    terminal.line(
        f"{done.entries:,} entries and {done.documents} documents added to"
        f" {folded_line(', '.join(done.sessions))}; {done.known:,} entries were there"
    )


def _import_folder(
    store: Rows, settings: Settings, path: Path, whose: tuple[str, str], as_json: bool
) -> None:
    from dataclasses import asdict

    from lcagent.memory.tiers import folder
    from lcagent.memory.tiers.entries import Entries
    from lcagent.memory.tiers.leases import Lease

    told = folder.read(path)
    with Lease(store, *whose).held() as fence:
        entries = Entries(store, *whose, fence=fence)
        blocks = () if entries.newest(["block"], limit=1) else tuple(folder.blocks(told))
        edits = folder.apply(entries, told, core_of(entries, settings, blocks))
    if as_json:
        memory_told.print_json(asdict(edits))
        return
    for line in edits.applied:
        terminal.line(folded_line(line))
    for line in edits.ignored:
        terminal.note(f"not applied: {folded_line(line)}")


def _read_lines(path: Path) -> list[str]:
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return data.decode("utf-8", "surrogatepass").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} cannot be read: {error}", hint="a .jsonl file or a folder is imported"
        ) from error
