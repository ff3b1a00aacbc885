"""What a document would be read as: looked at before an answer about it is trusted. No model is needed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from lcagent.documents.document import Document
from lcagent.documents.segments import Segment, split
from lcagent.text import clipped

SEGMENT_TOKENS = 5000
"""Tokens that `auto` reads at a time where the window holds them."""
_ASCII_CHARS = 4.0
"""Characters a token, of English prose and of figures and marks together."""
_OTHER_CHARS = 1.4
"""Of other scripts: between Cyrillic and Chinese."""
_MOST_LINES, _LINE_CHARS = 5, 100


@dataclass(frozen=True, slots=True)
class Inspection:
    """One document as it would be read.

    Args:
        document: its text, pages and health.
        tokens: about how many; tokenizers differ by a third.
        segments: about what would be read at a time.
    """

    document: Document
    tokens: int
    segments: tuple[Segment, ...]

    def first_lines(self) -> list[str]:
        """The first lines that hold anything, cut to a terminal's width."""
        text = self.document.text[: _MOST_LINES * 4 * _LINE_CHARS]
        lines = [clipped(line, _LINE_CHARS) for line in text.splitlines() if line.strip()]
        return lines[:_MOST_LINES]

    def as_json(self) -> dict[str, Any]:
        """For programs: offsets are into the document's text."""
        document = self.document
        return {
            "document": document.name,
            "format": document.format,
            "sha256": document.sha256,
            "unit": document.unit,
            "pages": len(document.pages),
            "characters": len(document.text),
            "tokens": self.tokens,
            "health": asdict(document.health),
            "first_lines": self.first_lines(),
            "segments": [
                {
                    "char_start": one.start,
                    "char_end": one.end,
                    "tokens": one.tokens,
                    "place": document.place(one.start),
                }
                for one in self.segments
            ],
        }


def inspected(document: Document, budget: int = SEGMENT_TOKENS) -> Inspection:
    """Look at a document.

    Args:
        document: as it was loaded.
        budget: tokens of a segment.
    """
    segments = split(document.text, budget, _about)
    return Inspection(document, sum(one.tokens for one in segments), tuple(segments))


def _about(text: str) -> int:
    """About how many tokens a text takes in the tokenizers of today."""
    plain = len(text.encode("ascii", "ignore"))
    return int(plain / _ASCII_CHARS + (len(text) - plain) / _OTHER_CHARS) + 1
