"""One turn of a conversation: store, lease, model and documents opened, the graph run, the reply made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from lcagent.answer import Answer, Quoted, Reply
from lcagent.documents.corpus import Corpus
from lcagent.documents.retrieval import Retrieval
from lcagent.errors import MalformedReply, ModelError
from lcagent.events import AnswerDelta, Emit, FunctionCalled, Notice
from lcagent.graphs.memgpt.functions import Functions
from lcagent.graphs.memgpt.graph import call_text, taken
from lcagent.graphs.memgpt.options import Options
from lcagent.graphs.memgpt.provenance import is_own
from lcagent.graphs.memgpt.replying import seen_at
from lcagent.graphs.memgpt.turn import Memory, Occasion, Read, Reader, Turn, memory_of
from lcagent.graphs.memgpt.view import View
from lcagent.graphs.shared.trust import Trust
from lcagent.memory.aside import aside
from lcagent.memory.opening import open_store
from lcagent.memory.profiles import profile_for
from lcagent.memory.rows import Rows
from lcagent.memory.tiers.archival import Attached
from lcagent.memory.tiers.entries import ASSISTANT, Entries, Entry, New
from lcagent.memory.tiers.leases import Lease
from lcagent.models.budget import Budget
from lcagent.models.chat import ChatModel
from lcagent.models.embeddings import Embedder
from lcagent.models.profile import ModelProfile
from lcagent.models.replies import RawReply
from lcagent.models.serving.session import ModelSession, OpenModel
from lcagent.runs.boxes import boxed
from lcagent.settings import Settings


class Unjournalled:
    """Keeps no call: what a turn's calls gave stands in its entries (`lcagent.models.chat.Journal`)."""

    async def recall(self, key: str) -> RawReply | None:
        """Nothing is known."""
        return None

    async def keep(self, key: str, role: str, reply: RawReply, request: bytes) -> None:
        """Nothing is kept."""

    async def drop(self, keys: Sequence[str]) -> None:
        """Nothing is kept."""


@dataclass(slots=True)
class TurnEvents:
    """What a turn tells, as events (`lcagent.graphs.memgpt.turn.Told`)."""

    emit: Emit
    stream: bool
    steps: list[str] = field(default_factory=list[str])

    def notice(self, text: str) -> None:
        """A sentence for people."""
        self.emit(Notice(text))

    def called(self, name: str, about: str) -> None:
        """A function was called."""
        self.steps.append(name)
        self.emit(FunctionCalled(name, about))

    @property
    def writes(self) -> Callable[[str], None] | None:
        """Makes events of the message while it is written."""
        return (lambda text: self.emit(AnswerDelta(text))) if self.stream else None


@dataclass(frozen=True, slots=True)
class Talk:
    """What a turn needs beside the session itself.

    Args:
        settings: of the model, the window, the agent.
        models: leads to the model.
        emit: gets events.
        stream: whether the message is told while it is written.
        reader: reads attached documents for a question; None: that is not offered.
        profiles: what is known of models, by their fingerprints, looked up once.
    """

    settings: Settings
    models: ModelSession
    emit: Emit
    stream: bool
    reader: Callable[[str, Sequence[Attached]], Awaitable[Answer]] | None = None
    profiles: dict[str, ModelProfile] = field(default_factory=dict[str, ModelProfile])


async def take_turn(
    talk: Talk, store: Rows, lease: Lease, fence: int, number: int, clock: Callable[[], float]
) -> Reply:
    """Answer an entry of a session; what of the turn was done before is not done again.

    Args:
        talk: see there.
        store: of memory.
        lease: of the session.
        fence: under which it is held.
        number: of the entry.
        clock: seconds since 1970.

    Raises:
        LcagentError: any of the tree; the turn can be gone on with.
    """
    settings, started = talk.settings, time.monotonic()
    opened = await talk.models.wait_open(lambda text: talk.emit(Notice(text)), trusted=TRUSTED_SECONDS)
    profile = talk.profiles.get(opened.fingerprint) or await asyncio.to_thread(_profile, talk, opened)
    budget = Budget(settings.max_calls, settings.max_tokens, settings.max_seconds)
    model = opened.chat(
        settings, Unjournalled(), budget, lambda text: talk.emit(Notice(text)), tools=bool(profile.tools)
    )
    told = TurnEvents(talk.emit, talk.stream)
    try:
        entries = Entries(store, lease.tenant, lease.session, clock=clock, fence=fence)
        turn = await asyncio.to_thread(_turn, talk, entries, model, Trust(profile), told, number)
        async with _embedding(store, lease.tenant, talk.models.embedder()):
            await taken(turn)
    except ModelError:
        talk.models.look_again()
        raise
    finally:
        await model.transport.close()
    made = await aside(store.place, entries.keyed, turn.reply_key)
    if made is None:
        raise MalformedReply("the turn ended without a reply", hint="send the message again")
    reply = reply_from(made, told.steps, budget, time.monotonic() - started)
    return await _boxed(reply, turn)


async def _boxed(reply: Reply, turn: Turn) -> Reply:
    """The reply with the boxes of what it quotes of attached PDFs whose files still lie where they did."""
    if all(one.message is not None for one in reply.citations):
        return reply
    files = await asyncio.to_thread(turn.memory.archival.files)
    corpus, numbers = turn.view.corpus, turn.view.numbers
    sources = [(one, files.get(number)) for one, number in zip(corpus.documents, numbers, strict=True)]
    return await boxed(reply, sources)


