"""Placing: which sentences of a text carry a statement in other words, and where a number or value stands.

No quote is ever a model's: it states something, and the sentences that say so are found here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property

from lcagent.documents.forms import by_value, holds
from lcagent.documents.quotes import Sentences, Span, figures, find_quote, occurrences, sentences
from lcagent.documents.words import names, query_words

NUMBER = re.compile(r"[-−]?\d+(?:[.,]\d+)*")
ENOUGH = 0.5
"""Share of a statement's words, rarer ones weighing more, that its sentences must hold …"""
NAMED = 0.34
"""… or this share, where all of its figures and one of its names are among them."""
MOST_CARRIERS = 3
"""Sentences that carry one statement."""
_ADDS = 0.2
"""Share of the statement that a further sentence must add."""
_NEAR = 240
"""Characters before a value in which its key is looked for."""
LISTED = 4
"""Parts between commas from which an answer is a list."""
_CANDIDATES, _ANY = 3, 0.01
"""Sentences near to what is said, by any word in common, in which an answer is looked for."""
ABOUT = 0.34
"""Share of the question's words in a text that is about it."""

Carried = tuple[tuple[str, tuple[Span, ...]], ...]
"""Facts in a model's words, each with the sentences that carry it, if they were found."""


class Placing:
    """Finds statements, numbers and values in one stretch of a text.

    Args:
        text: the document's text.
        start: where the stretch begins.
        end: where it ends; default: with the text.
    """

    def __init__(self, text: str, start: int = 0, end: int | None = None) -> None:
        self._text, self._start = text, start
        self._end = len(text) if end is None else end

    @cached_property
    def sentences(self) -> Sentences:
        """Of the stretch, found once for all that is said of it."""
        return Sentences(self._text, self._start, self._end)

    def carriers(self, statement: str) -> tuple[Span, ...]:
        """The sentences that carry a statement, in order; empty where none does.

        A copy is found as it stands. A paraphrase is placed by its words, names and figures: a sentence that
        says most of it, and others that say what is then left. Of several sentences each is placed by itself.
        """
        if quoted := find_quote(self._text, statement, self._start, self._end):
            return tuple(self.sentences.at(quoted))
        said = [statement[s.start : s.end] for s in sentences(statement)]
        found = {span for one in said for span in self._paraphrased(one)}
        if not found and len(said) > 1:  # a full stop that ends no sentence
            found = set(self._paraphrased(statement))
        return tuple(sorted(found, key=lambda span: span.start))

    def carried(self, facts: Iterable[str]) -> Carried:
        """Facts, each once and in one line, with the sentences that carry each."""
        lines = dict.fromkeys(filter(None, (" ".join(fact.split()) for fact in facts)))
        return tuple((line, self.carriers(line)) for line in lines)

    def _paraphrased(self, statement: str) -> list[Span]:
        wanted = query_words(statement)
        share, chosen = self.sentences.cover(wanted, most=MOST_CARRIERS, adds=_ADDS)
        if not chosen:
            return []
        held = " ".join(self._text[span.start : span.end] for span in chosen)
        if (said := figures(statement)) and not (said <= figures(held) or by_value(held, statement)):
            share *= 0.6  # a figure that the sentences lack speaks against them
        elif share < ENOUGH and (called := names(statement)) and set(called) & set(query_words(held)):
            share += ENOUGH - NAMED
        return chosen if share >= ENOUGH else []

    def holding(
        self, answer: str, fact: str, question: str, *, doubtful: bool
    ) -> tuple[tuple[Span, ...], bool]:
        """The sentences that carry an answer, and whether they hold it and are about the question; else the
        nearest one.

        Args:
            answer: to the question.
            fact: the sentence that says so, in other words; it may be about something else than the question.
            question: what is asked.
            doubtful: a fact counts only where it is about the question.
        """
        if len(parts := answer.split(", ")) >= LISTED:  # each of several things stands in a place of its own
            found = [at for part in parts if (at := self.value(part, question))]
            spans = sorted({self.sentence(span) for span, _ in found}, key=lambda span: span.start)
            return tuple(spans), len(found) == len(parts)
        carriers = self.carriers(fact) if fact else ()
        stated = " ".join(self._text[s.start : s.end] for s in carriers)
        if carriers and holds(stated, answer):
            return carriers, not doubtful or about(question, stated)
        for note in (f"{answer} {fact}", f"{answer} {question}"):
            for span, _ in self.sentences.nearest(note, limit=_CANDIDATES, floor=_ANY):
                quote = self._text[span.start : span.end]
                if holds(quote, answer):
                    return (span,), about(question, quote)
                carriers = carriers or (span,)
        return carriers, False

    def numbers(self, text: str, question: str) -> Iterator[Span]:
        """Where a number stands with its digits as written, best first.

        Args:
            text: a number as a model wrote it.
            question: of places that are alike, those in sentences with more of its words go first.
        """
        wanted = NUMBER.search(text)
        asked = set(query_words(question))
        spans = self._occurrences(wanted.group()) if wanted else []
        yield from sorted(spans, key=lambda s: (-len(asked & self._words(self.sentence(s))), s.start))

    def value(self, text: str, question: str) -> tuple[Span, float] | None:
        """A value as the document writes it where most of the question's words stand before it, and their
        share."""
        spans = self._occurrences(text) if text else []
        if not spans:
            return None
        asked = set(query_words(question))
        near = {span: len(asked & self._words(self._before(span))) for span in spans}
        best = max(spans, key=lambda span: (near[span], -span.start))
        return best, near[best] / max(len(asked), 1)

    def sentence(self, span: Span) -> Span:
        """The sentence that a place begins in, with all of the place."""
        for sentence in self.sentences.spans:
            if sentence.start <= span.start < sentence.end:
                return Span(sentence.start, max(sentence.end, span.end))
        return span

    def _occurrences(self, text: str) -> list[Span]:
        """Where a text stands by itself: neither a longer word nor a longer number."""
        spans = list(occurrences(self._text, text, self._start, self._end))
        if not spans and (found := find_quote(self._text, text, self._start, self._end)):
            spans = [found]  # laid out in another way than the model wrote it
        return spans

    def _before(self, span: Span) -> Span:
        return Span(max(self._start, span.start - _NEAR), span.end)

    def _words(self, span: Span) -> set[str]:
        return set(query_words(self._text[span.start : span.end]))


def about(question: str, text: str) -> bool:
    """Whether a text holds enough of a question's words to be about it; it is about one that has none."""
    asked, said = query_words(question), set(query_words(text))
    return sum(word in said for word in asked) >= ABOUT * len(asked)
