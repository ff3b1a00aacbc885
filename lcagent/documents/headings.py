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
from typing import Literal, Protocol

from lcagent.text import clipped

Kind = Literal["section", "session", "table"]

MOST_CHARS = 120
"""Longest line that may be a heading."""
MOST_HEADER_CHARS = 200
"""Most characters of a table's header row that are shown."""
_MOST_ABOVE = 6
"""Headings shown above one place, the innermost."""
_MOST_IN_CHAIN = 3
"""Short lines in a row that may all be headings; of more, only the last is."""
_CHARS_A_HEADING = 160
"""A text with more headings than one in so many characters has a list in it that looks like them."""
_FREE = 20_000
"""Headings that any text may have, however short it is."""
_SEEN = 400
"""Characters of a line that are looked at."""
_SHORT, _TIGHT = 80, 60
"""Longest heading without a mark of its own, with blank lines around it and without."""
_PARAGRAPH = 60
"""A line of so many characters belongs to a paragraph."""
_MOST_FENCED = 200
"""Lines after which a code fence that was never closed is none."""
_MOST_SKIPPED = 5
"""Sections in a row that may have been overlooked."""
_RUNNING = 3
"""Pages that must begin with the same line for it to be a running header."""


class PageLike(Protocol):
    """What is asked of a page here."""

    @property
    def start(self) -> int:
        """Its first character."""
        ...


@dataclass(frozen=True, slots=True)
class Heading:
    """Characters `start:end` of the document, which are `text`."""

    start: int
    end: int
    text: str
    kind: Kind


@dataclass(slots=True)  # not frozen, which takes three times as long to make
class _Line:
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


@dataclass(frozen=True, slots=True)
class _Found:
    """A line read as a heading: where its text stands in the line, how it ranks, and what it is."""

    start: int
    end: int
    family: str
    depth: int
    kind: Literal["section", "session"] = "section"


_CLOSERS = frozenset('.!?…:;)"”’»。！？।')
_ENDINGS = frozenset(".,;:!?…-\u2013\u2014。，、；：！？।")  # what no heading ends with
_NUMBERS = (
    r"(?:\d{1,3}[A-Z]?|[IVXLC]{1,7}|[A-Z]|(?i:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
    r"|first|second|third))(?!\w)"
)
_CHAPTER = re.compile(
    rf"(?:(?P<part>(?i:part|book|volume|teil|buch|partie|livre|parte|libro|часть|том|część|deel)) {_NUMBERS}"
    r"|(?P<chapter>(?i:chapter|appendix|annex|schedule|kapitel|anhang|chapitre|annexe|cap[ií]tulo|ap[eé]ndice"
    rf"|anexo|capitolo|allegato|глава|приложение|rozdział|hoofdstuk|bilaga|κεφάλαιο)) {_NUMBERS}"
    r"|(?P<article>(?i:section|article|clause|item|abschnitt|artikel|secci[oó]n|art[ií]culo|articolo|раздел|статья"
    rf"|άρθρο)) {_NUMBERS}"
    r"|第[\d一二三四五六七八九十百千]{1,6}[部卷編编](?P<cjk_part>)"
    r"|第[\d一二三四五六七八九十百千]{1,6}[章节節条回](?P<cjk>))[.:]?(?P<rest>.*)"
)
_NUMBERED = re.compile(
    r"(?:§{1,2} ?)?(?P<number>\d{1,3}(?:\.\d{1,3}){0,5}|[A-Z](?:\.\d{1,3}){1,4}|(?P<roman>[IVX]{1,6})(?=\.))"
    r"(?P<dot>[.)]?)[ \t\u00a0\u3000]{1,6}(?P<title>\S.*)"
)
_BARE = re.compile(r"(\d{1,3})[ \t\u00a0\u3000]")
_LEADERS = re.compile(r"\.{3,}|…{2,}|(?:\. ){3,}|(?:\t| {3,})\d+$")
_HASH = re.compile(r"(#{1,6})[ \t]+(?P<title>\S.*?)[ \t]*#*$")
_DECORATED = re.compile(
    r"(?P<rule>={2,}|-{2,}|\*{2,}|_{2,}|~{2,}|\+{2,})\s*(?P<title>[^\s=*_~+-].*?)\s*(?P=rule)$"
)
_UNDERLINE = re.compile(r"(?:={3,}|-{3,}|~{3,}|\^{3,})$")
_FENCE = re.compile(r"```|~~~")
_SPEAKER = re.compile(r"[^\s:：]+(?: [^\s:：]+){0,2} ?[:：]")

_BROKEN_OFF = re.compile(r"(?:^| )[a-zß-ÿ]{1,3}$|\d{5}")
"""Ends as a line does that goes on ("of the"), or holds what is no title's number."""

