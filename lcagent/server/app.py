"""The server: its routes, behind the guard, over one set of jobs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.cors import CORSMiddleware

from lcagent import __version__
from lcagent.errors import LcagentError, LimitReached, NotFound, UsageError
from lcagent.memory.aside import widen
from lcagent.server.context import Service
from lcagent.server.crew import Crew
from lcagent.server.faults import DOCUMENTED, FaultBody, fault_of, status_of
from lcagent.server.guard import App, Guard, Message, Receive, Scope, Send
from lcagent.server.jobs import Jobs
from lcagent.server.metrics import Metrics
from lcagent.server.opened import Opened
from lcagent.server.options import ServeOptions
from lcagent.server.readiness import Readiness
from lcagent.server.routes import chat, files, health, page, passages, responses, runs, sessions
from lcagent.server.tenants import Tenants
from lcagent.settings import Settings

if TYPE_CHECKING:
    from lcagent.work.engine import Engine

LOG = logging.getLogger("lcagent.server")


def create_app(
    settings: Settings,
    options: ServeOptions | None = None,
    *,
    require_keys: bool | None = None,
    engine: Engine | None = None,
) -> FastAPI:
    """Make the server.

    Args:
        settings: how it reads, with which model, and where all is kept.
        options: how it is bound, and its limits.
        require_keys: nobody asks without one; None: wherever another machine can ask.
        engine: hands what is to outlive its client to workers; None: it is done here.
    """
    options = options or ServeOptions()
    needed = not options.local if require_keys is None else require_keys
    tenants = Tenants(settings)
    metrics = Metrics(lambda: tenants.models.servers)
    opened = Opened(options.limits.pages)
    crew = None if engine is None else Crew(engine)
    jobs = Jobs(tenants, opened, options.running, options.limits, crew=crew, ended=metrics.ended)
    readiness = Readiness(tenants.models)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        widen(settings.place)
        watching = asyncio.create_task(readiness.watch())
        try:
            async with crew.open() if crew is not None else nullcontext():
                if resumed := await jobs.resume(await tenants.every()):
                    LOG.info("going on with %d runs of before", resumed)
                yield
        finally:
            watching.cancel()
            await jobs.close()
            opened.close()
            await asyncio.gather(watching, return_exceptions=True)
            tenants.close()

    app = FastAPI(
        title="lcagent",
        version=__version__,
        summary="Reads documents of any length, remembers conversations, and says where each answer stands.",
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        responses={code: {"model": FaultBody, "description": said} for code, said in DOCUMENTED.items()},
    )
    app.state.service = Service(tenants, opened, jobs, options, metrics, readiness, settings.strategy)
    for part in (chat, responses, files, passages, runs, sessions, health, page):
        app.include_router(part.router)
    _handle_errors(app)
    app.add_middleware(_Measured, metrics=metrics)
    app.add_middleware(Guard, tenants=tenants, options=options, require_keys=needed)
    if options.origins:
        every, origins = ["*"], list(options.origins)
        app.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=every, allow_headers=every)
    _describe(app)
    return app


def _handle_errors(app: FastAPI) -> None:
    async def of_ours(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, LcagentError)
        status, _ = status_of(error)
        if status >= 500:
            # Quoted: a line of the log is one line, whatever a client names.
            LOG.error("%s %r: %r (%r)", request.method, request.scope["path"], error.message, error.hint)
        headers = {}
        if isinstance(error, LimitReached):
            headers["retry-after"] = str(max(1, round(error.retry_after)))
        folder = str(request.state.tenant.folder) if hasattr(request.state, "tenant") else ""
        return JSONResponse(fault_of(error, folder), status, headers)

    async def of_the_request(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body")
        return await of_ours(request, UsageError(f"{where}: {first['msg']}" if where else first["msg"]))

    async def of_http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException | StarletteHTTPException)
        if isinstance(error.__cause__, LcagentError):  # while the body was read
            return await of_ours(request, error.__cause__)
        kind = NotFound if error.status_code == 404 else UsageError
        said = "there is no such path" if error.status_code == 404 else str(error.detail)
        body = fault_of(kind(said))
        return JSONResponse(body, error.status_code, error.headers)

    async def of_nobody(request: Request, error: Exception) -> JSONResponse:
        LOG.error("%s %r failed", request.method, request.scope["path"], exc_info=error)
        return JSONResponse(
            fault_of(LcagentError("something went wrong in the server", hint="its log says what")), 500
        )

    app.add_exception_handler(LcagentError, of_ours)
    app.add_exception_handler(RequestValidationError, of_the_request)
    app.add_exception_handler(StarletteHTTPException, of_http)
    app.add_exception_handler(Exception, of_nobody)


def _describe(app: FastAPI) -> None:
    """The description of the interface, with errors as they are."""
    made: Callable[[], dict[str, Any]] = app.openapi

    def described() -> dict[str, Any]:
        schema = made()
        for path in schema["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
        return schema

    app.openapi = described


class _Measured:
    """Counts requests, each under the pattern of its route."""

    def __init__(self, app: App, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, first, status = time.perf_counter(), 0.0, 500

        async def sent(message: Message) -> None:
            nonlocal first, status
            if message["type"] == "http.response.start":
                first, status = time.perf_counter() - began, message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            seconds = time.perf_counter() - began
            self._metrics.request(route, scope["method"], status, first or seconds, seconds)
