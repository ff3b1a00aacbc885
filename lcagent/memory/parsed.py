"""Works that need no model: parsed documents and segmentations, found again by every later question."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import astuple

from lcagent.documents import Document, Segment
from lcagent.documents.described import described, from_description
from lcagent.documents.segments import Piece
from lcagent.memory.rows import Rows
from lcagent.memory.works import Works

DOCUMENT, SEGMENTATION = "document", "segmentation"
PARSED = (DOCUMENT, SEGMENTATION)
"""Kinds that cost no call: they are made again whenever they are missing."""


def packed(document: Document) -> tuple[str, bytes]:
    """A document as it is kept: what is known of it as JSON, and its text, compressed."""
    return json.dumps(described(document)), zlib.compress(document.text.encode("utf-8", "surrogatepass"), 1)


def unpacked(meta: str, text: bytes) -> Document:
    """A document from what `packed` made of it."""
    return from_description(json.loads(meta), zlib.decompress(text).decode("utf-8", "surrogatepass"))


class StoredDocuments:
    """Parsed documents, so that a second question parses nothing (`documents.ParseCache`)."""

    def __init__(self, store: Rows) -> None:
        self._store = store
        self.works: set[int] = set()
        """Ids of those that were got or put."""

    def get(self, key: str) -> Document | None:
        """The parsed document, if it stands here."""
        row = self._store.execute(
            "SELECT w.id, d.meta, d.text FROM works w JOIN documents d ON d.work = w.id"
            " WHERE w.kind = ? AND w.key = ?",
            (DOCUMENT, key),
        ).fetchone()
        if row is None:
            return None
        try:
            document = unpacked(row[1], row[2])
        except (ValueError, TypeError, KeyError, zlib.error):  # damaged: it is parsed again
            return None
        self.works.add(row[0])
        return document

    def put(self, key: str, document: Document) -> None:
        """Keep a parsed document."""
        meta, text = packed(document)
        exact = {"sha256": document.sha256, "format": document.format}
        works = Works(self._store)
        with self._store.transaction():
            work = works.keep(
                DOCUMENT, key, name=document.name, document=document.sha256, exact=exact, status="done"
            )
            self._store.execute(
                "INSERT INTO documents (work, meta, text) VALUES (?,?,?)"
                " ON CONFLICT (work) DO UPDATE SET meta = excluded.meta, text = excluded.text",
                (work.id, meta, text),
            )
        self.works.add(work.id)


class StoredSegments:
    """Segmentations: where the segments of a text begin and end, for a budget and a tokenizer."""

    def __init__(self, store: Rows) -> None:
        self._store = store
        self.works: set[int] = set()
        """Ids of those that were got or put."""

    def get(self, document: Document, exact: Mapping[str, str]) -> list[Segment] | None:
        """The segments, if they stand here.

        Args:
            document: whose they are.
            exact: what else they follow from.
        """
        row = self._store.execute(
            "SELECT w.id, s.spans FROM works w JOIN segmentations s ON s.work = w.id"
            " WHERE w.kind = ? AND w.key = ?",
            (SEGMENTATION, segmentation_key(document, exact)),
        ).fetchone()
        if row is None:
            return None
        try:
            segments = _segments(row[1])
        except (ValueError, TypeError):  # damaged: it is made again
            return None
        self.works.add(row[0])
        return segments

    def every(self, document: Document) -> list[list[Segment]]:
        """The segments of a document as they were cut each time, the last time first.

        Args:
            document: whose they are.
        """
        rows = self._store.execute(
            "SELECT s.spans FROM works w JOIN segmentations s ON s.work = w.id"
            " WHERE w.kind = ? AND w.document = ? ORDER BY w.used DESC, w.id DESC",
            (SEGMENTATION, document.sha256),
        )
        return [_segments(spans) for (spans,) in rows]

    def before(self, document: Document, exact: Mapping[str, str]) -> list[Piece]:
        """The segments of an earlier version of a document; none where there is no such version.

        Args:
            document: as it is now; an earlier version has its name and another text.
            exact: what else segments follow from.
        """
        row = self._store.execute(
            "SELECT s.pieces FROM works w JOIN segmentations s ON s.work = w.id"
            " WHERE w.kind = ? AND w.name = ? AND w.document != ? AND w.exact = ?"
            " ORDER BY w.used DESC, w.id DESC LIMIT 1",
            (SEGMENTATION, document.name, document.sha256, json.dumps(dict(exact))),
        ).fetchone()
        return [Piece(*piece) for piece in json.loads(row[0])] if row else []

    def put(self, document: Document, exact: Mapping[str, str], segments: list[Segment]) -> None:
        """Keep a segmentation.

        Args:
            document: whose it is.
            exact: what else it follows from.
            segments: in order.
        """
        key, works = segmentation_key(document, exact), Works(self._store)
        with self._store.transaction():
            work = works.keep(
                SEGMENTATION, key, name=document.name, document=document.sha256, exact=exact, status="done"
            )
            self._store.execute(
                "INSERT INTO segmentations (work, spans, pieces) VALUES (?,?,?)"
                " ON CONFLICT (work) DO UPDATE SET spans = excluded.spans, pieces = excluded.pieces",
                (
                    work.id,
                    json.dumps([[s.start, s.end, s.tokens] for s in segments]).encode(),
                    json.dumps([astuple(Piece.of(document.text, s)) for s in segments]),
                ),
            )
        self.works.add(work.id)


def _segments(spans: str | bytes) -> list[Segment]:
    return [Segment(i, start, end, tokens) for i, (start, end, tokens) in enumerate(json.loads(spans))]


def segmentation_key(document: Document, exact: Mapping[str, str]) -> str:
    """Names a segmentation: works that follow from one name it among what they follow from.

    Args:
        document: whose it is.
        exact: `tokens` of a segment, at most, and the `tokenizer` that counted them.
    """
    named = f"{document.sha256}|{len(document.text)}|{exact['tokens']}|{exact['tokenizer']}"
    return hashlib.sha256(named.encode()).hexdigest()