_WORD = r"[^\W\d_]{3,12}"
_DATE = (
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{4}年\d{1,2}月(?:\d{1,2}日)?"
    rf"|\d{{1,2}}(?:st|nd|rd|th|\.|º)?(?: of| de)? {_WORD}\.?,?(?: of| de)? \d{{4}}"
    rf"|{_WORD}\.? \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}})"
)
_TIME = r"(?:\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?: ?[ap]\.?m\.?)?(?:Z| ?UTC| ?GMT)?)"
_DAY = re.compile(
    rf"[\[(<]?(?:{_WORD},? )?(?:{_TIME},? (?:on )?)?{_DATE}(?:[T,]? ?(?:at )?{_TIME})?"
    rf"(?:,? {_WORD})?[\])>]?:?"
)
_DATED = re.compile(
    r"(?i:date|datum|fecha|data|dato|dátum|дата|日期|session date)\s*[:：]\s*(?=.{0,60}\d).{1,80}"
)
_SESSION = re.compile(
    r"[\[(<]?(?i:session|conversation|meeting|sitting|day|week|visit|call|lesson|episode|sitzung|gespräch|tag"
    r"|séance|jour|sesión|día|sessione|giorno|sessão|dia|сессия|день|会话|第)[ #]*"
    r"(?:\d{1,4}|(?i:one|two|three|four|five|six|seven|eight|nine|ten))(?!\w)(?P<rest>.*)"
)
_DIGIT = re.compile(r"\d")
_YEAR = re.compile(r"(?:1[89]|20)\d\d(?:[/-]\d{2,4})?")
_VALUE = re.compile(r"[-+(]?[$€£]?\s?\d[\d.,:/ -]*\s?[%$€£)]?")
_DELIMITER = re.compile(r"\|?\s*:?-{1,}:?\s*(?:\|\s*:?-{1,}:?\s*)*\|?")


class Outline:
    """The headings of a text, found once, in time linear in it.

    Args:
        text: the document's text.
        pages: its pages in order; a running header, which many of them begin with, is no heading.
    """

    def __init__(self, text: str, pages: Sequence[PageLike] = ()) -> None:
        self._text = text
        builder = _Builder()
        builder.read(_lines(text, pages))
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


def _lines(text: str, pages: Sequence[PageLike]) -> Iterator[_Line]:
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
        yield _Line(at, stop if stop - start > _SEEN else at + len(body), body, apart or first, first)
        last = stop


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

    def read(self, lines: Iterator[_Line]) -> None:
        """Find the headings and the tables."""
        before: _Line | None = None
        line = next(lines, None)
        was_heading, fenced = False, 0
        chain: list[_Line] = []
        table = _Table(self.tables)
        while line is not None:
            after = next(lines, None)
            if _FENCE.match(line.text):
                fenced = 0 if fenced else 1
            elif fenced:
                fenced = (fenced + 1) % _MOST_FENCED
            in_table = table.take(line, after)
            found = None
            if not fenced and not in_table and len(line.text) <= MOST_CHARS:
                found = _heading(before, line, after, was_heading)
            if found is not None and self._in_sequence(found, line):
                self._add_chain(chain, found)
                depth = 1 + min(len(chain), _MOST_IN_CHAIN) if found.family == _UNMARKED else found.depth
                self._add(line, found, depth)
                chain.clear()
            elif not fenced and not in_table and _may_precede_a_heading(line, after):
                chain = [*chain[-_MOST_IN_CHAIN:], line]
            else:
                chain.clear()
            was_heading = found is not None
            before, line = line, after
        table.close()

    def _in_sequence(self, found: _Found, line: _Line) -> bool:
        """Whether a bare number is one that a section may have after those before it: 83 is a house's."""
        bare = _BARE.match(line.text) if found.family == "number" else None
        if bare is None:
            return True
        number = int(bare[1])
        if not 0 <= number <= self.number + _MOST_SKIPPED:
            return False
        self.number = number
        return True

    def _add_chain(self, chain: list[_Line], found: _Found) -> None:
        """Short lines that stood apart between a paragraph and a heading: they are headings too.

        Before a heading with a mark of its own they are titles, which stand above all such headings.
        """
        if len(chain) >= _MOST_IN_CHAIN:
            chain.clear()  # a list, of which only the last line is a heading
        for depth, line in enumerate(chain, start=1):
            family = _UNMARKED if found.family == _UNMARKED else "title"
            self._add(line, _Found(0, len(line.text), family, depth), depth)

    def _add(self, line: _Line, found: _Found, depth: int) -> None:
        if found.family == _UNMARKED:
            base = 30_000
            depth = 0 if line.text.isupper() else depth
        else:
            base = self.bases.setdefault(found.family, 10 * len(self.bases))
        if base in self.banned:
            return
        if line.first and found.family == _UNMARKED:
            self.openers[line.start] = _alike(line.text)
        self.lines.append(line.start)
        self.starts.append(found.start)
        self.lengths.append(found.end - found.start)
        self.ranks.append(base + min(depth, 9))
        self.kinds.append(found.kind == "session")
        if len(self.lines) > _FREE + line.end // _CHARS_A_HEADING:
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


