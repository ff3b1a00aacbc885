"""What is done for each kind of ask: this is the one place that tells them apart."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from lcagent import blocking
from lcagent.chat import ChatSession
from lcagent.documents import File
from lcagent.events import Event, Finished, Replied
from lcagent.many.asked import RowAsk
from lcagent.private import private_folder
from lcagent.reader import Reader
from lcagent.runs.building import BuildAsk
from lcagent.runs.embedding import EmbedAsk
from lcagent.server.asks import AnyAsk, Ask
from lcagent.server.came import Came
from lcagent.server.tenants import Tenant
from lcagent.settings import Settings


async def work(ask: AnyAsk, tenant: Tenant, job: str, since: float) -> AsyncGenerator[Event | Came]:
    """Do what is asked: events as they happen, and what came of it.

    Args:
        ask: what.
        tenant: by whom; its files are parsed already, or are parsed by whoever comes first.
        job: names what is done: a message is said once under it.
        since: when it was asked, in seconds since 1970.

    Raises:
        LcagentError: any of the tree.
    """
    match ask:
        case Ask():
            async with aclosing(_answered(ask, tenant, job, since)) as events:
                async for event in events:
                    if isinstance(event, Finished):
                        yield event.answer
                    elif isinstance(event, Replied):
                        yield event.reply
                    yield event
        case RowAsk() | BuildAsk() | EmbedAsk():

            async def done(emit: Callable[[Event | Came], None]) -> None:
                emit(await ask.done(tenant.store, tenant.settings, tenant.models, emit))

            async with aclosing(blocking.astream(done)) as told:
                async for event in told:
                    yield event


async def _answered(ask: Ask, tenant: Tenant, job: str, since: float) -> AsyncGenerator[Event]:
    """Documents are read, or a conversation has its turn."""
    sources = await tenant.aside(tenant.uploads.named, ask.files)
    settings = ask.settings(tenant.settings)
    if ask.reads:
        reader = Reader(settings, models=tenant.models)
        async with aclosing(reader.astream(sources, ask.text, resume=ask.resume, since=since)) as events:
            async for event in events:
                yield event
        return
    async with _conversation(ask, tenant, job, settings) as chat:
        await asyncio.to_thread(_prepare, chat, ask, tenant, sources)
        async with aclosing(chat.astream(ask.text, key=ask.key or job)) as events:
            async for event in events:
                yield event


class _Passing(ChatSession):
    """A conversation whose memory lies in a folder of its own."""

    def __init__(self, folder: Path, *names: str, **given: Any) -> None:
        self._own_folder = folder
        super().__init__(*names, **given)

    def _place(self) -> Path:
        return self._own_folder


@asynccontextmanager
async def _conversation(
    ask: Ask, tenant: Tenant, job: str, settings: Settings
) -> AsyncGenerator[ChatSession]:
    """The conversation of an ask; one that names no session is kept in a folder that goes with it."""
    session = ask.session
    folder = None if session is not None else private_folder(tenant.folder / "passing" / job)
    kind = ChatSession if folder is None else partial(_Passing, folder)
    chat = await asyncio.to_thread(
        kind, session or "passing", tenant=tenant.name, settings=settings, models=tenant.models
    )
    try:
        yield chat
    finally:
        chat.close()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _prepare(chat: ChatSession, ask: Ask, tenant: Tenant, sources: list[File]) -> None:
    """Tell a conversation that begins what was said before, and attach what is new."""
    uploads = tenant.uploads
    if ask.before and not chat.count():
        chat.add_all([{"text": one.text, "author": one.author} for one in ask.before if one.text.strip()])
    there = uploads.attached(ask.session) if ask.session is not None else {}
    new = [(file, source) for file, source in zip(ask.files, sources, strict=True) if file not in there]
    for file, source in new:
        names = chat.attach(source).names
        if ask.session is not None:
            uploads.attach(ask.session, [(file, name) for name in names])
