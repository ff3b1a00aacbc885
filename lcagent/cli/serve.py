"""`lcagent serve`: the server; `lcagent keys`: who may ask it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lcagent.cli import terminal
from lcagent.cli.listening import brought_up, log_to_terminal, needs_extra, serve_at
from lcagent.cli.options import JsonOption, reading, settings_from, stored
from lcagent.errors import ServerError

if TYPE_CHECKING:
    from lcagent.memory.served.keys import Keys
    from lcagent.server.options import ServeOptions
    from lcagent.settings import Settings
    from lcagent.work.engine import Engine

keys = typer.Typer(help="Keys to the server: make, list, revoke.", no_args_is_help=True)
MIB = 1 << 20


@reading
def serve(
    flags: dict[str, Any],
    host: Annotated[
        str, typer.Option("--host", help="Bound to; another than this machine's own wants keys.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: a free one.")] = 8765,
    strategy: Annotated[
        str | None, typer.Option("--strategy", help="Of the model `lcagent`.", show_default=False)
    ] = None,
    require_key: Annotated[
        bool, typer.Option("--require-key", help="Nobody asks without one, on this machine either.")
    ] = False,
    allow_host: Annotated[
        list[str] | None, typer.Option("--allow-host", metavar="NAME", help="A name it is also asked by.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option("--allow-origin", metavar="URL", help="Pages elsewhere that may ask (CORS)."),
    ] = None,
    public_url: Annotated[
        str,
        typer.Option(metavar="URL", help="Its address in links to citations; default: as it is asked."),
    ] = "",
    max_upload: Annotated[int, typer.Option("--max-upload", min=1, help="MiB of one file.")] = 100,
    max_storage: Annotated[
        int, typer.Option("--max-storage", min=1, help="MiB of all files of one key.")
    ] = 20_000,
    max_pages: Annotated[int, typer.Option("--max-pages", min=1, help="Of one document.")] = 20_000,
    rate: Annotated[int, typer.Option("--rate", min=1, help="Requests of one key in a minute.")] = 600,
    running: Annotated[int, typer.Option("--running", min=1, help="Questions of one key at once.")] = 64,
    tokens_a_day: Annotated[
        int | None, typer.Option("--tokens-a-day", min=1, help="Of one key; default: any number.")
    ] = None,
) -> None:
    """Serve chat apps: OpenAI's protocols, files, runs, and a page to read along at /.

    Ctrl-C ends it; runs that were started go on with the next start.
    """
    from lcagent.server.options import Limits, ServeOptions

    settings = settings_from(strategy=strategy, **flags)
    options = ServeOptions(
        host=host,
        port=port,
        origins=tuple(allow_origin or ()),
        hosts=tuple(allow_host or ()),
        public_url=public_url,
        limits=Limits(
            upload=max_upload * MIB,
            storage=max_storage * MIB,
            pages=max_pages,
            requests=rate,
            running=running,
            tokens_a_day=tokens_a_day,
        ),
    )
    _run(settings, options, require_key=require_key)


def _run(settings: Any, options: ServeOptions, *, require_key: bool) -> None:
    with needs_extra("server"):
        from lcagent.server.app import create_app
    from lcagent.memory.locks import locked

    busy = ServerError(
        f"another server serves {settings.data_dir}", hint="end it, or name another folder with --home"
    )
    with locked(settings.data_dir, "server", busy):
        brought_up(settings.place)
        needed = require_key or not options.local
        if needed and not any(key.revoked is None for key in _open_keys(settings)[0].all()):
            terminal.note("no key is in use yet, and nobody may ask without one: lcagent keys create NAME")
        log_to_terminal({"lcagent.server": logging.INFO, "uvicorn.error": logging.WARNING})
        app = create_app(settings, options, require_keys=needed, engine=_engine(settings))
        serve_at(options.host, options.port, app)


def _engine(settings: Settings) -> Engine | None:
    """What hands readings to workers, where the store is one that they share."""
    if not settings.place.url:
        return None
    with needs_extra("postgres"):
        from lcagent.work.engine import Engine
    terminal.note("what outlives its client is done by workers: lcagent worker, with the same --store")
    return Engine.of(settings.place)


def _open_keys(settings: Any) -> tuple[Keys, Any]:
    from lcagent.memory.served.keys import Keys
    from lcagent.memory.served.tables import open_served

    store = open_served(settings.place)
    return Keys(store), store


@keys.command("create")
@stored
def create_key(
    flags: dict[str, Any],
    tenant: Annotated[str, typer.Argument(help="Whose files, runs and memories it opens.")],
    name: Annotated[str, typer.Option("--name", help="For people.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Make a key. It is shown once, and kept nowhere."""
    made, store = _open_keys(settings_from(**flags))
    key, secret = made.create(tenant, name)
    store.close()
    if as_json:
        terminal.as_json({"id": key.id, "tenant": key.tenant, "name": key.name, "key": secret})
        return
    terminal.line(secret)
    terminal.note(f"{key.id}, of tenant {key.tenant}; this is the only time it is shown")


@keys.command("list")
@stored
def list_keys(flags: dict[str, Any], as_json: JsonOption = False) -> None:
    """List the keys, without their secrets."""
    made, store = _open_keys(settings_from(**flags))
    found = made.all()
    store.close()
    if as_json:
        from dataclasses import asdict

        terminal.as_json([asdict(key) for key in found])
        return
    from lcagent.text import told_time

    for key in found:
        state = "in use" if key.revoked is None else f"revoked {told_time(key.revoked)}"
        terminal.line(f"{key.id}  {key.tenant}  {told_time(key.created)}  {state}  {key.name}".rstrip())


@keys.command("revoke")
@stored
def revoke_key(
    flags: dict[str, Any],
    key: Annotated[str, typer.Argument(help="Its id, as `keys list` shows it.")],
) -> None:
    """Let a key open nothing any more, at once."""
    made, store = _open_keys(settings_from(**flags))
    try:
        found = made.revoke(key)
    finally:
        store.close()
    terminal.line(f"{found.id} of {found.tenant} opens nothing any more")
