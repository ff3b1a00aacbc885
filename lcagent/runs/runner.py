"""The one runner: documents and a question in, events and one Answer out, resumable at any point."""

from __future__ import annotations

import asyncio
import hashlib
import json
import stat
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lcagent.answer import Answer
from lcagent.documents import Document, DocumentSource, File, Loaded, load_all
from lcagent.documents.corpus import Corpus
from lcagent.documents.halting import halting
from lcagent.documents.named import Named
from lcagent.documents.recognised import Watch
from lcagent.documents.retrieval import Retrieval, Similarity
from lcagent.errors import LcagentError, RunBusy, StoreError, UsageError
from lcagent.events import Counted, Emit, Finished, Notice, RunStarted
from lcagent.graphs.interface import Strategy
from lcagent.graphs.shared.segmenting import segmented
from lcagent.graphs.shared.task import Task
from lcagent.graphs.shared.trust import Trust
from lcagent.memory.aside import aside, within
from lcagent.memory.journal import StoredJournal
from lcagent.memory.ledger import Ledger
from lcagent.memory.opening import open_store, using
from lcagent.memory.parsed import StoredDocuments, StoredSegments
from lcagent.memory.profiles import profile_for
from lcagent.memory.rows import Rows
from lcagent.models.budget import Budget
from lcagent.models.embeddings import Embedder, Likeness
from lcagent.models.profile import ModelProfile
from lcagent.models.serving.session import ModelSession, OpenModel
from lcagent.place import Place
from lcagent.runs.boxes import boxed
from lcagent.runs.graph import read, read_within
from lcagent.runs.live import Live
from lcagent.runs.progress import RunProgress
from lcagent.runs.prune import evict
from lcagent.runs.records import RunRecord, Runs
from lcagent.runs.report import Told, make_answer, make_usage
from lcagent.runs.segments import segment_tokens
from lcagent.runs.tracing import tracing, untraced
from lcagent.settings import Settings
from lcagent.text import whole_characters

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig


@dataclass(slots=True)
class Request:
    """One call of `ask`."""

    sources: Sequence[DocumentSource]
    question: str
    password: str | None = None
    resume: bool = False
    stream: bool = False
    strategy: Strategy | None = None
    """One given in place of the settings' (a baseline)."""
    since: float = field(default_factory=time.time)
    """When it was made, in seconds since 1970."""
    documents: Sequence[Document] = ()
    """Documents that are read already, in place of `sources`."""
    within: RunnableConfig | None = None
    """Of the LangGraph node that asks: the strategy's graph is then a subgraph of its graph."""
    budget: Budget | None = None
    """One that is shared with other calls, in place of the settings'."""
    trusted: float = 0.0
    """Seconds for which a server that was there is taken to be there still (`ModelSession.wait_open`)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one question came with, and where what it gives is kept."""

    request: Request
    settings: Settings
    store: Rows
    parsed: StoredDocuments
    loaded: Loaded
    embedder: Embedder | None


async def run(request: Request, settings: Settings, session: ModelSession, emit: Emit) -> Answer:
    """Answer one question; everything finished is kept, whatever happens.

    Whoever asks calls `mark_told` once the answer has arrived: until then the same question gives it again.

    Raises:
        LcagentError: any of the tree; the run can be resumed.
    """
    if not request.question.strip():
        raise UsageError("the question is empty", hint='lcagent ask doc.pdf "question"')

    async def work() -> Answer:
        async with asking(request, settings, session, together.emit) as (asked, task, live):
            return await _answer(asked, task, live)

    together = Live(emit, ())
    same = await asyncio.to_thread(_same_call, request, settings)
    answer = await (together.share(same, work) if same else work())
    emit(Finished(answer))
    return answer


