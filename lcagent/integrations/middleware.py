"""Memory for `langchain.agents.create_agent`, as middleware. Needs the extra `langchain`.

Every message is in recall memory before anything is made of it. A call shows core memory, the summary if
there is one, and as many of the last messages as fit the window; what it does not show is found by the tools.
The agent's own state is left as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse
from langchain_core.messages import AnyMessage, SystemMessage
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.config import get_config
from langgraph.runtime import Runtime

from lcagent.agents.companion import reply_tokens
from lcagent.agents.prompt import load_prompt
from lcagent.answer import Message
from lcagent.chat import ChatSession
from lcagent.integrations.planning import fitting
from lcagent.integrations.recall import recalled
from lcagent.integrations.tools import memory_tools
from lcagent.models.prompt import as_data
from lcagent.models.tokens import TokenCounter, counter_of

PROMPT = load_prompt("remember")
_MANY = 99_999
"""Messages that are not shown, for the room that telling their number takes."""


class MemoryMiddleware(AgentMiddleware[AgentState[Any], Any, Any]):
    """Gives an agent the memory of a conversation, and keeps its calls within the window.

    Tokens are counted with the tokenizer that the settings name; without one the most that they can be is
    reckoned with, two to three times what they are. Only texts are counted and kept: no pictures.

    Args:
        chat: whose memory; its settings tell the window. It stays open for as long as the agent is used.

    Raises:
        SettingsError: the tokenizer cannot be read.

    Example:
        >>> from langchain.agents import create_agent
        >>> from lcagent import ChatSession
        >>> from lcagent.integrations.middleware import MemoryMiddleware
        >>> with ChatSession("anna") as chat:  # doctest: +SKIP
        ...     agent = create_agent(model, middleware=[MemoryMiddleware(chat)])
        ...     agent.invoke({"messages": "My sister Ida was born on 3 May 1990."})
    """

    def __init__(self, chat: ChatSession) -> None:
        super().__init__()
        self._chat, self.tools = chat, memory_tools(chat)
        self._counter: TokenCounter = counter_of(chat.settings.tokenizer)

    def before_model(self, state: AgentState[Any], runtime: Runtime[Any]) -> None:
        """Keep what is new."""
        self._keep(state["messages"], _thread())

    async def abefore_model(self, state: AgentState[Any], runtime: Runtime[Any]) -> None:
        """`before_model`, awaited."""
        await asyncio.to_thread(self._keep, state["messages"], _thread())

    def after_agent(self, state: AgentState[Any], runtime: Runtime[Any]) -> None:
        """Keep what was said last."""
        self._keep(state["messages"], _thread())

    async def aafter_agent(self, state: AgentState[Any], runtime: Runtime[Any]) -> None:
        """`after_agent`, awaited."""
        await asyncio.to_thread(self._keep, state["messages"], _thread())

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Show memory, and what of the messages fits.

        Raises:
            WindowExceeded: what has to be shown does not fit.
        """
        return handler(self._planned(request))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """`wrap_model_call`, awaited."""
        return await handler(await asyncio.to_thread(self._planned, request))

    def _keep(self, messages: Sequence[AnyMessage], thread: str) -> None:
        if told := recalled(messages, thread):
            self._chat.add_all(told)

    def _planned(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        size = self._chat.settings.window
        # The shape of a structured answer is told as a tool's is.
        schema = getattr(request.response_format, "schema", None)
        tools = [_as_tool(tool) for tool in (*request.tools, schema) if tool is not None]
        summary = self._chat.summary()
        values: dict[str, object] = {
            "core": self._core(),
            "summary": _noted(summary) if summary else "",
        }
        system = _system(request, {**values, "hidden": _MANY})
        prompt = [{"role": "system", "content": str(system.text)}]
        reply = reply_tokens(size, brief=False)
        room = size - reply - self._counter.count_messages(prompt, tools)
        shown = fitting(request.messages, room, self._counter)
        hidden = len(request.messages) - len(shown)
        return request.override(messages=shown, system_message=_system(request, {**values, "hidden": hidden}))

    def _core(self) -> str:
        told: list[str] = []
        for label, lines in self._chat.memory().items():
            told.append(f"{label}:")
            told += [f"- {_noted(line)}" for line in lines] or ["- (empty)"]
        return "\n".join(told)


def _noted(message: Message) -> str:
    """A text with what speaks against it."""
    return as_data(message.text + "".join(f" ({note})" for note in message.notes))


def _as_tool(tool: Any) -> dict[str, Any]:
    if isinstance(tool, dict) and "function" not in tool:  # a server's own, or a JSON schema
        return {"type": "function", "function": {"name": "given", "parameters": tool}}
    return convert_to_openai_tool(tool)


def _system(request: ModelRequest[Any], values: dict[str, object]) -> SystemMessage:
    """What the agent was told to be, with memory behind it."""
    (prompt,) = PROMPT.render(values)
    given = request.system_message
    if given is None:
        return SystemMessage(prompt["content"])
    if isinstance(given.content, str):
        return SystemMessage(f"{given.content}\n\n{prompt['content']}")
    return SystemMessage([*given.content, {"type": "text", "text": prompt["content"]}])


def _thread() -> str:
    return str(get_config().get("configurable", {}).get("thread_id", ""))
