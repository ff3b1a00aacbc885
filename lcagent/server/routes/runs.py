"""`/v1/runs`: readings that outlive who asked, and the server."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import aclosing, closing, suppress
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse, ServerSentEvent

from lcagent.documents import Document
from lcagent.errors import NotFound, RunBusy, UsageError
from lcagent.memory.opening import open_store
from lcagent.memory.served.jobs import UNFINISHED, JobRow, JobStatus
from lcagent.runs.records import Runs
from lcagent.server.asks import MODEL, Ask, question_of, strategy_of
from lcagent.server.came import outcome_from
from lcagent.server.context import BaseDep, Service, ServiceDep, TenantDep
from lcagent.server.described import streamed
from lcagent.server.dialects import annotations
from lcagent.server.evidence import told
from lcagent.server.routes.messages import files_by_name
from lcagent.server.tenants import Tenant

router = APIRouter(tags=["runs"])


class NewRun(BaseModel):
    """A question to be answered."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(min_length=1, max_length=1 << 20)
    files: list[str] = Field(default_factory=list, max_length=10_000)
    collections: list[str] = Field(default_factory=list, max_length=100)
    model: str = MODEL
    style: Literal["auto", "short", "full"] = "auto"
    max_calls: int | None = Field(default=None, ge=1, le=1 << 53)
    max_tokens: int | None = Field(default=None, ge=1, le=1 << 53)
    max_seconds: float | None = Field(default=None, gt=0, allow_inf_nan=False)


class RunObject(BaseModel):
    """A run, as it stands.

    `no_worker_since`: it waits for a worker, and none has given a sign of life since then, in seconds since
    1970 (0: there never was one); else null.
    """

    id: str
    object: Literal["run"] = "run"
    status: JobStatus
    created_at: float
    updated_at: float
    question: str
    files: list[str]
    strategy: str
    error: dict[str, Any] | None = None
    no_worker_since: float | None = None

    @classmethod
    def of(cls, row: JobRow, service: Service) -> RunObject:
        """What is told of a job."""
        ask = question_of(row)
        return cls(
            id=row.id,
            status=row.status,
            created_at=row.created,
            updated_at=row.updated,
            question=ask.text,
            files=list(ask.files),
            strategy=ask.strategy,
            error=row.error,
            no_worker_since=service.jobs.no_worker_since if row.status in UNFINISHED else None,
        )


class RunList(BaseModel):
    """Runs, the newest first."""

    object: Literal["list"] = "list"
    data: list[RunObject]
    has_more: bool


class RunAnswer(BaseModel):
    """What came of a run: the answer as `--json` prints it, with the file and the page of each citation."""

    id: str
    answer: dict[str, Any]
    citations: list[dict[str, Any]]


class FindingList(BaseModel):
    """What was noted so far, in the order of the text."""

    object: Literal["list"] = "list"
    data: list[dict[str, Any]]


@router.post("/v1/runs", status_code=202)
async def start_run(body: NewRun, service: ServiceDep, tenant: TenantDep) -> RunObject:
    """Start a reading; it goes on whoever leaves."""
    files = list(body.files)
    for name in body.collections:
        files += (await tenant.aside(tenant.uploads.collection, name)).files
    if not files:
        raise UsageError(
            "no document is named", hint="files: ids of /v1/files; collections: of /v1/collections"
        )
    told = body.model_dump(include={"style", "max_calls", "max_tokens", "max_seconds"})
    strategy = strategy_of(body.model, service.strategy)
    ask = Ask(text=body.question.strip(), files=tuple(dict.fromkeys(files)), strategy=strategy, **told)
    if not ask.text:
        raise UsageError("the question is empty")
    job = await service.jobs.start(tenant, ask, kept=True)
    return RunObject.of(await tenant.aside(tenant.runs.get, job.id), service)


@router.get("/v1/runs")
async def list_runs(
    service: ServiceDep,
    tenant: TenantDep,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    before: float | None = None,
) -> RunList:
    """List the runs."""
    rows = await tenant.aside(tenant.runs.all, limit=limit + 1, before=before)
    return RunList(data=[RunObject.of(row, service) for row in rows[:limit]], has_more=len(rows) > limit)


@router.get("/v1/runs/{run}")
async def get_run(run: str, service: ServiceDep, tenant: TenantDep) -> RunObject:
    """Show how far a run is."""
    return RunObject.of(await tenant.aside(tenant.runs.get, run), service)


