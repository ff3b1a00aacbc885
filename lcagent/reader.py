"""The Python SDK: one object, asked questions about documents."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from lcagent import blocking
from lcagent.answer import Answer
from lcagent.events import Event, Finished
from lcagent.models.serving.session import ModelSession
from lcagent.settings import Settings, load_settings

if TYPE_CHECKING:
    from lcagent.documents import DocumentSource
    from lcagent.many.columns import Questions
    from lcagent.many.tables import Table

    Sources = DocumentSource | Sequence[DocumentSource]


class Mapping(TypedDict, total=False):
    """What `Reader.map` may be told beside sources, questions and file."""

    limit: int | None
    concurrency: int | None
    password: str | None
    retry_failed: bool


class Reader:
    """Answers questions about documents of any length.

    The model server is chosen and, if need be, started at the first question, and kept for the
    next ones; `close`, or leaving a `with` block, ends what was started for this object alone.

    Args:
        settings: a `Settings`, or None to read environment and files.
        models: a way to the model that is shared with others; it is not closed with this object.
        progress: gets (what, bytes done, bytes in all) while a model file is fetched.
        options: settings by name (`window=2048`, `strategy="memagent"`), which go first.

    `settings` and `session`, which leads to the model server, are there for adapters.

    Raises:
        SettingsError: an option has no such name or value.

    Example:
        >>> from lcagent import Reader
        >>> answer = Reader().ask("report.pdf", "Who signed it?")  # doctest: +SKIP
        >>> print(answer.text, answer.citations[0].page)  # doctest: +SKIP
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        models: ModelSession | None = None,
        progress: Callable[[str, int, int], None] = lambda _what, _done, _all: None,
        **options: Any,
    ) -> None:
        self.settings = settings or load_settings(options)
        self.session, self._own = models or ModelSession(self.settings, progress), models is None

    def ask(
        self, sources: Sources, question: str, *, password: str | None = None, resume: bool = False
    ) -> Answer:
        """Answer one question.

        An interrupted call goes on where it stopped when it is made again; nothing finished is
        repeated.

        Args:
            sources: a file, a folder, `-`, a `File`, or several of these.
            question: in any words.
            password: for encrypted PDFs.
            resume: also give the stored answer of the same question asked before.

        Raises:
            LcagentError: any of the tree in `lcagent.errors`.
        """
        return blocking.run(self.aask(sources, question, password=password, resume=resume))

    async def aask(
        self, sources: Sources, question: str, *, password: str | None = None, resume: bool = False
    ) -> Answer:
        """`ask`, awaited."""
        answer = await self._start(sources, question, password, resume, False, lambda _: None)
        await self._taken(Finished(answer))
        return answer

    async def astream(
        self,
        sources: Sources,
        question: str,
        *,
        password: str | None = None,
        resume: bool = False,
        since: float | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Events as they happen; the last one is `Finished` and holds the Answer.

        Left early, the reading is given up before the iterator is closed; the same question goes on with it.
        A process that dies before it has asked for what follows `Finished`, or has closed the iterator, is
        told the same answer when it asks again.

        Args:
            sources: as for `ask`, as are the others.
            since: when it was asked, in seconds since 1970, if not now: an answer to the same question that
                another process has given since then is given again.
        """

        def work(emit: Callable[[Event], None]) -> Coroutine[Any, Any, Answer]:
            return self._start(sources, question, password, resume, True, emit, since)

        async with contextlib.aclosing(blocking.astream(work)) as events:
            async for event in events:
                try:
                    yield event
                except GeneratorExit:  # left when it had been taken; what is thrown in says that it had not
                    await self._taken(event)
                    raise
                await self._taken(event)

    def stream(
        self,
        sources: Sources,
        question: str,
        *,
        password: str | None = None,
        resume: bool = False,
        since: float | None = None,
    ) -> Generator[Event, None, None]:
        """`astream` without async: events from a thread of its own."""

        def work(emit: Callable[[Event], None]) -> Coroutine[Any, Any, Answer]:
            return self._start(sources, question, password, resume, True, emit, since)

        with contextlib.closing(blocking.stream(work)) as events:
            for event in events:
                try:
                    yield event
                except GeneratorExit:  # left when it had been taken; what is thrown in says that it had not
                    self._tell(event)
                    raise
                self._tell(event)

    def build(
        self,
        sources: Sources,
        *,
        password: str | None = None,
        on_event: Callable[[Event], None] = lambda _: None,
    ) -> dict[str, int]:
        """Extract documents' facts for every later question with `strategy="graphreader"`.

        What was extracted before is kept; an interrupted call goes on where it stopped.

        Args:
            sources: a file, a folder, `-`, or several of these.
            password: for encrypted PDFs.
            on_event: gets what happens meanwhile.

        Returns:
            How many `documents`, `facts`, `nodes` and `edges` there are, and `unread` segments.

        Raises:
            LcagentError: any of the tree in `lcagent.errors`.
        """
        return blocking.run(self.abuild(sources, password=password, on_event=on_event))

    async def abuild(
        self,
        sources: Sources,
        *,
        password: str | None = None,
        on_event: Callable[[Event], None] = lambda _: None,
    ) -> dict[str, int]:
        """`build`, awaited."""
        from lcagent.runs.building import build

        several = _several(sources)
        return await build(several, self.settings, self.session, on_event, password=password)

    def map(
        self,
        sources: str | Path | Sequence[str | Path],
        questions: Questions,
        *,
        out: str | Path,
        on_event: Callable[[Event], None] = lambda _: None,
        **how: Unpack[Mapping],
    ) -> Table:
        """Ask each of many documents the same: a table, a row a document, its columns typed.

        A row is kept as soon as its document is done; the same call goes on with the rest. A document that
        cannot be read is a row that says why. The budgets of the settings are for all documents together.

        Args:
            sources: files, folders, patterns (`papers/**/*.pdf`).
            questions: one question; or a pydantic model or a JSON schema of an object, whose fields are the
                columns and whose descriptions are the questions.
            out: a .jsonl, .csv or .parquet file.
            on_event: gets what happens meanwhile: `RowKept`, `Notice`, `DocumentNotice`.
            how: `limit` (the first so many documents), `concurrency` (documents at once), `password` (for
                encrypted PDFs), `retry_failed` (read those again that failed before).

        Returns:
            The table; iterated, it gives its rows from the file. Its `complete` is False where a budget ended
            it.

        Raises:
            LcagentError: what concerns all documents, such as a server that has gone.
        """
        return blocking.run(self.amap(sources, questions, out=out, on_event=on_event, **how))

    async def amap(
        self,
        sources: str | Path | Sequence[str | Path],
        questions: Questions,
        *,
        out: str | Path,
        on_event: Callable[[Event], None] = lambda _: None,
        **how: Unpack[Mapping],
    ) -> Table:
        """`map`, awaited."""
        from lcagent.many.batch import make_table
        from lcagent.many.columns import columns_of
        from lcagent.many.wanted import Wanted

        wanted = Wanted(sources, columns_of(questions), Path(out), **how)
        return await make_table(wanted, self.settings, self.session, on_event)

    def close(self) -> None:
        """End what was started for this object alone."""
        if self._own:
            self.session.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _taken(self, event: Event) -> None:
        """`_tell`, from an event loop."""
        if isinstance(event, Finished):
            from lcagent.memory.aside import aside

            await aside(self.settings.place, self._tell, event)

    def _tell(self, event: Event) -> None:
        """Note that an answer has been taken."""
        if isinstance(event, Finished):
            from lcagent.runs.runner import mark_told

            mark_told(self.settings, event.answer.run_id)

    async def _start(
        self,
        sources: Sources,
        question: str,
        password: str | None,
        resume: bool,
        stream: bool,
        emit: Callable[[Event], None],
        since: float | None = None,
    ) -> Answer:
        from lcagent.runs.runner import Request, run

        several = _several(sources)
        asked = time.time() if since is None else since
        request = Request(several, question, password, resume, stream, since=asked)
        return await run(request, self.settings, self.session, emit)


def _several(sources: Sources) -> list[DocumentSource]:
    return list(sources) if isinstance(sources, Sequence) and not isinstance(sources, str) else [sources]
