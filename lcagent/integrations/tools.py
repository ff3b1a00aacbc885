"""The functions of memory as plain tools of LangChain, for any of its agents. Needs the extra `langchain`.

Source: "MemGPT: Towards LLMs as Operating Systems", section 2.3. They do what they do in a turn of our own
agent (`lcagent.graphs.memgpt.functions`): what is replaced is kept and holds no more, and what a document or
somebody else says does not get into core memory.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, Field, ValidationError, create_model
from pydantic.v1 import ValidationError as OldValidationError

from lcagent.agents.companion import CALLABLE, LEFT_OUT, CompanionReply
from lcagent.chat import ChatSession
from lcagent.runs.chatting import options_of

_TOLD = {
    "name": "label of the block",
    "content": "what is to be kept, understandable by itself",
    "old_content": "text as it stands in a line of the block",
    "new_content": "what stands there instead; empty: nothing",
    "query": "words to search for",
    "start": "first day, YYYY-MM-DD",
    "end": "last day, YYYY-MM-DD; empty: the first",
    "page": "of the results, from 1",
    "item": "its mark, such as m12 or p7",
}


def memory_tools(chat: ChatSession) -> list[BaseTool]:
    """The functions of a conversation's memory: `core_memory_append`, `core_memory_replace`,
    `conversation_search`, `conversation_search_date`, `archival_memory_insert`, `archival_memory_search`, and
    `read_more`.

    What a function refuses or cannot do comes back as a tool's error, for the model to see.

    Args:
        chat: whose memory; it stays open for as long as the tools are used.
    """
    return [_tool(chat, name) for name in CALLABLE]


def _tool(chat: ChatSession, name: str) -> BaseTool:
    def call(**arguments: Any) -> str:
        done = chat.call(name, arguments)
        if not done.ok:
            raise ToolException(done.text)
        return done.text

    async def acall(**arguments: Any) -> str:
        return await asyncio.to_thread(call, **arguments)

    return StructuredTool.from_function(
        call,
        acall,
        name=name,
        description=CompanionReply.functions[name].description,
        args_schema=_arguments(chat, name),
        handle_tool_error=True,
        handle_validation_error=_invalid,
    )


def _arguments(chat: ChatSession, name: str) -> type[BaseModel]:
    """What a function takes; the heartbeat is left out, as an agent of LangChain's always goes on."""
    fields: dict[str, Any] = {}
    for field in CompanionReply.functions[name].takes:
        if field in _TOLD:
            kind: Any = CompanionReply.model_fields[field].rebuild_annotation()
            if field == "name":
                kind = Literal[tuple(options_of(chat.settings).blocks)]
            fields[field] = (kind, Field(LEFT_OUT.get(field, ...), description=_TOLD[field]))
    return create_model(name, **fields)


def _invalid(error: ValidationError | OldValidationError) -> str:
    told = (f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}" for one in error.errors())
    return f"error: {'; '.join(told)}"
