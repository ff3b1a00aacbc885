"""The lines of a text, as headings and tables are told by them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

_SEEN = 400
"""Characters of a line that are looked at."""
_FREE = 20_000
"""Headings that any text may have, however short it is."""
_CHARS_A_HEADING = 160
"""A text with more headings than one in so many characters has a list in it that looks like them."""
_CLOSERS = frozenset('.!?…:;)"”’»。！？।')


class PageLike(Protocol):
    """What is asked of a page here."""

    @property
    def start(self) -> int:
        """Its first character."""
        ...


@dataclass(slots=True)  # not frozen, which takes three times as long to make
class Line:
    """A line that is not blank, without white space around it; only the beginning of a long one."""

    start: int
    end: int
    text: str
    apart: bool
    """A blank line, a page's end or nothing stands before it."""
    first: bool
    """It begins a page."""

    @property
    def closed(self) -> bool:
        """It ends as a sentence does."""
        return self.text[-1] in _CLOSERS

    @property
    def goes_on(self) -> bool:
        """It begins as the rest of a line before it does."""
        return self.text[0].islower()


def lines_of(text: str, pages: Sequence[PageLike]) -> Iterator[Line]:
    """The lines that are not blank."""
    begins = iter(page.start for page in pages)
    page = next(begins, None)
    last: int | None = None
    for match in re.finditer(r"[^\n\f]+", text):
        start, stop = match.span()
        shown = text[start : min(stop, start + _SEEN)]
        body = shown.strip()
        if not body:
            continue
        apart = last is None or text.count("\n", last, start) > 1
        first = last is None or text.find("\f", last, start) >= 0
        while page is not None and page <= start:
            first, page = True, next(begins, None)
        at = start + shown.index(body[0])
        yield Line(at, stop if stop - start > _SEEN else at + len(body), body, apart or first, first)
        last = stop


def letters(text: str) -> bool:
    """Whether a title has a word in it: two letters, or one of a script whose letters are words."""
    return sum(c.isalpha() for c in text) >= 2


def too_many(headings: int, chars: int) -> bool:
    """Whether so many headings, or tables, among so many characters can be none."""
    return headings > _FREE + chars // _CHARS_A_HEADING
