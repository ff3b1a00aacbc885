"""A server of ours in a thread of this process, over the loopback model, for tests."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx
import uvicorn
from openai import OpenAI

from lcagent.server.app import create_app
from lcagent.server.options import Limits, ServeOptions
from lcagent.settings import load_settings
from tests.chatting import agent, call, send
from tests.helpers import clever
from tests.loopback import Reply, Request

BOAT = "Which fishing boat called for help from the Grunnings?"
"""Asked of the report."""
CALLED = (
    "On 23 March the station heard a fishing boat, the Anna Sofie, call for help from the Grunnings,"
    " a reef eight miles to the north."
)


def able(request: Request) -> str:
    """A model that finds the needle, and talks."""
    if request.schema is not None and "properties" not in request.schema:
        return agent(request)
    return clever(request)


def boatman(request: Request) -> str:
    """A model that finds the boat where the report tells of it; in a conversation it searches for it."""
    names = (request.schema or {}).get("properties", {})
    if (
        request.schema is not None
        and not names
        and BOAT in (said := request.text.split("<conversation>")[-1])
    ):
        if "Anna Sofie" in said:
            return send("It was the Anna Sofie.")
        if "Documents are attached" in request.messages[0]["content"]:
            return call("archival_memory_search", query="fishing boat, help, Grunnings", page=1)
    seen = "Anna Sofie" in request.text.split("<segment>")[-1]
    if "facts" in names and seen:
        return json.dumps({"relevant": "yes", "facts": [CALLED], "sufficient": "no", "next": ""})
    if "found" in names and seen:
        return json.dumps({"found": "yes", "answer": "Anna Sofie"})
    return able(request)


def slowly(reply: Callable[[Request], str], seconds: float) -> Callable[[Request], Reply]:
    """The same model, at its leisure."""
    return lambda request: Reply(reply(request), delay=seconds)


class _Server(uvicorn.Server):
    """Looks ten times as often as uvicorn whether it is to end."""

    async def main_loop(self) -> None:
        count = 0
        while not await self.on_tick(count):
            count += 1
            await asyncio.sleep(0.01)


class Served:
    """`with Served(home, api_base) as served:` gives its `url`.

    Args:
        home: its folder.
        api_base: of the model.
        limits: of one tenant.
        require_keys: nobody asks without one.
        engine: hands out what is kept.
        settings: of reading.
    """

    def __init__(
        self,
        home: Path,
        api_base: str,
        *,
        limits: Limits | None = None,
        require_keys: bool | None = None,
        options: dict[str, Any] | None = None,
        engine: Any = None,
        **settings: Any,
    ) -> None:
        made = load_settings({"home": home, "api_base": api_base, "window": 2048, **settings})
        self.app = create_app(
            made,
            ServeOptions(limits=limits or Limits(), **(options or {})),
            require_keys=require_keys,
            engine=engine,
        )
        config = uvicorn.Config(self.app, port=0, log_config=None, timeout_graceful_shutdown=2)
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> Self:
        self._thread.start()
        until = time.monotonic() + 30
        while not self._server.started:
            assert time.monotonic() < until and self._thread.is_alive()
            time.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.http = httpx.Client(base_url=self.url, timeout=60)
        self._clients: list[httpx.Client | OpenAI] = [self.http]
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()

    @property
    def service(self) -> Any:
        """What its routes have at hand."""
        return self.app.state.service

    def client(self, key: str = "any") -> OpenAI:
        """OpenAI's own client."""
        made = OpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0)
        self._clients.append(made)
        return made

    def as_key(self, secret: str) -> httpx.Client:
        """A client with a key."""
        made = httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {secret}"}, timeout=60)
        self._clients.append(made)
        return made

    def upload(self, text: str, name: str = "town.txt") -> str:
        """Upload a document; its id."""
        reply = self.http.post("/v1/files", files={"file": (name, text.encode())})
        assert reply.status_code == 200, reply.text
        return reply.json()["id"]

    def run(self, question: str, *files: str, **more: Any) -> str:
        """Start a reading; its id."""
        reply = self.http.post("/v1/runs", json={"question": question, "files": files, **more})
        assert reply.status_code == 202, reply.text
        return reply.json()["id"]

    def ended(self, run: str, seconds: float = 60) -> dict[str, Any]:
        """A run when it has ended."""
        until = time.monotonic() + seconds
        while (row := self.http.get(f"/v1/runs/{run}").json())["status"] in {"queued", "running"}:
            assert time.monotonic() < until, row
            time.sleep(0.02)
        return row


def asks(*files: str, text: str) -> list[dict[str, Any]]:
    """A message with files."""
    parts: list[dict[str, Any]] = [{"type": "file", "file": {"file_id": file}} for file in files]
    return [{"role": "user", "content": [*parts, {"type": "text", "text": text}]}]


def sse(lines: str) -> list[dict[str, Any]]:
    """The events of a stream: id, event, data."""
    events: list[dict[str, Any]] = []
    for block in re.split(r"\n\n", lines.replace("\r\n", "\n")):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != ":")
        if "data" in fields:
            data = fields["data"]
            events.append({**fields, "data": json.loads(data) if data != "[DONE]" else data})
    return events


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something that is sure to happen."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
