"""A citation: a stretch of a document, its text and where a person looks it up."""

from __future__ import annotations

from lcagent.answer import Citation
from lcagent.documents import Document


def citation(document: Document, start: int, end: int, *, number: int) -> Citation:
    """Cite characters `start:end` of a document.

    Args:
        document: the document.
        start: the first character.
        end: behind the last one.
        number: of the mark that leads to it; 0: none does.
    """
    return Citation(
        number=number,
        document=document.name,
        place=document.place(start),
        page=document.page_at(start),
        char_start=start,
        char_end=end,
        quote=document.text[start:end],
    )
