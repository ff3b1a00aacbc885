"""The Python SDK of conversations: one object, talked to, that remembers what was said."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from lcagent import blocking
from lcagent.answer import Answer, Message, Reply
from lcagent.errors import UsageError
from lcagent.events import Event, MessageKept, Notice, Replied, SegmentRead
from lcagent.models.profile import ModelProfile
from lcagent.session_memory import SessionMemory, key_of, role_of
from lcagent.text import whole_characters

if TYPE_CHECKING:
    from lcagent.documents import DocumentSource, Loaded

_LOOKED_BACK = 50

Tell = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Attached:
    """What was attached.

    Args:
        names: of the documents.
        pages: how many they have; 0: they have none, as plain text.
        reply: what the agent said to it, where a turn was asked for.
    """

    names: tuple[str, ...]
    pages: int
    reply: Reply | None = None


class ChatSession(SessionMemory):
    """A conversation with a memory that outlives its window.

    Every message is kept, verbatim, before anything is made of it. The model server is chosen and, if need
    be, started at the first message that wants a reply. Several processes may open one session: each turn,
    and each change, takes its lease.

    Args:
        session: its name; the same one is gone on with.
        tenant: whose it is; nothing is ever read across two of them.
        settings: a `Settings`, or None to read environment and files.
        wait: seconds to wait for another process that is writing the session.
        clock: seconds since 1970.
        models: a way to the model that is shared with others; it is not closed with this object.
        options: settings by name, which go first.

    Raises:
        SettingsError: an option has no such name or value.

    Example:
        >>> from lcagent import ChatSession
        >>> with ChatSession("anna") as chat:  # doctest: +SKIP
        ...     chat.send("My sister Ida was born on 3 May 1990.")
        ...     print(chat.send("How old is Ida?").text)
    """

    @cached_property
    def _profiles(self) -> dict[str, ModelProfile]:
        """What is known of models, by their fingerprints."""
        return {}

    def send(self, text: str, *, author: str = "user", key: str | None = None) -> Reply:
        """Say something, and get a reply.

        Args:
            text: what is said, of any length.
            author: who says it: the user, or the name of somebody else, whose words are data.
            key: names the message: sent again under it, it is the same one, and a reply that was given is
                given again.

        Raises:
            LcagentError: any of the tree. The message is kept; `resume` goes on with the turn.
        """
        return blocking.run(self.asend(text, author=author, key=key))

    async def asend(self, text: str, *, author: str = "user", key: str | None = None) -> Reply:
        """`send`, awaited."""
        return await self._talk(text, author, key, False, _unheard)

    def stream(
        self, text: str, *, author: str = "user", key: str | None = None
    ) -> Generator[Event, None, None]:
        """`send` as events, the last one `Replied`.

        Left early, the turn is broken off, and the message stays: see `resume` and `give_up`.
        """
        return blocking.stream(lambda emit: self._talk(text, author, key, True, emit))

    async def astream(
        self, text: str, *, author: str = "user", key: str | None = None
    ) -> AsyncGenerator[Event, None]:
        """`stream` for an event loop."""

        def work(emit: Tell) -> Coroutine[Any, Any, Reply]:
            return self._talk(text, author, key, True, emit)

        async with contextlib.aclosing(blocking.astream(work)) as events:
            async for event in events:
                yield event

    def tick(self, what: str = "the timer has gone off", *, on_event: Tell | None = None) -> Reply:
        """Tell the agent of an event that nobody said, such as a timer; it may say something, or nothing.

        Args:
            what: happened, in words for the agent.
            on_event: gets the events of the turn, from any thread.

        Raises:
            LcagentError: any of the tree.
        """
        return blocking.run(self.atick(what, on_event=on_event))

    async def atick(self, what: str = "the timer has gone off", *, on_event: Tell | None = None) -> Reply:
        """`tick`, awaited."""
        from lcagent.memory.tiers.entries import New

        return await self._turn(New("event", what, "event"), on_event is not None, on_event or _unheard)

    def attach(
        self,
        path: DocumentSource,
        *,
        password: str | None = None,
        turn: bool = False,
        on_event: Tell | None = None,
    ) -> Attached:
        """Attach a document, or a folder of them: its passages are searched from then on, with their pages.

        Args:
            path: of it.
            password: for encrypted PDFs.
            turn: the agent is told at once, and may say something; what is attached already begins no turn.
                Without it no model is called, and the agent sees what was attached with the next message.
            on_event: gets the events of the turn, from any thread.

        Raises:
            DocumentError: it cannot be read.
            LcagentError: any other of the tree; the document is kept, and `resume` goes on with the turn.
        """
        loaded = self._loaded(path, password)
        documents = list(zip(loaded.documents, loaded.files, strict=True))
        with self._lease.held(self._wait) as fence:
            began = self._attach(self._entries(fence), documents, turn)
        reply = None
        if began is not None:
            reply = blocking.run(self._turn(began, on_event is not None, on_event or _unheard))
        names, pages = [one.name for one in loaded.documents], [len(one.pages) for one in loaded.documents]
        return Attached(tuple(names), sum(pages), reply)

    def _loaded(self, path: DocumentSource, password: str | None) -> Loaded:
        """Documents, parsed once for every session and question."""
        from lcagent.documents import load_all
        from lcagent.memory.opening import open_store
        from lcagent.memory.parsed import StoredDocuments

        with closing(open_store(self.settings.place)) as store:
            return load_all([path], password=password, cache=StoredDocuments(store))

    def unanswered(self) -> Message | None:
        """What was said or happened last, where the turn that it began was broken off."""
        pending = self._pending()
        return None if pending is None else self._messages([pending.id])[0]

    def resume(self, *, on_event: Tell | None = None) -> Reply | None:
        """Go on with a turn that was broken off; None where there is none.

        Args:
            on_event: gets the events of the turn, from any thread.

        Raises:
            LcagentError: any of the tree.
        """
        return blocking.run(self.aresume(on_event=on_event))

    async def aresume(self, *, on_event: Tell | None = None) -> Reply | None:
        """`resume`, awaited."""
        pending = await asyncio.to_thread(self._pending)
        if pending is None:
            return None
        return await self._turn(pending, on_event is not None, on_event or _unheard)

    def give_up(self) -> None:
        """End a turn that was broken off, if there is one: what was said stays, and is answered with what is
        said next.

        Raises:
            SessionBusy: another process is writing the session.
        """

        with self._lease.held(self._wait) as fence:
            self._give_up(self._entries(fence), None)

    async def _talk(self, text: str, author: str, key: str | None, stream: bool, emit: Tell) -> Reply:
        from lcagent.memory.tiers.entries import New

        if not text.strip():
            raise UsageError("the message is empty", hint='chat.send("…")')
        who = whole_characters(author)
        new = New("message", whole_characters(text), role_of(who), who, "said", key=key_of(key))
        return await self._turn(new, stream, emit)

    async def _turn(self, begins: Any, stream: bool, emit: Tell) -> Reply:
        """Answer something new (`New`), or an entry that was not answered."""
        from lcagent.memory.tiers.leases import leased

        async with leased(self._lease, self._wait) as fence:
            entry = await asyncio.to_thread(self._begin, begins, fence)
            emit(MessageKept(entry.id))
            from lcagent.runs.chatting import Talk, take_turn  # takes a second: the message is kept by now

            read = partial(self._read, emit)
            talk = Talk(self.settings, self._models, emit, stream, read, self._profiles)
            reply = await take_turn(talk, self._store, self._lease, fence, entry.id, self._clock)
        emit(Replied(reply))
        return reply

    def _begin(self, begins: Any, fence: int) -> Any:
        """Keep what begins a turn, and end one that was broken off before."""
        from lcagent.memory.tiers.entries import New

        entries = self._entries(fence)
        entry = entries.append(begins) if isinstance(begins, New) else begins
        self._give_up(entries, entry.id)
        return entry

    def _pending(self) -> Any:
        """What was said or happened last, where it was not answered."""
        entries = self._entries(None)
        begun = _begun(entries, None)
        return None if begun is None or entries.keyed(f"{begun.id}.reply") else begun

    def _give_up(self, entries: Any, before: int | None) -> None:
        """End the last turn that began before an entry, if it was broken off: what it was asked is answered
        with the rest."""
        from lcagent.memory.tiers.entries import New

        begun = _begun(entries, before)
        if begun is not None and entries.keyed(f"{begun.id}.reply") is None:
            entries.append(New("event", "", key=f"{begun.id}.reply"))

    async def _read(self, emit: Tell, question: str, attached: Sequence[Any]) -> Answer:
        """Have attached documents read from beginning to end; how far that is, is told."""
        from lcagent.runs.runner import Request, run

        settings = self.settings
        if settings.strategy == "memgpt":  # the agent does not hand a question to itself
            settings = settings.model_copy(update={"strategy": "auto"})

        documents = [one.document for one in attached]
        request = Request([], question, resume=True, documents=documents)

        def tell(event: Event) -> None:
            if isinstance(event, Notice | SegmentRead):  # its answer is no reply of the conversation
                emit(event)

        return await run(request, settings, self._models, tell)


def _unheard(_event: Event) -> None:
    """For turns whose events nobody wants."""


def _begun(entries: Any, before: int | None) -> Any:
    """The last message or event, before an entry, that began a turn."""
    for entry in entries.newest(["message", "event"], limit=_LOOKED_BACK, before=before):
        begins = entry.kind == "message" and entry.author != "assistant" and entry.data.get("turn", True)
        if begins or entry.name == "event":
            return entry
    return None
