"""Layers of a PDF that are switched off when it is opened (optional content): pdfium gives their text too.

Found is what a page itself puts on a layer, its own text and its forms. pdfium does not tell of a form that
names its layer itself, nor of rules that join several layers: what those switch off is read as if it were on.
"""

from __future__ import annotations

import ctypes
import io
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from lcagent.documents.formats.pdf import raw
from lcagent.documents.formats.pdf.opening import quiet

_PACKED = b"/ObjStm"
_STREAM = re.compile(rb"stream\r?\n")
_LONGEST_HEAD = 400
"""Bytes between the name of a stream's kind and the stream."""
_MOST_PACKED = 1 << 24
"""Bytes of packed objects that are looked through."""
_OFF = re.compile(rb"/OFF\s*(?:\[\s*\d|\d)|/BaseState\s*/OFF")
"""What a file that switches layers off says somewhere."""
_DEEPEST = 6
_LONGEST = 256
"""UTF-16 units of a layer's name."""


def switched_off(data: bytes, password: str | None) -> frozenset[str]:
    """The names of the layers that are off when a PDF is opened; a name that one that is on has too is none.

    Args:
        data: the file's bytes.
        password: where it is encrypted.
    """
    if not (_says_off(data) or b"/Encrypt" in data or any(map(_says_off, _packed(data)))):
        return frozenset()
    try:
        with quiet("pypdf"):
            import pypdf

            root: Any = pypdf.PdfReader(io.BytesIO(data), password=password).trailer["/Root"].get_object()
            return _names(root["/OCProperties"]) if "/OCProperties" in root else frozenset()
    except Exception:  # noqa: BLE001 - whatever is wrong with the file, then nothing is known
        return frozenset()


def _says_off(data: bytes) -> bool:
    return b"/OFF" in data and _OFF.search(data) is not None


def _packed(data: bytes) -> Iterator[bytes]:
    """What the streams hold in which newer files pack their objects."""
    left = _MOST_PACKED
    view = memoryview(data)
    at = 0
    while (at := data.find(_PACKED, at + 1)) >= 0:
        match = _STREAM.search(data, at, at + _LONGEST_HEAD)
        if match is None:
            continue
        end = data.find(b"endstream", match.end())
        try:
            found = zlib.decompressobj().decompress(view[match.end() : end], left)
        except zlib.error:
            continue
        yield found
        left -= len(found)
        if left <= 0:
            return


def _names(properties: Any) -> frozenset[str]:
    default = properties["/D"]
    is_on = default.get("/BaseState", "/ON") != "/OFF"
    listed = default.get("/OFF" if is_on else "/ON", ())
    others = {one.idnum for one in (listed.get_object() if listed else ())}
    names: dict[bool, set[str]] = {True: set(), False: set()}
    for layer in properties["/OCGs"]:
        state = is_on != (layer.idnum in others)
        names[state].add(str(layer.get_object().get("/Name", "")))
    return frozenset(names[False] - names[True])


def texts_of(page: int, names: frozenset[str]) -> set[int]:
    """The text objects of a page that stand on some layers, by pdfium's handles.

    Args:
        page: pdfium's handle.
        names: of the layers.
    """
    objects = (raw.get_object(page, number) for number in range(max(raw.count_objects(page), 0)))
    return set(_texts(objects, names, is_on=False, depth=0))


def _texts(objects: Iterator[int], names: frozenset[str], *, is_on: bool, depth: int) -> Iterator[int]:
    """The text objects among these that stand on the layers, or all where what holds them does."""
    for handle in objects:
        stands = is_on or any(name in names for name in _layers(handle))
        kind = raw.object_type(handle)
        if kind == raw.FORM and depth < _DEEPEST:
            inner = (raw.get_inner(handle, number) for number in range(max(raw.count_inner(handle), 0)))
            yield from _texts(inner, names, is_on=stands, depth=depth + 1)
        elif kind == raw.TEXT and stands:
            yield handle


def _layers(handle: int) -> Iterator[str]:
    """The names of the layers that an object is marked with."""
    for number in range(max(raw.count_marks(handle), 0)):
        mark = raw.get_mark(handle, number)
        if _string(raw.mark_name, mark) == "OC":
            yield _string(raw.mark_string, mark, b"Name")


def _string(call: Callable[..., int], *arguments: Any) -> str:
    buffer = ctypes.create_string_buffer(2 * _LONGEST)
    length = ctypes.c_ulong()
    if not call(*arguments, ctypes.addressof(buffer), len(buffer), ctypes.addressof(length)):
        return ""
    return buffer.raw[: max(min(length.value, len(buffer)) - 2, 0)].decode("utf-16-le", "replace")
