"""Runs as tasks, for clients of the Model Context Protocol that have its Tasks extension (SEP-2663).

A question that is not answered at once gives such a client a task in the place of a run: the client looks at
it by itself, and no model has to. Others are told nothing of it. The SDK brings the place for extensions and
none of this one (docs/design/0033-mcp-tasks.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import Any

from mcp import MCPError
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver import require_client_extension
from mcp_types import INVALID_PARAMS, CallToolRequestParams, CallToolResult, RequestParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from lcagent.errors import RunNotFound
from lcagent.memory.served.jobs import UNFINISHED, JobRow
from lcagent.server.jobs import Jobs
from lcagent.server.tenants import Tenant
from lcagent.server.told import in_words

TASKS = "io.modelcontextprotocol/tasks"
POLL_MS = 1000
"""Milliseconds after which a client may look again."""
_NEWS = 0.5
"""Seconds that a look waits for something that was not told yet."""

Wire = ServerRequestContext[Any, Any]


class TaskParams(RequestParams):
    """Which task is meant."""

    task_id: str


class Tasks(Extension):
    """The extension: a run's id is its task's.

    Args:
        jobs: what is worked on.
        tenant: whose runs are tasks.
        result: what a run that has ended gave, as its tool gives it.
        tool: whose runs are told as tasks.
    """

    identifier = TASKS

    def __init__(
        self, jobs: Jobs, tenant: Tenant, result: Callable[[str], Awaitable[CallToolResult]], tool: str
    ) -> None:
        self._jobs, self._tenant, self._result, self._tool = jobs, tenant, result, tool

    def methods(self) -> Sequence[MethodBinding]:
        """What clients ask of a task."""
        versions = frozenset(MODERN_PROTOCOL_VERSIONS)
        served = {"tasks/get": self._get, "tasks/update": self._update, "tasks/cancel": self._cancel}
        return [MethodBinding(name, TaskParams, handler, versions) for name, handler in served.items()]

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: Wire, call_next: CallNext
    ) -> HandlerResult:
        """A task instead of a run that goes on, where the client knows what that is."""
        result = await call_next(ctx)
        if params.name != self._tool or not isinstance(result, CallToolResult) or not _has_tasks(ctx):
            return result
        held = result.structured_content or {}
        if held.get("state") not in UNFINISHED:
            return result
        row = await self._tenant.aside(self._tenant.runs.get, held["run"])
        return {"resultType": "task", **_task(row, "working", held["progress"])}

    async def _get(self, ctx: Wire, params: TaskParams) -> HandlerResult:
        await self._known(ctx, params)
        run, jobs = params.task_id, self._tenant.runs
        events = await self._tenant.aside(jobs.events, run)
        with suppress(TimeoutError):
            async with (
                asyncio.timeout(_NEWS),  # a run that was left is taken up by who follows it
                aclosing(self._jobs.follow(self._tenant, run, events[-1][0] if events else 0)) as news,
            ):
                async for event in news:
                    events.append(event)
                    break
        row = await self._tenant.aside(jobs.get, run)
        if row.status in UNFINISHED:
            words = (said for _, event in reversed(events) if (said := in_words(event)))
            return _task(row, "working", next(words, ""))
        if row.status == "cancelled":
            return _task(row, "cancelled", "given up; the same question goes on with what is finished")
        # An error of a tool is what the tool gave, and no failure of the task.
        gave = (await self._result(run)).model_dump(by_alias=True, mode="json", exclude_none=True)
        return {**_task(row, "completed", ""), "result": gave}

    async def _update(self, ctx: Wire, params: TaskParams) -> HandlerResult:
        """Nothing is ever asked of the client: whatever it answers is passed over, as the protocol has it."""
        await self._known(ctx, params)
        return {}

    async def _cancel(self, ctx: Wire, params: TaskParams) -> HandlerResult:
        await self._known(ctx, params)
        await self._jobs.cancel(self._tenant, params.task_id)
        return {}

    async def _known(self, ctx: Wire, params: TaskParams) -> None:
        """Whether a client may ask, and of something that is there.

        Raises:
            MCPError: it has not said that it has the extension, or there is no such task.
        """
        require_client_extension(ctx, TASKS)
        try:
            await self._tenant.aside(self._tenant.runs.get, params.task_id)
        except RunNotFound as error:
            raise MCPError(code=INVALID_PARAMS, message=f"there is no task {params.task_id!r}") from error


def _has_tasks(ctx: Wire) -> bool:
    """Whether the client said so with this request; an older wire has no room for a task."""
    capabilities = ctx.session.client_capabilities
    return ctx.protocol_version in MODERN_PROTOCOL_VERSIONS and TASKS in (
        (capabilities.extensions if capabilities else None) or {}
    )


def _task(row: JobRow, status: str, words: str) -> dict[str, Any]:
    """A task as the extension writes it; it is kept until its run is deleted."""
    told: dict[str, Any] = {
        "taskId": row.id,
        "status": status,
        "createdAt": _written(row.created),
        "lastUpdatedAt": _written(row.updated),
        "ttlMs": None,
        "pollIntervalMs": POLL_MS,
    }
    return {**told, "statusMessage": words} if words else told


def _written(at: float) -> str:
    """A time (seconds since 1970) in ISO 8601, UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