def _same_call(request: Request, settings: Settings) -> str:
    """Names a call by what it was given, before anything is read: a quick one would else be over, and told,
    before another of the same moment gets as far as naming its run. Empty where it reads what may change
    unseen.
    """
    if request.strategy is not None or request.documents or not request.sources:
        return ""
    files: list[tuple[str, str, int, int]] = []
    for source in request.sources:
        if isinstance(source, Named):
            return ""
        named = source.name if isinstance(source, File) else ""
        path = Path((source.path if isinstance(source, File) else source) or "-").absolute()
        try:
            found = path.stat()
        except (OSError, ValueError):
            return ""
        if not stat.S_ISREG(found.st_mode):
            return ""
        files.append((str(path), named, found.st_mtime_ns, found.st_size))
    given = (files, request.question, request.password, request.resume, request.stream)
    exact = f"{given!r}{settings.model_dump_json()}"
    return hashlib.sha256(exact.encode("utf-8", "replace")).hexdigest()


@asynccontextmanager
async def asking(
    request: Request, settings: Settings, session: ModelSession, emit: Emit
) -> AsyncGenerator[tuple[Asked, Task, Live]]:
    """Documents, store and model of one command, open; afterwards the store is kept to its size.

    Args:
        request: what is read, and what is asked.
        settings: how.
        session: leads to the model.
        emit: gets what happens meanwhile.

    Raises:
        LcagentError: any of the tree.
    """
    if not request.sources and not request.documents:
        raise UsageError("no document is named", hint='lcagent ask doc.pdf "question"')
    # A byte of the command line that is no UTF-8 comes as half a surrogate pair.
    request = replace(request, question=whole_characters(request.question))
    async with within(settings.place, using(settings.place)) as store:
        parsed = StoredDocuments(store)
        loaded = Loaded(list(request.documents), [])
        if request.sources:
            loaded = await _loaded(request, settings.encoding, parsed, emit)
        _tell_loaded(loaded, emit)
        # First, since what is set wrongly there is known at once.
        embedder = await asyncio.to_thread(session.embedder)
        # Waited for here, so that a question that is given up gives up the wait too.
        opened = await session.wait_open(lambda text: emit(Notice(text)), trusted=request.trusted)
        asked = Asked(request, settings, store, parsed, loaded, embedder)
        live = Live(emit, (settings.max_calls, settings.max_tokens, settings.max_seconds))
        profile = await _profile(opened, settings, store, emit)
        task = _task(asked, opened, profile, live.emit)
        try:
            yield asked, task, live
        finally:
            await task.model.transport.close()
        try:
            if settings.store_limit is not None:
                await aside(store.place, evict, store, settings.store_limit << 20)
        except StoreError as error:  # locked: the answer is there
            emit(Notice(f"the store could not be kept to its size: {error}"))


def mark_told(settings: Settings, run_id: str) -> None:
    """Note that an answer has reached whoever asked: asked again, the question is a new run.

    Args:
        settings: where the run is kept.
        run_id: the answer's.
    """
    with closing(open_store(settings.place)) as store:
        Runs(store).tell(run_id)


async def _loaded(request: Request, encoding: str | None, parsed: StoredDocuments, emit: Emit) -> Loaded:
    """The documents of a request; given up with it, whatever a parser is at."""
    loop = asyncio.get_running_loop()

    def say(text: str) -> None:  # in the thread that loads
        loop.call_soon_threadsafe(emit, Notice(text))

    def work(halt: threading.Event) -> Loaded:
        return load_all(
            request.sources,
            password=request.password,
            encoding=encoding,
            cache=parsed,
            watch=Watch(halt, say),
        )

    return await halting(work)


def _tell_loaded(loaded: Loaded, emit: Emit) -> None:
    for document in loaded.documents:
        for warning in document.warnings:
            emit(Notice(f"{document.name}: {warning}"))
    for what in loaded.left_out():
        emit(Notice(f"not read: {what}"))


async def _profile(opened: OpenModel, settings: Settings, store: Rows, emit: Emit) -> ModelProfile:
    if settings.profile != "probe":
        return await aside(store.place, profile_for, opened, settings, store)
    from lcagent.runs.probe import ensure_profile

    return await ensure_profile(opened, settings, store, lambda text: emit(Notice(text)))


