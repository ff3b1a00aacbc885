"""The Model Context Protocol: documents and memories as tools of a client, beside its own."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import ToolAnnotations
from starlette.applications import Starlette

from lcagent import __version__
from lcagent.server.mcp.desk import Desk, Tool
from lcagent.settings import Settings

_INSTRUCTIONS = (
    "Reads documents of any length and says where each statement stands. Ask everything that belongs together"
    " in one question. A long reading gives a run at once: call run_status with it until the answer is there."
)


def create_mcp(settings: Settings, *, paths: bool) -> MCPServer[None]:
    """Make the server.

    Args:
        settings: how it reads, with which model, and where all is kept.
        paths: the client may name files of this disk.
    """
    desk = Desk(settings, paths=paths)
    server = MCPServer[None](
        "lcagent",
        title="lcagent",
        instructions=_INSTRUCTIONS,
        version=__version__,
        log_level="WARNING",
        lifespan=lambda _: desk.open(),
        extensions=[desk.tasks()],
    )
    which = "paths of files" if paths else "ids of uploaded files or collections"
    reads = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    adds = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
    tools: list[tuple[Tool, str, ToolAnnotations]] = [
        (
            desk.ask_document,
            f"Answers a question from documents ({which}), with the place of each statement. If it takes"
            " long, it gives a run: call run_status with it.",
            reads,
        ),
        (desk.run_status, "Waits for a run; its answer, or how far it is.", reads),
        (desk.search_document, f"Finds passages of documents ({which}) by words, exact text, fast.", reads),
        (
            desk.read_pages,
            f"Gives the exact text of pages of a document (one of {which}), with offsets.",
            reads,
        ),
        (desk.remember, "Keeps something for later conversations.", adds),
        (desk.recall, "Finds what was remembered, or said in earlier conversations.", reads),
    ]
    for tool, description, annotation in tools:
        server.add_tool(tool, description=description, annotations=annotation)
    return server


def http_app(server: MCPServer[None], host: str) -> Starlette:
    """The server over streamable HTTP, at /mcp: asked under this machine's names, and by no web page.

    Args:
        server: of `create_mcp`.
        host: bound to.
    """
    named = f"[{host}]" if ":" in host else host
    hosts = [f"{name}:*" for name in dict.fromkeys(("127.0.0.1", "localhost", "[::1]", named))]
    return server.streamable_http_app(transport_security=TransportSecuritySettings(allowed_hosts=hosts))
