"""`lcagent memory`: what is kept of conversations, shown, edited, carried about and forgotten."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lcagent.cli import dates, memory_told, terminal
from lcagent.cli.options import HomeOption, JsonOption, settings_from
from lcagent.errors import UsageError
from lcagent.text import clipped, folded_line, told_time

if TYPE_CHECKING:
    from lcagent.memory.store import Store
    from lcagent.memory.tiers.core import Core
    from lcagent.memory.tiers.entries import Entries
    from lcagent.settings import Settings

app = typer.Typer(
    help="List, search, show, edit, export, import and forget what is kept of conversations.",
    no_args_is_help=True,
)
TenantOption = Annotated[str, typer.Option("--tenant", help="Whose memory.")]
SessionOption = Annotated[str, typer.Option("--session", help="Which conversation.")]
SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="DATE", help="Not before this date (UTC).")
]
UntilOption = Annotated[
    str | None, typer.Option("--until", metavar="DATE", help="Not after this date (UTC).")
]
BlockArgument = Annotated[str, typer.Argument(metavar="BLOCK", help="A block of core memory, e.g. human.")]
DEFAULT_TENANT, DEFAULT_SESSION = "default", "main"
_WIDTH = 100
"""Characters of an entry in a list."""
_MOST = 1 << 30


@app.command("list")
def list_sessions(
    home: HomeOption = None, tenant: TenantOption = DEFAULT_TENANT, as_json: JsonOption = False
) -> None:
    """The conversations, the one that was written last first."""
    from dataclasses import asdict

    from lcagent.memory.tiers.sessions import sessions

    with _opened(settings_from(home=home)) as store:
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
def search(
    query: Annotated[str, typer.Argument(help="Words; left out: all of the time.")] = "",
    home: HomeOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    session: SessionOption = DEFAULT_SESSION,
    after: SinceOption = None,
    before: UntilOption = None,
    page: Annotated[int, typer.Option("--page", min=1)] = 1,
    size: Annotated[int, typer.Option("-n", min=1, help="Results of a page.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Messages and passages by their words, meaning and time, with how many there are."""
    settings = settings_from(home=home)
    with _opened(settings) as store:
        entries = _entries(store, tenant, session)
        numbers, total = _found(entries, settings, query, (after, before), page * size)
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
def show(
    entry: Annotated[
        int | None, typer.Argument(metavar="ID", help="One entry, what it rests on, and what rests on it.")
    ] = None,
    home: HomeOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    session: SessionOption = DEFAULT_SESSION,
    at: Annotated[
        str | None, typer.Option("--at", metavar="DATE", help="Core memory as it was at the end of a date.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Core memory with what each line rests on, the summary, and how much there is; or one entry."""
    settings = settings_from(home=home)
    with _opened(settings) as store:
        entries = _entries(store, tenant, session)
        if entry is not None:
            told = memory_told.one(entries, entry)
            memory_told.print_json(told) if as_json else memory_told.print_entry(told)
            return
        told = memory_told.overview(
            entries, _core(entries, settings), None if at is None else dates.until(at)
        )
    memory_told.print_json(told) if as_json else memory_told.print_overview(told)


@app.command()
def edit(
    block: BlockArgument,
    home: HomeOption = None,
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

    settings = settings_from(home=home)
    with _opened(settings) as store, _writing(store, tenant, session) as entries:
        core = _core(entries, settings)
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
def undo(
    block: BlockArgument,
    home: HomeOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    session: SessionOption = DEFAULT_SESSION,
) -> None:
    """Undo the last change of a block of core memory."""
    from lcagent.memory.tiers.folder import block_text

    settings = settings_from(home=home)
    with _opened(settings) as store, _writing(store, tenant, session) as entries:
        core = _core(entries, settings)
        core.undo(block, author="user")
        terminal.text(block_text(core, block), end="")


@app.command()
def export(
    path: Annotated[
        Path,
        typer.Argument(help="A .jsonl file, with all that is kept; - for stdout; or a folder of Markdown."),
    ],
    home: HomeOption = None,
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
    with _opened(settings_from(home=home)) as store:
        one = None if every else known(store, tenant, session)
        if not lines:
            folder.write(path, folder.files(_entries(store, tenant, session)))
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


@app.command("import")
def import_memory(
    path: Annotated[
        Path, typer.Argument(help="What `export` wrote: a .jsonl file, - for stdin, or a folder.")
    ],
    home: HomeOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    session: Annotated[
        str | None, typer.Option("--session", help="Into which; default: as in the file, of a folder main.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Read what was exported: a file once, whatever is there already; a folder with the edits in it."""
    from dataclasses import asdict

    from lcagent.memory.tiers import exchange

    settings = settings_from(home=home)
    with _opened(settings) as store:
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


@app.command()
def forget(
    entries: Annotated[
        list[int] | None, typer.Argument(metavar="[ID]...", help="Messages, core lines, passages.")
    ] = None,
    home: HomeOption = None,
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
    settings = settings_from(home=home)
    with _opened(settings) as store:
        if document:
            if not yes:
                _show_traces(store, tenant, session, document)
            _sure(yes, f"{len(document)} documents of {session!r}, with this")
            gone = forgetting.forget_documents(store, tenant, session, document)
        elif whole or every:
            names = (
                [one.name for one in sessions(store, tenant)] if every else [known(store, tenant, session)]
            )
            _sure(yes, f"{len(names)} conversations as a whole: {folded_line(', '.join(names))}")
            gone = forgetting.forget_sessions(store, tenant, names)
        else:
            numbers = list(entries or ())
            if said:
                own = _entries(store, tenant, session)
                numbers = _holding(own, settings, matching or "", (after, before))
            if not yes:
                _show_derived(store, tenant, numbers)
            _sure(yes, "this")
            gone = forgetting.forget(store, tenant, numbers)
    forget_runs(settings.data_dir, gone.runs)
    memory_told.print_forgotten(gone, as_json)


@app.command()
def rebuild(home: HomeOption = None, tenant: TenantOption = DEFAULT_TENANT) -> None:
    """Make anew what follows from the entries: what holds no more, and the index."""
    from lcagent.memory.tiers import index
    from lcagent.memory.tiers.sessions import sessions

    with _opened(settings_from(home=home)) as store:
        index.rebuild(store, tenant)
        names = [one.name for one in sessions(store, tenant)]
        for name in names:
            with _writing(store, tenant, name) as entries:
                entries.rebuild()
    terminal.line(f"{len(names)} sessions are rebuilt")


@contextmanager
def _opened(settings: Settings) -> Generator[Store]:
    from lcagent.memory.tiers.tables import open_memory

    with closing(open_memory(settings.data_dir)) as store:
        yield store


def _entries(store: Store, tenant: str, session: str) -> Entries:
    """A session that is there, to be read."""
    from lcagent.memory.tiers.entries import Entries
    from lcagent.memory.tiers.sessions import known

    return Entries(store, tenant, known(store, tenant, session))


@contextmanager
def _writing(store: Store, tenant: str, session: str) -> Generator[Entries]:
    """A session that is there, under its lease."""
    from lcagent.memory.tiers.entries import Entries
    from lcagent.memory.tiers.leases import Lease
    from lcagent.memory.tiers.sessions import known

    with Lease(store, tenant, known(store, tenant, session)).held() as fence:
        yield Entries(store, tenant, session, fence=fence)


def _core(entries: Entries, settings: Settings, more: tuple[str, ...] = ()) -> Core:
    """The blocks of a session: those that the settings name, those that are written, and more."""
    from lcagent.graphs.memgpt.options import Options
    from lcagent.graphs.memgpt.turn import block_tokens
    from lcagent.memory.tiers.core import Core, labels
    from lcagent.models.estimate import EstimateCounter

    options = settings.of("memgpt")
    assert isinstance(options, Options)
    return Core(
        entries,
        tuple(dict.fromkeys([*options.blocks, *labels(entries), *more])),
        limit=block_tokens(options, settings.window),
        count=EstimateCounter().count,
    )


def _holding(
    entries: Entries, settings: Settings, query: str, time: tuple[str | None, str | None]
) -> list[int]:
    """What holds all words of a query: a search also finds what holds one of them, or stands beside that."""
    from lcagent.memory.tiers.holding import holding

    if not query.strip():
        return _found(entries, settings, "", time, _MOST)[0]
    since, until = _moments(time)
    return holding(entries, query, since=since, until=until)


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


def _found(
    entries: Entries, settings: Settings, query: str, time: tuple[str | None, str | None], limit: int
) -> tuple[list[int], int]:
    """Numbers of messages and passages, the best first, and how many there are in all."""
    from lcagent.memory.tiers.search import Search
    from lcagent.models.serving.session import ModelSession

    since, until = _moments(time)
    with closing(ModelSession(settings)) as models:
        hits = Search(entries.store, entries.tenant, models.embedder(), beside=False).find(
            query,
            sessions=[entries.session],
            kinds=("message", "passage"),
            since=since,
            until=until,
            limit=limit,
        )
    return hits.numbers, hits.total


def _moments(time: tuple[str | None, str | None]) -> tuple[float | None, float | None]:
    """A time as it was given, in seconds since 1970: from when, and before when."""
    since, until = time
    return None if since is None else dates.since(since), None if until is None else dates.until(until)


def _show_derived(store: Store, tenant: str, numbers: Sequence[int]) -> None:
    from lcagent.memory.tiers.derived import derived

    for number, row in derived(store, tenant, numbers).items():
        made = "" if number in numbers else " [goes with it]"
        terminal.line(
            folded_line(f"{number} {row['session']} {row['kind']}: {clipped(row['text'], _WIDTH)}{made}")
        )


def _show_traces(store: Store, tenant: str, session: str, names: Sequence[str]) -> None:
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


def _import_folder(
    store: Store, settings: Settings, path: Path, whose: tuple[str, str], as_json: bool
) -> None:
    from dataclasses import asdict

    from lcagent.memory.tiers import folder
    from lcagent.memory.tiers.entries import Entries
    from lcagent.memory.tiers.leases import Lease

    told = folder.read(path)
    with Lease(store, *whose).held() as fence:
        entries = Entries(store, *whose, fence=fence)
        blocks = () if entries.newest(["block"], limit=1) else tuple(folder.blocks(told))
        edits = folder.apply(entries, told, _core(entries, settings, blocks))
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
