"""The parts of an Office file: found by their relations, bounded in size, read as XML without entities."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError, XMLPullParser, fromstring

from lcagent.documents.formats.members import BROKEN, Archived, opened

_CHUNK = 1 << 16
_LARGEST_PART = 256 * 1024 * 1024
"""Bytes that one part may unpack to."""
_LARGEST_TREE = 32 * 1024 * 1024
"""Bytes of a part that is read as a whole: styles, numbering, notes."""
_ENTITY = (b"<!ENTITY", "<!ENTITY".encode("utf-16-le"), "<!ENTITY".encode("utf-16-be"))
_OVERLAP = 32


@dataclass(frozen=True, slots=True)
class Relation:
    """What a part refers to under an id: the last word of its type, and a part's name or an address."""

    kind: str
    target: str
    external: bool


class PartDamaged(ValueError):
    """A part that cannot be unpacked, or that declares entities."""


class Package:
    """An Office file.

    Args:
        data: its bytes, or where it lies.
    """

    def __init__(self, data: Archived) -> None:
        self._archive = opened(data)
        self._names = {_key(name): name for name in self._archive.namelist()}
        targets = [one.target for one in self.relations("").values() if one.kind == "officeDocument"]
        self.document = next((one for one in targets if one in self), "word/document.xml")

    def __contains__(self, part: str) -> bool:
        return _key(part) in self._names

    def relations(self, part: str) -> dict[str, Relation]:
        """What a part refers to, by id; nothing where that is missing or broken."""
        folder, name = posixpath.split(part)
        found: dict[str, Relation] = {}
        for one in self.tree(posixpath.join(folder, "_rels", f"{name}.rels")):
            given = one.attrib
            target, external = given.get("Target", ""), given.get("TargetMode") == "External"
            if not external:
                target = posixpath.normpath(posixpath.join("/" + folder, target.replace("\\", "/"))).lstrip(
                    "/"
                )
            found[given.get("Id", "")] = Relation(given.get("Type", "").rpartition("/")[2], target, external)
        return found

    def named(self, kind: str) -> str:
        """The name of the document's part of some kind; "" where there is none."""
        relations = self.relations(self.document).values()
        return next((one.target for one in relations if one.kind == kind and not one.external), "")

    def tree(self, part: str) -> Element:
        """A part as a tree; an empty element where it is missing or broken."""
        try:
            data = self.bytes(part, _LARGEST_TREE)
            return Element("none") if _declares_entities(data) else fromstring(data)  # noqa: S314 - no entities
        except (*BROKEN, KeyError, ParseError):
            return Element("none")

    def bytes(self, part: str, most: int = _LARGEST_PART) -> bytes:
        """A part's bytes.

        Raises:
            KeyError: there is none of this name.
            PartDamaged: it cannot be unpacked, or unpacks to more than `most` bytes.
        """
        with self._open(part) as file:
            try:
                data = file.read(most + 1)
            except BROKEN as error:
                raise PartDamaged(part) from error
        if len(data) > most:
            raise PartDamaged(f"{part} is too large")
        return data

    def events(self, part: str) -> Iterator[tuple[str, Any]]:
        """The elements of a part as they begin and end, without holding it whole.

        Raises:
            KeyError: there is none of this name.
            PartDamaged: it cannot be unpacked, or declares entities.
            ParseError: it is no XML from here on.
        """
        parser = XMLPullParser(("start", "end"))
        before, size = b"", 0
        with self._open(part) as file:
            while True:
                try:
                    chunk = file.read(_CHUNK)
                except BROKEN as error:
                    raise PartDamaged(part) from error
                size += len(chunk)
                if size > _LARGEST_PART or _declares_entities(before + chunk):
                    raise PartDamaged(part)
                if not chunk:
                    break
                before = chunk[-_OVERLAP:]
                parser.feed(chunk)
                yield from _read_events(parser)
        parser.close()
        yield from _read_events(parser)

    def as_far_as_it_goes(self, part: str) -> str:
        """A part's characters up to where it is damaged."""
        pieces: list[bytes] = []
        size = 0
        with suppress(KeyError, *BROKEN), self._open(part) as file:
            while (chunk := file.read(_CHUNK)) and (size := size + len(chunk)) <= _LARGEST_PART:
                pieces.append(chunk)
        data = b"".join(pieces)
        wide = data[:2] in {b"\xff\xfe", b"\xfe\xff"}
        return data.decode("utf-16" if wide else "utf-8", "replace")

    def _open(self, part: str) -> IO[bytes]:
        try:
            return self._archive.open(self._names[_key(part)])
        except BROKEN as error:
            raise PartDamaged(part) from error


def _read_events(parser: XMLPullParser[Any]) -> Iterator[Any]:
    return parser.read_events()  # pairs, by the events asked for


def _declares_entities(data: bytes) -> bool:
    return any(mark in data for mark in _ENTITY)


def _key(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()


def local(element: Element) -> str:
    """An element's name without its namespace, of which files of two standards have different ones."""
    return element.tag.rpartition("}")[2]


def value(element: Element | None, name: str = "val") -> str:
    """An attribute whatever its namespace; "" where it is missing."""
    if element is not None:
        for key, given in element.attrib.items():
            if key == name or key.endswith("}" + name):
                return given
    return ""


def child(element: Element | None, name: str) -> Element | None:
    """The first child of a name."""
    return next((one for one in element if local(one) == name), None) if element is not None else None