def _task(asked: Asked, opened: OpenModel, profile: ModelProfile, emit: Emit) -> Task:
    """What a strategy may use; its run, and with it journal, ledger and segments, is not known yet."""
    request, settings = asked.request, asked.settings
    budget = request.budget or Budget(settings.max_calls, settings.max_tokens, settings.max_seconds)
    gate = asyncio.Semaphore(2 * opened.at_once(settings))
    question = request.question.strip()
    corpus = Corpus(tuple(asked.loaded.documents))
    return Task(
        question=question,
        corpus=corpus,
        options=None,
        style=settings.style,
        model=opened.chat(
            settings,
            StoredJournal(asked.store, ""),
            budget,
            notice=lambda text: emit(Notice(text)),
            tools=bool(profile.tools),
        ),
        ledger=Ledger(asked.store, ""),
        store=asked.store,
        trust=Trust(profile),
        retrieval=Retrieval(corpus, question),
        progress=RunProgress(emit, opened.alive, gate, request.stream),
        embedder=asked.embedder,
    )


async def _answer(asked: Asked, task: Task, live: Live) -> Answer:
    """The answer: worked out, stored from before, or shared with who asks the same in this process."""
    settings, runs, place = asked.settings, Runs(asked.store), asked.store.place
    strategy, task, budget = await asyncio.to_thread(_planned, asked, task)
    key, folder = _key(task, strategy, budget, asked.embedder), settings.data_dir

    def begun() -> RunRecord:
        resume, since = asked.request.resume, asked.request.since
        record = runs.open(key, task, strategy.name, settings, resume=resume, since=since)
        runs.read_from(record.id, asked.loaded)
        return record

    async def work() -> Answer:
        record = await aside(place, begun)
        async with AsyncExitStack() as held:
            record = await _held(runs, record, held, place)
            if record.answer is not None:
                return _kept_answer(record, live.emit)
            cut = StoredSegments(asked.store)
            segments = await asyncio.to_thread(segmented, task, budget, cut, _counted(live.emit))
            await aside(place, runs.uses, record.id, asked.parsed.works | cut.works)
            corpus = Corpus(task.corpus.documents, segments)
            task.model.journal = runs.journal(record.id)
            retrieval = Retrieval(corpus, task.question, _similarity(asked, live.emit))
            whole = replace(task, corpus=corpus, retrieval=retrieval, run=record.id)
            return await _work(asked, whole, strategy, record, live.emit)

    return await live.share(f"{folder}|{key}", work)


_PATIENCE_SECONDS = 1.0
_LOOK_SECONDS = 0.05


async def _held(runs: Runs, record: RunRecord, held: AsyncExitStack, place: Place) -> RunRecord:
    """A run as it is now: answered, or held for writing.

    Who holds it may be about to let go: it has just answered, or only looks whether it is answered.

    Args:
        runs: where it is noted.
        record: as it was found.
        held: lets go of it.
        place: where it is kept.

    Raises:
        RunBusy: another process is at it, and goes on.
    """
    until = time.monotonic() + _PATIENCE_SECONDS
    while record.answer is None:
        try:
            await held.enter_async_context(within(place, runs.writing(record.id)))
        except RunBusy:
            record = await aside(place, runs.again, record)
            if record.answer is None and time.monotonic() > until:
                raise
            await asyncio.sleep(_LOOK_SECONDS)
        else:
            return await aside(place, runs.again, record)
    return record


def _counted(emit: Emit) -> Callable[[int, int], None]:
    return lambda done, total: emit(Counted(done, total))


def _kept_answer(record: RunRecord, emit: Emit) -> Answer:
    assert record.answer is not None
    emit(Notice(f"run {record.id} had finished; this is its answer"))
    return Answer.model_validate_json(record.answer)


def _similarity(asked: Asked, emit: Emit) -> Similarity | None:
    if asked.embedder is None:
        return None
    return Likeness(asked.embedder, lambda text: emit(Notice(text)))