@router.get("/v1/runs/{run}/answer")
async def get_answer(run: str, service: ServiceDep, tenant: TenantDep, base: BaseDep) -> RunAnswer:
    """Give a run's answer."""
    row = await tenant.aside(tenant.runs.get, run)
    if row.outcome is None:
        raise RunBusy(f"run {run} has no answer: it is {row.status}", hint="its events say how far it is")
    return await answer_of(tenant, row, base)


@router.get("/v1/runs/{run}/findings")
async def get_findings(run: str, service: ServiceDep, tenant: TenantDep) -> FindingList:
    """List what was noted so far."""
    row = await tenant.aside(tenant.runs.get, run)
    if not row.run:
        return FindingList(data=[])
    found = await tenant.aside(_findings, tenant, row.run)
    of: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for one in found:
        if one["spans"]:
            of[one["document"]].append(one)
    files = question_of(row).files
    for number in of.keys() & {*range(len(files))}:
        with suppress(NotFound):  # it may be deleted by now
            document = await service.opened.load(tenant, files[number])
            await asyncio.to_thread(_place, of[number], document)
    return FindingList(data=found)


@router.get(
    "/v1/runs/{run}/events", response_model=None, response_class=EventSourceResponse, responses=streamed()
)
async def get_events(
    run: str,
    service: ServiceDep,
    tenant: TenantDep,
    after: Annotated[int, Query(ge=0, le=1 << 62)] = 0,
    last_event_id: Annotated[str | None, Header()] = None,
) -> EventSourceResponse:
    """Follow a run, from its beginning or from any event on."""
    await tenant.aside(tenant.runs.get, run)  # a run that is not there is no stream
    service.jobs.check_followers(tenant)
    # Of more digits than a number of ours has, it is none of ours.
    seen = last_event_id if last_event_id and re.fullmatch("[0-9]{1,18}", last_event_id) else "0"
    at = max(after, int(seen))

    async def events() -> AsyncGenerator[ServerSentEvent]:
        async with aclosing(service.jobs.follow(tenant, run, at)) as found:
            async for seq, event in found:
                yield ServerSentEvent(orjson.dumps(event).decode(), event=event["type"], id=str(seq))
        row = await tenant.aside(tenant.runs.get, run)
        yield ServerSentEvent(orjson.dumps({"type": "end", "status": row.status}).decode(), event="end")

    return EventSourceResponse(events(), sep="\n")


@router.post("/v1/runs/{run}/cancel")
async def cancel_run(run: str, service: ServiceDep, tenant: TenantDep) -> RunObject:
    """Give a run up; the same question goes on with what is finished."""
    await tenant.aside(tenant.runs.get, run)
    await service.jobs.cancel(tenant, run)
    return RunObject.of(await tenant.aside(tenant.runs.get, run), service)


class DeletedRun(BaseModel):
    """A run that is no more."""

    id: str
    object: Literal["run"] = "run"
    deleted: bool = True


@router.delete("/v1/runs/{run}")
async def delete_run(run: str, service: ServiceDep, tenant: TenantDep) -> DeletedRun:
    """Delete a run; one that is worked on is given up first."""
    await tenant.aside(tenant.runs.get, run)
    await service.jobs.cancel(tenant, run)
    await tenant.aside(tenant.runs.delete, run)
    return DeletedRun(id=run)


async def answer_of(tenant: Tenant, row: JobRow, base: str) -> RunAnswer:
    """What is told of a finished job."""
    assert row.outcome is not None
    outcome = outcome_from(row.outcome)
    said = told(outcome, await files_by_name(tenant, question_of(row)), base)
    return RunAnswer(id=row.id, answer=row.outcome, citations=annotations.plain(said.evidence))


def _findings(tenant: Tenant, run: str) -> list[dict[str, Any]]:
    with closing(open_store(tenant.settings.place)) as store:
        return [_finding(one) for one in Runs(store).findings(run)]


def _place(found: list[dict[str, Any]], document: Document) -> None:
    """Say where findings stand, in words: headings of a huge text are looked for at the first."""
    for one in found:
        one["place"] = document.place(one["spans"][0][0])


def _finding(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "document": row["document"],
        "segment": row["segment"],
        "text": row["text"],
        "quote": row["quote"],
        "role": row["role"],
        "answer": row["answer"],
        "spans": orjson.loads(row["spans"]),
        "place": "",
    }
