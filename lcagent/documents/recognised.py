"""Scanned pages: their text is recognised (OCR) where the extra for it is installed, and told as such."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from lcagent.documents.document import Document
from lcagent.documents.formats.body import PAGE_BREAK, paged
from lcagent.documents.formats.ocr import available
from lcagent.errors import DocumentError


@dataclass(frozen=True, slots=True)
class Watch:
    """Whoever waits for documents.

    Args:
        halt: set when nobody waits any more (`parsing.PARSER.halt`).
        say: gets sentences on what takes long.
    """

    halt: threading.Event = field(default_factory=threading.Event)
    say: Callable[[str], None] = lambda _: None


def unreadable(document: Document) -> list[int]:
    """Numbers of a PDF's pages whose text may be recognised; none where the extra is missing."""
    if document.format != "pdf" or not available():
        return []
    return sorted({*document.health.empty, *document.health.garbled})


def recognised(
    document: Document, data: bytes, password: str | None, watch: Watch, keep: Callable[[Document], None]
) -> Document:
    """The document with the text of its scanned pages.

    Args:
        document: as it was parsed.
        data: the file's bytes.
        password: where it is encrypted.
        watch: told of each page, since one takes seconds.
        keep: gets the document after each tenth page, so that what is done is not done again.

    Raises:
        DocumentError: given up by whoever asked.
    """
    from lcagent.documents.parsing import PARSER

    wanted = unreadable(document)
    texts: dict[int, str] = {}
    for done, number in enumerate(wanted):
        if watch.halt.is_set():
            raise DocumentError("given up by whoever asked")
        watch.say(
            f"{document.name}: recognising page {number} ({done + 1} of {len(wanted)} without text, OCR)"
        )
        texts[number] = PARSER.recognise(
            data, number - 1, name=document.name, password=password, halt=watch.halt
        )
        if done % 10 == 9:
            keep(_with(document, texts))
    return _with(document, texts)


def _with(document: Document, texts: Mapping[int, str]) -> Document:
    """A document whose pages have these texts; a page that holds none is one without text, and looked at."""
    found = {number: text for number, text in texts.items() if text.strip()}
    of_pages = [
        found.get(page.number, document.text[page.start : page.end].removesuffix(PAGE_BREAK))
        for page in document.pages
    ]
    text, pages = paged(
        of_pages, [page.label or str(page.number) for page in document.pages], between=PAGE_BREAK
    )
    health = document.health
    return replace(
        document,
        text=text,
        pages=pages,
        health=replace(
            health,
            empty=tuple(n for n in (*health.empty, *health.garbled) if n in texts and n not in found)
            + tuple(n for n in health.empty if n not in texts),
            garbled=tuple(n for n in health.garbled if n not in texts),
            recognised=(*health.recognised, *found),
        ),
    )
