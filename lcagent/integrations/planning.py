"""Which messages of an agent's state a call shows, so that it fits the window.

They are left out from the front. The user's last message stays, and with each call of a tool its results: of
those that cannot be left out a long one is shortened.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from lcagent.errors import WindowExceeded
from lcagent.graphs.memgpt.view import LEAST_CHARS, clipped
from lcagent.models.tokens import TokenCounter

MESSAGE_TOKENS = 16
"""What a chat template says around a message, at most."""
_HOW = ": conversation_search"


def fitting(messages: Sequence[AnyMessage], room: int, counter: TokenCounter) -> list[AnyMessage]:
    """The last messages that fit, beginning with one of the user's where any fits.

    Args:
        messages: of the state, without the system message.
        room: tokens.
        counter: counts them.

    Raises:
        WindowExceeded: the user's last message alone does not fit, or the last call of a tool.
    """
    groups = _groups(messages)
    asked = max((at for at, group in enumerate(groups) if _begins(group)), default=-1)
    stay = {at for at in (asked, len(groups) - 1) if at >= 0}
    left = room - sum(_size(group, counter) for group in (groups[at] for at in stay))
    if left < 0 and groups:
        groups[-1] = _shortened(groups[-1], left, counter)
        left = 0
    first = len(groups)
    for at in range(len(groups) - 1, -1, -1):
        if at not in stay:
            left -= _size(groups[at], counter)
            if left < 0:
                break
        first = at
    shown = groups[first:]
    if first > asked >= 0:  # some of what was done since the user spoke is left out
        shown = [groups[asked], *shown]
    elif asked >= 0:
        shown = groups[
            next(at for at in range(first, asked + 1) if isinstance(groups[at][0], HumanMessage)) :
        ]
    return [one for group in shown for one in group]


def _groups(messages: Sequence[AnyMessage]) -> list[list[AnyMessage]]:
    """Messages that only stand together: a call of tools with their results, else one by itself."""
    groups: list[list[AnyMessage]] = []
    for message in messages:
        if isinstance(message, ToolMessage) and groups:
            groups[-1].append(message)
        else:
            groups.append([message])
    return groups


def _begins(group: Sequence[AnyMessage]) -> bool:
    return isinstance(group[0], HumanMessage)


def _size(group: Sequence[AnyMessage], counter: TokenCounter) -> int:
    return sum(_tokens(one, counter) for one in group)


def _tokens(message: AnyMessage, counter: TokenCounter) -> int:
    calls = json.dumps(message.tool_calls) if isinstance(message, AIMessage) and message.tool_calls else ""
    return MESSAGE_TOKENS + counter.count(str(message.text)) + counter.count(calls)


def _shortened(group: Sequence[AnyMessage], left: int, counter: TokenCounter) -> list[AnyMessage]:
    """A group in which results of tools are cut, the longest first, until it takes so much less.

    Args:
        group: which.
        left: tokens that are left; below 0 where it takes too many.
        counter: counts them.
    """
    cut = list(group)
    results = [at for at, one in enumerate(cut) if isinstance(one, ToolMessage)]
    for at in sorted(results, key=lambda at: -_tokens(cut[at], counter)):
        if left >= 0:
            break
        before, text = _tokens(cut[at], counter), str(cut[at].text)
        low, high = LEAST_CHARS, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            tried = cut[at].model_copy(update={"content": clipped(text, middle, _HOW)})
            low, high = (middle, high) if before - _tokens(tried, counter) + left >= 0 else (low, middle - 1)
        cut[at] = cut[at].model_copy(update={"content": clipped(text, low, _HOW)})
        left += before - _tokens(cut[at], counter)
    if left < 0:
        raise WindowExceeded(
            f"the messages that have to be shown take {-left} tokens more than the window leaves them",
            hint="use a larger window",
        )
    return cut
