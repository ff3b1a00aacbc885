"""A segment of which one reply cannot tell all is read in halves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from lcagent.documents.segments import Segment, halved
from lcagent.errors import CutReply

T = TypeVar("T")
MOST_HALVINGS = 3


async def in_halves(
    text: str,
    segment: Segment,
    read: Callable[[Segment], Awaitable[T]],
    join: Callable[[T, T], T],
    halvings: int = MOST_HALVINGS,
) -> T:
    """Read a segment; where its reply is cut it says more than one reply holds, so that its halves are read.

    Args:
        text: the document's text.
        segment: which segment of it.
        read: reads a piece.
        join: puts what two pieces gave together.
        halvings: how often; a model whose reply to an eighth of a segment has no end says nothing.

    Raises:
        CutReply: even of the smallest piece.
    """
    try:
        return await read(segment)
    except CutReply:
        if not halvings or segment.end - segment.start < 2:
            raise
    first, second = halved(text, segment)
    before = await in_halves(text, first, read, join, halvings - 1)
    return join(before, await in_halves(text, second, read, join, halvings - 1))
