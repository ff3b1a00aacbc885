"""Places: where in a segment the things stand that a model says of it. No quote is ever the model's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from lcagent.documents import Document, Segment, Sentences, find_quote, query_words, sentences
from lcagent.documents.quotes import Span, occurrences
from lcagent.memory.entries import Evidence

NUMBER = re.compile(r"[-−]?\d+(?:[.,]\d+)*")
_NEAR = 240
"""Characters before a value in which its key is looked for."""


@dataclass(slots=True)
class Places:
    """Collects evidence of one segment, one row a place.

    Args:
        document: the document.
        index: the document's index in the run.
        segment: which segment of it.
    """

    document: Document
    index: int
    segment: Segment
    evidence: dict[int, Evidence] = field(default_factory=dict)
    sentences: Sentences = field(init=False)
    """Of the segment, found once for all that is said of it."""

    def __post_init__(self) -> None:
        """Nothing is looked for before it is asked."""
        self.sentences = Sentences(self.document.text, self.segment.start, self.segment.end)

    def note(self, text: str) -> str:
        """A statement in the model's words, sentence by sentence: a copy of several has as many places.

        Returns:
            Those sentences of it that the segment says; "" if none.
        """
        said = [text[span.start : span.end] for span in sentences(text)]
        placed = [one for one in said if self._nearest(one)]
        if len(said) > 1 and not placed and self._nearest(text):  # a full stop that ends no sentence
            return text
        return " ".join(placed)

    def claimed(self, statements: Iterable[str]) -> str:
        """The first of some statements where the segment says none of them; else ""."""
        return "" if self.evidence else next(filter(None, map(str.strip, statements)), "")

    def _nearest(self, text: str) -> bool:
        found = self.sentences.nearest(text, limit=1)
        for span, score in found:
            self._keep(span.start, span, text, score)
        return bool(found)

    def number(self, text: str, question: str) -> bool:
        """A number with its digits as written, in the sentence that holds most of the question's words.

        Each time it is named it stands for a further place.
        """
        wanted = NUMBER.search(text)
        spans = self._occurrences(wanted.group()) if wanted else []
        free = [(span, self._sentence(span)) for span in spans if span.start not in self.evidence]
        if wanted is None or not free:
            return False
        asked = set(query_words(question))
        best, sentence = max(free, key=lambda pair: (len(asked & self._words(pair[1])), -pair[0].start))
        self._keep(best.start, sentence, wanted.group(), 1.0)
        return True

    def value(self, text: str, question: str) -> str:
        """A value as the document writes it, where most of the question's words stand before it.

        Its score is their share. "" if it stands nowhere.
        """
        spans = self._occurrences(text) if text else []
        if not spans:
            return ""
        asked = set(query_words(question))
        near = {span: len(asked & self._words(self._before(span))) for span in spans}
        best = max(spans, key=lambda span: (near[span], -span.start))
        value = self.document.text[best.start : best.end]
        self._keep(best.start, self._sentence(best), value, near[best] / max(len(asked), 1))
        return value

    def _occurrences(self, text: str) -> list[Span]:
        """Where a text stands by itself: neither a longer word nor a longer number."""
        begin, end = self.segment.start, self.segment.end
        spans = list(occurrences(self.document.text, text, begin, end))
        if not spans and (found := find_quote(self.document.text, text, begin, end)):
            spans = [found]  # laid out in another way than the model wrote it
        return spans

    def _before(self, span: Span) -> Span:
        return Span(max(self.segment.start, span.start - _NEAR), span.end)

    def _words(self, span: Span) -> set[str]:
        return set(query_words(self.document.text[span.start : span.end]))

    def _sentence(self, span: Span) -> Span:
        """The sentence that a place begins in, with all of the place."""
        for sentence in self.sentences.spans:
            if sentence.start <= span.start < sentence.end:
                return Span(sentence.start, max(sentence.end, span.end))
        return span

    def _keep(self, key: int, span: Span, note: str, score: float) -> None:
        quote = self.document.text[span.start : span.end]
        evidence = Evidence(self.index, self.segment.index, span.start, span.end, quote, note, score)
        self.evidence.setdefault(key, evidence)
