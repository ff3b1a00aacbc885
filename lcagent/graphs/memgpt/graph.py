"""MemGPT's turn as a graph, and the strategy that answers one question by paging through documents.

    START -> prepare -> think -> act -> prepare ... -> END

`prepare` keeps the window free, `think` is one call of the model, `act` carries out the function it names.
Source: "MemGPT: Towards LLMs as Operating Systems", sections 2 and 3. Every step is written before the next
one begins, and named by its number in the turn: a turn that was killed goes on with the step it was at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from lcagent.agents import companion
from lcagent.agents.companion import Scene
from lcagent.errors import CutReply, MalformedReply
from lcagent.graphs.memgpt.evicting import evict
from lcagent.graphs.memgpt.functions import Functions, Result, read_documents
from lcagent.graphs.memgpt.provenance import Seen, origins, source_of
from lcagent.graphs.memgpt.replying import reply_of, seen_at
from lcagent.graphs.memgpt.turn import Turn, core_text
from lcagent.graphs.memgpt.view import Viewed, notes
from lcagent.memory.aside import aside
from lcagent.memory.tiers.changes import standings
from lcagent.memory.tiers.entries import Entry, New
from lcagent.memory.tiers.origins import as_data as origin_data
from lcagent.models.prompt import as_data
from lcagent.models.window import Part

STEPS_EACH = 4
"""Nodes that a step of a turn passes through, and some to spare."""
MALFORMED = 3
"""Replies in a row that cannot be read after which a turn is given up; it can be gone on with."""
TOLD_STEPS = 3
"""The agent is told how many steps are left from so many on: it may not see all that it did any more."""
READINGS = 2
"""Times that a turn may have the documents read: each may cost as much as the documents are long."""
AGAIN = 1
"""Times that a function may be called again with the same arguments before the agent has to answer."""
FUNCTIONS = (
    companion.SEND,
    companion.SEARCH,
    companion.SEARCH_DATE,
    companion.APPEND,
    companion.REPLACE,
    companion.INSERT,
    companion.SEARCH_ARCHIVE,
    companion.READ_MORE,
)
FEW = tuple(one for one in FUNCTIONS if one not in {companion.SEARCH_DATE, companion.INSERT})
"""What is offered in a window under `SMALL`."""
SMALL = 1536
LEAST_SHARE = 8
"""The conversation gets at least this part of a window."""
_CHOICES = {"known", "name", "page", "item", "heartbeat"}
"""Arguments that are no text of the model's."""
_SOME_ITEM = "m99999"
_WARNING = (
    "Older messages will soon leave your sight. Store what matters of them now with core_memory_append or"
    " archival_memory_insert; they stay searchable."
)


@dataclass(frozen=True, slots=True)
class Stage:
    """What a call shows.

    Args:
        room: tokens for conversation beside everything that may be offered.
        scene: what may be done, and what is always seen.
        viewed: the conversation.
    """

    room: int
    scene: Scene
    viewed: Viewed


class TurnState(TypedDict):
    """How far a turn has come: steps that are done, those that failed one after the other, whether it is
    over, whether evicting did not work in it, and what the next call shows, once that is known."""

    step: int
    failed: int
    done: bool
    stuck: bool
    stage: Stage | None


@cache
def turn_graph() -> CompiledStateGraph[Any, Any, Any, Any]:
    """The graph of a turn; its context is a `Turn`."""
    graph = StateGraph(TurnState, context_schema=Turn)
    for node in (prepare, think, act):
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "prepare")
    graph.add_conditional_edges("prepare", _next, ["think", "act", END])
    graph.add_edge("think", "act")
    graph.add_conditional_edges("act", _after, ["prepare", END])
    return graph.compile()


async def taken(turn: Turn) -> None:
    """Take a turn to its end, from where its entries tell that it stands.

    Raises:
        LcagentError: any of the tree; it can be gone on with.
    """
    # Within a run, which keeps checkpoints, a thread of its own keeps none: entries tell where a turn stands.
    config = RunnableConfig(
        recursion_limit=STEPS_EACH * (turn.options.steps + 8), configurable={"thread_id": turn.reply_key}
    )
    begun = await aside(turn.memory.entries.store.place, _begun, turn)
    await turn_graph().ainvoke(begun, context=turn, config=config)


def _begun(turn: Turn) -> TurnState:
    """The state of a turn as its entries tell it."""
    entries = turn.memory.entries
    calls = entries.oldest(["call"], limit=1 << 20, after=turn.number)
    step = sum(entries.keyed(turn.key(number, ".result")) is not None for number in range(len(calls)))
    done = entries.keyed(turn.reply_key) is not None
    return {"step": step, "failed": 0, "done": done, "stuck": False, "stage": None}


async def prepare(state: TurnState, runtime: Runtime[Turn]) -> dict[str, Any]:
    """Evict before the window is full, and warn before that."""
    turn, step = runtime.context, state["step"]
    stage = await asyncio.to_thread(_staged, turn, step)
    if not _over(stage):
        return {"stage": stage}
    if state["stuck"] or not await evict(turn, stage.room):
        return {"stage": stage, "stuck": True}
    return {"stage": await asyncio.to_thread(_staged, turn, step)}


