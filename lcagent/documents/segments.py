"""Cut a document into segments that follow its paragraphs and sentences.

Joined together the segments give the document back, character for character, and none exceeds its
budget by the counter given.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from lcagent.documents.boundaries import sentence_ends
from lcagent.documents.quotes import sentences

Counter = Callable[[str], int]
"""Tokens of a text by the served model's tokenizer; may be a request to a server."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A contiguous piece of a document: characters `start:end`, and its length in tokens."""

    index: int
    start: int
    end: int
    tokens: int


_FILL = 0.95
"""Share of the budget that a proposal aims at, so that most proposals are counted once."""
_FIRST_RATIO = 3.0
"""Characters a token before anything was counted."""
_TAIL = 0.35
"""Share of a proposal, at its end, in which a boundary is looked for."""
_HEAD, _TRIES = 64, 16
"""Characters of a segment by which it is looked for in a changed text, and places that are tried."""
_LONGEST_CLUSTER = 64
"""Characters to look back for the beginning of an emoji or combining sequence."""

_PARAGRAPH = re.compile(r"\n[ \t\r]*\n\s*|\f\s*")
_LINE = re.compile(r"\n\s*")
_SPACE = re.compile(r"[;:,、，；：]\s+|[、，；：]|\s+")


def split(text: str, budget: int, count: Counter) -> list[Segment]:
    """Cut a text into segments of at most `budget` tokens.

    Cuts prefer the end of a paragraph, then of a sentence, a line, a word, any character; an emoji
    or a combining sequence is kept whole where it fits.

    Args:
        text: the document's text.
        budget: most tokens of a segment.
        count: the served model's tokenizer.

    Raises:
        ValueError: one character alone exceeds the budget.
    """
    return list(_segments(text, budget, count))


def _segments(text: str, budget: int, count: Counter) -> Iterator[Segment]:
    start, index, ratio = 0, 0, _FIRST_RATIO
    while start < len(text):
        size = max(1, int(budget * ratio * _FILL))
        while True:
            end = _cut(text, start, min(len(text), start + size))
            tokens = count(text[start:end])
            length = end - start
            if tokens <= budget:
                break
            if length == 1:
                raise ValueError(f"one character takes {tokens} tokens, the budget is {budget}")
            # Over: aim lower, by what this very text showed, and always by at least a tenth.
            size = max(1, min(int(length * budget * _FILL / tokens), length * 9 // 10))
            if size >= length:
                size = length - 1
        yield Segment(index, start, end, tokens)
        if tokens:
            ratio = min(max(length / tokens, 0.1), 64.0)
        start, index = end, index + 1


def _cut(text: str, start: int, end: int) -> int:
    """Where to end a segment that may reach up to `end`: the best boundary in its tail."""
    if end >= len(text):
        return len(text)
    low = end - max(1, int((end - start) * _TAIL))
    for cuts in (_matches(_PARAGRAPH), sentence_ends, _matches(_LINE), _matches(_SPACE)):
        best = max(cuts(text, low, end), default=0)
        if best > start:
            return best
    return _cluster_start(text, start, end)


def _matches(pattern: re.Pattern[str]) -> Callable[[str, int, int], Iterator[int]]:
    # White space after a boundary stays with the text before it, so the pattern may look on.
    return lambda text, low, end: (match.end() for match in pattern.finditer(text, low, end))


def _cluster_start(text: str, start: int, end: int) -> int:
    """Step back from `end` to where a character sequence that is seen as one begins."""
    for cut in range(end, max(start, end - _LONGEST_CLUSTER), -1):
        if not _joins(text[cut - 1], text[cut]):
            return cut
    return end


def _joins(before: str, after: str) -> bool:
    code = ord(after)
    if after == "\u200d" or before == "\u200d" or 0xFE00 <= code <= 0xFE0F:
        return True
    if 0x1F3FB <= code <= 0x1F3FF or unicodedata.combining(after):
        return True
    if 0xDC00 <= code <= 0xDFFF and 0xD800 <= ord(before) <= 0xDBFF:
        return True
    return 0x1F1E6 <= code <= 0x1F1FF and 0x1F1E6 <= ord(before) <= 0x1F1FF


@dataclass(frozen=True, slots=True)
class Piece:
    """What a segment is known again by: how it begins, its length in characters and tokens, its hash."""

    head: str
    length: int
    tokens: int
    digest: str

    @staticmethod
    def of(text: str, segment: Segment) -> Piece:
        """The piece of a document's text that a segment is."""
        piece = text[segment.start : segment.end]
        return Piece(piece[:_HEAD], len(piece), segment.tokens, _digest(piece))

    def find(self, text: str, at: int) -> int:
        """Where it stands in a text from an offset on; -1 where it does not."""
        start = text.find(self.head, at) if self.head.strip() else -1
        for _ in range(_TRIES):
            if start < 0 or _digest(text[start : start + self.length]) == self.digest:
                return start
            start = text.find(self.head, start + 1)
        return -1


def _digest(piece: str) -> str:
    return hashlib.sha256(piece.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def split_again(text: str, before: Sequence[Piece], budget: int, count: Counter) -> list[Segment]:
    """Cut a text that was changed: what stands there as it stood is cut as it was, the rest is cut anew.

    So only segments that changed are new ones, wherever in the text something was put in or taken out.

    Args:
        text: the document's, as it is now.
        before: the segments that it had, in order; none for a text that is new.
        budget: most tokens of a segment.
        count: the served model's tokenizer.

    Raises:
        ValueError: one character alone exceeds the budget.
    """
    found: list[tuple[int, int, int]] = []
    at = 0
    for piece in before:
        if (start := piece.find(text, at)) >= 0:
            found += _between(text, at, start, budget, count)
            at = start + piece.length
            found.append((start, at, piece.tokens))
    found += _between(text, at, len(text), budget, count)
    return [Segment(index, start, end, tokens) for index, (start, end, tokens) in enumerate(found)]


def _between(text: str, start: int, end: int, budget: int, count: Counter) -> Iterator[tuple[int, int, int]]:
    for segment in _segments(text[start:end], budget, count):
        yield start + segment.start, start + segment.end, segment.tokens


def halved(text: str, segment: Segment) -> tuple[Segment, Segment] | None:
    """A segment in two, parted between sentences where it can be; neither has more tokens than the whole.

    None: it is a single character.

    Args:
        text: the document's.
        segment: of it.
    """
    if segment.end - segment.start < 2:
        return None
    middle = (segment.start + segment.end) // 2
    starts = [span.start for span in sentences(text, segment.start, segment.end)[1:]]
    cut = min(starts, key=lambda start: abs(start - middle), default=middle)
    return replace(segment, end=cut), replace(segment, start=cut)
