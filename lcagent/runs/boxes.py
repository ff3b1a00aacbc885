"""The boxes of an answer's citations: where each quote stands on the pages of its PDF."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from lcagent.answer import Answer, Box, Citation
from lcagent.documents import Document, Loaded, Span
from lcagent.documents.pdf_pages import quote_boxes, unchanged

_Place = tuple[str, int, int]
"""A document's name, and characters of its text."""


def boxed(answer: Answer, loaded: Loaded, password: str | None, halt: threading.Event) -> Answer:
    """The answer with the boxes of all its citations of PDFs, as far as they can be placed for certain.

    Args:
        answer: as it was made.
        loaded: what was read. A file that has gone or changed since then gives no boxes.
        password: for encrypted PDFs.
        halt: set by whoever gives up (`PARSER.halt`).
    """
    places = {(c.document, c.char_start, c.char_end) for c in _citations(answer)}
    boxes: dict[_Place, list[Box]] = {}
    for document in loaded.documents:
        of_it = sorted(place for place in places if place[0] == document.name)
        boxes |= zip(of_it, _boxes(document, of_it, loaded, password, halt), strict=False)
    return _with(answer, boxes) if any(boxes.values()) else answer


def _boxes(
    document: Document, places: list[_Place], loaded: Loaded, password: str | None, halt: threading.Event
) -> list[list[Box]]:
    file = loaded.paths.get(document.name)
    if document.format != "pdf" or not places or file is None:
        return []
    data = unchanged(file, document.sha256)
    if data is None:
        return []
    spans = [Span(start, end) for _, start, end in places]
    return quote_boxes(document, data, spans, password=password, halt=halt)


def _citations(value: object) -> Iterator[Citation]:
    """All citations within an answer, wherever they stand."""
    if isinstance(value, Citation):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _citations(getattr(value, name))
    elif isinstance(value, list):
        for one in value:
            yield from _citations(one)


def _with(value: Any, boxes: Mapping[_Place, list[Box]]) -> Any:
    """A part of an answer with its citations' boxes."""
    if isinstance(value, Citation):
        return value.model_copy(
            update={"boxes": boxes.get((value.document, value.char_start, value.char_end), [])}
        )
    if isinstance(value, BaseModel):
        fields = {name: _with(getattr(value, name), boxes) for name in type(value).model_fields}
        return value.model_copy(update=fields)
    return [_with(one, boxes) for one in value] if isinstance(value, list) else value