def _staged(turn: Turn, step: int) -> Stage:
    """What a step's call shows; a warning is written where there is little room left.

    Where core memory and the summary leave too little for conversation, these are shortened.
    """
    scene = scene_of(turn, step)
    left = companion.room(turn.model, replace(scene, items=(_SOME_ITEM,)), brief=turn.trust.brief)
    room = max(left, turn.model.window.size // LEAST_SHARE)
    viewed = turn.view.conversation(room, turn.number)
    stage = Stage(room, replace(scene, items=viewed.items), viewed)
    if viewed.wanted > turn.options.warn * room and not _over(stage):
        memory = turn.memory
        key = f"warned.{memory.queue.begins}"
        if memory.entries.keyed(key) is None:
            memory.entries.append(New("event", _WARNING, key=key))
            return _staged(turn, step)
    return stage


def _over(stage: Stage) -> bool:
    """Whether the conversation does not fit."""
    return stage.viewed.wanted > stage.room or stage.viewed.hidden > 0


async def _call(turn: Turn, step: int) -> Entry | None:
    """What was called in a step."""
    entries = turn.memory.entries
    return await aside(entries.store.place, entries.keyed, turn.key(step))


async def _next(state: TurnState, runtime: Runtime[Turn]) -> str:
    if state["done"]:
        return END
    known = await _call(runtime.context, state["step"])
    return "think" if known is None else "act"


async def think(state: TurnState, runtime: Runtime[Turn]) -> dict[str, Any]:
    """Ask the model what to do; what it says is written down."""
    turn, step, stage = runtime.context, state["step"], state["stage"]
    assert stage is not None

    def least(tokens: int) -> str:
        return turn.view.conversation(tokens, turn.number).text

    viewed, writes = stage.viewed, turn.told.writes
    conversation = Part("conversation", viewed.text, viewed.tokens, shrink=least)
    try:
        reply, tokens = await companion.step(
            turn.model, stage.scene, conversation, brief=turn.trust.brief, on_text=writes
        )
    except (MalformedReply, CutReply) as error:
        if state["failed"] + 1 >= MALFORMED or step + 1 >= turn.options.steps:
            raise
        told = f"error: your reply could not be used: {error.message}"
        new = New("event", told, key=turn.key(step, f".malformed.{state['failed']}"))
        await asyncio.to_thread(turn.memory.entries.append, new)
        return {"failed": state["failed"] + 1}
    arguments = reply.arguments()
    about = next(
        (
            str(arguments[name])
            for name in ("query", "content", "new_content", "question", "item")
            if arguments.get(name)
        ),
        "",
    )
    data = {"arguments": arguments, "window": _window(turn, stage, tokens)}
    await asyncio.to_thread(_called, turn, step, reply.do, data, viewed.entries)
    turn.told.called(reply.do, about)
    return {"failed": 0}


def _called(turn: Turn, step: int, name: str, data: dict[str, Any], window: Sequence[Entry]) -> None:
    """Write a call down, with where what it says comes from: it is shown again.

    Args:
        turn: in which.
        step: of it.
        name: of the function.
        data: of the call.
        window: the entries that the model had before it.
    """
    said = " ".join(str(value) for key, value in data["arguments"].items() if key not in _CHOICES)
    seen = turn.seen[step] = seen_at(turn, window)
    source = source_of(said, seen)
    data = {**data, **origin_data(origins(said, seen))}
    line = call_text(name, data["arguments"])
    turn.memory.entries.append(New("call", line, name, "assistant", source, data, key=turn.key(step)))


async def act(state: TurnState, runtime: Runtime[Turn]) -> dict[str, Any]:
    """Carry out the function that was called; a turn ends with a message, or without a heartbeat."""
    turn, step = runtime.context, state["step"]
    call = await _call(turn, step)
    if call is None:  # the reply could not be read
        return {}
    read = await read_documents(turn, call) if call.name == companion.READ_DOCUMENT else None
    return {"step": step + 1, "done": await asyncio.to_thread(_acted, turn, step, call, read)}


def _acted(turn: Turn, step: int, call: Entry, read: Result | None) -> bool:
    """Carry out a call; whether the turn ends with it."""
    seen = turn.seen.get(step)
    if seen is None:  # another process called
        window = turn.memory.entries.get(call.data["window"]["entries"])
        seen = seen_at(turn, list(window.values()), call.id)
    if call.name == companion.SEND and (_says(call) or not _asked(turn) or _last(turn, step)):
        _end(turn, call, step, seen)
        return True
    result = Functions(turn, int(call.data["window"]["room"]), seen).act(call, read)
    goes_on = (
        call.name not in companion.CHANGING
        or not result.data["ok"]
        or call.data["arguments"].get("heartbeat") == "yes"
        or _asked(turn)
    )
    if not goes_on:
        turn.memory.entries.append(New("event", "", key=turn.reply_key))
    return not goes_on


def _asked(turn: Turn) -> bool:
    """Whether somebody waits for an answer: a turn that a message began ends with one."""
    first = turn.memory.entries.get([turn.number]).get(turn.number)
    return first is not None and first.kind == "message"


def _says(call: Entry) -> bool:
    return bool(str(call.data["arguments"].get("message", "")).strip())


def _last(turn: Turn, step: int) -> bool:
    """Whether nothing but answering is left: the steps are used up, or only repeat each other."""
    return step + 1 >= turn.options.steps or _repeats(turn)


def _end(turn: Turn, call: Entry, step: int, seen: Seen) -> None:
    entries = turn.memory.entries
    if entries.keyed(turn.reply_key) is not None:
        return
    if not _says(call) and not _asked(turn):
        reply = New("event", "", key=turn.reply_key)
    else:
        reply = reply_of(turn, call, seen)
    done = New("result", "", call.name, data={"ok": True}, key=turn.key(step, ".result"), rests_on=(call.id,))
    entries.append_all([done, reply])


async def _after(state: TurnState) -> str:
    return END if state["done"] else "prepare"


def scene_of(turn: Turn, step: int) -> Scene:
    """What the agent may do in a step, but for what it is shown, and what it always sees.

    Args:
        turn: which.
        step: its number; of the last one and of one that only repeats, nothing but answering is left.
    """
    memory = turn.memory
    summary = memory.queue.summary()
    last = _last(turn, step)
    small = turn.model.window.size < SMALL
    functions = (companion.SEND,) if last else FEW if small else FUNCTIONS
    # A small model that is asked about a document in its first message otherwise looks through the
    # conversation until its steps are used up.
    if turn.documents and not turn.said_before:
        functions = tuple(one for one in functions if one not in {companion.SEARCH, companion.SEARCH_DATE})
    if not last and _may_read(turn):
        functions = (*functions, companion.READ_DOCUMENT)
    text = ""
    if summary is not None:
        stands = standings(memory.entries, [summary])[summary.id]
        told = "".join(f"\n({note})" for note in notes(memory.entries, stands))
        text = summary.text + told
    return Scene(
        functions,
        memory.core.labels,
        core=core_text(memory.core, lambda numbers: _against(turn, numbers)) if memory.core.labels else "",
        summary=text,
        evicted=memory.queue.evicted() if summary is not None else 0,
        documents=turn.documents,
        now=turn.now,
        left=left if (left := turn.options.steps - step) <= TOLD_STEPS else None,
    )


def _may_read(turn: Turn) -> bool:
    """Whether reading the documents is offered: it costs tokens in each prompt, so only once the turn has
    searched for something, and a few times at most."""
    if turn.reader is None or not turn.documents:
        return False
    entries = turn.memory.entries
    done = [one.name for one in entries.oldest(["result"], limit=1 << 20, after=turn.number)]
    return companion.SEARCH_ARCHIVE in done and done.count(companion.READ_DOCUMENT) < READINGS


def _against(turn: Turn, numbers: Sequence[int]) -> list[str]:
    entries = turn.memory.entries
    stands = standings(entries, list(entries.get(numbers).values()))
    told = {number: "; ".join(notes(entries, stand)) for number, stand in stands.items()}
    return [told.get(number, "") for number in numbers]


def _repeats(turn: Turn) -> bool:
    """Whether the agent has called the same with the same arguments again and again."""
    calls = turn.memory.entries.newest(["call"], limit=AGAIN + 1, after=turn.number)
    said = {_bare(one) for one in calls}
    return len(calls) > AGAIN and len(said) == 1


def _bare(call: Entry) -> str:
    arguments = {name: value for name, value in call.data["arguments"].items() if name != "thought"}
    return f"{call.name} {sorted(arguments.items())}"


def _window(turn: Turn, stage: Stage, tokens: int) -> dict[str, Any]:
    """What a call's window held, each part with its tokens, at most."""
    count, conversation = turn.model.window.count, stage.viewed.tokens
    core, summary = count(as_data(stage.scene.core)), count(as_data(stage.scene.summary))
    return {
        "entries": [entry.id for entry in stage.viewed.entries],
        "prompt": tokens,
        "instructions": max(0, tokens - core - summary - conversation),
        "core": core,
        "summary": summary,
        "conversation": conversation,
        "reply": companion.reply_tokens(turn.model.window.size, brief=turn.trust.brief),
        "room": max(conversation, stage.room),
        "size": turn.model.window.size,
    }


def call_text(name: str, arguments: dict[str, Any]) -> str:
    """A call as the conversation shows it; the message to the user is a line of its own."""
    if name == companion.SEND:
        return ""
    told = ", ".join(
        f"{key}={value!r}" for key, value in arguments.items() if key not in {"thought", "heartbeat"}
    )
    thought = " ".join(str(arguments.get("thought", "")).split())
    return " ".join(filter(None, [thought, f"-> {name}({told})"]))
