"""The headings above any character of a document: sections, sessions of a conversation, table headers.

A passage out of its place lacks what only its heading says: which contract's clause it is, on which day
it was said, what a column holds. Headings are found in plain text, by their form alone; each is exact text
of the document. A line taken for a heading by mistake costs a few words of a prompt and no more.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Literal

from lcagent.documents.headings.lines import Line, PageLike, lines_of, too_many
from lcagent.documents.headings.shapes import BARE, MOST_CHARS, UNMARKED, Found, heading, may_precede
from lcagent.documents.headings.tables import MOST_HEADER_CHARS, Table, names_columns
from lcagent.text import clipped

__all__ = ["MOST_CHARS", "MOST_HEADER_CHARS", "Heading", "Outline", "headings_text", "names_columns"]

Kind = Literal["section", "session", "table"]

_MOST_ABOVE = 6
"""Headings shown above one place, the innermost."""
_MOST_IN_CHAIN = 3
"""Short lines in a row that may all be headings; of more, only the last is."""
_MOST_FENCED = 200
"""Lines after which a code fence that was never closed is none."""
_MOST_SKIPPED = 5
"""Sections in a row that may have been overlooked."""
_RUNNING = 3
"""Pages that must begin with the same line for it to be a running header."""
_FENCE = re.compile(r"```|~~~")


@dataclass(frozen=True, slots=True)
class Heading:
    """Characters `start:end` of the document, which are `text`."""

    start: int
    end: int
    text: str
    kind: Kind


class Outline:
    """The headings of a text, found once, in time linear in it.

    Args:
        text: the document's text.
        pages: its pages in order; a running header, which many of them begin with, is no heading.
    """

    def __init__(self, text: str, pages: Sequence[PageLike] = ()) -> None:
        self._text = text
        builder = _Builder()
        builder.read(lines_of(text, pages))
        self._sections = builder.sections()
        self._tables = builder.tables

    def above(self, offset: int) -> tuple[Heading, ...]:
        """The headings that a character stands under, outermost first, a table's header row last."""
        lines, starts, lengths, parents, sessions = self._sections
        index = bisect_right(lines, offset) - 1
        if index >= 0 and lines[index] + starts[index] + lengths[index] > offset:
            index = parents[index]  # the heading itself stands under what it stands in
        found: list[Heading] = []
        while index >= 0 and len(found) < _MOST_ABOVE:
            start = lines[index] + starts[index]
            kind = "session" if sessions[index] else "section"
            found.append(self._heading(start, start + lengths[index], kind))
            index = parents[index]
        found.reverse()
        return (*found, *self._table(offset))

    def _table(self, offset: int) -> Iterator[Heading]:
        starts, ends, untils = self._tables
        index = bisect_right(starts, offset) - 1
        if index >= 0 and ends[index] <= offset < untils[index]:
            yield self._heading(starts[index], ends[index], "table")

    def _heading(self, start: int, end: int, kind: Kind) -> Heading:
        return Heading(start, end, self._text[start:end], kind)


def headings_text(outline: Outline, offset: int, limit_chars: int = 160) -> str:
    """The headings above a character in one line: "4 Terms > 4.2 Notice period".

    Args:
        outline: of the document.
        offset: the character.
        limit_chars: most characters; the outermost headings go first.
    """
    parts = [" ".join(heading.text.split()) for heading in outline.above(offset)]
    while len(parts) > 1 and len(" > ".join(parts)) > limit_chars:
        del parts[0]
    return clipped(" > ".join(parts), limit_chars)


