"""Messages of LangChain as recall memory keeps them: who says what, and where it comes from.

A tool's result is data: it is never taken for the user's words, and what the model says after one is taken to
be made of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from lcagent.agents.companion import CALLABLE
from lcagent.memory.tiers.entries import ASSISTANT, SYSTEM, USER


def recalled(messages: Sequence[AnyMessage], thread: str) -> list[dict[str, Any]]:
    """Messages for `lcagent.chat.ChatSession.add_all`; calls of memory's own tools, which keep what they do
    themselves, and what holds no text are left out.

    Args:
        messages: of a state, each with an id.
        thread: where they stand: the same id elsewhere is another message.
    """
    told: list[dict[str, Any]] = []
    foreign = False
    for message in messages:
        own = _is_user(message)
        foreign = foreign and not own
        text = _text(message)
        if text and not _is_of_memory(message):
            source = "document" if foreign and isinstance(message, AIMessage) else None
            key = f"{thread}.{message.id}"
            told.append({"text": text, "author": _author(message), "source": source, "key": key})
        foreign = foreign or (isinstance(message, ToolMessage) and not _is_of_memory(message))
    return told


def _is_user(message: AnyMessage) -> bool:
    # A summary that other middleware puts in stands there as if the user had said it.
    return isinstance(message, HumanMessage) and "lc_source" not in message.additional_kwargs


def _is_of_memory(message: AnyMessage) -> bool:
    return isinstance(message, ToolMessage) and message.name in CALLABLE


def _author(message: AnyMessage) -> str:
    if _is_user(message):
        return USER
    if isinstance(message, AIMessage):
        return ASSISTANT
    return f"tool {message.name or ''}".strip() if isinstance(message, ToolMessage) else SYSTEM


def _text(message: AnyMessage) -> str:
    calls: Iterable[Any] = message.tool_calls if isinstance(message, AIMessage) else ()
    lines = [
        f"-> {call['name']}({json.dumps(call['args'], ensure_ascii=False)})"
        for call in calls
        if call["name"] not in CALLABLE
    ]
    return "\n".join(filter(None, [str(message.text), *lines])).strip()
