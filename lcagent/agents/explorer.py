"""The explorer: where a search in a graph of facts begins, and each of the functions that it then calls.

Source: "GraphReader: Building Graph-based Agent to Enhance Long-Context Abilities of LLMs", section 3.3:
`read_chunk`, `stop_and_read_neighbor`; `search_more`, `read_previous_chunk`, `read_subsequent_chunk`,
`termination`; `read_neighbor_node`. Before each of them the model says what it found and what is missing.
Arguments are taken from a list, so that what does not exist cannot be named; facts are pointed at by their
number, so that nothing is copied wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeVar

from pydantic import BaseModel, Field

from lcagent.agents.prompt import load_prompt
from lcagent.documents import Segment
from lcagent.documents.placing import Carried, Placing
from lcagent.models.actions import Action, Function, action, one_of, some_of
from lcagent.models.chat import ChatModel
from lcagent.models.prompt import Bound, as_data
from lcagent.models.structured import RETRY_TOKENS, as_asked, ask_typed, bounded
from lcagent.models.window import Part, most_first

CHOOSE, VISIT, CHUNK, NEIGHBOUR = map(load_prompt, ("choose", "visit", "chunk", "neighbour"))
PROMPTS = (CHOOSE, VISIT, CHUNK, NEIGHBOUR)
SHORT_TOKENS, CHUNK_TOKENS = 300, 500
"""Most tokens of a reply: of one that points at things, and of one that says what a piece of text holds."""
MISSING_CHARS, CONCLUSION_CHARS = 160, 200
SEARCH_MORE, PREVIOUS, SUBSEQUENT, TERMINATION = (
    "search_more",
    "read_previous_chunk",
    "read_subsequent_chunk",
    "termination",
)
READ_CHUNK, STOP, READ_NEIGHBOUR = "read_chunk", "stop_and_read_neighbor", "read_neighbor_node"
T = TypeVar("T", bound=BaseModel)


class _Seen(Action):
    """What is said before a function is called."""

    conclusion: Annotated[str, bounded(CONCLUSION_CHARS)] = ""
    missing: Annotated[str, bounded(MISSING_CHARS)] = ""


class VisitReply(_Seen):
    """What is asked of the facts of a node."""

    functions: ClassVar = {
        READ_CHUNK: Function("Read whole pieces of the text that facts of this node stand in.", ("chunks",)),
        STOP: Function("Read no piece of the text, and go on to the neighbours of this node."),
    }
    useful: list[str]
    do: str
    chunks: list[str] = Field([])


class ChunkReply(_Seen):
    """What is asked of a piece of the text."""

    functions: ClassVar = {
        SEARCH_MORE: Function("Go on with other pieces of the text."),
        PREVIOUS: Function("Read the piece before this one."),
        SUBSEQUENT: Function("Read the piece after this one."),
        TERMINATION: Function("End the search: the question can now be answered in full."),
    }
    facts: list[str]
    do: str


class NeighbourReply(Action):
    """What is asked of a node's neighbours."""

    functions: ClassVar = {
        READ_NEIGHBOUR: Function("Read the facts of a neighbour of this node.", ("node",)),
        TERMINATION: Function("End the search: the question can be answered, or no neighbour helps."),
    }
    do: str
    node: str = ""


class ChooseReply(BaseModel):
    """Where to begin."""

    chosen: list[str]


@dataclass(frozen=True, slots=True)
class Aim:
    """What a path goes for.

    Args:
        question: as asked.
        plan: what to find, one after the other.
        notes: what it found so far, a view that fits; newest last.
        missing: what it said is still missing.
    """

    question: str
    plan: str = ""
    notes: str = ""
    missing: str = ""

    def parts(self) -> list[Part]:
        """As a prompt's variable parts: the question stays whole, what was said before may go."""
        return [
            Part("question", as_data(self.question)),
            Part("missing", as_data(self.missing), shrink=lambda _: ""),
            Part("plan", as_data(self.plan), shrink=lambda _: ""),
            Part("notes", as_data(self.notes), shrink=lambda _: ""),
        ]


def room(
    model: ChatModel,
    prompt: Bound,
    aim: Aim,
    name: str,
    kind: Callable[[], type[BaseModel]],
    *,
    reply: int = SHORT_TOKENS,
) -> int:
    """Tokens that one more part can take in a call.

    Args:
        model: who is asked.
        prompt: which call.
        aim: what else it shows.
        name: the part's variable.
        kind: makes the type of its reply.
        reply: most tokens of the reply.
    """
    parts, window = aim.parts(), model.window
    names = [*(part.name for part in parts), name]
    asked = as_asked(model, prompt, kind)
    left = window.room(asked, names, reply=reply + RETRY_TOKENS) - window.size // 100
    return left - sum(window.count(part.text) for part in parts)


async def _asked(
    model: ChatModel, prompt: Bound, parts: Sequence[Part], reply_type: type[T], reply: int, role: str
) -> T:
    asked = as_asked(model, prompt, lambda: reply_type)
    fitted = await model.window.fit(asked, parts, reply=reply, spare=RETRY_TOKENS)
    return await ask_typed(model, role, fitted, reply_type)


