"""What every route has at hand: the tenant who asks, the jobs, the server's own address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from lcagent.server.jobs import Jobs
from lcagent.server.metrics import Metrics
from lcagent.server.opened import Opened
from lcagent.server.options import ServeOptions
from lcagent.server.readiness import Readiness
from lcagent.server.tenants import Tenant, Tenants


@dataclass(frozen=True, slots=True)
class Service:
    """What is served.

    Args:
        tenants: whom.
        opened: their documents.
        jobs: what is worked on.
        options: how the server is bound.
        metrics: what is counted.
        readiness: whether there is a model.
        strategy: of the model `lcagent`.
    """

    tenants: Tenants
    opened: Opened
    jobs: Jobs
    options: ServeOptions
    metrics: Metrics
    readiness: Readiness
    strategy: str


async def _service(request: Request) -> Service:
    return request.app.state.service


async def _tenant(request: Request) -> Tenant:
    return request.state.tenant


async def _base(request: Request) -> str:
    """The server's address, as people's browsers know it."""
    service: Service = request.app.state.service
    return (service.options.public_url or str(request.base_url)).rstrip("/")


# Not plain functions: FastAPI would call each of them in a thread.
ServiceDep = Annotated[Service, Depends(_service)]
TenantDep = Annotated[Tenant, Depends(_tenant)]
BaseDep = Annotated[str, Depends(_base)]
