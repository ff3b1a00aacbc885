"""`/v1/sessions`: the conversations that are kept, and what is remembered in each, and from where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from lcagent.answer import Message, PastMessage
from lcagent.errors import SessionNotFound
from lcagent.memory.tiers.sessions import sessions
from lcagent.memory.tiers.tables import FILE, open_memory
from lcagent.server.context import BaseDep, TenantDep
from lcagent.server.dialects import annotations
from lcagent.server.evidence import told
from lcagent.server.tenants import Tenant
from lcagent.session_memory import SessionMemory

router = APIRouter(tags=["sessions"])


class SessionObject(BaseModel):
    """A conversation that is kept."""

    session: str
    object: Literal["session"] = "session"
    messages: int
    files: list[dict[str, str]]


class SessionList(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[SessionObject]


class Cited(BaseModel):
    """Where something stands that the agent said: in a file of the conversation (`file`, with the address
    `url` of the page that shows it), or in an earlier message (`message`, its number)."""

    number: int
    document: str
    place: str
    page: int | None
    char_start: int
    char_end: int
    quote: str
    message: int | None
    file: str
    url: str


class MessageObject(Message):
    """A message. `marked` is its text with a mark `[^1]` behind what stands in a file; null where nothing
    does."""

    marked: str | None
    citations: list[Cited]


class MessageList(BaseModel):
    """Messages in order."""

    object: Literal["list"] = "list"
    data: list[MessageObject]


class MemoryObject(BaseModel):
    """What the agent always has before it: lines, each with the messages that it rests on."""

    blocks: dict[str, list[dict[str, Any]]]
    summary: Message | None


@router.get("/v1/sessions")
async def list_sessions(tenant: TenantDep) -> SessionList:
    """List the conversations."""
    return await tenant.apart(_listed, tenant)


@router.get("/v1/sessions/{session:path}/messages")
async def list_messages(
    session: str, tenant: TenantDep, base: BaseDep, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> MessageList:
    """List the last messages of a conversation, each with where it stands."""
    return await tenant.apart(_messages, tenant, session, limit, base)


@router.get("/v1/sessions/{session:path}/memory")
async def get_memory(session: str, tenant: TenantDep) -> MemoryObject:
    """Show what is remembered, and from where."""
    return await tenant.apart(_memory, tenant, session)


@router.get("/v1/sessions/{session:path}")
async def get_session(session: str, tenant: TenantDep) -> SessionObject:
    """Show one conversation."""
    found = (await tenant.apart(_listed, tenant)).data
    one = next((one for one in found if one.session == session), None)
    if one is None:
        raise _unknown(session)
    return one


def _listed(tenant: Tenant) -> SessionList:
    if not tenant.settings.place.url and not (tenant.folder / FILE).is_file():
        return SessionList(data=[])
    store = open_memory(tenant.settings.place)
    try:
        found = [(one.name, one.messages) for one in sessions(store, tenant.name)]
    finally:
        store.close()
    return SessionList(
        data=[
            SessionObject(session=name, messages=messages, files=_files(tenant, name))
            for name, messages in found
        ]
    )


def _files(tenant: Tenant, session: str) -> list[dict[str, str]]:
    return [{"id": file, "name": name} for file, name in tenant.uploads.attached(session).items()]


def _opened(tenant: Tenant, session: str) -> SessionMemory:
    """A conversation that is there.

    Raises:
        SessionNotFound: there is none of this name.
    """
    if all(one.session != session for one in _listed(tenant).data):
        raise _unknown(session)
    return SessionMemory(session, tenant=tenant.name, settings=tenant.settings, models=tenant.models)


def _unknown(session: str) -> SessionNotFound:
    return SessionNotFound(f"no session {session!r}", hint="GET /v1/sessions lists them")


def _plain(message: Message) -> dict[str, Any]:
    return message.model_dump(mode="json")


def _messages(tenant: Tenant, session: str, limit: int, base: str) -> MessageList:
    files = {name: file for file, name in tenant.uploads.attached(session).items()}
    with _opened(tenant, session) as memory:
        return MessageList(data=[_message(one, files, base) for one in memory.history(limit)])


def _message(one: PastMessage, files: Mapping[str, str], base: str) -> MessageObject:
    said = told(one, files, base)
    return MessageObject(
        **one.model_dump(exclude={"claims", "citations"}),
        marked=said.text if said.text != one.text else None,
        citations=[Cited.model_validate(cited) for cited in annotations.plain(said.evidence)],
    )


def _memory(tenant: Tenant, session: str) -> MemoryObject:
    with _opened(tenant, session) as memory:
        summary = memory.summary()
        blocks = {
            label: [
                {"line": _plain(line), "from": [_plain(one) for one in memory.sources(line.id)]}
                for line in lines
            ]
            for label, lines in memory.memory().items()
        }
        return MemoryObject(blocks=blocks, summary=summary)
