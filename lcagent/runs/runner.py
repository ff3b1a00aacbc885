"""The one runner: documents and a question in, events and one Answer out, resumable at any point."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lcagent.agents.prompt import as_data
from lcagent.answer import Answer, Citation, Claim, CoverageReport, UsageReport
from lcagent.documents import (
    Loaded,
    Segment,
    check_quote,
    coverage,
    load_all,
    split,
)
from lcagent.documents.quotes import Span
from lcagent.errors import LcagentError, UsageError
from lcagent.events import Event, Finished, Notice, RunStarted
from lcagent.graphs.shared.reading import READING_NODES, segment_tokens
from lcagent.graphs.shared.task import Outcome, Strategy, Task
from lcagent.memory.ledger import Ledger
from lcagent.memory.store import RunJournal, Store, StoredDocuments, StoredSegments
from lcagent.models.budget import Budget
from lcagent.models.chat import ChatModel, endpoint_limit
from lcagent.models.serving.session import ModelSession
from lcagent.models.window import Window
from lcagent.runs.records import RunRecord, Runs
from lcagent.runs.tracing import tracing
from lcagent.settings import Settings
from lcagent.text import whole_characters

DEFAULT_CONCURRENCY = 8
Emit = Callable[[Event], None]


@dataclass(slots=True)
class Request:
    """One call of `ask`."""

    sources: Sequence[str | Path]
    question: str
    password: str | None = None
    resume: bool = False
    stream: bool = False
    strategy: Strategy | None = None
    """One given in place of the settings' (a baseline)."""


async def run(request: Request, settings: Settings, session: ModelSession, emit: Emit) -> Answer:
    """Answer one question; everything finished is kept, whatever happens.

    Raises:
        LcagentError: any of the tree; the run can be resumed.
    """
    if not request.question.strip():
        raise UsageError("the question is empty", hint='lcagent ask doc.pdf "question"')
    if not request.sources:
        raise UsageError("no document is named", hint='lcagent ask doc.pdf "question"')
    # A byte of the command line that is no UTF-8 comes as half a surrogate pair.
    request = replace(request, question=whole_characters(request.question))
    with ExitStack() as stack:
        store = Store(settings.data_dir / "lcagent.db")
        stack.callback(store.close)
        loaded = await asyncio.to_thread(
            load_all, request.sources, password=request.password, cache=StoredDocuments(store)
        )
        _tell_loaded(loaded, emit)
        # Waited for here, so that a question that is given up gives up the wait too.
        await session.wait_open(lambda text: emit(Notice(text)))
        return await _answer(request, settings, session, emit, store, loaded, stack)


def _tell_loaded(loaded: Loaded, emit: Emit) -> None:
    for document in loaded.documents:
        for warning in document.warnings:
            emit(Notice(f"{document.name}: {warning}"))
    for name, error in loaded.skipped:
        emit(Notice(f"{name} is left out: {error.message}"))


