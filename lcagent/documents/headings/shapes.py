"""What a heading looks like: a mark of its own, a number, a date, or a short line before a paragraph."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from lcagent.documents.headings.lines import Line, letters

MOST_CHARS = 120
"""Longest line that may be a heading."""
UNMARKED = "unmarked"
"""The family of headings without a mark of their own."""
_SHORT, _TIGHT = 80, 60
"""Longest heading without a mark of its own, with blank lines around it and without."""
_PARAGRAPH = 60
"""A line of so many characters belongs to a paragraph."""
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
BARE = re.compile(r"(\d{1,3})[ \t\u00a0\u3000]")
"""The number of a section, without a further one behind a full stop."""
_LEADERS = re.compile(r"\.{3,}|…{2,}|(?:\. ){3,}|(?:\t| {3,})\d+$")
_HASH = re.compile(r"(#{1,6})[ \t]+(?P<title>\S.*?)[ \t]*#*$")
_DECORATED = re.compile(
    r"(?P<rule>={2,}|-{2,}|\*{2,}|_{2,}|~{2,}|\+{2,})\s*(?P<title>[^\s=*_~+-].*?)\s*(?P=rule)$"
)
_UNDERLINE = re.compile(r"(?:={3,}|-{3,}|~{3,}|\^{3,})$")
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


@dataclass(frozen=True, slots=True)
class Found:
    """A line read as a heading: where its text stands in the line, how it ranks, and what it is."""

    start: int
    end: int
    family: str
    depth: int
    kind: Literal["section", "session"] = "section"


def heading(before: Line | None, line: Line, after: Line | None, under_heading: bool) -> Found | None:
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


def _hashed(before: Line | None, line: Line, after: Line | None) -> Found | None:
    """`## Title`, but not one of several lines of a comment."""
    match = _HASH.match(line.text)
    if match is None or not letters(match["title"]):
        return None
    level = len(match[1])
    for other, apart in ((before, line.apart), (after, after is None or after.apart)):
        beside = _HASH.match(other.text) if other is not None and not apart else None
        if beside is not None and len(beside[1]) == level:
            return None
    return Found(*match.span("title"), "#", level, _kind(match["title"]))


def _decorated(line: Line, after: Line | None) -> Found | None:
    """`=== Title ===`; bold type alone makes a heading only where it stands as one."""
    match = _DECORATED.match(line.text) if line.text[0] in "=-*_~+" else None
    if match is None:
        return None
    rule, title = match["rule"], match["title"]
    kind = _kind(title)
    if kind == "section" and not letters(title):
        return None
    if rule[0] in "*_" and kind == "section":
        return Found(*match.span("title"), UNMARKED, 1) if line.apart and after and after.apart else None
    return Found(*match.span("title"), rule[0], min(len(rule), 6) if rule[0] == "=" else 0, kind)


def _kind(title: str) -> Literal["section", "session"]:
    return "session" if _DAY.search(title) or _SESSION.match(title) else "section"


def _session(line: Line) -> Found | None:
    """A line that is a date and no more, or "Session 3", perhaps with its date."""
    text = line.text
    if len(text) > _SHORT:
        return None
    if line.apart and text[-1] not in ".!?" and (match := _SESSION.match(text)) is not None:
        rest = match["rest"].strip()
        if not rest or rest[0] in ")],:;—\u2013-(|" or _DAY.match(rest):
            return Found(0, len(text), "session", 0, "session")
    if _DIGIT.search(text) and (_DAY.fullmatch(text) or _DATED.fullmatch(text)):
        return Found(0, len(text), "session", 1, "session")
    return None


def _numbered(match: re.Match[str], before: Line | None, after: Line, begins: bool) -> Found | None:
    """`4.2 Notice period`, but no item of a list and no line of a table of contents."""
    title = match["title"]
    if len(title) > _SHORT + 10 or title[-1] in _ENDINGS or not letters(title) or title[0].islower():
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
    return Found(0, match.end(), "roman" if match["roman"] else "number", depth)


def _chapter(match: re.Match[str], before: Line | None, after: Line) -> Found | None:
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
    return Found(0, match.end(), "chapter", depth)


def _chapter_depth(match: re.Match[str]) -> int:
    if match["part"] or match["cjk_part"] is not None:
        return 0
    return 2 if match["article"] else 1


def _unmarked(line: Line, after: Line) -> Found | None:
    """A short line with a rule under it, or before a paragraph."""
    if line.apart and not after.apart and letters(line.text) and _UNDERLINE.match(after.text):
        return Found(0, len(line.text), after.text[0] * 3, 0)
    if _is_short(line) and (after.apart or len(line.text) <= _TIGHT) and _opens_paragraph(line, after):
        return Found(0, len(line.text), UNMARKED, 1)
    return None


def _is_short(line: Line) -> bool:
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
    return text.count(" ") < 12 and letters(text) and not _SPEAKER.match(text)


def _opens_paragraph(line: Line, after: Line) -> bool:
    """Whether what follows a short line is the text that it may head."""
    if after.goes_on or len(after.text) <= len(line.text):
        return False
    return len(after.text) >= _PARAGRAPH or (after.apart and after.closed)


def may_precede(line: Line, after: Line | None) -> bool:
    """Whether a line is short and stands apart, so that it may be one of several headings in a row."""
    return line.apart and after is not None and after.apart and _is_short(line)
