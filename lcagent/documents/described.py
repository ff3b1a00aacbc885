"""A document without its text, as JSON: how it is kept, and how it is handed over by a parser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lcagent.documents.document import Document, Page
from lcagent.documents.health import Health


def described(document: Document) -> dict[str, Any]:
    """All of a document but its text, as JSON has it."""
    return {
        "name": document.name,
        "pages": [[p.number, p.start, p.end, p.label] for p in document.pages],
        "unit": document.unit,
        "sha256": document.sha256,
        "format": document.format,
        "health": asdict(document.health),
    }


def from_description(known: Mapping[str, Any], text: str) -> Document:
    """A document from what `described` made of it.

    Args:
        known: its description.
        text: its text.
    """
    fields = dict(known)
    fields["pages"] = tuple(Page(*page) for page in fields["pages"])
    told = tuple(fields.pop("warnings", ()))  # as an earlier version kept what is health now
    health: dict[str, Any] = {
        name: tuple(v) if isinstance(v, list) else v for name, v in fields.pop("health", {}).items()
    }
    fields["health"] = Health(**(health or {"notes": told}))
    return Document(text=text, **fields)
