"""`lcagent mcp`: documents and memories as tools of a client of the Model Context Protocol."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lcagent.cli import terminal
from lcagent.cli.options import reading, settings_from
from lcagent.cli.serve import address_of, bound_to, log_to_terminal
from lcagent.errors import UsageError

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer


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
    try:
        from lcagent.server.mcp import create_mcp
    except ImportError as error:
        raise UsageError(
            f"the server needs packages that are not installed ({error.name})",
            hint="pip install 'lcagent[server]'",
        ) from error
    server = create_mcp(settings, paths=not http)
    if http:
        _serve_http(server, host, port)
    else:
        server.run("stdio")


def _serve_http(server: MCPServer[None], host: str, port: int) -> None:
    import uvicorn

    from lcagent.server.mcp import http_app

    with bound_to(host, port) as bound:
        terminal.note(f"serving at {address_of(bound)}/mcp  (Ctrl-C ends it)")
        config = uvicorn.Config(
            http_app(server, host),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=3,
        )
        uvicorn.Server(config).run(sockets=[bound])
