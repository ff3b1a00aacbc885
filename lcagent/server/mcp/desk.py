"""The tools of the Model Context Protocol, over one tenant's documents, runs and memories."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult
from pydantic import Field

from lcagent.documents import Document, File
from lcagent.documents.corpus import Corpus
from lcagent.documents.load import DEFAULT_MAX_BYTES
from lcagent.documents.retrieval import Retrieval
from lcagent.errors import DocumentNotFound, LcagentError, NotFound, RunNotFound, UsageError
from lcagent.memory.aside import widen
from lcagent.memory.served.keys import OWN
from lcagent.models.embeddings import Likeness
from lcagent.server.asks import Ask, question_of
from lcagent.server.came import outcome_from
from lcagent.server.dialects import annotations
from lcagent.server.dialects.markdown import with_footnotes
from lcagent.server.evidence import told
from lcagent.server.faults import fault_of
from lcagent.server.jobs import Jobs
from lcagent.server.mcp.replies import (
    Pages,
    Passages,
    Reading,
    Recalled,
    Remembered,
    Stretch,
    pages_of,
    result,
    shown,
    stretch,
    text_part,
)
from lcagent.server.mcp.tasks import Tasks
from lcagent.server.opened import Opened, documents_of
from lcagent.server.options import Limits
from lcagent.server.routes.messages import files_by_name
from lcagent.server.tenants import Tenants
from lcagent.server.told import in_words
from lcagent.session_memory import DEFAULT_SESSION, SessionMemory
from lcagent.settings import Settings
from lcagent.text import told_time

LOG = logging.getLogger("lcagent.server")
AT_ONCE = 1.0
"""Seconds that a question waits for its answer: clients cut a call after 60 s, whatever is told meanwhile."""
MOST_WAIT = 45
"""Seconds that one look at a run waits for its end."""
_RUNNING = 4
"""Readings at once; further ones wait."""

Wire = Context[Any, Any]
Documents = Annotated[list[str], Field(min_length=1, max_length=1000, description="which are read")]
Session = Annotated[str, Field(min_length=1, max_length=200, description="name of the memory")]


Tool = Callable[..., Coroutine[Any, Any, CallToolResult]]


def _in_our_words(tool: Tool) -> Tool:
    """A tool whose errors are told as such, for the model to read."""

    @wraps(tool)
    async def call(desk: Desk, *given: Any, **named: Any) -> CallToolResult:
        try:
            return await tool(desk, *given, **named)
        except LcagentError as error:
            LOG.warning("%s: %s (%s)", tool.__name__, error.message, error.hint)
            fault = fault_of(error, str(desk.tenant.folder))
            return CallToolResult(content=[text_part(fault["error"]["message"])], is_error=True)

    return call


class Desk:
    """The tools, over one tenant's documents, runs and memories.

    Args:
        settings: how it reads, with which model, and where all is kept.
        paths: the client may name files of this disk: it is this machine's owner.
    """

    def __init__(self, settings: Settings, *, paths: bool) -> None:
        self._settings, self._paths = settings, paths
        self._tenants = Tenants(settings)
        self.tenant = self._tenants.of(OWN)
        self._limits = Limits()
        self._opened = Opened(self._limits.pages)
        self._jobs = Jobs(self._tenants, self._opened, _RUNNING, self._limits)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Go on with what was left; stop at the end, and leave what is not finished to the next."""
        widen(self._settings.place)
        await self._jobs.resume([self.tenant])
        try:
            yield
        finally:
            await self._jobs.close()
            self._opened.close()
            self._tenants.close()

    @_in_our_words
    async def ask_document(
        self,
        documents: Documents,
        question: Annotated[str, Field(min_length=1, description="one, understandable by itself")],
        ctx: Wire,
    ) -> Annotated[CallToolResult, Reading]:
        """Answer a question, or give a run."""
        until = asyncio.get_running_loop().time() + AT_ONCE
        if not question.strip():
            raise UsageError("the question is empty")
        ask = Ask(
            text=question.strip(),
            files=tuple(dict.fromkeys(await self.tenant.apart(self._kept, documents))),
            strategy=self._settings.strategy,
            style=self._settings.style,
            resume=True,  # what was answered before is not read again
        )
        job = await self._jobs.start(self.tenant, ask, kept=True)
        try:
            words = await self._watch(job.id, until - asyncio.get_running_loop().time(), ctx)
        except asyncio.CancelledError:  # who asked has left, and does not know the run
            assert job.task is not None
            job.task.cancel()
            raise
        return await self._reading(job.id, words)

    @_in_our_words
    async def run_status(
        self,
        run: Annotated[str, Field(description="as ask_document gave it")],
        ctx: Wire,
        wait: Annotated[
            float, Field(ge=0, le=MOST_WAIT, description="seconds for which its end is waited for")
        ] = MOST_WAIT,
    ) -> Annotated[CallToolResult, Reading]:
        """Tell how far a run is, or its answer."""
        try:
            words = await self._watch(run, wait, ctx)
        except RunNotFound as error:
            raise RunNotFound(f"no run {run!r}", hint="ask_document gives one") from error
        return await self._reading(run, words)

    @_in_our_words
    async def search_document(
        self,
        documents: Documents,
        query: Annotated[str, Field(min_length=1, description="a question, or words")],
        limit: Annotated[int, Field(ge=1, le=50, description="most passages")] = 8,
    ) -> Annotated[CallToolResult, Passages]:
        """Find passages."""
        found = await self.tenant.apart(self._found, documents, query, limit)
        return result(Passages(passages=found), shown(found) or "Nothing of it stands there.")

    @_in_our_words
    async def read_pages(
        self,
        document: Annotated[str, Field(description="which is read")],
        page: Annotated[int, Field(ge=1, description="the first, from 1")] = 1,
        pages: Annotated[int, Field(ge=1, le=100, description="how many")] = 1,
        offset: Annotated[
            int | None, Field(ge=0, description="character to begin at, instead of a page's first")
        ] = None,
    ) -> Annotated[CallToolResult, Pages]:
        """Give exact text."""
        (loaded, *others) = await self.tenant.apart(self._loaded, [document])
        if others:
            raise UsageError(f"{document!r} holds several documents", hint="name one of its files")
        read = pages_of(loaded, page, pages, offset)
        more = "" if read.next_offset is None else f"\n\nIt goes on at offset {read.next_offset}."
        return result(read, shown(read.pages) + more)

    @_in_our_words
    async def remember(
        self,
        text: Annotated[str, Field(min_length=1, max_length=100_000, description="understandable by itself")],
        session: Session = DEFAULT_SESSION,
    ) -> Annotated[CallToolResult, Remembered]:
        """Keep a message."""

        def keep() -> int:
            with self._memory(session) as memory:
                return memory.add(text)

        if not text.strip():
            raise UsageError("there is nothing to be remembered")
        kept = Remembered(id=await self.tenant.apart(keep), session=session)
        return result(kept, f"Remembered as number {kept.id} of {session}.")

    @_in_our_words
    async def recall(
        self,
        query: Annotated[str, Field(description="words or a question; empty: the latest")] = "",
        session: Session = DEFAULT_SESSION,
        limit: Annotated[int, Field(ge=1, le=100, description="most messages")] = 10,
    ) -> Annotated[CallToolResult, Recalled]:
        """Find messages."""

        def look() -> Recalled:
            with self._memory(session) as memory:
                if not query.strip():
                    return Recalled(messages=[*memory.history(limit)], total=memory.count())
                found = memory.search(query, size=limit)
                return Recalled(messages=list(found.messages), total=found.total)

        found = await self.tenant.apart(look)
        lines = [f"{one.id}. {told_time(one.at)} {one.author}: {one.text}" for one in found.messages]
        return result(found, "\n".join(lines) or "Nothing of it is remembered.")

    def tasks(self) -> Tasks:
        """The runs of `ask_document`, as tasks."""
        return Tasks(self._jobs, self.tenant, self._ended, self.ask_document.__name__)

    @_in_our_words
    async def _ended(self, run: str) -> CallToolResult:
        """What came of a run."""
        return await self._reading(run, "")

    def _memory(self, session: str) -> SessionMemory:
        own = self.tenant
        return SessionMemory(session, tenant=own.name, settings=own.settings, models=own.models)

    async def _watch(self, run: str, seconds: float, ctx: Wire) -> str:
        """Wait for the end of a run; the last that was told of it, in words.

        Raises:
            RunNotFound: there is none of this id.
        """
        before = await self.tenant.aside(self.tenant.runs.events, run)
        words = next((said for _, event in reversed(before) if (said := in_words(event))), "")
        most, after = 0, before[-1][0] if before else 0
        with suppress(TimeoutError):
            async with (
                asyncio.timeout(seconds),
                aclosing(self._jobs.follow(self.tenant, run, after)) as events,
            ):
                async for _, event in events:
                    words = in_words(event) or words
                    if event["type"] == "segment.read" and event["done"] > most:
                        most = event["done"]
                        await ctx.report_progress(most, event["total"], words)
        return words

    async def _reading(self, run: str, words: str) -> CallToolResult:
        """How far a run is.

        Raises:
            LcagentError: it has failed, or was given up.
        """
        row = await self.tenant.aside(self.tenant.runs.get, run)
        if row.status == "failed" and row.error is not None:
            raise LcagentError(row.error["message"], hint=row.error["hint"])
        if row.outcome is not None:
            outcome = outcome_from(row.outcome)
            said = told(outcome, await files_by_name(self.tenant, question_of(row)), "")
            finished = Reading(
                run=run,
                state="finished",
                status=outcome.status,
                answer=said.text,
                citations=annotations.plain(said.evidence),
            )
            return result(finished, with_footnotes(said, outcome))
        if row.status not in {"queued", "running"}:
            raise UsageError(f"run {run} was cancelled", hint="ask again to go on with it")
        state: Literal["queued", "running"] = "queued" if row.status == "queued" else "running"
        going = Reading(run=run, state=state, progress=words)
        how_far = words or "it has not begun to read"
        return result(going, f"Run {run} goes on: {how_far}. Call run_status with it for the answer.")

    def _uploaded(self, document: str) -> list[str] | None:
        """Ids of the files that an id stands for; None where it is a path.

        Raises:
            NotFound: it is neither.
        """
        uploads = self.tenant.uploads
        with suppress(NotFound):
            return [uploads.get(document).id]
        with suppress(NotFound):
            if not self._paths or document.startswith("col_"):  # a collection may be called like a file
                return list(uploads.collection(document).files)
        if self._paths:
            return None
        raise NotFound(
            f"no document {document!r}", hint="ids of uploaded files and collections are read, no paths"
        )

    def _kept(self, documents: Sequence[str]) -> list[str]:
        """Ids of files; one of this disk is copied first, so that a run reads what it was asked about."""
        ids: list[str] = []
        for one in documents:
            if (held := self._uploaded(one)) is None:
                path = _file(one)
                with path.open("rb") as opened:
                    room = self._limits.storage
                    kept = self.tenant.uploads.put(
                        opened, path.name, purpose="mcp", most=DEFAULT_MAX_BYTES, room=room
                    )
                    held = [kept.id]
            ids += held
        return ids

    def _loaded(self, documents: Sequence[str]) -> list[Document]:
        sources: list[File] = []
        for one in documents:
            held = self._uploaded(one)
            if held is None:
                path = _file(one)
                sources.append(File(path, path.name))
            else:
                sources += self.tenant.uploads.named(held)
        return documents_of(self.tenant, sources)

    def _found(self, documents: Sequence[str], query: str, limit: int) -> list[Stretch]:
        corpus = Corpus(tuple(self._loaded(documents)))
        embedder = self.tenant.models.embedder()
        similarity = None if embedder is None else Likeness(embedder, LOG.warning)
        ranked = Retrieval(corpus, query, similarity).ranked()[:limit]
        regions = [corpus.trimmed(one.region) for one in ranked]
        return [stretch(corpus.documents[at], start, end) for at, start, end in regions]


def _file(document: str) -> Path:
    """A file of this disk.

    Raises:
        DocumentNotFound: there is none.
    """
    try:
        path = Path(document).expanduser()
    except RuntimeError:  # nobody of this name is at home here
        path = Path(document)
    if not path.is_file():
        raise DocumentNotFound(f"there is no file {path.name!r}", hint="name it by its full path")
    return path