async def _answer(
    request: Request,
    settings: Settings,
    session: ModelSession,
    emit: Emit,
    store: Store,
    loaded: Loaded,
    stack: ExitStack,
) -> Answer:
    from lcagent.graphs import pick_strategy

    opened = await asyncio.to_thread(session.open, lambda text: emit(Notice(text)))
    size = min(settings.window, opened.most or settings.window)
    window = Window(size, opened.counter, reasoning=opened.reasoning)
    concurrency = settings.concurrency or opened.slots or DEFAULT_CONCURRENCY
    task = Task(
        question=request.question.strip(),
        documents=loaded.documents,
        segments=[],
        model=ChatModel(
            name=opened.model,
            transport=opened.transport(),
            window=window,
            journal=RunJournal(store, ""),
            budget=Budget(settings.max_calls, settings.max_tokens, settings.max_seconds),
            limit=endpoint_limit(opened.name, concurrency),
            timeout=settings.timeout,
            # The answering call may fill the window; never more than half of a small budget is kept.
            reserve_tokens=min(size, (settings.max_tokens or 0) // 2),
            temperature=settings.temperature,
            top_p=settings.top_p,
            notice=lambda text: emit(Notice(text)),
        ),
        ledger=Ledger(store, ""),
        settings=settings,
        emit=emit,
        alive=opened.alive,
        gate=asyncio.Semaphore(2 * concurrency),
        stream=request.stream,
    )
    try:
        strategy = request.strategy or await asyncio.to_thread(pick_strategy, task)
        runs = Runs(store)
        record = runs.open(_key(task, strategy), task, strategy.name, resume=request.resume)
        if record.answer is not None:
            emit(Notice(f"run {record.id} had finished; this is its answer"))
            answer = Answer.model_validate(json.loads(record.answer))
            emit(Finished(answer))
            return answer
        stack.enter_context(runs.lock(record, settings.data_dir))
        task.model.journal = RunJournal(store, record.id)
        task.ledger = Ledger(store, record.id)
        budget = await asyncio.to_thread(segment_tokens, task, strategy)
        task.segments = await asyncio.to_thread(_segments, task, budget, store)
        return await _run_graph(task, strategy, record, runs, settings, loaded)
    finally:
        await task.model.transport.close()


async def _run_graph(
    task: Task,
    strategy: Strategy,
    record: RunRecord,
    runs: Runs,
    settings: Settings,
    loaded: Loaded,
) -> Answer:
    from lcagent.memory.checkpoints import open_checkpoints

    earlier = runs.calls(record.id)
    task.emit(
        RunStarted(
            run_id=record.id,
            strategy=strategy.name,
            model=task.model.name,
            window=task.model.window.size,
            segments=task.total,
            earlier_calls=earlier,
        )
    )
    started = time.monotonic()
    try:
        with open_checkpoints(settings.data_dir / "checkpoints.db") as saver, tracing(settings.tracing):
            graph = strategy.compile(task, saver)
            config: dict[str, Any] = {
                "configurable": {"thread_id": record.id},
                "recursion_limit": 4 * task.total + 100,
            }
            snapshot = await graph.aget_state(config)
            if snapshot.values and not snapshot.next:
                state = snapshot.values  # killed after the last step: it only had to be told
            else:
                begin = None if snapshot.next else strategy.start(task)
                task.done += sum(t.result is not None for t in snapshot.tasks if t.name in READING_NODES)
                state = await graph.ainvoke(begin, config, context=task, durability="sync")
            try:
                outcome = strategy.outcome(task, state)
            except LcagentError:
                # The graph has ended: only without its checkpoints does the next command ask again.
                await saver.adelete_thread(record.id)
                raise
            seconds = record.seconds + time.monotonic() - started
            usage = _usage(task, runs.totals(record.id), earlier, seconds)
            answer = _make_answer(task, strategy, record, outcome, loaded, usage)
            # A budget run goes on from the journal, so its checkpoints (at their end) must go.
            await saver.adelete_thread(record.id)
    except LcagentError as error:
        runs.failed(record.id, error, time.monotonic() - started)
        raise
    except BaseException:
        runs.interrupted(record.id, time.monotonic() - started)
        raise
    runs.finished(record.id, answer, time.monotonic() - started)
    task.emit(Finished(answer))
    return answer


def _key(task: Task, strategy: Strategy) -> str:
    """Names a run by everything that decides its calls, budgets and places excepted."""
    settings = task.settings
    exact = {
        "documents": [[d.name, d.sha256] for d in task.documents],
        "question": task.question,
        "strategy": strategy.name,
        "options": getattr(settings, strategy.name).model_dump() if hasattr(settings, strategy.name) else {},
        "model": task.model.name,
        "window": task.model.window.size,
        "reasoning": task.model.window.reasoning,
        "sampling": [settings.temperature, settings.top_p],
        "prompts": [f"{p.name}@{p.version}" for p in strategy.prompts(settings)],
    }
    return hashlib.sha256(json.dumps(exact, sort_keys=True).encode()).hexdigest()


def _segments(task: Task, budget: int, store: Store) -> list[list[Segment]]:
    kept = StoredSegments(store)
    counter = task.model.window.counter
    every: list[list[Segment]] = []
    for document in task.documents:
        exact = f"{document.sha256}|{len(document.text)}|{budget}|{counter.source}"
        key = hashlib.sha256(exact.encode()).hexdigest()
        segments = kept.get(key)
        if segments is None:
            segments = split(document.text, budget, lambda text: counter.count(as_data(text)))
            kept.put(key, segments)
        every.append(segments)
    return every


def _make_answer(
    task: Task,
    strategy: Strategy,
    record: RunRecord,
    outcome: Outcome,
    loaded: Loaded,
    usage: UsageReport,
) -> Answer:
    citations: list[Citation] = []
    dropped = 0
    for item in outcome.cited:
        document = task.documents[item.document]
        if not check_quote(document, Span(item.start, item.end), item.quote):
            dropped += 1
            continue
        citations.append(
            Citation(
                number=len(citations) + 1,
                document=document.name,
                place=document.place(item.start),
                page=document.page_at(item.start),
                char_start=item.start,
                char_end=item.end,
                quote=document.text[item.start : item.end],
            )
        )
    numbers = [citation.number for citation in citations]
    marks = "".join(f"[{number}]" for number in numbers)
    claims = [Claim(text=outcome.text, support="supported", citations=numbers)] if numbers else []
    return Answer(
        answer=outcome.text,
        text=f"{outcome.text} {marks}".strip(),
        status=outcome.status,
        claims=claims,
        citations=citations,
        dropped_quotes=dropped,
        coverage=_coverage(task, outcome, loaded),
        usage=usage,
        run_id=record.id,
        strategy=strategy.name,
        model=task.model.name,
        warnings=outcome.warnings,
    )


def _usage(task: Task, totals: dict[str, int], earlier: int, seconds: float) -> UsageReport:
    ours = task.model.faults
    return UsageReport(
        **totals,
        replayed=earlier,
        retries=ours.retries,
        malformed=ours.malformed,
        cut=ours.cut,
        seconds=round(seconds, 3),
    )


def _coverage(task: Task, outcome: Outcome, loaded: Loaded) -> CoverageReport:
    sentences: list[str] = []
    pages_read = pages_total = chars_read = chars_total = 0
    pages_empty: list[int] = []
    for index, document in enumerate(task.documents):
        spans = [
            (segment.start, segment.end)
            for segment in task.segments[index]
            if (index, segment.index) in outcome.read
        ]
        part = coverage(document, spans)
        prefix = f"{document.name}: " if len(task.documents) > 1 else ""
        sentences.append(prefix + part.sentence())
        pages_read += part.pages_read
        pages_total += part.pages_total
        pages_empty += part.pages_empty
        chars_read += part.chars_read
        chars_total += part.chars_total
    skipped = outcome.skipped + [f"{name}: {error.message}" for name, error in loaded.skipped]
    return CoverageReport(
        sentence="; ".join(sentences),
        segments_read=len(outcome.read),
        segments_total=task.total,
        pages_read=pages_read,
        pages_total=pages_total,
        pages_empty=pages_empty,
        chars_read=chars_read,
        chars_total=chars_total,
        skipped=skipped,
    )
