"""How much of the machine a file may take, by its size."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one file's parsing.

    Args:
        memory: bytes of address space beyond what the process has when it begins.
        seconds: of the processor; the clock may show four times as many, for a busy machine.
        output: bytes of text that come of it.
    """

    memory: int
    seconds: float
    output: int


def limits(size: int, *, picture: bool = False) -> Limits:
    """What a file may take. An honest PDF takes 3 s for 100 pages at the very most, and 6 times its size.

    Args:
        size: bytes of it.
        picture: the text of a picture is recognised: models take 1.4 GiB of addresses, and 5 to 40 s a page.
    """
    if picture:
        return Limits(memory=4096 * _MIB + 12 * size, seconds=180, output=_MIB)
    return Limits(memory=320 * _MIB + 12 * size, seconds=8 + 3 * size / _MIB, output=4 * _MIB + 60 * size)


MEMORY_SPENT = 77
"""Exit status of a child that was refused memory and could not say so."""
