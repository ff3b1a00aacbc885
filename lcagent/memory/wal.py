"""What a write-ahead log holds: SQLite reads a damaged one up to the damage, and says nothing.

The format is SQLite's own (https://www.sqlite.org/fileformat2.html, section 4; walformat.html for the index).
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

_HEADER = 32
_FRAME = 24
_INDEX = struct.Struct("=12xBBHIIII8s")
"""Of the index: is it made, the checksums' order, page size, last frame, pages, checksum, salt."""
_INDEX_BYTES = 48
_MAGIC = 0x377F0682


def salt(log: Path) -> bytes:
    """What the frames of a log are known by, new whenever it is begun anew; empty where there is none."""
    head = _start(log, _HEADER)
    return head[16:24] if len(head) == _HEADER else b""


def committed(log: Path) -> int:
    """How many frames of a log were written up to its last commit, readable or not.

    Nothing is opened that SQLite locks, but for the index: call it only before this process has opened the
    database, since closing a file drops all locks that the process has on it.

    Args:
        log: the file that ends in `-wal`.
    """
    head = _start(log, _HEADER)
    size = int.from_bytes(head[8:12], "big") if len(head) == _HEADER else 0
    noted = _noted(log, head[16:24] if len(head) == _HEADER else b"")
    if not _sound(head):
        whole = bool(head) and log.stat().st_size >= _HEADER + _FRAME + 512
        return max(noted, 1) if whole else noted
    frames, at, number = 0, _HEADER, 0
    with log.open("rb") as file:
        while True:
            file.seek(at)
            frame = file.read(_FRAME)
            if len(frame) < _FRAME or frame[8:16] != head[16:24]:
                # One frame that is damaged there ends nothing: those behind it are of this log too.
                file.seek(at + _FRAME + size)
                after = file.read(_FRAME)
                if len(after) < _FRAME or after[8:16] != head[16:24]:
                    return max(frames, noted)
            number += 1
            at += _FRAME + size
            if frame[4:8] != bytes(4):
                frames = number


def _noted(log: Path, own: bytes) -> int:
    """The last frame that the index beside a log knows of; 0 where it is no index of this log."""
    index = _start(log.with_name(log.name.removesuffix("-wal") + "-shm"), 2 * _INDEX_BYTES + 4)
    if len(index) < 2 * _INDEX_BYTES + 4 or index[:_INDEX_BYTES] != index[_INDEX_BYTES:-4]:
        return 0
    made, _, _, last, _, _, _, known = _INDEX.unpack(index[: _INDEX.size])
    if not own:  # the log is gone, as it is after all of it was copied to the database
        copied = int.from_bytes(index[2 * _INDEX_BYTES :], sys.byteorder)
        return last if made and copied < last else 0
    return last if made and known == own else 0


def _sound(head: bytes) -> bool:
    """Whether a log's header is as it was written."""
    if len(head) < _HEADER:
        return False
    magic = int.from_bytes(head[:4], "big")
    if magic & ~1 != _MAGIC:
        return False
    words = struct.unpack(">6I" if magic & 1 else "<6I", head[:24])
    first = second = 0
    for a, b in zip(words[::2], words[1::2], strict=True):
        first = (first + a + second) & 0xFFFFFFFF
        second = (second + b + first) & 0xFFFFFFFF
    return (first, second) == struct.unpack(">2I", head[24:32])


def _start(file: Path, size: int) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(size)
    except FileNotFoundError:
        return b""
