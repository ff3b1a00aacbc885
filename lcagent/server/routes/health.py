"""`/health`, `/ready`, `/metrics`: for who looks after the server."""

from __future__ import annotations

from math import nan
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from lcagent import __version__
from lcagent.errors import StoreError
from lcagent.server.context import ServiceDep
from lcagent.server.described import raw
from lcagent.server.readiness import State

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The server is there."""

    status: Literal["ok"] = "ok"
    version: str = __version__


@router.get("/health")
async def health() -> Health:
    """Say that the server is there."""
    return Health()


@router.get("/ready", responses={503: {"model": State}}, response_model=State)
async def ready(service: ServiceDep) -> Response:
    """Say whether there is a model to answer with, and whether the workers are there."""
    state = service.readiness.state.model_copy(update={"no_worker_since": service.jobs.no_worker_since})
    return JSONResponse(state.model_dump(), status_code=200 if state.ready else 503)


@router.get("/metrics", response_class=Response, responses=raw("text/plain"))
async def metrics(service: ServiceDep) -> Response:
    """Tell Prometheus; how many wait at workers is no number while what is kept cannot be reached."""
    jobs = service.jobs
    try:
        handed = await jobs.handed()
    except StoreError:
        handed = nan
    stuck = 0 if jobs.no_worker_since is None else handed
    return Response(
        service.metrics.text(jobs.live + handed, stuck), media_type="text/plain; version=0.0.4; charset=utf-8"
    )