_UNMARKED = "unmarked"


def _alike(text: str) -> str:
    """A running header with its page number taken out."""
    return re.sub(r"\d+", "0", text)


def _heading(before: _Line | None, line: _Line, after: _Line | None, under_heading: bool) -> _Found | None:
    """The line as a heading, if it is one."""
    if line.text[0] == "#":
        return _hashed(before, line, after)
    found = _decorated(line, after) or _session(line)
    if found is not None or after is None or (after.goes_on and not after.apart):
        return found
    begins = line.apart or before is None or before.closed or under_heading
    begins = begins or (before is not None and before.first and len(before.text) <= _TIGHT)
    if (match := _NUMBERED.match(line.text)) is not None:
        return _numbered(match, before, after, begins)
    if not begins or line.goes_on:
        return None
    if (match := _CHAPTER.match(line.text)) is not None:
        return _chapter(match, before, after)
    return _unmarked(line, after)


def _hashed(before: _Line | None, line: _Line, after: _Line | None) -> _Found | None:
    """`## Title`, but not one of several lines of a comment."""
    match = _HASH.match(line.text)
    if match is None or not _letters(match["title"]):
        return None
    level = len(match[1])
    for other, apart in ((before, line.apart), (after, after is None or after.apart)):
        beside = _HASH.match(other.text) if other is not None and not apart else None
        if beside is not None and len(beside[1]) == level:
            return None
    return _Found(*match.span("title"), "#", level, _kind(match["title"]))


def _decorated(line: _Line, after: _Line | None) -> _Found | None:
    """`=== Title ===`; bold type alone makes a heading only where it stands as one."""
    match = _DECORATED.match(line.text) if line.text[0] in "=-*_~+" else None
    if match is None:
        return None
    rule, title = match["rule"], match["title"]
    kind = _kind(title)
    if kind == "section" and not _letters(title):
        return None
    if rule[0] in "*_" and kind == "section":
        return _Found(*match.span("title"), _UNMARKED, 1) if line.apart and after and after.apart else None
    return _Found(*match.span("title"), rule[0], min(len(rule), 6) if rule[0] == "=" else 0, kind)


def _kind(title: str) -> Literal["section", "session"]:
    return "session" if _DAY.search(title) or _SESSION.match(title) else "section"


def _session(line: _Line) -> _Found | None:
    """A line that is a date and no more, or "Session 3", perhaps with its date."""
    text = line.text
    if len(text) > _SHORT:
        return None
    if line.apart and text[-1] not in ".!?" and (match := _SESSION.match(text)) is not None:
        rest = match["rest"].strip()
        if not rest or rest[0] in ")],:;—\u2013-(|" or _DAY.match(rest):
            return _Found(0, len(text), "session", 0, "session")
    if _DIGIT.search(text) and (_DAY.fullmatch(text) or _DATED.fullmatch(text)):
        return _Found(0, len(text), "session", 1, "session")
    return None


def _numbered(match: re.Match[str], before: _Line | None, after: _Line, begins: bool) -> _Found | None:
    """`4.2 Notice period`, but no item of a list and no line of a table of contents."""
    title = match["title"]
    if len(title) > _SHORT + 10 or title[-1] in _ENDINGS or not _letters(title) or title[0].islower():
        return None
    if not (title[0].isalpha() or title[0] in "“‘\"'(«„") or _LEADERS.search(match.string):
        return None
    depth = match["number"].count(".") + 1
    if depth == 1 and (not begins or (len(match["number"]) > 2 and not match["roman"])):
        return None
    for other in (before, after):
        beside = _NUMBERED.match(other.text) if other is not None else None
        if beside is None or bool(beside["roman"]) != bool(match["roman"]):
            continue
        other_depth = beside["number"].count(".") + 1
        if other_depth == depth or (other is after and other_depth < depth):
            return None
    return _Found(0, match.end(), "roman" if match["roman"] else "number", depth)


def _chapter(match: re.Match[str], before: _Line | None, after: _Line) -> _Found | None:
    """`CHAPTER III`, but no line of a table of contents and no reference to it in a sentence."""
    rest = match["rest"].strip()
    if rest and (rest[0].islower() or rest[-1] in _ENDINGS or _LEADERS.search(rest)):
        return None
    depth = _chapter_depth(match)
    for other in (before, after):
        beside = _CHAPTER.match(other.text) if other is not None else None
        other_depth = _chapter_depth(beside) if beside else depth + 1
        if other_depth == depth or (other is after and other_depth < depth):
            return None
    return _Found(0, match.end(), "chapter", depth)


