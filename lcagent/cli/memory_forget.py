"""`lcagent memory forget`: what is deleted, and with it what was made of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lcagent.cli import memory_told, terminal
from lcagent.cli.memory_opened import (
    DEFAULT_SESSION,
    DEFAULT_TENANT,
    SessionOption,
    SinceOption,
    TenantOption,
    UntilOption,
    entries_of,
    find_in,
    moments,
    opened,
)
from lcagent.cli.options import JsonOption, settings_from, stored
from lcagent.errors import UsageError
from lcagent.text import clipped, folded_line

if TYPE_CHECKING:
    from lcagent.memory.rows import Rows
    from lcagent.memory.tiers.entries import Entries
    from lcagent.settings import Settings

_WIDTH = 100
"""Characters of an entry in a list."""
_MOST = 1 << 30


@stored
def forget(
    flags: dict[str, Any],
    entries: Annotated[
        list[int] | None, typer.Argument(metavar="[ID]...", help="Messages, core lines, passages.")
    ] = None,
    tenant: TenantOption = DEFAULT_TENANT,
    session: SessionOption = DEFAULT_SESSION,
    matching: Annotated[
        str | None,
        typer.Option("--matching", metavar="TEXT", help="Messages and passages that a search finds."),
    ] = None,
    after: SinceOption = None,
    before: UntilOption = None,
    document: Annotated[
        list[str] | None, typer.Option("--document", metavar="NAME", help="An attached document.")
    ] = None,
    whole: Annotated[bool, typer.Option("--all", help="The conversation as a whole.")] = False,
    every: Annotated[bool, typer.Option("--all-sessions", help="All conversations of the tenant.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete; without it, what would go is shown.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Really delete: with what was made of it, from the index, and from the file's bytes.

    What a deleted statement had replaced holds again. Runs that only deleted entries tell of go too.
    """
    from lcagent.memory.tiers import forgetting
    from lcagent.memory.tiers.sessions import known, sessions
    from lcagent.runs.records import forget_runs

    said = matching is not None or after is not None or before is not None
    if sum(map(bool, (entries, said, document, whole, every))) != 1:
        raise UsageError(
            "it is not clear what is to be forgotten",
            hint="name one: IDs, --matching TEXT or a time, --document NAME, --all or --all-sessions",
        )
    settings = settings_from(**flags)
    drop = partial(forget_runs, settings.place)
    with opened(settings) as store:
        if document:
            if not yes:
                _show_traces(store, tenant, session, document)
            _sure(yes, f"{len(document)} documents of {session!r}, with this")
            gone = forgetting.forget_documents(store, tenant, session, document, drop_runs=drop)
        elif whole or every:
            names = (
                [one.name for one in sessions(store, tenant)] if every else [known(store, tenant, session)]
            )
            _sure(yes, f"{len(names)} conversations as a whole: {folded_line(', '.join(names))}")
            gone = forgetting.forget_sessions(store, tenant, names, drop_runs=drop)
        else:
            numbers = list(entries or ())
            if said:
                own = entries_of(store, tenant, session)
                numbers = _holding(own, settings, matching or "", (after, before))
            if not yes:
                _show_derived(store, tenant, numbers)
            _sure(yes, "this")
            gone = forgetting.forget(store, tenant, numbers, drop_runs=drop)
    memory_told.print_forgotten(gone, as_json)


def _holding(
    entries: Entries, settings: Settings, query: str, time: tuple[str | None, str | None]
) -> list[int]:
    """What holds all words of a query: a search also finds what holds one of them, or stands beside that."""
    from lcagent.memory.tiers.holding import holding

    if not query.strip():
        return find_in(entries, settings, "", time, _MOST)[0]
    since, until = moments(time)
    return holding(entries, query, since=since, until=until)


def _show_derived(store: Rows, tenant: str, numbers: Sequence[int]) -> None:
    from lcagent.memory.tiers.derived import derived

    for number, row in derived(store, tenant, numbers).items():
        made = "" if number in numbers else " [goes with it]"
        terminal.line(
            folded_line(f"{number} {row['session']} {row['kind']}: {clipped(row['text'], _WIDTH)}{made}")
        )


def _show_traces(store: Rows, tenant: str, session: str, names: Sequence[str]) -> None:
    from lcagent.memory.tiers.entries import Entries
    from lcagent.memory.tiers.forgetting import document_traces

    traces = document_traces(store, tenant, session, names)
    _show_derived(store, tenant, traces.own)
    for number, entry in Entries(store, tenant, session).get(traces.perhaps).items():
        text = f"{number} {session} {entry.kind}: {clipped(entry.text, _WIDTH)}"
        terminal.line(f"{text} [stays; written with it in sight]")


def _sure(yes: bool, what: str) -> None:
    if not yes:
        raise UsageError(f"nothing is deleted yet: {what} would be", hint="the same with --yes deletes it")
