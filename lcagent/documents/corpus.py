"""A corpus: the documents of a run, their segments, and how a place in them is named."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from lcagent.documents.document import Document, covers, merged
from lcagent.documents.segments import Segment

Place = tuple[int, int]
"""(document, segment)."""
Region = tuple[int, int, int]
"""(document, start, end): characters of a document."""


@dataclass(frozen=True)
class Corpus:
    """The documents of a run and their segments; nothing of it changes."""

    documents: tuple[Document, ...]
    segments: tuple[tuple[Segment, ...], ...] = ()

    @property
    def places(self) -> Iterator[Place]:
        """All segments in reading order."""
        return ((d, s.index) for d, segments in enumerate(self.segments) for s in segments)

    @cached_property
    def total(self) -> int:
        """Segments of all documents."""
        return sum(map(len, self.segments))

    def segment(self, place: Place) -> Segment:
        """One segment."""
        return self.segments[place[0]][place[1]]

    def segment_text(self, place: Place) -> str:
        """Exact text of one segment."""
        segment = self.segment(place)
        return self.documents[place[0]].text[segment.start : segment.end]

    def text(self, region: Region) -> str:
        """Exact text of a region."""
        return self.documents[region[0]].text[region[1] : region[2]]

    def trimmed(self, region: Region) -> Region:
        """A region without the white space around its text."""
        document, start, end = region
        text = self.text(region)
        start += len(text) - len(text.lstrip())
        return document, start, max(start, end - len(text) + len(text.rstrip()))

    def seen(self, regions: Iterable[Region]) -> list[Place]:
        """The segments all of which lies in some regions, in reading order."""
        spans: list[list[tuple[int, int]]] = [[] for _ in self.documents]
        for document, start, end in regions:
            spans[document].append((start, end))
        found = [merged(some) for some in spans]
        return [
            (at, one.index)
            for at, segments in enumerate(self.segments)
            for one in segments
            if covers(self.documents[at].text, found[at], one.start, one.end)
        ]

    def segment_at(self, document: int, offset: int) -> int:
        """The index of the segment that a character stands in."""
        at = bisect_right(self.segments[document], offset, key=lambda segment: segment.start) - 1
        return self.segments[document][max(at, 0)].index

    def where(self, document: int, offset: int) -> str:
        """A place for a prompt: the document's name where there are several, and its page."""
        source = self.documents[document]
        page = source.page_at(offset)
        name = source.name if len(self.documents) > 1 else ""
        return ", ".join(filter(None, [name, f"{source.unit} {page}" if page else ""]))

    @cached_property
    def _tokens_a_character(self) -> float:
        some = [s for segments in self.segments for s in segments[:8]]
        return (1 + sum(s.tokens for s in some)) / (1 + sum(s.end - s.start for s in some))

    def token_estimate(self, text: str) -> int:
        """Tokens of a short text by the documents' own ratio, with a fifth to spare.

        Saves a request for each sentence; every call is measured again before it is sent.
        """
        return int(1.2 * len(text) * self._tokens_a_character) + 4


def overlap(one: Region, other: Region) -> bool:
    """Whether two regions share a character."""
    return one[0] == other[0] and one[1] < other[2] and other[1] < one[2]
