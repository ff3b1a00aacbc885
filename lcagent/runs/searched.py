"""For an answer that was not found: what was looked for, where, and what comes nearest."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lcagent.answer import Citation, SearchReport
from lcagent.documents import Document, extent, search
from lcagent.documents.words import STOPWORDS, stem, terms, unspaced
from lcagent.runs.citations import citation

Spans = Sequence[tuple[int, int]]


def search_report(question: str, documents: Sequence[Document], read: Sequence[Spans]) -> SearchReport:
    """Tell a search that found nothing.

    Args:
        question: as asked.
        documents: what was read.
        read: for each document the characters that a model has read.
    """
    pages_read: list[str] = []
    pages_unread: list[str] = []
    for document, spans in zip(documents, read, strict=True):
        done, left = extent(document, spans)
        pages_read += [f"{document.name}: {done}"] if done else []
        pages_unread += [f"{document.name}: {left}"] if left else []
    return SearchReport(
        pages_read=pages_read,
        pages_unread=pages_unread,
        terms_without_hit=[w for w in _words(question) if not any(_stands(w, d.text) for d in documents)],
        nearest=_nearest(question, documents),
    )


def _words(question: str) -> list[str]:
    """The content words of a question, each once, as they are written there."""
    words = {stem(word.casefold()): word for word in reversed(terms(question)) if len(word) > 1}
    return [word for word in reversed(words.values()) if word.casefold() not in STOPWORDS]


def _stands(word: str, text: str) -> bool:
    """Whether a text holds a word, or another of its stem."""
    if word in text:
        return True
    pattern = re.escape(word) if unspaced(word) else rf"\b{re.escape(stem(word.casefold()))}"
    return re.search(pattern, text, re.I) is not None


def _nearest(question: str, documents: Sequence[Document]) -> Citation | None:
    best = [(found[0], d) for d in documents if (found := search(d.text, question, limit=1))]
    if not best:
        return None
    passage, document = max(best, key=lambda one: one[0].score)
    text = document.text[passage.start : passage.end]
    start = passage.start + len(text) - len(text.lstrip())
    end = start + len(text.strip())
    return citation(document, start, end, number=0)
