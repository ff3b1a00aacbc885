"""A document: its exact text, and the pages that its characters stand on."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from lcagent.documents.headings import MOST_CHARS, Outline
from lcagent.documents.health import HEALTHY, Health
from lcagent.text import clipped

_BLOCK = 1 << 16
"""Characters between two counts that are kept."""
_MADE = frozenset({"html", "docx", "rtf", "mail", "mhtml", "odt"})
"""Formats whose text has other lines than the file shows."""
_MOST_HEADING = 80
"""Characters of a heading in a place."""


Unit = Literal["page", "chapter", "sheet", "slide", "message", ""]
"""What the pages of a document are called; "" where it has none."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its number from 1, and its characters `start:end` of the document's text.

    `label` is what is printed on it where that is another than its number: "ii", "A-3".
    """

    number: int
    start: int
    end: int
    label: str = ""


@dataclass(frozen=True)  # no slots: what is worked out on demand is kept beside the fields
class Document:
    """What was read from one file.

    Args:
        name: as shown to people.
        text: all of it; every offset of this project is a character offset into it. For a
            plain-text or Markdown file it is the file's own text, character for character.
        pages: in order, tiling the text; empty where the format has no pages.
        unit: what `pages` are called.
        sha256: of the file's bytes.
        format: pdf, text, markdown, html, docx, epub, rtf, mail, mhtml, mbox, odt, ods, odp, xlsx or pptx.
        health: what of the file is not in the text, and what it was taken for.
    """

    name: str
    text: str
    pages: tuple[Page, ...]
    unit: Unit
    sha256: str
    format: str
    health: Health = HEALTHY

    @property
    def warnings(self) -> tuple[str, ...]:
        """What its health says, for people."""
        return self.health.sentences(self.unit)

    def page_at(self, offset: int) -> int | None:
        """The number of the page that a character stands on; None where there are no pages."""
        return page.number if (page := self._page(offset)) is not None else None

    def _page(self, offset: int) -> Page | None:
        if not self.pages:
            return None
        index = bisect_right(self.pages, offset, key=lambda page: page.start) - 1
        return self.pages[max(index, 0)]

    @cached_property
    def outline(self) -> Outline:
        """Its headings: found when first asked for, which takes 2 s for 100 MB."""
        return Outline(self.text, self.pages)

    @cached_property
    def _newlines(self) -> array[int]:
        """How many stand before each block of the text."""
        return _counts(self.text, "\n")

    @cached_property
    def _blank_lines(self) -> array[int]:
        return _counts(self.text, "\n\n")

    def place(self, offset: int) -> str:
        """Where a person looks a character up: "page 4 (ii), 2 Terms" or "4.2 Notice period, line 120".

        Lines are counted in texts that have them, paragraphs where the text is made from HTML or DOCX, there
        from the heading on.
        """
        # What begins with a heading stands under it.
        end = self.text.find("\n", offset, offset + MOST_CHARS + 1)
        headings = [h for h in self.outline.above(max(end, offset)) if h.kind != "table"]
        if (page := self._page(offset)) is not None:
            named = f"{self.unit} {page.number}" + (f" ({page.label})" if page.label else "")
            if page.number in self.health.recognised:
                named += ", recognised (OCR)"
            if self.unit == "sheet":
                return f"{named}, row {self._line(offset) - self._line(page.start) + 1:,}"
            # A chapter that says nothing of its own does not go on with the heading of the one before it.
            inside = self.unit != "chapter" or (headings and headings[-1].start >= page.start)
            return f"{named}, {clipped(headings[-1].text, _MOST_HEADING)}" if headings and inside else named
        if self.format in _MADE:
            start = headings[-1].end if headings else 0
            counted = _before(self.text, "\n\n", self._blank_lines, offset)
            number = counted - _before(self.text, "\n\n", self._blank_lines, start) + (not headings)
            within = f"paragraph {max(number, 1)}"
        else:
            within = f"line {self._line(offset):,}"
        return f"{clipped(headings[-1].text, _MOST_HEADING)}, {within}" if headings else within

    def lines(self, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """First and last line of each stretch of the text."""
        return [(self._line(start), self._line(max(start, end - 1))) for start, end in spans]

    def _line(self, offset: int) -> int:
        return _before(self.text, "\n", self._newlines, offset) + 1

    @property
    def empty_pages(self) -> tuple[int, ...]:
        """Numbers of the pages that hold no text."""
        return tuple(p.number for p in self.pages if self.text[p.start : p.end].isspace() or p.start == p.end)


def _counts(text: str, mark: str) -> array[int]:
    """How often a mark begins before each block of a text."""
    counts = array("q", [0])
    for start in range(0, len(text), _BLOCK):
        counts.append(counts[-1] + text.count(mark, start, start + _BLOCK + len(mark) - 1))
    return counts


def _before(text: str, mark: str, counts: array[int], offset: int) -> int:
    """How often a mark begins before a character."""
    block = min(max(offset, 0), len(text)) // _BLOCK
    return counts[block] + text.count(mark, block * _BLOCK, offset + len(mark) - 1)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a document was read."""

    unit: str
    pages_read: int
    pages_looked_up: int
    pages_total: int
    pages_empty: tuple[int, ...]
    chars_read: int
    chars_looked_up: int
    chars_total: int

    def sentence(self) -> str:
        """For people: "read 212 of 214 pages; 2 pages hold no text", "looked up in 2 of 214 pages"."""
        done, seen = self.chars_read, self.chars_looked_up
        if not self.pages_total:
            share = 100 * (done or seen) / self.chars_total if self.chars_total else 100
            verb = "read" if done or not seen else "looked up in"
            text = f"{verb} {done or seen:,} of {self.chars_total:,} characters ({share:.0f} %)"
            return f"{text}, looked up in {seen:,} more" if done and seen else text
        done, seen = self.pages_read, self.pages_looked_up
        verb = "read" if done or not seen else "looked up in"
        text = f"{verb} {done or seen} of {self.pages_total} {self.unit}s"
        if done and seen:
            text += f", looked up in {seen} more"
        empty = len(self.pages_empty)
        if empty:
            verb = f"{self.unit} holds" if empty == 1 else f"{self.unit}s hold"
            text += f"; {empty} {verb} no text"
        return text


