"""The companion: talks, and keeps its own memory by calling functions.

Source: "MemGPT: Towards LLMs as Operating Systems", section 2 and appendix. A thought comes before each
function. Searches, and whatever failed, are followed by another step of themselves; of the other functions
the heartbeat asks for one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, WithJsonSchema

from lcagent.agents.prompt import load_prompt
from lcagent.models.actions import DO, Action, Function, action, one_of
from lcagent.models.chat import ChatModel
from lcagent.models.prompt import as_data
from lcagent.models.streaming import StringField
from lcagent.models.structured import RETRY_TOKENS, as_asked, ask_typed, bounded, reply_limit
from lcagent.models.window import Part, Render, Window

PROMPT = load_prompt("converse")
THOUGHT_CHARS, QUERY_CHARS, DATE_CHARS = 240, 120, 10
REPLY_TOKENS, LEAST_TOKENS = 400, 128
"""Most tokens of a weak model's reply, and the least of any."""
SEND, APPEND, REPLACE, SEARCH, SEARCH_DATE, INSERT, SEARCH_ARCHIVE, READ_MORE, READ_DOCUMENT = (
    "send_message",
    "core_memory_append",
    "core_memory_replace",
    "conversation_search",
    "conversation_search_date",
    "archival_memory_insert",
    "archival_memory_search",
    "read_more",
    "read_document",
)
CHANGING = (APPEND, REPLACE, INSERT)
"""They change memory."""
CALLABLE = (APPEND, REPLACE, SEARCH, SEARCH_DATE, INSERT, SEARCH_ARCHIVE, READ_MORE)
"""A model that is not ours may call them too: they need no turn of the agent's."""
LEFT_OUT = {"end": "", "page": 1, "heartbeat": "no"}
"""What an argument is that such a model leaves out."""
MOST_PAGES = 999
_PAGE = {"type": "integer", "minimum": 1, "maximum": MOST_PAGES}
YesNo = Literal["yes", "no"]


class CompanionReply(Action):
    """What is thought, and which function is called."""

    apart: ClassVar = True
    functions: ClassVar = {
        SEND: Function("Say something to the user, and end your turn.", ("known", "message")),
        APPEND: Function("Add a line to a block of core memory.", ("name", "content", "heartbeat")),
        REPLACE: Function(
            "Change text in a line of a block of core memory; an empty new_content takes it away.",
            ("name", "old_content", "new_content", "heartbeat"),
        ),
        SEARCH: Function("Search all earlier messages by words.", ("query", "page")),
        SEARCH_DATE: Function("See the messages of some days.", ("start", "end", "page")),
        INSERT: Function("Store a passage outside, to search for it later.", ("content", "heartbeat")),
        SEARCH_ARCHIVE: Function("Search stored passages and documents.", ("query", "page")),
        READ_MORE: Function("See what stands around or behind something that was shown.", ("item",)),
        READ_DOCUMENT: Function(
            "Have the documents read from beginning to end for a question that searching cannot answer.",
            ("question",),
        ),
    }
    thought: Annotated[str, bounded(THOUGHT_CHARS)] = ""
    do: str
    known: YesNo = "yes"
    message: str = ""
    name: str = ""
    content: str = ""
    old_content: str = ""
    new_content: str = ""
    query: Annotated[str, bounded(QUERY_CHARS)] = ""
    start: Annotated[str, bounded(DATE_CHARS)] = ""
    end: Annotated[str, bounded(DATE_CHARS)] = ""
    page: Annotated[int, Field(ge=1, le=MOST_PAGES), WithJsonSchema(_PAGE)] = 1
    item: str = ""
    question: str = ""
    heartbeat: YesNo = "no"

    def arguments(self) -> dict[str, Any]:
        """What is said beside the function's name, as far as it takes it."""
        taken = {*self.functions[self.do].takes, "thought"}
        return {name: value for name, value in self.model_dump().items() if name in taken}


_LINES = {
    SEND: 'send_message: "known", "message": say it to the user, which ends your turn; "known" is "no" if you'
    " were asked for something that is said nowhere;",
    APPEND: 'core_memory_append: "name" of a block, "content" of a line, "heartbeat";',
    REPLACE: 'core_memory_replace: "name", "old_content" as it stands there, "new_content", "heartbeat";',
    SEARCH: 'conversation_search: "query", "page": earlier messages by their words;',
    SEARCH_DATE: 'conversation_search_date: "start", "end" (YYYY-MM-DD), "page";',
    INSERT: 'archival_memory_insert: "content" to keep outside, "heartbeat";',
    SEARCH_ARCHIVE: 'archival_memory_search: "query", "page": what is kept outside{documents};',
    READ_MORE: 'read_more: "item", such as "{example}": more around it;',
    READ_DOCUMENT: 'read_document: "question" that only reading all of the documents can answer;',
}
_HEARTBEAT = '"heartbeat" is "yes" to go on after it, "no" to end your turn.'


