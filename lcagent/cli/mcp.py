"""`lcagent mcp`: documents and memories as tools of a client of the Model Context Protocol."""

from __future__ import annotations

import logging
from typing import Annotated, Any

import typer

from lcagent.cli.listening import log_to_terminal, needs_extra, serve_at
from lcagent.cli.options import reading, settings_from
from lcagent.errors import UsageError


@reading
def mcp(
    flags: dict[str, Any],
    http: Annotated[bool, typer.Option("--http", help="Over streamable HTTP instead of stdio.")] = False,
    host: Annotated[
        str, typer.Option("--host", help="With --http; one of this machine's own.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: a free one.")] = 8766,
) -> None:
    """Serve tools to a client of MCP, which starts this command: ask, search and read documents, remember.

    Over stdio documents are files that the client names; over HTTP they are ids of uploaded ones alone.
    """
    from lcagent.server.options import ServeOptions

    if not ServeOptions(host=host).local:
        raise UsageError(
            f"{host} is none of this machine's own addresses", hint="`lcagent serve` has keys, this has none"
        )
    settings = settings_from(**flags)
    log_to_terminal({"": logging.WARNING})  # before the protocol's package would show it its own way
    with needs_extra("server"):
        from lcagent.server.mcp import create_mcp, http_app
    server = create_mcp(settings, paths=not http)
    if http:
        serve_at(host, port, http_app(server, host), "/mcp")
    else:
        server.run("stdio")