def coverage(
    document: Document, spans: Iterable[tuple[int, int]], seen: Iterable[tuple[int, int]] = ()
) -> Coverage:
    """Measure what was read.

    Args:
        document: the document.
        spans: characters read.
        seen: characters of passages that were looked up, read or not.
    """
    seen, empty = list(seen), set(document.empty_pages)
    covered = merged(spans)
    both = merged([*covered, *seen])
    read = {
        page.number
        for page in document.pages
        if page.number not in empty and covers(document.text, covered, page.start, page.end)
    }
    touched = {p.number for p in document.pages if any(s < p.end and p.start < e for s, e in seen)}
    chars = sum(end - start for start, end in covered)
    return Coverage(
        unit=document.unit,
        pages_read=len(read),
        pages_looked_up=len(touched - read - empty),
        pages_total=len(document.pages),
        pages_empty=tuple(sorted(empty)),
        chars_read=chars,
        chars_looked_up=sum(end - start for start, end in both) - chars,
        chars_total=len(document.text),
    )


_MOST_RANGES = 12


def extent(document: Document, spans: Iterable[tuple[int, int]]) -> tuple[str, str]:
    """What was read and what was not, as people name it: ("pages 1-12 and 14", "page 13 holds no text").

    Args:
        document: the document.
        spans: characters read.

    Returns:
        Empty where there is nothing to name.
    """
    covered = merged(spans)
    if not document.pages:
        edges = [0, *(edge for span in covered for edge in span), len(document.text)]
        gaps = zip(edges[::2], edges[1::2], strict=True)
        unread = [(s, e) for s, e in gaps if document.text[s:e].strip()]
        if not unread:
            return "all of it", ""
        if document.format in _MADE:  # its lines are none that a person has before them
            share = round(100 * sum(e - s for s, e in unread) / len(document.text))
            return f"{100 - share} % of it", f"{share} % of it"
        read = [(s, e) for s, e in covered if not document.text[s:e].isspace()]
        return _listed("line", document.lines(read)), _listed("line", document.lines(unread))
    empty = set(document.empty_pages)
    full = [page for page in document.pages if page.number not in empty]
    done = {page.number for page in full if covers(document.text, covered, page.start, page.end)}
    left = [page.number for page in full if page.number not in done]
    parts = [_listed(document.unit, _ranges(left))] if left else []
    if empty:
        verb = "holds" if len(empty) == 1 else "hold"
        parts.append(f"{_listed(document.unit, _ranges(sorted(empty)))} {verb} no text")
    return _listed(document.unit, _ranges(sorted(done))), "; ".join(parts)


def _ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers in order as first and last of each run."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(number, found[-1][1]))
        else:
            found.append((number, number))
    return found


def _listed(unit: str, ranges: list[tuple[int, int]]) -> str:
    """ "pages 1-12, 14 and 16-20"; of very many only the first."""
    if not ranges:
        return ""
    parts = [f"{first:,}" if first == last else f"{first:,}-{last:,}" for first, last in ranges]
    if len(parts) > _MOST_RANGES:
        parts = [*parts[: _MOST_RANGES - 1], f"{len(parts) - _MOST_RANGES + 1} more"]
    one = len(ranges) == 1 and ranges[0][0] == ranges[0][1]
    listed = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    return f"{unit}{'' if one else 's'} {listed}"


def merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, those that touch or overlap made one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def covers(text: str, spans: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    """Whether all of `start:end`, but for white space at its end, lies in one of some `merged` spans."""
    index = bisect_right(spans, start, key=lambda span: span[0]) - 1
    if index < 0:
        return False
    reached = spans[index][1]
    return reached >= end or text[max(reached, start) : end].isspace()
