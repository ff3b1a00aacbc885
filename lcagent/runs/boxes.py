"""The boxes of citations: where each quote of an answer, or a reply, stands on the pages of its PDF."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from lcagent.answer import Answer, Box, Citation, Quoted, Reply
from lcagent.documents import Document, Span
from lcagent.documents.halting import halting
from lcagent.documents.pdf_pages import quote_boxes, unchanged

Outcome = TypeVar("Outcome", Answer, Reply)
Sources = Sequence[tuple[Document, Path | None]]
"""Documents, each with where its bytes are; None: they are nowhere."""

_Place = tuple[str, int, int, str]
"""A document's name, characters of its text, and these."""


async def boxed(outcome: Outcome, sources: Sources, password: str | None = None) -> Outcome:
    """An answer or a reply with the boxes of its citations of PDFs, as far as they can be placed for certain.

    Given up, it ends with whatever a parser is at.

    Args:
        outcome: as it was made.
        sources: what was read. A file that has gone or changed since then gives no boxes, nor does a quote
            that two documents of one name hold at the same place: a conversation may have two of them.
        password: for encrypted PDFs.
    """
    if not any(document.format == "pdf" for document, _ in sources):
        return outcome
    return await halting(lambda halt: _boxed(outcome, sources, password, halt))


def _boxed(outcome: Outcome, sources: Sources, password: str | None, halt: threading.Event) -> Outcome:
    cited: dict[int, list[_Place]] = defaultdict(list)
    for place in sorted({_place(one) for one in _citations(outcome)}):
        name, start, end, quote = place
        holding = [
            at for at, (one, _) in enumerate(sources) if one.name == name and one.text[start:end] == quote
        ]
        if len(holding) == 1:
            cited[holding[0]].append(place)
    boxes: dict[_Place, list[Box]] = {}
    for at, places in cited.items():
        document, file = sources[at]
        boxes |= zip(places, _boxes(document, file, places, password, halt), strict=False)
    return _with(outcome, boxes) if any(boxes.values()) else outcome


def _boxes(
    document: Document,
    file: Path | None,
    places: Sequence[_Place],
    password: str | None,
    halt: threading.Event,
) -> list[list[Box]]:
    if document.format != "pdf" or file is None:
        return []
    data = unchanged(file, document.sha256)
    if data is None:
        return []
    spans = [Span(start, end) for _, start, end, _ in places]
    return quote_boxes(document, data, spans, password=password, halt=halt)


def _place(citation: Citation) -> _Place:
    return citation.document, citation.char_start, citation.char_end, citation.quote


def _of_message(citation: Citation) -> bool:
    """Whether it quotes the conversation itself, whatever a document may be called."""
    return isinstance(citation, Quoted) and citation.message is not None


def _citations(value: object) -> Iterator[Citation]:
    """All citations of documents within an answer, wherever they stand."""
    if isinstance(value, Citation):
        if not _of_message(value):
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
        found = [] if _of_message(value) else boxes.get(_place(value), [])
        return value.model_copy(update={"boxes": found})
    if isinstance(value, BaseModel):
        fields = {name: _with(getattr(value, name), boxes) for name in type(value).model_fields}
        return value.model_copy(update=fields)
    return [_with(one, boxes) for one in value] if isinstance(value, list) else value
