"""Measuring whether a server and its model do native tool calls: situations in which one call is right."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Callable
from importlib.resources import files
from typing import Annotated, Any, ClassVar

from lcagent.errors import (
    AccessRefused,
    CutReply,
    EndpointUnavailable,
    MalformedReply,
    NotServed,
    RequestRefused,
    WindowExceeded,
)
from lcagent.graphs.shared.reading import gathered
from lcagent.models.actions import Action, Function, action, one_of
from lcagent.models.chat import ChatModel
from lcagent.models.prompt import Prompt, as_data
from lcagent.models.structured import as_asked, bounded, parse_call
from lcagent.models.window import Part

MOST_WRONG = 1
"""Of eight calls. All are easy: a server that decodes under the functions' schemas leaves only the choice."""
_REPLY_TOKENS, _REASON_CHARS = 200, 120


class _NextReply(Action):
    """What is done next."""

    functions: ClassVar = {
        "read_piece": Function("Read a piece of the text.", ("piece",)),
        "read_node": Function("Read what is known of a name.", ("name",)),
        "end_search": Function("End the search: nothing is missing any more."),
    }
    reason: Annotated[str, bounded(_REASON_CHARS)]
    do: str
    piece: str = ""
    name: str = ""


async def calls_functions(model: ChatModel, alive: Callable[[], bool]) -> bool | None:
    """Whether it calls the right function, with arguments from the list; None: that cannot be told.

    A server without tool calls refuses them, or answers with text: that is a no. Nothing can be told where no
    prompt fits its window, or where it fails at these calls alone.

    Args:
        model: who is asked, by native tool calls.
        alive: whether its server still answers.

    Raises:
        EndpointUnavailable: the server has gone, or takes no request any more.
    """
    folder = files("lcagent.runs.probe_texts")
    texts = tomllib.loads((folder / "calls.toml").read_text("utf-8"))
    prompt = Prompt.parse("calls", (folder / "calls.md").read_text("utf-8"))
    first, *others = [_right(model, prompt, texts, case) for case in texts["case"]]
    try:
        right = [await first]
        right += await gathered(others)
    except (RequestRefused, NotServed):
        return False
    except AccessRefused:
        raise
    except EndpointUnavailable:
        if await asyncio.to_thread(alive):
            return None
        raise
    except WindowExceeded:
        return None
    finally:
        for other in others:
            other.close()
    return right.count(False) <= MOST_WRONG


async def _right(model: ChatModel, prompt: Prompt, texts: dict[str, Any], case: dict[str, str]) -> bool:
    pieces, names = texts["pieces"], texts["names"]
    kind = action(_NextReply, do=one_of(list(_NextReply.functions)), piece=one_of(pieces), name=one_of(names))
    told = prompt.bind(pieces=", ".join(pieces), names=", ".join(names))
    asked = as_asked(model, told, lambda: kind)
    fitted = await model.window.fit(asked, [Part("notes", as_data(case["notes"]))], reply=_REPLY_TOKENS)
    try:
        said = parse_call(await model.ask("call", fitted), kind)
    except (MalformedReply, CutReply):
        return False
    return (said.do, said.piece, said.name) == (case["do"], case.get("piece", ""), case.get("name", ""))
