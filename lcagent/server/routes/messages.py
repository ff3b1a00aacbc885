"""Messages as clients of OpenAI's protocols send them, as one `Ask`."""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
from collections.abc import Mapping
from typing import Any, Literal

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from lcagent.errors import UsageError
from lcagent.server.asks import Ask, Said, strategy_of
from lcagent.server.context import Service
from lcagent.server.dialects.markdown import without_footnotes
from lcagent.server.tenants import Tenant
from lcagent.text import whole_characters

SESSION_HEADERS = ("x-lcagent-session", "x-session-id", "x-openwebui-chat-id")
"""Any of them selects the chat memory, beside the body's `user`."""
MOST_NAME = 255
"""Characters of a session's name, and of a key under which a message is sent again."""
_TEXTS = {"text", "input_text", "output_text"}
_FILES = {"file", "input_file"}
_PICTURES = {"image_url", "input_image"}


class Ours(BaseModel):
    """What clients that know this server may add, under `lcagent`."""

    model_config = ConfigDict(extra="forbid")

    files: list[str] = Field(default_factory=list, max_length=10_000, description="Ids of uploaded files.")
    collections: list[str] = Field(
        default_factory=list, max_length=100, description="Ids or names of collections."
    )
    session: str | None = Field(default=None, description="A memory that is kept.")
    style: Literal["auto", "short", "full"] = "auto"
    max_calls: int | None = Field(default=None, ge=1, le=1 << 53)
    max_tokens: int | None = Field(default=None, ge=1, le=1 << 53, description="Of all prompts and replies.")
    max_seconds: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    footnotes: bool = Field(default=True, description="Write them below the text.")
    open_webui: bool | None = Field(default=None, description="Send its events along; None: where it asks.")


class Given(BaseModel):
    """Messages in order, and what came beside them."""

    messages: list[Mapping[str, Any]]
    model: str
    user: str | None
    ours: Ours


async def ask_of(given: Given, request: Request, service: Service, tenant: Tenant) -> Ask:
    """What is asked.

    Args:
        given: by the client.
        request: its headers may name a session, and a key under which it is sent again.
        service: the server.
        tenant: who asks.

    Raises:
        UsageError: nothing is asked, or with what is not read.
        NotFound: a file or a collection is not there.
    """
    ours = given.ours
    files = list(ours.files)
    for name in ours.collections:
        files += (await tenant.aside(tenant.uploads.collection, name)).files
    said: list[Said] = []
    for message in given.messages:
        role, content = message.get("role"), message.get("content")
        if role not in ("user", "assistant"):  # it may be of any type
            continue  # instructions are for another model; what a tool gave is none of ours
        text, found = await _content(content, service, tenant)
        files += found
        said.append(Said(author=role, text=without_footnotes(text) if role == "assistant" else text))
    if not said or said[-1].author != "user":
        raise UsageError(
            "the last message is not the user's", hint='messages: [… {"role": "user", "content": "…"}]'
        )
    if not said[-1].text.strip():
        raise UsageError("the last message says nothing", hint="ask something about the document")
    return Ask(
        text=said[-1].text.strip(),
        files=tuple(dict.fromkeys(files)),
        before=tuple(one for one in said[:-1] if one.text.strip()),
        session=_session(given, request),
        key=_named("the idempotency key", request.headers.get("idempotency-key")),
        strategy=strategy_of(given.model, service.strategy),
        style=ours.style,
        max_calls=ours.max_calls,
        max_tokens=ours.max_tokens,
        max_seconds=ours.max_seconds,
    )


def _session(given: Given, request: Request) -> str | None:
    headers = (request.headers.get(name) for name in SESSION_HEADERS)
    named = given.ours.session or next(filter(None, headers), None)
    return _named("the session", session_name(given.user, named))


def session_name(user: str | None, named: str | None) -> str | None:
    """The memory that is meant: `user/named` where there are both, else the one that there is, as it stands.

    What is before the first stroke is the user: a stroke of the user's own is written as in addresses, so
    that two different pairs never are one memory.

    Args:
        user: whose it is.
        named: which of the user's.
    """
    if not (user and named):
        return user or named or None
    return f"{user.replace('%', '%25').replace('/', '%2F')}/{named}"


def _named(what: str, name: str | None) -> str | None:
    """A name that a client gives, which is kept and shown."""
    if name is not None and (len(name) > MOST_NAME or not name.isprintable()):
        raise UsageError(
            f"{what} has no proper name", hint=f"{MOST_NAME} characters at most, no control characters"
        )
    return name


async def _content(content: Any, service: Service, tenant: Tenant) -> tuple[str, list[str]]:
    """The text of a message, and the files that came with it."""
    if content is None or isinstance(content, str):
        return whole_characters(content or ""), []
    if not isinstance(content, list):
        raise UsageError("a message's content is neither text nor parts")
    texts: list[str] = []
    files: list[str] = []
    for part in content:
        if not isinstance(part, dict):
            raise UsageError("a part of a message is no object")
        kind = str(part.get("type"))
        if kind in _TEXTS:
            texts.append(whole_characters(str(part.get("text", ""))))
        elif kind in _FILES:
            files.append(await _file(part, service, tenant))
        elif kind in _PICTURES:
            address = part.get("image_url")
            address = address.get("url") if isinstance(address, dict) else address
            files.append(await _inline(str(address), "picture", service, tenant))
        else:
            raise UsageError(f"parts of type {kind!r} are not read", hint="text, file and input_file are")
    return "\n".join(texts), files


async def _file(part: Mapping[str, Any], service: Service, tenant: Tenant) -> str:
    inner = part.get("file")
    held: Mapping[str, Any] = inner if isinstance(inner, dict) else part
    if held.get("file_id"):
        return (await tenant.aside(tenant.uploads.get, whole_characters(str(held["file_id"])))).id
    if held.get("file_data"):
        name = str(held.get("filename") or "document")
        return await _inline(str(held["file_data"]), name, service, tenant)
    raise UsageError(
        "a file part holds neither file_id nor file_data",
        hint="addresses elsewhere are not fetched: upload the file",
    )


async def _inline(data: str, name: str, service: Service, tenant: Tenant) -> str:
    """Keep a file that came within the request: a data URL, or bare base64."""
    head, comma, body = data.partition(",")
    if comma and not head.startswith("data:"):
        raise UsageError("the file is no data URL", hint="data:application/pdf;base64,…")
    if data.startswith(("http:", "https:", "file:")):
        raise UsageError("addresses are not fetched", hint="send the file as a data URL, or upload it")
    if comma and not head.endswith(";base64"):
        raise UsageError("only data URLs in base64 are read", hint="data:application/pdf;base64,…")
    try:
        raw = await asyncio.to_thread(base64.b64decode, body if comma else data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError("the file is no base64") from error
    limits = service.options.limits
    upload = await tenant.apart(
        tenant.uploads.put,
        io.BytesIO(raw),
        name,
        purpose="user_data",
        most=limits.upload,
        room=limits.storage,
    )
    return upload.id


async def files_by_name(tenant: Tenant, ask: Ask) -> dict[str, str]:
    """Ids of files by the names under which an answer cites them."""
    return await tenant.aside(_files_by_name, tenant, ask)


def _files_by_name(tenant: Tenant, ask: Ask) -> dict[str, str]:
    sources = tenant.uploads.named(ask.files)
    named = {source.name: file for source, file in zip(sources, ask.files, strict=True)}
    if ask.session is not None:
        named |= {name: file for file, name in tenant.uploads.attached(ask.session).items()}
    return named
