"""What the tools of the Model Context Protocol give: data, and the same in words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel

from lcagent.answer import Message
from lcagent.documents import Document
from lcagent.errors import NotFound

MOST_TEXT = 20_000
"""Characters of pages in one reply: a client's window holds them."""


class Reading(BaseModel):
    """A question, as far as it is answered; `status` is the answer's, `citations` say where it stands."""

    run: str
    state: Literal["queued", "running", "finished"]
    progress: str = ""
    status: str | None = None
    answer: str = ""
    citations: list[dict[str, Any]] = []


class Stretch(BaseModel):
    """Characters `char_start` to `char_end` of a document's text, exactly."""

    document: str
    page: int | None
    place: str
    char_start: int
    char_end: int
    text: str


class Passages(BaseModel):
    """What a search found, best first."""

    passages: list[Stretch]


class Pages(BaseModel):
    """Pages of a document; `next_offset` is where the rest begins, if more was asked for than fits."""

    pages: list[Stretch]
    total_pages: int
    total_chars: int
    next_offset: int | None


class Remembered(BaseModel):
    """What was kept, by its number."""

    id: int
    session: str


class Recalled(BaseModel):
    """What was found in a memory, and how many more there is."""

    messages: list[Message]
    total: int


def text_part(text: str) -> TextContent:
    """A reply's words."""
    return TextContent(type="text", text=text)


def result(data: BaseModel, text: str) -> CallToolResult:
    """A tool's reply: data, and the same in words."""
    return CallToolResult(content=[text_part(text)], structured_content=data.model_dump(mode="json"))


def stretch(document: Document, start: int, end: int) -> Stretch:
    """Characters `start` to `end` of a document."""
    return Stretch(
        document=document.name,
        page=document.page_at(start),
        place=document.place(start),
        char_start=start,
        char_end=end,
        text=document.text[start:end],
    )


def shown(stretches: Sequence[Stretch]) -> str:
    """Stretches in words, each with where it stands."""
    return "\n\n".join(
        f"{one.document}, {one.place} ({one.char_start}-{one.char_end}):\n{one.text}" for one in stretches
    )


def pages_of(document: Document, first: int, count: int, offset: int | None) -> Pages:
    """Pages of a document; all of its text from the offset on, where it has none.

    Args:
        document: whose.
        first: the first one's number, from 1.
        count: how many, at most.
        offset: a character to begin at, instead.

    Raises:
        NotFound: there is no such page.
    """
    held, length = document.pages, len(document.text)
    start, end = min(offset or 0, length), length
    if held:
        if offset is not None:
            first = document.page_at(start) or 1
        if first > len(held):
            raise NotFound(f"{document.name} has no page {first:,}", hint=f"it has {len(held):,}")
        start = held[first - 1].start if offset is None else start
        end = max(start, held[min(first + count - 1, len(held)) - 1].end)
    stop = min(end, start + MOST_TEXT)
    edges = [start, *(page.start for page in held if start < page.start < stop), stop]
    return Pages(
        pages=[stretch(document, a, b) for a, b in pairwise(edges)],
        total_pages=len(held),
        total_chars=length,
        next_offset=stop if stop < end else None,
    )
