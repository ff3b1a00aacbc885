"""Quotes: where a quotation stands in a document, and which sentences a note came from."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, islice, takewhile

from lcagent.documents.boundaries import END, MARKS, ends
from lcagent.documents.canonical import RAISED, begins, canonical
from lcagent.documents.document import Document
from lcagent.documents.unlaid import Unlaid, unlaid
from lcagent.documents.words import Folded, query_words, unspaced

MAX_SENTENCE = 400
"""Characters from which a sentence is split at its clauses."""
_STRETCH = 1 << 16
"""Characters up to which a stretch of text is brought into one form once for several quotations."""
_LEAST_QUOTE = 3
"""A quotation with fewer letters and digits stands everywhere and says nothing; Chinese ones count twice."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start:end` of a document's text."""

    start: int
    end: int


# What parts the cells of a CSV file: no space follows it, and it groups no digits, as in "4,350".
_PARTS = r"(?:(?:(?<=[^\d\n])|(?<=\d{4}))[,;](?!\s)|[,;](?!\s|\d{3}(?!\d)))"
_ROW = rf"(?:(?:\"[^\"\n]{{0,200}}+\"|[^\",;\n]{{0,80}}+){_PARTS}){{2}}"
# Every match begins with one character of a set: that lets the engine skip from one to the next.
_BREAK = re.compile(
    rf"[\n\f{MARKS}]"
    r"(?:(?<=\n)[ \t\r]*\n\s*|(?<=\f)\s*"  # paragraphs and pages
    r"|(?<=\n)(?=[ \t]*(?:[-*•▪◦‣]|\(?\d{1,3}[.)]|#{1,6}|\|)[ \t])"  # list items, headings, table rows
    r"|(?<=\n)(?=[^\n|\t]{1,80}(?:[ ]\||\t))|(?<=\|\n)"  # rows of cells that a line or a tab parts
    r"|(?<=\n)(?=\[(?:notes?|form field)\] )"  # what is written beside the text
    rf"|(?<=\n)(?={_ROW})"  # or a comma
    rf"|{END})"
)
_LINES = ("[note] ", "[form field] ")
"""What begins a line that is a sentence by itself, whatever it holds."""
_CLAUSE = re.compile(r"[;:,]\s+|[、，；：،؛]\s*|\s*\n\s*|\s+")


def sentences(text: str, start: int = 0, end: int | None = None) -> list[Span]:
    """Sentences, list items and table rows of any language between two offsets, trimmed, in order."""
    end = len(text) if end is None else end
    spans: list[Span] = []
    begin = start
    for match in _BREAK.finditer(text, start, end):
        stop = match.start()
        if text.startswith(_LINES, begin):
            line = text.find("\n", begin, end)
            if not 0 <= line <= stop:
                continue
            spans.extend(_trimmed(text, begin, line))
            begin = line + 1
        if match.lastgroup:
            if not ends(text, begin, match):
                continue
            # Full stop and closing marks belong to the sentence before the break.
            stop = max(match.end("closing"), match.end("full"))
        spans.extend(_trimmed(text, begin, stop))
        begin = match.end()
    if text.startswith(_LINES, begin) and (line := text.find("\n", begin, end)) >= 0:
        spans.extend(_trimmed(text, begin, line))
        begin = line + 1
    spans.extend(_trimmed(text, begin, end))
    return spans


