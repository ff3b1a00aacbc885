"""A finished call as the journal kept it: shown, and sent again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lcagent.cli import terminal
from lcagent.errors import UsageError

if TYPE_CHECKING:
    from lcagent.models.replies import RawReply
    from lcagent.models.transport import Transport
    from lcagent.settings import Settings


def show_call(call: dict[str, Any], as_json: bool) -> None:
    """Print one call: what was sent, what came back.

    Args:
        call: from `StoredJournal.call`.
        as_json: as one JSON object.
    """
    if as_json:
        terminal.as_json(call)
        return
    terminal.line(call_line(call))
    request = call["request"]
    if request is None:
        terminal.line("request   not kept: an earlier version made the call, or it made room (`store_mb`)")
    else:
        others = {name: value for name, value in request.items() if name not in {"messages", "tools"}}
        terminal.line(f"asked     {json.dumps(others, ensure_ascii=False)}")
        for message in request["messages"]:
            terminal.line(f"--- {message['role']}")
            terminal.text(str(message["content"]))
        for tool in request.get("tools", []):
            _show_function(tool["function"])
    if call["reasoning"]:
        terminal.line("--- thought")
        terminal.text(call["reasoning"])
    terminal.line("--- reply")
    terminal.text(call["text"])


def _show_function(function: dict[str, Any]) -> None:
    """A function that could be called: what it does, and its arguments' schemas."""
    terminal.line(f"--- function {function['name']}: {function['description']}")
    for name, schema in function["parameters"]["properties"].items():
        terminal.line(f"{name}  {json.dumps(schema, ensure_ascii=False)}")


def call_line(call: dict[str, Any]) -> str:
    """A call's number, role and cost.

    Args:
        call: from `StoredJournal.calls`.
    """
    cut = ", CUT" if call["finish_reason"] == "length" else ""
    return (
        f"--- {call['number']}. {call['role']}: {call['prompt_tokens']} + {call['completion_tokens']} tokens,"
        f" {call['cached_tokens']} cached, {call['seconds']:.2f} s{cut}"
    )


def resent(call: dict[str, Any], settings: Settings) -> tuple[str, RawReply]:
    """Send a call's request once more, without retries; nothing of it is kept.

    Args:
        call: from `StoredJournal.call`.
        settings: which model is asked.

    Returns:
        The model's name and its reply.

    Raises:
        UsageError: the request was not kept.
        ModelError: the model cannot be asked, or refuses.
    """
    if call["request"] is None:
        raise UsageError(f"what was sent in call {call['number']} is not kept", hint="only its reply is")
    from lcagent.cli.progress import Console
    from lcagent.models.serving.session import ModelSession

    console = Console(quiet=False)
    with console, ModelSession(settings, console.fetching) as session:
        opened = session.open(console.say)
        return opened.model, asyncio.run(_send(lambda: opened.transport(console.say), call["request"]))


async def _send(connect: Callable[[], Transport], body: dict[str, Any]) -> RawReply:
    from lcagent.models.transport import ChatRequest

    transport = connect()
    try:
        return await transport.send(ChatRequest.of(body))
    finally:
        await transport.close()
