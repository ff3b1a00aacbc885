"""`/v1/responses`: OpenAI's newer protocol, stateless or in the background."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse, ServerSentEvent

from lcagent.errors import LcagentError, UsageError
from lcagent.memory.served.jobs import JobRow
from lcagent.server.asks import MODEL, question_of
from lcagent.server.came import outcome_from
from lcagent.server.context import BaseDep, ServiceDep, TenantDep
from lcagent.server.described import ResponseObject, streamed
from lcagent.server.dialects.responses import Ended, Events, job_id, response
from lcagent.server.evidence import told
from lcagent.server.faults import fault_of
from lcagent.server.following import events_of, outcome_of
from lcagent.server.job import Question
from lcagent.server.routes.files import Deleted
from lcagent.server.routes.messages import Given, Ours, ask_of, files_by_name
from lcagent.server.tenants import Tenant

router = APIRouter(tags=["responses"])


class ResponseBody(BaseModel):
    """A request; fields of OpenAI's that mean nothing here are passed over."""

    model_config = ConfigDict(extra="allow")

    input: str | list[dict[str, Any]]
    model: str = MODEL
    stream: bool = False
    background: bool = False
    user: str | None = None
    previous_response_id: str | None = None
    lcagent: Ours = Field(default_factory=Ours)


@router.post(
    "/v1/responses", response_model=None, response_class=JSONResponse, responses=streamed(ResponseObject)
)
async def create_response(
    body: ResponseBody, request: Request, service: ServiceDep, tenant: TenantDep, base: BaseDep
) -> Response:
    """Answer a question about the documents that came with it, or the next message of a conversation."""
    if body.previous_response_id:
        raise UsageError(
            "earlier responses are not gone on with",
            hint="send the conversation as `input`, or name a session",
        )
    given = Given(messages=_messages(body.input), model=body.model, user=body.user, ours=body.lcagent)
    ask = await ask_of(given, request, service, tenant)
    job = await service.jobs.start(tenant, ask, kept=body.background)
    if body.stream:
        return _streamed(events_of(job), job, base, after=-1)
    if body.background:
        return _dumped(await _response(job, base))
    if await outcome_of(job, request) is None:
        return Response(status_code=499)  # nobody reads it
    return _dumped(await _response(job, base))


@router.get(
    "/v1/responses/{response}",
    response_model=None,
    response_class=JSONResponse,
    responses=streamed(ResponseObject),
)
async def get_response(
    response: str,
    service: ServiceDep,
    tenant: TenantDep,
    base: BaseDep,
    stream: bool = False,
    starting_after: Annotated[int, Query(ge=-1, le=1 << 62)] = -1,
) -> Response:
    """Show a response that is worked on in the background, or follow it from any event on."""
    job = job_id(response)
    row = await tenant.aside(tenant.runs.get, job)
    if not stream:
        return _dumped(await _kept_response(tenant, row, base))

    service.jobs.check_followers(tenant)

    async def happened() -> AsyncGenerator[dict[str, Any]]:
        async with aclosing(service.jobs.follow(tenant, job)) as events:
            async for _, event in events:
                yield event

    async def end() -> Ended:
        return await _kept_end(tenant, await tenant.aside(tenant.runs.get, job), base)

    events = Events(job, question_of(row), row.created, background=True)
    found = events.all(happened(), end)
    return EventSourceResponse(_after(found, starting_after), sep="\n")


@router.post("/v1/responses/{response}/cancel", response_model=ResponseObject)
async def cancel_response(response: str, service: ServiceDep, tenant: TenantDep, base: BaseDep) -> Response:
    """Give a response up that is worked on in the background."""
    job = job_id(response)
    await tenant.aside(tenant.runs.get, job)
    await service.jobs.cancel(tenant, job)
    return _dumped(await _kept_response(tenant, await tenant.aside(tenant.runs.get, job), base))


@router.delete("/v1/responses/{response}")
async def delete_response(response: str, service: ServiceDep, tenant: TenantDep) -> Deleted:
    """Delete a response."""
    job = job_id(response)
    await tenant.aside(tenant.runs.get, job)
    await service.jobs.cancel(tenant, job)
    await tenant.aside(tenant.runs.delete, job)
    return Deleted(id=response, object="response")


def _messages(given: str | list[dict[str, Any]]) -> list[Mapping[str, Any]]:
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    messages: list[Mapping[str, Any]] = []
    loose: list[dict[str, Any]] = []
    for item in given:
        if item.get("type", "message") == "message":
            messages.append(item)
        elif str(item.get("type")).startswith("input_"):
            loose.append(item)
    return [*messages, {"role": "user", "content": loose}] if loose else messages


async def _response(job: Question, base: str) -> dict[str, Any]:
    return response(job.id, job.ask, job.created, await _end(job, base), background=job.kept)


async def _end(job: Question, base: str) -> Ended:
    said = None
    if job.outcome is not None:
        said = told(job.outcome, await files_by_name(job.tenant, job.ask), base)
    error = None
    if job.error is not None:
        fault = fault_of(job.error, str(job.tenant.folder))["error"]
        error = {"code": "server_error", "message": fault["message"]}
    return Ended(job.status, job.outcome, said, error)


async def _kept_end(tenant: Tenant, row: JobRow, base: str) -> Ended:
    outcome = outcome_from(row.outcome) if row.outcome is not None else None
    files = await files_by_name(tenant, question_of(row)) if outcome is not None else {}
    error = None
    if row.error is not None:
        kept = LcagentError(row.error["message"], hint=row.error["hint"])
        error = {"code": "server_error", "message": fault_of(kept, str(tenant.folder))["error"]["message"]}
    return Ended(row.status, outcome, told(outcome, files, base) if outcome is not None else None, error)


async def _kept_response(tenant: Tenant, row: JobRow, base: str) -> dict[str, Any]:
    ask, end = question_of(row), await _kept_end(tenant, row, base)
    return response(row.id, ask, row.created, end, background=True)


def _streamed(happened: AsyncGenerator[dict[str, Any]], job: Question, base: str, after: int) -> Response:
    events = Events(job.id, job.ask, job.created, background=job.kept)

    async def closing() -> AsyncGenerator[ServerSentEvent]:
        async with aclosing(happened):
            async for event in _after(events.all(happened, lambda: _end(job, base)), after):
                yield event

    return EventSourceResponse(closing(), headers={"x-lcagent-run": job.id}, sep="\n")


async def _after(events: AsyncIterator[dict[str, Any]], number: int) -> AsyncGenerator[ServerSentEvent]:
    async for event in events:
        if event["sequence_number"] > number:
            yield ServerSentEvent(orjson.dumps(event).decode(), event=event["type"])


def _dumped(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