def _trimmed(text: str, start: int, end: int) -> list[Span]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    spans: list[Span] = []
    while end - start > MAX_SENTENCE:
        cuts = [m.end() for m in _CLAUSE.finditer(text, start + MAX_SENTENCE // 3, start + MAX_SENTENCE)]
        cut = cuts[-1] if cuts else start + MAX_SENTENCE
        spans += _trimmed(text, start, cut)
        start = cut
    if start < end:
        spans.append(Span(start, end))
    return spans


def find_quote(text: str, quote: str, start: int = 0, end: int | None = None) -> Span | None:
    """Where a quotation stands, word for word; None if it does not.

    White space, hyphenation at a line's end and all that the canonical form takes for the same may
    differ; letters, their case, and figures may not.

    Args:
        text: the document's text.
        quote: the quotation.
        start: where to begin looking.
        end: where to stop.
    """
    end = len(text) if end is None else end
    wanted = unlaid(quote.strip().strip("\"'“”‘’"))
    if not _says(wanted):
        return None
    if exact := next(occurrences(text, quote.strip(), start, end), None):
        return exact
    laid = _short(text[start:end]) if end - start <= _STRETCH else Unlaid(text[start:end])
    found = (Span(start + begin, start + stop) for begin, stop in laid.find(wanted))
    numbers = _numbers(quote)
    return next(
        (
            span
            for span in found
            if not (_inside(text, span.start) or _inside(text, span.end))
            and _numbers(text[span.start : span.end]) == numbers
        ),
        None,
    )


_GROUP = re.compile(r"(?<=\d)\s(?=\d{3}(?!\d))")
_DIGITS = re.compile(r"\d+")


def _numbers(text: str) -> list[str]:
    """The digits of a text as they stand together: "1 250" is one number, "10 12" and "10½" are two."""
    return _DIGITS.findall(_GROUP.sub("", canonical(text)))


def _says(wanted: str) -> bool:
    """Whether a quotation has letters and digits enough to be looked for."""
    weights = (1 + unspaced(character) for character in wanted if character.isalnum())
    return sum(islice(weights, _LEAST_QUOTE)) >= _LEAST_QUOTE


@lru_cache(maxsize=16)  # several statements about one segment are looked for one after the other
def _short(text: str) -> Unlaid:
    return Unlaid(text)


def occurrences(text: str, wanted: str, start: int = 0, end: int | None = None) -> Iterator[Span]:
    """Where some characters stand as they are and by themselves: no part of a longer word or number.

    Args:
        text: the document's text.
        wanted: what is looked for.
        start: where to begin looking.
        end: where to stop.
    """
    for at in _finds(text, wanted, start, len(text) if end is None else end):
        if not (_inside(text, at) or _inside(text, at + len(wanted))):
            yield Span(at, at + len(wanted))


def _finds(text: str, wanted: str, start: int, end: int) -> Iterator[int]:
    at = text.find(wanted, start, end) if wanted else -1
    while at >= 0:
        yield at
        at = text.find(wanted, at + 1, end)


# A mark that makes one number or one name of what stands on both sides of it: 1,500.75, gate_key. A comma
# with more than three digits on either side parts two numbers of a list. In a power ten is no number.
_JOINT = re.compile(
    rf"(?<=\d)(?!(?<=\d{{4}}),\d{{4}})[.,٫٬](?=\d)|(?<=[^\W_])_(?=[^\W_])|(?<=\b10)(?:\^(?=[-\d])|[{RAISED}])"
    r"|(?<!\w)(?<!\d\s)[-−](?=\d)|(?<=\d)['’\u00a0\u2009\u202f](?=\d{3}(?!\d))"
)


def _inside(text: str, at: int) -> bool:
    """Whether an offset lies within a word or a number; where words are not set apart, any may end."""
    if at == 0 or at >= len(text):
        return False
    if not begins(text[at]):
        return True
    before = at - 1
    while before and not begins(text[before]):  # an accent, or what nobody sees
        before -= 1
    if _is_inner(text[before]) and _is_inner(text[at]):
        return not unspaced(text[before] + text[at])
    return bool(_JOINT.match(text, at - 1) or _JOINT.match(text, at))


def _is_inner(character: str) -> bool:
    """Whether a word or number may go on beside a character; the number of a footnote is none of it."""
    return character.isalnum() and character not in RAISED


def check_quote(document: Document, span: Span, quote: str) -> bool:
    """Whether a quotation stands at this very span of the document."""
    if not 0 <= span.start < span.end <= len(document.text):
        return False
    return unlaid(document.text[span.start : span.end]) == unlaid(quote)


# A comma joins groups of three digits only: "4136800,4272429" is a list.
_FIGURE = re.compile(r"\d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d+)?|\d+(?:[.:/-]\d+)*")


def figures(text: str) -> frozenset[str]:
    """Numbers, dates and times in a text, thousands separators removed."""
    return frozenset(m.group().replace(",", "") for m in _FIGURE.finditer(canonical(text)))


class Sentences:
    """The sentences of a stretch of text, and which of them a note in free text came from.

    Args:
        text: the document's text.
        start: where the stretch begins.
        end: where it ends; default: with the text.
    """

    def __init__(self, text: str, start: int = 0, end: int | None = None) -> None:
        self._text, self._start, self._end = text, start, end

    @cached_property
    def spans(self) -> list[Span]:
        """Of all sentences, in order; found once for all notes."""
        return sentences(self._text, self._start, self._end)

    def at(self, place: Span) -> list[Span]:
        """The sentences that a place stands in, in order; only its paragraphs are looked through where not
        all sentences are known."""
        if "spans" in self.__dict__:
            spans, first = self.spans, bisect_right(self.spans, place.start, key=lambda span: span.end)
        else:
            before = self._text.rfind("\n\n", self._start, place.start)
            after = self._text.find("\n\n", place.end, self._end)
            begin, end = (before + 2 if before >= 0 else self._start), (after if after >= 0 else self._end)
            spans, first = sentences(self._text, begin, end), 0
        stretch = takewhile(lambda span: span.start < place.end, islice(spans, first, None))
        return [span for span in stretch if place.start < span.end]

    @cached_property
    def _folded(self) -> Folded:
        return Folded(self._text[span.start : span.end] for span in self.spans)

    def nearest(self, note: str, *, limit: int = 2, floor: float = 0.5) -> list[tuple[Span, float]]:
        """The sentences that a note came from, best first.

        Each sentence scores by the share of the note's content words that it holds, rarer ones (in
        this stretch of text) weighing more; figures that the note states and the sentence lacks count
        against it.

        Args:
            note: a statement in other words.
            limit: most sentences to give.
            floor: least score, from 0 to 1.
        """
        words = query_words(note)
        if not words:
            return []
        holders = self._folded.holders(words)
        frequency = Counter(chain.from_iterable(holders.values()))
        weight = {w: 1.0 / (1 + frequency[w]) ** 0.5 for w in words}
        whole = sum(weight.values())
        numbers = figures(note)
        scored: list[tuple[Span, float]] = []
        for number, held in holders.items():
            score = sum(weight[w] for w in words if w in held) / whole
            if score < floor:
                continue
            span = self.spans[number]
            missing = numbers and numbers - figures(self._text[span.start : span.end])
            if (score := score * 0.6 ** len(missing)) >= floor:
                scored.append((span, score))
        scored.sort(key=lambda pair: (-pair[1], pair[0].start))
        return scored[:limit]

    def cover(self, words: list[str], *, most: int, adds: float) -> tuple[float, list[Span]]:
        """Sentences that together hold most of some words, rarer ones (in this stretch) weighing more.

        Args:
            words: as `query_words` gives them.
            most: most sentences.
            adds: share of the words that each sentence after the first must add.

        Returns:
            The share of the words that they hold, from 0 to 1, and the sentences, the best one first.
        """
        places = {word: self._folded.numbers(word) for word in words}
        weight = {word: 1.0 / (1 + len(numbers)) ** 0.5 for word, numbers in places.items()}
        whole = sum(weight.values())
        chosen, share = list[Span](), 0.0
        while len(chosen) < most:
            gains: dict[int, float] = {}
            for word, numbers in places.items():
                for number in numbers:
                    gains[number] = gains.get(number, 0.0) + weight[word]
            best = max(gains, key=lambda number: (gains[number], -number), default=-1)
            gain = gains.get(best, 0.0) / (whole or 1.0)
            if gain <= (adds if chosen else 0.0):
                break
            chosen.append(self.spans[best])
            places = {word: numbers for word, numbers in places.items() if best not in numbers}
            share += gain
        return share, chosen
