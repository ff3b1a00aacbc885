"""EPUB: the chapters that its package file names, each a page of HTML."""

from __future__ import annotations

from lcagent.documents.formats.body import Body, paged
from lcagent.documents.formats.epub.book import Book, ChapterDamaged
from lcagent.documents.formats.html import read_html
from lcagent.documents.formats.members import Archived, decoded
from lcagent.documents.health import Health
from lcagent.errors import DocumentDamaged

_MOST_NAMED = 12
_MOST_TEXT = 256 * 1024 * 1024
"""Characters of all chapters together."""


def parse_epub(data: Archived, name: str) -> Body:
    """Read an EPUB book.

    Args:
        data: its bytes, or where it lies.
        name: as shown to people.

    Raises:
        DocumentDamaged: none of its chapters can be read.
        DocumentEncrypted: it is protected.
    """
    book = Book(data, name)
    texts: list[str] = []
    missing: list[str] = []
    damaged: list[str] = []
    left_out: list[str] = []
    size = 0
    for number, chapter in enumerate(book.chapters(), start=1):
        text = ""  # a chapter that cannot be read keeps its number: those after it are cited by theirs
        if not chapter.member:
            missing.append(f"{number} ({chapter.name})")
        else:
            try:
                page = decoded(book.read(chapter.member))
            except ChapterDamaged:
                damaged.append(f"{number} ({chapter.name})")
            else:
                text, hidden = read_html(page, xml=True)
                left_out += [f"{one} in chapter {number}" for one in hidden]
        size += len(text)
        if size > _MOST_TEXT:
            raise DocumentDamaged(f"{name} unpacks to more text than any book has")
        texts.append(text + "\n" if text else "")
    if len(missing) + len(damaged) == len(texts):
        why = "whose chapters are damaged" if damaged else "without chapters"
        raise DocumentDamaged(f"{name} is an EPUB {why}")
    named = [_named(missing, "missing from the file"), _named(damaged, "damaged")]
    text, pages = paged(texts)
    health = Health(left_out=(*filter(None, named), *_few(left_out)), notes=tuple(book.notes))
    return Body(text, pages, "chapter", health)


def _named(chapters: list[str], why: str) -> str:
    if not chapters:
        return ""
    listed = ", ".join(chapters[:_MOST_NAMED]) + (", …" if len(chapters) > _MOST_NAMED else "")
    return f"chapter{'s' * (len(chapters) > 1)} {listed}, {why}"


def _few(left_out: list[str]) -> list[str]:
    more = len(left_out) - _MOST_NAMED
    return left_out if more <= 0 else [*left_out[:_MOST_NAMED], f"the like in {more} more"]
