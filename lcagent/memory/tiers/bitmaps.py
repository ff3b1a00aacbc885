"""Sets of entry ids as bitmaps of a chunk of ids each, and the best of many by bit-sliced sums.

A chunk is a Python integer, one bit an id: what holds a word in a million entries is some sixty of them, and
sums over all entries take a few bitwise operations each, without an object an entry. The best by sums kept
as bit slices: O'Neil and Quass, "Improved Query Performance with Variant Indexes" (1997), section 4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

CHUNK = 1 << 14
"""Ids of one chunk: entry n is bit n % CHUNK of chunk n // CHUNK."""
_SPARSE = 256
"""Ids of a chunk up to which each is kept as a number of two bytes, in place of a bit for all."""
_BYTES = CHUNK // 8

Ids: TypeAlias = dict[int, int]
"""A set of ids: chunk number to bitmap; no bitmap is empty."""


def from_blob(blob: bytes) -> int:
    """The chunk that is kept as these bytes: few ids as numbers, many as bits."""
    if len(blob) == _BYTES:
        return int.from_bytes(blob, "little")
    return of_offsets(_numbers(blob))


def added(blob: bytes, offsets: Iterable[int]) -> bytes:
    """A chunk as bytes, with some ids more."""
    if len(blob) == _BYTES:
        return bytes(_with(bytearray(blob), offsets))
    held, more = _numbers(blob), sorted({*offsets})
    if held and more and more[0] <= held[-1]:  # seldom: what is written has the highest ids
        more = sorted({*held, *more})
        held = ()
    if len(held) + len(more) > _SPARSE:
        return bytes(_with(bytearray(_BYTES), [*held, *more]))
    return struct.pack(f"<{len(held) + len(more)}H", *held, *more)


def removed(blob: bytes, offsets: Iterable[int]) -> bytes:
    """A chunk as bytes, without some ids; empty where none is left."""
    return added(b"", offsets_of(from_blob(blob) & ~of_offsets(offsets)))


def _numbers(blob: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(blob) // 2}H", blob)


def of_offsets(offsets: Iterable[int]) -> int:
    """The chunk that holds these ids, counted from its first."""
    return int.from_bytes(_with(bytearray(_BYTES), offsets), "little")


def _with(bits: bytearray, offsets: Iterable[int]) -> bytearray:
    for offset in offsets:
        bits[offset >> 3] |= 1 << (offset & 7)
    return bits


def offsets_of(bits: int) -> Iterator[int]:
    """The ids of a chunk, counted from its first, in order."""
    digits = bin(bits)[:1:-1]
    at = digits.find("1")
    while at >= 0:
        yield at
        at = digits.find("1", at + 1)


def of_ids(ids: Iterable[int]) -> Ids:
    """The set of some ids."""
    held: dict[int, list[int]] = {}
    for one in ids:
        held.setdefault(one // CHUNK, []).append(one % CHUNK)
    return {chunk: of_offsets(numbers) for chunk, numbers in held.items()}


def newest(ids: Ids) -> Iterator[int]:
    """All ids of a set, the highest first."""
    for chunk in sorted(ids, reverse=True):
        digits = bin(ids[chunk])
        above = chunk * CHUNK + len(digits) - 1
        at = digits.find("1", 2)
        while at >= 0:
            yield above - at
            at = digits.find("1", at + 1)


def oldest(ids: Ids) -> Iterator[int]:
    """All ids of a set, the lowest first."""
    for chunk in sorted(ids):
        yield from (chunk * CHUNK + offset for offset in offsets_of(ids[chunk]))


def highest(ids: Ids) -> int:
    """The highest id of a set; 0 for an empty one."""
    return next(newest(ids), 0)


def count(ids: Ids) -> int:
    """How many ids a set holds."""
    return sum(bits.bit_count() for bits in ids.values())


class Reader:
    """Tells which of some sets hold an id: bit n for the n-th set. Made for a few thousand ids."""

    def __init__(self, sets: Iterable[Ids]) -> None:
        self._sets = list(sets)
        self._chunks: dict[int, list[tuple[int, bytes]]] = {}
        self._known: dict[int, int] = {}

    def __call__(self, one: int) -> int:
        """The sets that hold it."""
        if (known := self._known.get(one)) is not None:
            return known
        chunk, offset = divmod(one, CHUNK)
        if (sets := self._chunks.get(chunk)) is None:
            sets = self._chunks[chunk] = [
                (1 << number, ids[chunk].to_bytes(_BYTES, "little"))
                for number, ids in enumerate(self._sets)
                if chunk in ids
            ]
        at, bit, held = offset >> 3, 1 << (offset & 7), 0
        for number, bits in sets:
            if bits[at] & bit:
                held |= number
        self._known[one] = held
        return held


def up_to(ids: Ids, last: int) -> Ids:
    """Those of a set that are not above an id."""
    whole, rest = divmod(last, CHUNK)
    kept = {chunk: bits for chunk, bits in ids.items() if chunk < whole}
    if part := ids.get(whole, 0) & ((2 << rest) - 1):
        kept[whole] = part
    return kept


def both(one: Ids, other: Ids) -> Ids:
    """What two sets share."""
    shared = {chunk: bits & other[chunk] for chunk, bits in one.items() if chunk in other}
    return {chunk: bits for chunk, bits in shared.items() if bits}


def either(sets: Iterable[Ids]) -> Ids:
    """What any of some sets holds."""
    joined: Ids = {}
    for ids in sets:
        for chunk, bits in ids.items():
            joined[chunk] = joined.get(chunk, 0) | bits
    return joined


def without(one: Ids, other: Ids) -> Ids:
    """What the first of two sets holds and the second does not."""
    left = {chunk: bits & ~other.get(chunk, 0) for chunk, bits in one.items()}
    return {chunk: bits for chunk, bits in left.items() if bits}


@dataclass(slots=True)
class Sums:
    """Sums of small whole weights over ids, as bit slices: `slices[n]` holds 2 to the n of each sum."""

    slices: list[Ids] = field(default_factory=list)

    def add(self, ids: Ids, weight: int) -> None:
        """Add a weight to the sum of each id of a set."""
        for chunk, bits in ids.items():
            carry, rest, level = 0, weight, 0
            while rest or carry:
                if level == len(self.slices):
                    self.slices.append({})
                held = self.slices[level].get(chunk, 0)
                given = bits if rest & 1 else 0
                half = held ^ given
                self.slices[level][chunk] = half ^ carry
                carry = (held & given) | (half & carry)
                rest >>= 1
                level += 1

    def best(self, among: Ids, limit: int) -> list[int]:
        """The ids of a set with the highest sums, at most so many; of equal ones the newest. In no order."""
        sure: list[Ids] = []
        left, room = among, limit
        for level in reversed(self.slices):
            high = both(left, level)
            if (many := count(high)) > room:
                left = high
            else:
                sure.append(high)
                left, room = without(left, level), room - many
        found = [one for ids in sure for one in newest(ids)]
        for one in newest(left):
            if len(found) == limit:
                break
            found.append(one)
        return found