async def choose(model: ChatModel, aim: Aim, nodes: Sequence[str], most: int) -> list[str]:
    """The nodes to begin from, best first.

    Args:
        model: who is asked.
        aim: question and plan.
        nodes: what may be chosen; they fit.
        most: how many.

    Raises:
        MalformedReply, CutReply: after a retry.
    """
    parts = [part for part in aim.parts() if part.name in {"question", "plan"}]
    named = {as_data(node): node for node in nodes}
    parts.append(Part("nodes", "\n".join(named)))
    kind = action(ChooseReply, chosen=some_of(list(named), most=most))
    reply = await _asked(model, CHOOSE.bind(most=most), parts, kind, SHORT_TOKENS, "choose")
    return [named[one] for one in dict.fromkeys(reply.chosen)][:most]


def visit_reply(facts: Sequence[str], chunks: Sequence[str]) -> type[VisitReply]:
    """What can be said of the facts of a node.

    Args:
        facts: their numbers.
        chunks: the pieces of text that may be read.
    """
    do = one_of([READ_CHUNK, STOP] if chunks else [STOP])
    return action(VisitReply, useful=some_of(facts), do=do, chunks=some_of(chunks, most=4))


async def visit(
    model: ChatModel, aim: Aim, node: str, facts: Mapping[str, str], chunks: Sequence[str]
) -> VisitReply:
    """What the facts of a node tell, and what to read next.

    Args:
        model: who is asked.
        aim: what the path goes for.
        node: its name.
        facts: by number, as they are shown; they fit.
        chunks: the pieces of text that they stand in and that were not read.

    Raises:
        MalformedReply, CutReply: after a retry.
    """
    prompt = VISIT.bind(node=as_data(node))
    parts = [*aim.parts(), Part("facts", as_data("\n".join(facts.values())))]
    kind = visit_reply([number for number in facts if number], chunks)
    return await _asked(model, prompt, parts, kind, SHORT_TOKENS, "visit")


def chunk_reply(beside: tuple[bool, bool]) -> type[ChunkReply]:
    """What can be said of a piece of the text.

    Args:
        beside: whether the piece before it and the one after it may be read.
    """
    before, after = beside
    functions = [SEARCH_MORE, *([PREVIOUS] if before else []), *([SUBSEQUENT] if after else []), TERMINATION]
    return action(ChunkReply, do=one_of(functions))


async def read_chunk(
    model: ChatModel, aim: Aim, text: str, segment: Segment, beside: tuple[bool, bool]
) -> tuple[ChunkReply, Carried]:
    """What a piece of the text tells, with the sentences that carry it, and what to do next.

    Args:
        model: who reads.
        aim: what the path goes for.
        text: the document's text.
        segment: which piece.
        beside: whether the piece before it and the one after it may be read.

    Raises:
        MalformedReply, CutReply: after a retry.
    """
    before, after = beside
    shown = as_data(text[segment.start : segment.end])
    parts = [*aim.parts(), Part("segment", shown, tokens=segment.tokens)]
    prompt = CHUNK.bind(before=before, after=after)
    reply = await _asked(model, prompt, parts, chunk_reply(beside), CHUNK_TOKENS, "chunk")
    return reply, Placing(text, segment.start, segment.end).carried(reply.facts)


def neighbour_reply(nodes: Sequence[str]) -> type[NeighbourReply]:
    """What can be said of a node's neighbours, which are called so."""
    named = list(dict.fromkeys(map(as_data, nodes)))
    return action(NeighbourReply, do=one_of([READ_NEIGHBOUR, TERMINATION]), node=one_of(named))


async def next_node(model: ChatModel, aim: Aim, node: str, nodes: Sequence[str], left_out: int) -> str:
    """The neighbour to read next; "" where the search ends.

    Args:
        model: who is asked.
        aim: what the path goes for.
        node: where it stands.
        nodes: its neighbours, best first; they fit.
        left_out: how many more it has.

    Raises:
        MalformedReply, CutReply: after a retry.
    """
    told = f" (the most promising; {left_out} more are not shown)" if left_out else ""
    named = {as_data(one): one for one in nodes}
    parts = [*aim.parts(), Part("nodes", "\n".join(named))]
    prompt = NEIGHBOUR.bind(node=as_data(node), left_out=told)
    reply = await _asked(model, prompt, parts, neighbour_reply(nodes), SHORT_TOKENS, "neighbour")
    return named[reply.node] if reply.do == READ_NEIGHBOUR else ""


def shown_that_fit(lines: Sequence[str], room: Callable[[int], int], count: Callable[[str], int]) -> int:
    """How many of some lines fit, the first ones first.

    Args:
        lines: as a prompt shows them.
        room: tokens for so many of them, one at least: what may be said of them takes room as well.
        count: of a text.
    """
    if not lines:
        return 0
    most = room(1)

    def size(number: int) -> int:
        return count(as_data("\n".join(lines[:number]))) + most - room(number)

    return most_first(len(lines), most, size)
