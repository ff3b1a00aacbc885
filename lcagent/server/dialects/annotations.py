"""Annotations of OpenAI's two protocols, and the source events of Open WebUI."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lcagent.server.evidence import Evidence


def of_chat(evidence: Iterable[Evidence]) -> list[dict[str, Any]]:
    """Chat Completions: an `url_citation` for each mark that a page can be opened for."""
    return [
        {
            "type": "url_citation",
            "url_citation": {"start_index": start, "end_index": end, "title": one.title, "url": one.url},
        }
        for one in evidence
        if one.url
        for start, end in one.spans
    ]


def of_responses(evidence: Iterable[Evidence]) -> list[dict[str, Any]]:
    """Responses: an `url_citation` for each mark, and a `file_citation` for each file."""
    held = [one for one in evidence if one.url]
    urls = [
        {"type": "url_citation", "start_index": start, "end_index": end, "title": one.title, "url": one.url}
        for one in held
        for start, end in one.spans
    ]
    files = [
        {
            "type": "file_citation",
            "file_id": one.file,
            "filename": one.citation.document,
            "index": one.spans[0][1],
        }
        for one in held
        if one.spans
    ]
    return [*urls, *files]


def source_event(one: Evidence) -> dict[str, Any]:
    """Open WebUI: an event that shows a source under the message."""
    citation = one.citation
    about = {"source": one.title, "name": citation.document, "page": citation.page, "place": citation.place}
    source = {"name": one.title, "id": str(citation.number), **({"url": one.url} if one.url else {})}
    return {"type": "source", "data": {"source": source, "document": [citation.quote], "metadata": [about]}}


def status_event(words: str, *, done: bool = False) -> dict[str, Any]:
    """Open WebUI: an event that says what is done."""
    return {"type": "status", "data": {"description": words, "done": done}}


def plain(evidence: Iterable[Evidence]) -> list[dict[str, Any]]:
    """All that is known of each citation, for clients that know us."""
    return [{**one.citation.model_dump(mode="json"), "file": one.file, "url": one.url} for one in evidence]
