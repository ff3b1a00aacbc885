"""An EPUB's archive: members found however their names are written, and what its package file says."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from dataclasses import dataclass
from html import unescape
from urllib.parse import unquote

from lcagent.documents.formats.members import BROKEN, Archived, opened
from lcagent.errors import DocumentDamaged, DocumentEncrypted

_LARGEST = 64 * 1024 * 1024
"""Bytes that one member may unpack to."""
_OBFUSCATIONS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
"""Algorithms that only make fonts of no use elsewhere."""
_PAGE = re.compile(r"\.x?html?$", re.I)
_TAG = re.compile(
    r"<(?:[\w.-]+:)?(item|itemref|rootfile|CipherReference|EncryptedData)\b((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>"
)
_ATTRIBUTE = re.compile(r"([\w.:-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.S)


class ChapterDamaged(ValueError):
    """A member that cannot be unpacked."""


_READ = frozenset(
    "application/xhtml+xml text/html text/plain image/svg+xml text/x-oeb1-document"
    " application/x-dtbook+xml".split()
)
_MOST_FALLBACKS = 10


@dataclass(frozen=True, slots=True)
class Chapter:
    """One entry of the reading order.

    Args:
        name: as the book's list has it.
        member: of the archive; "" where none is.
        unread: what it is, where that is no page: "a picture".
    """

    name: str
    member: str
    unread: str = ""


class Book:
    """An EPUB file.

    Args:
        data: its bytes, or where it lies.
        name: as shown to people.

    Raises:
        DocumentDamaged: it is no ZIP archive that can be read.
    """

    def __init__(self, data: Archived, name: str) -> None:
        self.name = name
        self.notes: list[str] = []
        self._archive = opened(data)
        self._exact = set(self._archive.namelist())
        self._members: dict[str, str] = {}
        for member in self._archive.namelist():
            self._members.setdefault(_key(member), member)

    def member(self, folder: str, href: str) -> str:
        """The member that a reference means; "" where there is none.

        A reference is a URL; files that were not made by the book write names as they are, or in other
        letters than the archive's.

        Args:
            folder: that of the file which refers to it.
            href: the reference.
        """
        bare = href.partition("#")[0]
        for written in dict.fromkeys((unquote(bare), unquote(href), bare, href)):
            whole = posixpath.normpath(posixpath.join(folder, written.replace("\\", "/"))).lstrip("/")
            if whole in self._exact:
                return whole
            if (found := self._members.get(_key(whole))) is not None:
                return found
        return ""

    def read(self, member: str) -> bytes:
        """A member's bytes.

        Raises:
            ChapterDamaged: it cannot be unpacked, or unpacks to too much.
        """
        try:
            with self._archive.open(member) as file:
                data = file.read(_LARGEST + 1)
        except (KeyError, *BROKEN) as error:
            raise ChapterDamaged(f"cannot be unpacked: {member}") from error
        if len(data) > _LARGEST:
            raise ChapterDamaged(f"unpacks to too much: {member}")
        return data

    def chapters(self) -> list[Chapter]:
        """The reading order, each chapter once.

        Raises:
            DocumentDamaged: the archive holds no page at all.
            DocumentEncrypted: its chapters are protected.
        """
        package = self._package()
        found = self._listed(package) if package else []
        if not any(chapter.member for chapter in found):
            pages = sorted(filter(_PAGE.search, self._exact), key=_natural)
            if pages:
                found = [Chapter(page, page) for page in pages]
                self.notes = ["the book names none of its pages; they are read in the order of their names"]
        if not found:
            raise DocumentDamaged(f"{self.name} is an EPUB without chapters")
        self._refuse_protected({chapter.member for chapter in found})
        return found

    def _package(self) -> str:
        container = self._members.get(_key("META-INF/container.xml"), "")
        try:
            roots = _tags(self._text(container), "rootfile") if container else []
        except ChapterDamaged:
            roots = []
        named = [self.member("", root.get("full-path", "")) for root in roots]
        others = [member for member in self._exact if member.lower().endswith(".opf")]
        return next(filter(None, [*named, *sorted(others)]), "")

    def _listed(self, package: str) -> list[Chapter]:
        try:
            text = self._text(package)
        except ChapterDamaged:
            return []
        folder = posixpath.dirname(package)
        items = {item.get("id", ""): item for item in _tags(text, "item")}
        spine = dict.fromkeys(ref.get("idref", "") for ref in _tags(text, "itemref"))
        listed = [_readable(items[one], items) if one in items else {"href": one} for one in spine]
        if not listed:
            pages = [item for item in items.values() if "nav" not in item.get("properties", "").split()]
            listed = list(filter(_is_page, pages))
            if listed:
                self.notes.append("the book names no reading order; its pages are read as they are listed")
        chapters = [
            Chapter(
                posixpath.normpath(posixpath.join(folder, item.get("href", "").partition("#")[0])),
                self.member(folder, item.get("href", "")),
                _unread(item),
            )
            for item in listed
        ]
        return list({chapter.member or chapter.name: chapter for chapter in reversed(chapters)}.values())[
            ::-1
        ]

    def _text(self, member: str) -> str:
        data = self.read(member)
        wide = data[:2] in {b"\xff\xfe", b"\xfe\xff"}
        return _COMMENT.sub("", data.decode("utf-16" if wide else "utf-8", "replace"))

    def _refuse_protected(self, members: set[str]) -> None:
        listed = self._members.get(_key("META-INF/encryption.xml"), "")
        try:
            text = self._text(listed) if listed else ""
        except ChapterDamaged:
            return
        protected: set[str] = set()
        for block in text.split("EncryptedData>"):
            if not any(algorithm in block for algorithm in _OBFUSCATIONS):
                protected |= {self.member("", one.get("URI", "")) for one in _tags(block, "CipherReference")}
        count = len(protected & members)
        if count:
            raise DocumentEncrypted(
                f"{self.name} is protected (DRM): {count} of its {len(members)} chapters are encrypted",
                hint="only the reading program that it was sold for can open it; use an unprotected copy",
            )


def _is_page(item: dict[str, str]) -> bool:
    return item.get("media-type") in {"application/xhtml+xml", "text/html"} or bool(
        _PAGE.search(item.get("href", ""))
    )


def _readable(item: dict[str, str], items: dict[str, dict[str, str]]) -> dict[str, str]:
    """An item, or what the book names in its place for programs that cannot show it."""
    instead: dict[str, str] | None = item
    for _ in range(_MOST_FALLBACKS):
        if instead is None or not _unread(instead):
            break
        instead = items.get(instead.get("fallback", ""))
    return item if instead is None or _unread(instead) else instead


def _unread(item: dict[str, str]) -> str:
    """What an item is, where that is no page."""
    kind = item.get("media-type", "").strip().lower()
    if not kind or kind in _READ or _PAGE.search(item.get("href", "")):
        return ""
    return "a picture" if kind.startswith("image/") else kind


def _tags(text: str, name: str) -> list[dict[str, str]]:
    """The attributes of all elements of a name, under any prefix."""
    return [
        {key: unescape(double or single) for key, double, single in _ATTRIBUTE.findall(match[2])}
        for match in _TAG.finditer(text)
        if match[1] == name
    ]


def _key(name: str) -> str:
    whole = posixpath.normpath(name.replace("\\", "/")).lstrip("/")
    return unicodedata.normalize("NFC", whole).casefold()


def _natural(name: str) -> list[tuple[int, str]]:
    """Orders `c2` before `c10`."""
    return [
        (int(part), "") if part.isdecimal() and len(part) < 10 else (-1, part)
        for part in re.split(r"(\d+)", name)
    ]