def _planned(asked: Asked, task: Task) -> tuple[Strategy, Task, int]:
    """The strategy, the task with its options, and most tokens of a segment."""
    strategy = asked.request.strategy or _picked(task, asked.settings.strategy)
    task = replace(task, options=asked.settings.of(strategy.name))
    return strategy, task, segment_tokens(task, strategy, asked.settings.window)


def _picked(task: Task, name: str) -> Strategy:
    """The strategy that the settings name; in place of `auto` `direct` where everything fits one call and the
    model is not known to fail at that length."""
    from lcagent.graphs import strategy

    if name == "auto":
        from lcagent.graphs.direct.graph import fits

        texts, count = [document.text for document in task.corpus.documents], task.model.window.count
        if fits(task) and task.trust.reads_whole(lambda: sum(map(count, texts))):
            name = "direct"
    return strategy(name)


async def _work(asked: Asked, task: Task, strategy: Strategy, record: RunRecord, emit: Emit) -> Answer:
    runs, place = Runs(asked.store), asked.store.place
    journal = runs.journal(record.id)
    earlier = await aside(place, journal.usable)
    emit(
        RunStarted(
            run_id=record.id,
            strategy=strategy.name,
            model=task.model.name,
            window=task.model.window.size,
            segments=task.corpus.total,
            earlier_calls=earlier,
        )
    )
    # With those of commands before: what is written twice, as where a server is started anew, is as before.
    since, within = time.monotonic() - record.seconds, asked.request.within
    if within is not None and not asked.settings.tracing:
        within = untraced(within)
    try:
        with tracing(asked.settings.tracing):
            if within is None:
                state = await read(task, strategy, record, runs, asked.store)
            else:
                state = await read_within(task, strategy, record, runs, within)
        scopes = [journal, *(StoredJournal(asked.store, f"work:{work}") for work in state.get("built", []))]
        own, *built = await aside(place, lambda: [one.totals() for one in scopes])
        usage = make_usage(task, own, earlier, time.monotonic() - since, built)
        # Headings and lines of a huge text are looked for when something of it is first cited.
        told = Told(record.id, strategy.name)
        answer = await asyncio.to_thread(make_answer, task, state, asked.loaded, usage, told)
        paths = asked.loaded.paths
        sources = [(one, paths.get(one.name)) for one in asked.loaded.documents]
        answer = await boxed(answer, sources, asked.request.password)
    except LcagentError as error:
        await aside(place, runs.failed, record.id, error, time.monotonic() - since)
        raise
    except BaseException:
        await aside(place, runs.interrupted, record.id, time.monotonic() - since)
        raise
    await aside(place, runs.finished, record.id, answer, time.monotonic() - since)
    return answer


def _key(task: Task, strategy: Strategy, budget: int, embedder: Embedder | None) -> str:
    """Names a run by everything that decides its calls, budgets and places excepted.

    Its version is none of it (`lcagent.runs.graph`): a newer one goes on from the calls that are finished.
    """
    model, window, profile = task.model, task.model.window, task.trust.profile
    # Without tool calls keys are as they were before there were any.
    known = profile.model_dump(exclude=set() if profile.tools else {"tools"})
    exact = {
        "documents": [[d.name, d.sha256] for d in task.corpus.documents],
        "question": task.question,
        "strategy": strategy.name,
        "options": task.options.model_dump() if task.options is not None else {},
        "style": task.style,
        "profile": known,
        "model": model.name,
        "tokenizer": window.counter.source,
        "window": window.size,
        "segments": budget,
        "reasoning": window.reasoning,
        "sampling": [model.temperature, model.top_p],
        "prompts": [f"{p.name}@{p.version}" for p in strategy.prompts(task.options)],
    }
    if embedder is not None:  # it decides which passages are shown; without one keys are as they were
        exact["embedder"] = embedder.name
    return hashlib.sha256(json.dumps(exact, sort_keys=True).encode()).hexdigest()
