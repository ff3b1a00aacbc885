"""Pages of PDFs beside their text: where quotes stand on them, pictures of them, the pages with marks.

All of it is worked out in the parser's process, from the file as it was read: one that has gone or changed
gives nothing.
"""

from __future__ import annotations

import hashlib
import stat
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lcagent.answer import Box
from lcagent.documents.document import Document
from lcagent.documents.formats.body import PAGE_BREAK
from lcagent.documents.load import DEFAULT_MAX_BYTES
from lcagent.documents.parsing import PARSER
from lcagent.documents.quotes import Span
from lcagent.errors import DocumentError

_AT_ONCE = 40
"""Pages that the parser's process is asked about at once: its limits are for one request."""


def unchanged(file: Path, sha256: str) -> bytes | None:
    """A file's bytes, if it is still the one that was read.

    Args:
        file: its path.
        sha256: of the bytes that were read.
    """
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > DEFAULT_MAX_BYTES:
            return None  # a pipe gives its bytes once
        data = file.read_bytes()
    except (OSError, ValueError, MemoryError):
        return None
    return data if hashlib.sha256(data).hexdigest() == sha256 else None


def quote_boxes(
    document: Document,
    data: bytes,
    spans: Sequence[Span],
    *,
    password: str | None = None,
    halt: threading.Event | None = None,
) -> list[list[Box]]:
    """Where stretches of a PDF's text stand on its pages: a box a line, none where that is not certain.

    Args:
        document: the PDF as it was read.
        data: its bytes.
        spans: stretches of its text.
        password: where it is encrypted.
        halt: whose parsing `PARSER.halt` ends; set, nothing more is begun.
    """
    asked: dict[int, dict[Span, list[Box]]] = defaultdict(dict)
    for span in spans:
        for index in _pages(document, span):
            asked[index][span] = []
    pages = sorted(asked.items())
    for at in range(0, len(pages), _AT_ONCE):
        if halt is not None and halt.is_set():
            break
        _place(document, data, pages[at : at + _AT_ONCE], password, halt)
    return [_whole([asked[index][span] for index in _pages(document, span)]) for span in spans]


def _whole(parts: list[list[Box]]) -> list[Box]:
    """A quote's boxes on all of its pages; none where it could not be placed on one of them."""
    return [box for part in parts for box in part] if all(parts) else []


def _pages(document: Document, span: Span) -> list[int]:
    """Indexes of the pages on which a stretch has letters."""
    found: list[int] = []
    for index, page in enumerate(document.pages):
        start, end = max(page.start, span.start), min(page.end, span.end)
        if start < end and any(map(str.isalnum, document.text[start:end])):
            found.append(index)
    return found


def _place(
    document: Document,
    data: bytes,
    pages: Sequence[tuple[int, dict[Span, list[Box]]]],
    password: str | None,
    halt: threading.Event | None,
) -> None:
    """Fill in the boxes of some pages."""
    wanted: list[list[object]] = []
    for index, spans in pages:
        page = document.pages[index]
        text = document.text[page.start : page.end].removesuffix(PAGE_BREAK)
        within = [(max(s.start - page.start, 0), min(s.end, page.end) - page.start) for s in spans]
        wanted.append([index, text, within])
    try:
        told, _ = PARSER.of_pages(data, {"boxes": wanted}, name=document.name, password=password, halt=halt)
        for (index, spans), found in zip(pages, told["boxes"], strict=True):
            number = document.pages[index].number
            placed = [
                [
                    Box(page=number, left=left, top=top, right=right, bottom=bottom)
                    for left, top, right, bottom in rectangles
                ]
                for rectangles in found
            ]
            for span, boxes in zip(list(spans), placed, strict=True):
                spans[span] = boxes
    except (DocumentError, OSError, ValueError, TypeError, KeyError, ValidationError):
        return  # whatever such a file does to a parser, it only costs the boxes


def page_picture(
    name: str, page: int, data: bytes, *, password: str | None = None
) -> tuple[tuple[float, float], bytes]:
    """A page as a person sees it: its width and height in points, and a PNG.

    Args:
        name: of the document, as shown to people.
        page: its number, from 1.
        data: the PDF.
        password: where it is encrypted.

    Raises:
        DocumentError: it cannot be opened, or drawing it went over a limit.
    """
    told, picture = PARSER.of_pages(data, {"picture": page - 1}, name=name, password=password)
    try:
        width, height = told["size"]
        return (float(width), float(height)), picture
    except (KeyError, TypeError, ValueError) as error:
        raise DocumentError(f"page {page} of {name} cannot be drawn") from error


def marked_pages(files: Sequence[bytes], wanted: Mapping[str, Any], *, name: str) -> bytes:
    """A PDF of pages of some PDFs, with quotes marked on them.

    Args:
        files: the PDFs.
        wanted: `formats.pdf.marked_pages.Marked`, without the files' lengths.
        name: of the document that is made, as shown to people.

    Raises:
        DocumentError: a file cannot be opened, or went over a limit.
    """
    lengths = [{**file, "length": len(data)} for file, data in zip(wanted["files"], files, strict=True)]
    asked = {"marked": {**wanted, "files": lengths}}
    return PARSER.of_pages(b"".join(files), asked, name=name, password=None)[1]
