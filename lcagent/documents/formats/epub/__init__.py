"""EPUB: the chapters that its package file names, each a page of HTML."""

from __future__ import annotations

from lcagent.documents.formats.body import Body, paged
from lcagent.documents.formats.epub.book import Book, ChapterDamaged
from lcagent.documents.formats.html import read_html
from lcagent.documents.formats.members import Archived, decoded
from lcagent.documents.health import Health, few
from lcagent.errors import DocumentDamaged, DocumentEmpty, UnsupportedFormat

_MOST_NAMED = 12
_MISSING, _DAMAGED = "missing from the file", "damaged"
_MOST_TEXT = 256 * 1024 * 1024
"""Characters of all chapters together."""


def parse_epub(data: Archived, name: str) -> Body:
    """Read an EPUB book.

    Args:
        data: its bytes, or where it lies.
        name: as shown to people.

    Raises:
        DocumentDamaged: none of its chapters can be read.
        DocumentEmpty: its chapters are pictures.
        DocumentEncrypted: it is protected.
    """
    book = Book(data, name)
    texts: list[str] = []
    unread: dict[str, list[str]] = {}
    left_out: list[str] = []
    size = 0
    for number, chapter in enumerate(book.chapters(), start=1):
        text = ""  # a chapter that cannot be read keeps its number: those after it are cited by theirs
        why = chapter.unread if chapter.member else _MISSING
        if not why:
            try:
                text, hidden = read_html(decoded(book.read(chapter.member)), xml=True)
                left_out += [f"{one} in chapter {number}" for one in hidden]
            except (ChapterDamaged, UnsupportedFormat):
                why = _DAMAGED
        if why:
            unread.setdefault(why, []).append(f"{number} ({chapter.name})")
        size += len(text)
        if size > _MOST_TEXT:
            raise DocumentDamaged(f"{name} unpacks to more text than any book has")
        texts.append(text + "\n" if text else "")
    if sum(map(len, unread.values())) == len(texts):
        if _DAMAGED not in unread and set(unread) - {_MISSING}:
            raise DocumentEmpty(f"{name} holds no text: its chapters are {', '.join(unread)}")
        why = "whose chapters are damaged" if _DAMAGED in unread else "without chapters"
        raise DocumentDamaged(f"{name} is an EPUB {why}")
    named = [_named(chapters, why) for why, chapters in unread.items()]
    text, pages = paged(texts)
    health = Health(left_out=(*named, *few(left_out)), notes=tuple(book.notes))
    return Body(text, pages, "chapter", health)


def _named(chapters: list[str], why: str) -> str:
    listed = ", ".join(chapters[:_MOST_NAMED]) + (", …" if len(chapters) > _MOST_NAMED else "")
    return f"chapter{'s' * (len(chapters) > 1)} {listed}, {why}"
