"""What one reply cannot tell all of is asked for in halves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from lcagent.errors import CutReply

P = TypeVar("P")
T = TypeVar("T")
MOST_HALVINGS = 3


async def in_halves(
    piece: P,
    ask: Callable[[P], Awaitable[T]],
    join: Callable[[T, T], T],
    halve: Callable[[P], tuple[P, P] | None],
    halvings: int = MOST_HALVINGS,
) -> T:
    """Ask of a piece; where the reply is cut there is more to say than one reply holds: ask of its halves.

    Args:
        piece: what is asked of.
        ask: asks of a piece.
        join: puts what two pieces gave together.
        halve: parts a piece; None where it cannot be parted.
        halvings: how often; a model whose reply to an eighth of a segment has no end says nothing.

    Raises:
        CutReply: even of the smallest piece.
    """
    try:
        return await ask(piece)
    except CutReply:
        halves = halve(piece) if halvings else None
        if halves is None:
            raise
    before = await in_halves(halves[0], ask, join, halve, halvings - 1)
    return join(before, await in_halves(halves[1], ask, join, halve, halvings - 1))
