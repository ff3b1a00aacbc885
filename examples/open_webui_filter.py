"""
title: Documents to lcagent
description: Hands the files of a chat to lcagent, which reads them, in place of Open WebUI's own retrieval.

Paste it into Open WebUI as a new function, switch it on, and make it global; its valves are the server's
address and key.
"""

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx
from open_webui.models.files import Files
from open_webui.storage.provider import Storage
from pydantic import BaseModel


class Filter:
    """Goes between a chat and the model."""

    file_handler = True  # Open WebUI leaves the files alone

    class Valves(BaseModel):
        """What an administrator sets."""

        base_url: str = "http://127.0.0.1:8765/v1"
        api_key: str = "any"

    def __init__(self) -> None:
        self.valves = self.Valves()

    async def inlet(self, body: dict[str, Any]) -> dict[str, Any]:
        """Upload what is attached, and name it in the request; the same bytes are kept once."""
        ids: list[str] = []
        headers = {"authorization": f"Bearer {self.valves.api_key}"}
        async with httpx.AsyncClient(headers=headers, timeout=600) as client:
            for attached in body.get("files") or []:
                if held := await Files.get_file_by_id(attached.get("id", "")):
                    path = await asyncio.to_thread(Storage.get_file, held.path)
                    sent = {"file": (held.filename, await asyncio.to_thread(Path(path).read_bytes))}
                    reply = await client.post(f"{self.valves.base_url}/files", files=sent)
                    ids.append(reply.raise_for_status().json()["id"])
        for message in body["messages"]:
            if isinstance(message["content"], str):  # the list of files that Open WebUI sets before it
                message["content"] = re.sub(
                    r"\A<attached_files>.*?</attached_files>\s*", "", message["content"], flags=re.S
                )
        return {**body, "lcagent": {"files": ids}}