@dataclass(slots=True)
class _Builder:
    """Goes through the lines once, with the line before and the line after each in view."""

    lines: array[int] = field(default_factory=lambda: array("q"))
    starts: array[int] = field(default_factory=lambda: array("B"))
    lengths: array[int] = field(default_factory=lambda: array("B"))
    ranks: array[int] = field(default_factory=lambda: array("h"))
    kinds: array[int] = field(default_factory=lambda: array("B"))
    tables: tuple[array[int], array[int], array[int]] = field(
        default_factory=lambda: (array("q"), array("q"), array("q"))
    )
    bases: dict[str, int] = field(default_factory=dict[str, int])
    """First rank of each family of headings: those met first in the text stand above the others."""
    banned: set[int] = field(default_factory=set[int])
    openers: dict[int, str] = field(default_factory=dict[int, str])
    """Headings without a mark that begin a page, by where they stand, digits alike."""
    number: int = 0
    """The last section that was numbered by a bare number."""

    def read(self, lines: Iterator[Line]) -> None:
        """Find the headings and the tables."""
        before: Line | None = None
        line = next(lines, None)
        was_heading, fenced = False, 0
        chain: list[Line] = []
        table = Table(self.tables)
        while line is not None:
            after = next(lines, None)
            if _FENCE.match(line.text):
                fenced = 0 if fenced else 1
            elif fenced:
                fenced = (fenced + 1) % _MOST_FENCED
            in_table = table.take(line, after)
            found = None
            if not fenced and not in_table and len(line.text) <= MOST_CHARS:
                found = heading(before, line, after, was_heading)
            if found is not None and self._in_sequence(found, line):
                self._add_chain(chain, found)
                depth = 1 + min(len(chain), _MOST_IN_CHAIN) if found.family == UNMARKED else found.depth
                self._add(line, found, depth)
                chain.clear()
            elif not fenced and not in_table and may_precede(line, after):
                chain = [*chain[-_MOST_IN_CHAIN:], line]
            else:
                chain.clear()
            was_heading = found is not None
            before, line = line, after
        table.close()

    def _in_sequence(self, found: Found, line: Line) -> bool:
        """Whether a bare number is one that a section may have after those before it: 83 is a house's."""
        bare = BARE.match(line.text) if found.family == "number" else None
        if bare is None:
            return True
        number = int(bare[1])
        if not 0 <= number <= self.number + _MOST_SKIPPED:
            return False
        self.number = number
        return True

    def _add_chain(self, chain: list[Line], found: Found) -> None:
        """Short lines that stood apart between a paragraph and a heading: they are headings too.

        Before a heading with a mark of its own they are titles, which stand above all such headings.
        """
        if len(chain) >= _MOST_IN_CHAIN:
            chain.clear()  # a list, of which only the last line is a heading
        for depth, line in enumerate(chain, start=1):
            family = UNMARKED if found.family == UNMARKED else "title"
            self._add(line, Found(0, len(line.text), family, depth), depth)

    def _add(self, line: Line, found: Found, depth: int) -> None:
        if found.family == UNMARKED:
            base = 30_000
            depth = 0 if line.text.isupper() else depth
        else:
            base = self.bases.setdefault(found.family, 10 * len(self.bases))
        if base in self.banned:
            return
        if line.first and found.family == UNMARKED:
            self.openers[line.start] = _alike(line.text)
        self.lines.append(line.start)
        self.starts.append(found.start)
        self.lengths.append(found.end - found.start)
        self.ranks.append(base + min(depth, 9))
        self.kinds.append(found.kind == "session")
        if too_many(len(self.lines), line.end):
            self._drop_the_commonest()

    def _drop_the_commonest(self) -> None:
        """A family of headings that are too many is a list."""
        base = Counter(rank // 10 * 10 for rank in self.ranks).most_common(1)[0][0]
        self.banned.add(base)
        self._keep([rank // 10 * 10 != base for rank in self.ranks])

    def _keep(self, kept: Sequence[bool]) -> None:
        for values in (self.lines, self.starts, self.lengths, self.ranks, self.kinds):
            left = list(compress(values, kept))
            del values[:]
            values.fromlist(left)

    def sections(self) -> tuple[array[int], array[int], array[int], array[int], array[int]]:
        """Of each heading: its line's start, where its text begins and how long it is, what it is under, and
        whether it is a session."""
        often = Counter(self.openers.values())
        if any(count >= _RUNNING for count in often.values()):
            running = {start for start, text in self.openers.items() if often[text] >= _RUNNING}
            self._keep([start not in running for start in self.lines])
        parents = array("l")
        open_ones: list[tuple[int, int]] = []
        for index, rank in enumerate(self.ranks):
            while open_ones and open_ones[-1][0] >= rank:
                open_ones.pop()
            parents.append(open_ones[-1][1] if open_ones else -1)
            open_ones.append((rank, index))
        return self.lines, self.starts, self.lengths, parents, self.kinds


def _alike(text: str) -> str:
    """A running header with its page number taken out."""
    return re.sub(r"\d+", "0", text)
