"""The memory of one conversation: added to, searched, edited and forgotten; no model talks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from lcagent.answer import Message, PastMessage
from lcagent.errors import EntryNotFound, UsageError
from lcagent.models.serving.session import ModelSession
from lcagent.place import Place
from lcagent.settings import Settings, load_settings
from lcagent.text import whole_characters

_YEAR_1, _YEAR_10000 = -62135596800.0, 253402300800.0
DEFAULT_TENANT, DEFAULT_SESSION = "default", "main"


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Args:
        messages: of the page.
        total: of all pages.
        pages: how many there are.
    """

    messages: tuple[Message, ...]
    total: int
    pages: int


@dataclass(frozen=True, slots=True)
class Called:
    """What a function gave.

    Args:
        text: for the model that called it.
        ok: it did what was asked.
    """

    text: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Deleted:
    """What was forgotten.

    Args:
        messages: what was deleted, of every kind: messages, core lines, passages, and what was made of them.
        erased: whether the file holds no trace of it; False while another process reads the file.
    """

    messages: tuple[Message, ...]
    erased: bool = True


class SessionMemory:
    """The memory of one conversation, without talk; arguments as for `lcagent.ChatSession`."""

    def __init__(
        self,
        session: str = DEFAULT_SESSION,
        *,
        tenant: str = DEFAULT_TENANT,
        settings: Settings | None = None,
        wait: float = 30.0,
        clock: Callable[[], float] = time.time,
        models: ModelSession | None = None,
        **options: Any,
    ) -> None:
        from lcagent.memory.tiers.leases import Lease
        from lcagent.memory.tiers.tables import open_memory

        if not session.strip() or not tenant.strip():
            raise UsageError(
                "a session and a tenant have names", hint='ChatSession("main", tenant="default")'
            )
        self.session, self.tenant = session, tenant
        self.settings = settings or load_settings(options)
        self._wait, self._clock = wait, clock
        self._models, self._own = models or ModelSession(self.settings), models is None
        self._store = open_memory(self._place())
        self._lease = Lease(self._store, tenant, session)

    def _place(self) -> Path | Place:
        """Where the memory is kept."""
        return self.settings.place

    def add(self, text: str, *, author: str = "user", at: float | None = None, key: str | None = None) -> int:
        """Store a message without a reply, as of a conversation that was had elsewhere; no model is called.

        Args:
            text: what was said.
            author: by whom: `user`, `assistant`, or the name of somebody else.
            at: when, seconds since 1970; None: now.
            key: names it; a second one under it is the same.

        Returns:
            Its number.
        """
        return self.add_all([{"text": text, "author": author, "at": at, "key": key}])[0]

    def add_all(self, messages: Sequence[Mapping[str, Any]]) -> list[int]:
        """Store messages, all or none; each with `text`, and `author`, `at`, `key` as for `add`.

        A `source` of "document" says that a text was made of what others said: it never counts as the user's
        or as the agent's own.

        Returns:
            Their numbers.
        """
        from lcagent.memory.tiers.entries import New

        news = [
            New(
                "message",
                whole_characters(str(one["text"])),
                role_of(str(one.get("author", "user"))),
                whole_characters(str(one.get("author", "user"))),
                one.get("source") or ("said" if one.get("author") != "assistant" else "model"),
                {"turn": False},
                _at(one.get("at")),
                key_of(one.get("key")),
            )
            for one in messages
        ]
        with self._lease.held(self._wait) as fence:
            return [entry.id for entry in self._entries(fence).append_all(news)]

    def search(
        self,
        query: str = "",
        *,
        since: float | None = None,
        until: float | None = None,
        page: int = 1,
        size: int = 10,
    ) -> Found:
        """Messages by their words and meaning, or of a time.

        Args:
            query: words; empty: all of the time.
            since: seconds since 1970.
            until: seconds since 1970.
            page: from 1.
            size: messages of a page.
        """
        from lcagent.memory.tiers.search import Search

        search = Search(self._store, self.tenant, self._models.embedder(), beside=False)
        hits = search.find(query, sessions=[self.session], since=since, until=until, limit=page * size)
        numbers = hits.numbers[(page - 1) * size : page * size]
        return Found(tuple(self._messages(numbers)), hits.total, -(-hits.total // size))

    def history(self, limit: int = 20, *, before: int | None = None) -> list[PastMessage]:
        """The last messages, in order, each with what it rests on.

        Args:
            limit: most of them.
            before: only those with a smaller number.
        """
        found = self._entries(None).newest(["message"], limit=limit, before=before)
        rests = {
            entry.id: {name: entry.data.get(name, ()) for name in ("claims", "citations")} for entry in found
        }
        told = self._messages([entry.id for entry in reversed(found)])
        return [PastMessage.model_validate({**one.model_dump(), **rests[one.id]}) for one in told]

    def count(self) -> int:
        """How many messages there are."""
        return self._entries(None).count(["message"])

    def memory(self) -> dict[str, list[Message]]:
        """Core memory: the lines of each block, with what speaks against them."""
        core = self._core(None)
        return {label: self._messages([line.id for line in core.lines(label)]) for label in core.labels}

    def summary(self) -> Message | None:
        """What stands for evicted messages, with what speaks against it; None where none was evicted."""
        from lcagent.memory.tiers.queue import Queue

        found = Queue(self._entries(None)).summary()
        return self._messages([found.id])[0] if found else None

    def sources(self, number: int) -> list[Message]:
        """What an entry was made from, such as the messages that a line of core memory rests on."""
        return self._messages(self._entries(None).rests_on(number))

    def call(self, function: str, arguments: Mapping[str, Any]) -> Called:
        """Carry out a function of the agent, as a model elsewhere calls it; what it does is kept.

        Args:
            function: its name, of `lcagent.agents.companion.CALLABLE`.
            arguments: by name, as `lcagent.agents.companion.CompanionReply` has them.

        Raises:
            UsageError: there is no such function, or an argument is none.
        """
        from pydantic import ValidationError

        from lcagent.agents.companion import CALLABLE, LEFT_OUT, CompanionReply
        from lcagent.models.estimate import EstimateCounter
        from lcagent.runs.chatting import carry_out

        if function not in CALLABLE:
            raise UsageError(f"there is no function {function!r}", hint=", ".join(CALLABLE))
        try:
            reply = CompanionReply.model_validate({**LEFT_OUT, **arguments, "do": function})
        except ValidationError as error:
            raise UsageError(f"{function} cannot be called so: {error}") from error
        with self._lease.held(self._wait) as fence:
            memory = self._tiers(fence, self._models.embedder())
            window, count = self.settings.window, EstimateCounter().count
            done = carry_out(memory, function, reply.arguments(), window=window, count=count)
        return Called(*done)

    def remember(self, text: str, *, block: str = "human") -> None:
        """Add a line to a block of core memory.

        Raises:
            EntryNotFound: there is no such block.
            BlockFull: it does not fit.
        """
        with self._lease.held(self._wait) as fence:
            self._core(fence).append(block, text, author="user", source="said")

    def edit(self, block: str, old: str, new: str) -> None:
        """Replace text in a line of core memory; an empty `new` takes the line away.

        Raises:
            EntryNotFound: there is no such block, or no such line.
        """
        with self._lease.held(self._wait) as fence:
            self._core(fence).replace(block, old, new, author="user", source="said")

    def undo(self, block: str) -> None:
        """Undo the last change of a block.

        Raises:
            EntryNotFound: there is nothing to undo.
        """
        with self._lease.held(self._wait) as fence:
            self._core(fence).undo(block, author="user")

    def forget(self, what: str | int | Sequence[int], *, dry_run: bool = False) -> Deleted:
        """Really delete messages, core lines and passages, with what was made of them, from the file too.

        Args:
            what: a number, or several; or words: all that holds each of them, but for summaries of
                messages that do not.
            dry_run: nothing is deleted; what would be is returned.

        Raises:
            UsageError: the words are no content words.
            EntryNotFound: there is no entry of a number.
            SessionBusy: somebody is writing the session.
        """
        from lcagent.memory.tiers import forgetting
        from lcagent.memory.tiers.derived import derived
        from lcagent.memory.tiers.holding import holding
        from lcagent.runs.records import forget_runs

        entries = self._entries(None)
        if isinstance(what, str):
            numbers = holding(entries, what)
        else:
            numbers = [what] if isinstance(what, int) else list(what)
        told = tuple(
            message
            for number, row in derived(self._store, self.tenant, numbers).items()
            for message in self._messages([number], row["session"])
        )
        if dry_run or not told:
            return Deleted(told)
        gone = forgetting.forget(self._store, self.tenant, numbers, clock=self._clock)
        forget_runs(self.settings.place, gone.runs)
        return Deleted(told, gone.erased)

    def why(self) -> dict[str, Any]:
        """What was in the window for the last reply: tokens of each part, and the messages that were in view.

        Raises:
            EntryNotFound: nothing was replied yet.
        """
        entries = self._entries(None)
        # A model that is not ours tells nothing of its window.
        calls = entries.newest(["call"], limit=1 << 20)
        call = next((one for one in calls if "prompt" in one.data["window"]), None)
        if call is None:
            raise EntryNotFound("nothing was replied yet", hint="say something first")
        window = dict(call.data["window"])
        window["messages"] = self._messages(window.pop("entries"))
        return window

    def close(self) -> None:
        """Close the store, and end what was started for this object alone."""
        if self._own:
            self._models.close()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _attach(self, entries: Any, documents: Sequence[tuple[Any, Path | None]], turn: bool) -> Any:
        """Keep documents, with where their bytes are, and tell the agent of each; the last event that is new,
        where it begins a turn."""
        from lcagent.memory.tiers.archival import Archival
        from lcagent.memory.tiers.entries import New

        new = list[New]()
        for document, file in documents:
            key = f"attached.{Archival(entries).attach(document, file).id}"
            pages = f"{len(document.pages)} {document.unit}s, " if document.pages else ""
            told = f"the user has attached {document.name} ({pages}{len(document.text)} characters)"
            # A file's name is a text of whoever made it.
            new += [New("event", told, source="document", key=key)] if entries.keyed(key) is None else []
        if turn and new:
            new[-1] = replace(new[-1], name="event")
        written = entries.append_all(new)
        return written[-1] if turn and written else None

    def _entries(self, fence: int | None, session: str | None = None) -> Any:
        from lcagent.memory.tiers.entries import Entries

        return Entries(self._store, self.tenant, session or self.session, clock=self._clock, fence=fence)

    def _core(self, fence: int | None) -> Any:
        return self._tiers(fence, None).core

    def _tiers(self, fence: int | None, embedder: Any) -> Any:
        from lcagent.graphs.memgpt.turn import memory_of
        from lcagent.models.estimate import EstimateCounter
        from lcagent.runs.chatting import options_of

        options, window = options_of(self.settings), self.settings.window
        count = EstimateCounter().count
        return memory_of(self._entries(fence), options, window=window, count=count, embedder=embedder)

    def _messages(self, numbers: Sequence[int], session: str | None = None) -> list[Message]:
        from lcagent.graphs.memgpt.view import notes
        from lcagent.memory.tiers.changes import standings

        entries = self._entries(None, session)
        held = entries.get(numbers)
        stands = standings(entries, list(held.values()))
        return [
            Message(
                id=number,
                author=held[number].author,
                at=held[number].valid,
                text=held[number].text,
                notes=notes(entries, stands[number]),
            )
            for number in numbers
            if number in held
        ]


def _at(given: Any) -> float | None:
    """A time as it is kept."""
    at = None if given is None else float(given)
    if at is not None and not _YEAR_1 <= at < _YEAR_10000:
        raise UsageError(f"{given!r} is no time in seconds since 1970", hint='chat.add("…", at=time.time())')
    return at


def role_of(author: str) -> str:
    """Whose part somebody takes who speaks: the user's, or the agent's."""
    return author if author in {"user", "assistant"} else "user"


def key_of(key: str | None) -> str | None:
    """A caller's key, apart from our own."""
    return None if key is None else f"said.{key}"
