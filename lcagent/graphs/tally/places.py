"""Places: the sentences that an item rests on: the one that first tells of it, and those with its values."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

from lcagent.documents import Span
from lcagent.documents.corpus import Corpus, Place, Region
from lcagent.documents.placing import Placing
from lcagent.documents.quotes import occurrences
from lcagent.graphs.tally.merging import Item, Mention


class Places:
    """Where items stand.

    Args:
        corpus: what was read.
        items: all of them, by kind: an item's text ends where the next one's begins.
        words: each item is a word, and its own place.
    """

    def __init__(self, corpus: Corpus, items: Mapping[str, Sequence[Item]], *, words: bool) -> None:
        self._corpus, self._words = corpus, words
        self._placings: dict[Place, Placing] = {}
        self._starts: dict[Place, list[int]] = {}
        if not words:
            mentions = (one for some in items.values() for item in some for one in item.mentions)
            for mention in mentions:
                if mention.span:
                    self._starts.setdefault(_place(mention), []).append(mention.span.start)
            for starts in self._starts.values():
                starts.sort()

    def regions(self, item: Item, fields: Iterable[str]) -> list[Region]:
        """The sentence that first tells of an item, then for each field one that holds its value, if any.

        Args:
            item: which.
            fields: those of its values that matter.
        """
        placed = [mention for mention in item.mentions if mention.span]
        found: dict[Region, None] = {}
        for mention in placed[:1]:
            assert mention.span is not None
            found[self._sentence(mention, mention.span)] = None
        for name in () if self._words else fields:
            text = item.cell(name).text
            holding = (self._holding(mention, text) for mention in placed if text)
            found.update(dict.fromkeys([one for one in holding if one][:1]))
        return list(found)

    def _holding(self, mention: Mention, value: str) -> Region | None:
        """The sentence of a mention in which a value stands as it is."""
        assert mention.span is not None
        starts = self._starts[_place(mention)]
        at = bisect_right(starts, mention.span.start)
        end = starts[at] if at < len(starts) else self._corpus.segment(_place(mention)).end
        text = self._corpus.documents[mention.document].text
        span = next(occurrences(text, value, mention.span.start, max(end, mention.span.end)), None)
        return self._sentence(mention, span) if span else None

    def _sentence(self, mention: Mention, span: Span) -> Region:
        place = _place(mention)
        if not self._words:
            if place not in self._placings:
                segment, text = self._corpus.segment(place), self._corpus.documents[mention.document].text
                self._placings[place] = Placing(text, segment.start, segment.end)
            span = self._placings[place].sentence(span)
        return (mention.document, span.start, span.end)


def _place(mention: Mention) -> Place:
    return mention.document, mention.segment