@dataclass(frozen=True, slots=True)
class Scene:
    """What the companion may do, and what it is shown but for the conversation.

    Args:
        functions: those that may be called, in order.
        blocks: labels of its core memory.
        items: marks of what was shown and has more to it.
        core: its core memory.
        summary: of what was evicted.
        evicted: messages that it stands for.
        documents: whether there are any.
        now: the date as people write it; empty: not told.
        left: steps of the turn, where it is told how many there are; None: it is not.
    """

    functions: tuple[str, ...]
    blocks: tuple[str, ...]
    items: tuple[str, ...] = ()
    core: str = ""
    summary: str = ""
    evicted: int = 0
    documents: bool = False
    now: str = ""
    left: int | None = None

    @property
    def offered(self) -> list[str]:
        """The functions that have something to take."""
        needs: dict[str, tuple[str, ...]] = {READ_MORE: self.items, APPEND: self.blocks, REPLACE: self.blocks}
        return [name for name in self.functions if name not in needs or needs[name]]

    def kind(self) -> type[CompanionReply]:
        """The type of the reply."""
        items = self.items if READ_MORE in self.offered else ()
        return _reply_type(tuple(self.offered), self.blocks, items)

    def render(self, model: ChatModel) -> Render:
        """The prompt with what is fixed."""
        told = {
            "documents": ", and the documents" if self.documents else "",
            "example": self.items[-1] if self.items else "",
        }
        lines = [f"- {_LINES[name].format(**told)}" for name in self.offered]
        if set(CHANGING) & set(self.offered):
            lines.append(_HEARTBEAT)
        only = "" if self.left is None else f"{self.left} steps are left."
        if len(self.offered) == 1:
            only = f"Call {self.offered[0]} now: your steps are used up."
        bound = PROMPT.bind(
            functions="\n".join(lines),
            documents=self.documents,
            only=only,
        )
        return as_asked(model, bound, self.kind)

    def parts(self, model: ChatModel) -> list[Part]:
        """The variable parts but for the conversation; the summary may go, of the core the end.

        The date and the number of what was evicted are parts, as what is fixed is then counted once for all
        turns.
        """
        window, evicted = model.window, str(self.evicted)
        return [
            Part("core", as_data(self.core), shrink=shortened(window, self.core)),
            Part("summary", as_data(self.summary), shrink=shortened(window, self.summary)),
            # A token is a byte at least.
            Part("evicted", evicted, tokens=len(evicted)),
            Part("now", self.now, tokens=len(self.now.encode())),
        ]


@lru_cache(maxsize=64)  # most steps offer the same
def _reply_type(
    offered: tuple[str, ...], blocks: tuple[str, ...], items: tuple[str, ...]
) -> type[CompanionReply]:
    fields = {DO: one_of(offered)}
    if blocks:
        fields["name"] = one_of(blocks)
    if items:
        fields["item"] = one_of(items)
    return action(CompanionReply, **fields)


def shortened(window: Window, text: str) -> Callable[[int], str]:
    """What makes a text of at most so many tokens of another: its beginning.

    Args:
        window: counts.
        text: which.
    """

    def cut(tokens: int) -> str:
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (
                (middle, high) if window.count(as_data(text[:middle])) <= tokens else (low, middle - 1)
            )
        return as_data(text[:low])

    return cut


def reply_tokens(window: int, *, brief: bool) -> int:
    """Most tokens of a reply."""
    least = min(REPLY_TOKENS, max(LEAST_TOKENS, window // 8))
    return reply_limit(least, window, brief=brief)


def room(model: ChatModel, scene: Scene, *, brief: bool) -> int:
    """Tokens of conversation that a call and its retry can hold beside a scene; less than none where the
    scene itself has to be shortened."""
    window = model.window
    parts = scene.parts(model)
    names = [*(part.name for part in parts), "conversation"]
    left = window.room(
        scene.render(model), names, reply=reply_tokens(window.size, brief=brief) + RETRY_TOKENS
    )
    return left - sum(map(window.taken, parts)) - window.size // 100


async def step(
    model: ChatModel,
    scene: Scene,
    conversation: Part,
    *,
    brief: bool,
    on_text: Callable[[str], None] | None = None,
) -> tuple[CompanionReply, int]:
    """One step of a turn.

    Args:
        model: who talks.
        scene: what it may do.
        conversation: as it is shown, within `room`; shorter where all does not fit after all.
        brief: it is given little room.
        on_text: gets the message to the user while it is written.

    Returns:
        The function that it calls, and an upper bound of the call's tokens.

    Raises:
        MalformedReply, CutReply: after a retry.
        WindowExceeded: the functions alone do not fit.
    """
    render = scene.render(model)
    parts = [conversation, *scene.parts(model)]
    fitted = await model.window.fit(
        render, parts, reply=reply_tokens(model.window.size, brief=brief), spare=RETRY_TOKENS
    )
    on_delta = StringField("message", on_text) if on_text else None
    reply = await ask_typed(model, "converse", fitted, scene.kind(), on_delta=on_delta)
    return reply, fitted.prompt_tokens
