"""What a parser's process and its parent say to each other: a JSON head and bytes, both of known length.

Nothing is unpickled, so that a child that a hostile file has taken over can hand back no more than text.
"""

from __future__ import annotations

import json
import struct
from typing import IO, Any

_LENGTHS = struct.Struct(">QQ")
_MOST_HEAD = 64 << 20
"""Bytes of a head: the list of pages of a very long book is a few MiB."""
_AT_ONCE = 1 << 16
"""Bytes of a body that go with its head in one write, so that the other side wakes once."""


def write(pipe: IO[bytes], head: dict[str, Any], *parts: bytes) -> None:
    """Send a frame.

    Args:
        pipe: where to.
        head: what JSON can hold.
        parts: of its body.

    Raises:
        OSError: the other side has ended.
    """
    told = json.dumps(head).encode()
    length = sum(map(len, parts))
    first = _LENGTHS.pack(len(told), length) + told
    if length <= _AT_ONCE:
        pipe.write(b"".join((first, *parts)))
    else:
        pipe.write(first)
        pipe.writelines(parts)
    pipe.flush()


def read(pipe: IO[bytes], most: int) -> tuple[dict[str, Any], bytes]:
    """Receive a frame.

    Args:
        pipe: where from.
        most: bytes that its body may have.

    Raises:
        EOFError: the other side has ended.
        ValueError: it is too long, or no JSON.
    """
    told, length = _LENGTHS.unpack(_exactly(pipe, _LENGTHS.size))
    if told > _MOST_HEAD or length > most:
        raise ValueError("a frame that is too long")
    return json.loads(_exactly(pipe, told)), _exactly(pipe, length)


def _exactly(pipe: IO[bytes], count: int) -> bytes:
    data = pipe.read(count)
    if len(data) < count:
        raise EOFError
    return data