def _profile(talk: Talk, opened: OpenModel) -> ModelProfile:
    with closing(open_store(talk.settings.place)) as runs:
        profile = talk.profiles[opened.fingerprint] = profile_for(opened, talk.settings, runs)
    return profile


def _turn(
    talk: Talk, entries: Entries, model: ChatModel, trust: Trust, told: TurnEvents, number: int
) -> Turn:
    options, window = options_of(talk.settings), model.window
    memory = memory_of(
        entries, options, window=window.size, count=window.count, embedder=talk.models.embedder()
    )
    attached = memory.archival.documents()
    corpus = Corpus(tuple(one.document for one in attached))
    view = View(memory.entries, memory.queue, corpus, [one.id for one in attached], model.window.count)
    now = datetime.fromtimestamp(memory.entries.clock(), UTC).strftime("%A, %Y-%m-%d %H:%M UTC")
    return Turn(
        number,
        memory,
        view,
        Retrieval(corpus, ""),
        model,
        trust,
        options,
        told,
        reader=_reader(talk, attached, model.budget) if attached else None,
        now=now,
        said_before=bool(entries.newest(["message"], limit=1, before=number)),
    )


def _reader(talk: Talk, attached: Sequence[Attached], budget: Budget) -> Reader | None:
    """Has attached documents read by a run of its own, whose cost is the turn's."""
    if (reader := talk.reader) is None:
        return None
    names = [one.document.name for one in attached]

    async def read(question: str) -> Read:
        answer = await reader(question, attached)
        used = answer.usage
        budget.spend(used.prompt_tokens, used.completion_tokens, used.calls)
        regions = [
            (names.index(one.document), one.char_start, one.char_end)
            for one in answer.citations
            if one.document in names
        ]
        said = answer.answer if answer.status != "not_found" else ""
        return Read(said, regions, answer.coverage.sentence, answer.run_id)

    return read


def carry_out(
    memory: Memory, name: str, arguments: Mapping[str, Any], *, window: int, count: Callable[[str], int]
) -> tuple[str, bool]:
    """Carry out a function of the agent that a model which is not ours calls.

    Args:
        memory: of the session.
        name: the function's.
        arguments: of the call.
        window: tokens of that model's calls.
        count: tokens of a text.

    Returns:
        What it gave, for the model, and whether it did what was asked.
    """
    entries = memory.entries
    said = entries.newest(["message"], limit=MOST_SEEN)
    attached = memory.archival.documents()
    corpus = Corpus(tuple(one.document for one in attached))
    view = View(entries, memory.queue, corpus, [one.id for one in attached], count)
    # What the model has before it, nobody tells: the end of the conversation at least.
    data = {"arguments": arguments, "window": {"entries": [one.id for one in said]}}
    text, key = call_text(name, dict(arguments)), f"called.{uuid4().hex}"
    # Forgotten with what it was called for, as what a turn does.
    began = tuple(one.id for one in said if is_own(one))[:1]
    call = entries.append(New("call", text, name, ASSISTANT, "model", data, key=key, rests_on=began))
    on = Occasion(began[0] if began else call.id, memory, view, Retrieval(corpus, ""))
    result = Functions(on, window // 2, seen_at(on, said, call.id)).act(call)
    return view.line(result, whole=True).removeprefix("[result] "), bool(result.data["ok"])


TRUSTED_SECONDS = 5.0
"""A server that was there so short a time ago is not asked again whether it is: none is replaced so fast."""
MOST_SEEN = 64
"""Messages that a model which is not ours is taken to have before it."""


def options_of(settings: Settings) -> Options:
    """The agent's settings."""
    options = settings.of("memgpt")
    assert isinstance(options, Options)
    return options


@asynccontextmanager
async def _embedding(store: Rows, tenant: str, embedder: Embedder | None) -> AsyncGenerator[None]:
    """Embed, meanwhile, what was said."""
    if embedder is None:
        yield
        return
    from lcagent.memory.tiers.nearest import embed_missing

    task = asyncio.create_task(asyncio.to_thread(embed_missing, store, tenant, embedder, EMBEDDED))
    try:
        yield
    finally:
        await task


EMBEDDED = 512
"""Entries that a turn embeds at most, while it waits for the model."""


def reply_from(entry: Entry, steps: Sequence[str], budget: Budget, seconds: float) -> Reply:
    """A reply as its entry keeps it.

    Args:
        entry: the message; an event where nothing was said.
        steps: functions that were called.
        budget: what was spent.
        seconds: that it took.
    """
    data: dict[str, Any] = dict(entry.data)
    said = entry.kind == "message"
    return Reply(
        text=entry.text if said else "",
        status=data.get("status", "answered"),
        claims=data.get("claims", []),
        citations=[Quoted(**one) for one in data.get("citations", [])],
        message=entry.id if said else 0,
        steps=list(steps),
        calls=budget.calls,
        tokens=budget.tokens,
        prompt_tokens=budget.prompt_tokens,
        completion_tokens=budget.completion_tokens,
        seconds=seconds,
        warnings=data.get("warnings", []),
    )