def _chapter_depth(match: re.Match[str]) -> int:
    if match["part"] or match["cjk_part"] is not None:
        return 0
    return 2 if match["article"] else 1


def _unmarked(line: _Line, after: _Line) -> _Found | None:
    """A short line with a rule under it, or before a paragraph."""
    if line.apart and not after.apart and _letters(line.text) and _UNDERLINE.match(after.text):
        return _Found(0, len(line.text), after.text[0] * 3, 0)
    if _is_short(line) and (after.apart or len(line.text) <= _TIGHT) and _opens_paragraph(line, after):
        return _Found(0, len(line.text), _UNMARKED, 1)
    return None


def _is_short(line: _Line) -> bool:
    """Whether a line might be a title: short, with a capital or a script without them, and no sentence."""
    text = line.text
    if len(text) > _SHORT or text[-1] in _ENDINGS or not text[0].isalpha() or text[0].islower():
        return False
    if text[-1] in '"”’»)' and text[-2:-1] in _ENDINGS:
        return False
    if _BROKEN_OFF.search(text):
        return False
    if any(mark in text for mark in "|\t{}<>\\") or "://" in text or text.count(",") > 1:
        return False
    return text.count(" ") < 12 and _letters(text) and not _SPEAKER.match(text)


def _letters(text: str) -> bool:
    """Whether a title has a word in it: two letters, or one of a script whose letters are words."""
    return sum(c.isalpha() for c in text) >= 2


def _opens_paragraph(line: _Line, after: _Line) -> bool:
    """Whether what follows a short line is the text that it may head."""
    if after.goes_on or len(after.text) <= len(line.text):
        return False
    return len(after.text) >= _PARAGRAPH or (after.apart and after.closed)


def _may_precede_a_heading(line: _Line, after: _Line | None) -> bool:
    return line.apart and after is not None and after.apart and _is_short(line)


class _Table:
    """A run of lines with the same delimiter, whose first line may be a header.

    Args:
        tables: where headers are added, as start, end, and the end of the table's last row.
    """

    def __init__(self, tables: tuple[array[int], array[int], array[int]]) -> None:
        self._tables = tables
        self._mark = ""
        self._count = self._rows = self._until = 0
        self._head: _Line | None = None
        self._ruled = False

    def take(self, line: _Line, after: _Line | None) -> bool:
        """Read one more line; whether it is one of a table's."""
        if self._head is not None and not line.apart and self._goes_on(line.text):
            self._rows += 1
            self._until = line.end
            self._ruled = self._ruled or (self._rows == 2 and bool(_DELIMITER.fullmatch(line.text)))
            return True
        self.close()
        self._mark = _mark(line.text)
        if not self._mark:
            return False
        self._head, self._rows, self._until = line, 1, line.end
        self._count, self._ruled = line.text.count(self._mark), False
        return after is not None and not after.apart and self._goes_on(after.text)

    def _goes_on(self, text: str) -> bool:
        count = text.count(self._mark)
        if self._mark in ",;" and self._rows < 3:
            return count == self._count
        return count >= (self._count if self._mark in ",;" else 1)

    def close(self) -> None:
        """The table ends: its header is kept if it has one."""
        head, self._head = self._head, None
        least = 2 if self._mark == "|" else 3
        if head is None or self._rows < least or not (self._ruled or self._names_columns(head.text)):
            return
        length = len(head.text)
        if length > MOST_HEADER_CHARS:
            length = head.text.rfind(self._mark, 0, MOST_HEADER_CHARS) + 1 or MOST_HEADER_CHARS
        starts, ends, untils = self._tables
        if len(starts) <= _FREE + head.start // _CHARS_A_HEADING:
            starts.append(head.start)
            ends.append(head.start + length)
            untils.append(self._until)

    def _names_columns(self, text: str) -> bool:
        cells = [cell.strip().strip('"') for cell in text.strip("|").split(self._mark)]
        named = [cell for cell in cells if _letters(cell)]
        values = [cell for cell in cells if _VALUE.fullmatch(cell) and not _YEAR.fullmatch(cell)]
        if self._mark == "," and re.search(r"\d,\d", text):
            return False  # commas within numbers
        labels = [cell for cell in cells if cell.endswith((":", ".", "!", "?"))]
        return bool(named) and not values and not labels and all(len(cell) <= 60 for cell in cells)


def _mark(text: str) -> str:
    """What parts a line into cells; "" if nothing does."""
    if "|" in text:
        return "|"
    if "\t" in text:
        return "\t"
    if text[-1] not in ".!?":
        for mark in ";,":
            if text.count(mark) >= 2 and f"{mark} " not in text:
                return mark
    return ""
