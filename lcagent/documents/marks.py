"""Marks: the numbers of passages that a model writes into an answer, and the statements between them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set

from lcagent.documents.canonical import RAISED
from lcagent.documents.quotes import Span, sentences

_MARK = re.compile(r"\[(\d{1,4}(?:\s*[,;–-]\s*\d{1,4})*)\]")
_BEGUN = re.compile(r"\[[\d\s,;–-]*")
_NUMBER = re.compile(r"\d+")
_LINE = re.compile(r"[^\n]+")
# The marks of notes, glued to what they belong to: [1], [12, 13], [^1], [note 2], 【3†source】, (1), ¹, †.
# A figure that is raised after another one may be a power, where that is short.
_REFERENCE = re.compile(
    r"\s?[\[【]\^?(?:note |nb |n )?(?:\d{1,4}(?:\s*[,;–-]\s*\d{1,4})*|(?<=\S\[)[a-z])(?:†[^\]】]*)?[\]】]"
    r"|(?<=[\w.,;:!?%\"”»])\(\d{1,2}\)(?!\w)"
    rf"|(?:(?<=[^\W\d_]{{3}})|(?<=[\d,.]\d\d)|(?<=[.;:!?)\"”»]))(?:⁽[{RAISED}]+⁾|[{RAISED}]{{1,2}}(?![{RAISED}])|[†‡])(?!\w)",
    re.IGNORECASE,
)
BULLET = re.compile(r"^(?:[-*•‣–]|\d{1,3}[.)])\s+")


def unmarked(text: str) -> str:
    """An answer, or a statement of it, without the marks of notes; as it is where it is nothing else."""
    return plain if (plain := _REFERENCE.sub("", text)).strip() else text


def parted(answer: str, most: int, shown: str = "") -> list[tuple[str, str, list[int]]]:
    """Statements of an answer: their text, what stands after each, and the passages named for it.

    Args:
        answer: with marks.
        most: the greatest number of a passage.
        shown: what it was made from; a mark that stands there behind the same word is a note's.
    """
    plain, at, marks = "", 0, list[tuple[int, int]]()
    for match in _MARK.finditer(answer):
        if not (numbers := _named(match, most)) or _is_copied(answer, match, shown):
            continue
        plain += answer[at : match.start()].rstrip()
        at = match.end()
        marks += [(len(plain), number) for number in numbers]
    plain += answer[at:]
    # Things that are listed stand one a line, and each is a statement of its own.
    spans = [span for line in _LINE.finditer(plain) for span in _statements(plain, *line.span())]
    found: list[tuple[str, str, list[int]]] = []
    for span, following in zip(spans, [*spans[1:], None], strict=True):
        end = following.start if following else len(plain)
        named = dict.fromkeys(
            number for offset, number in marks if span.start < offset <= end or (not found and not offset)
        )
        found.append((plain[span.start : span.end], plain[span.end : end], list(named)))
    return found


def _is_copied(answer: str, match: re.Match[str], shown: str) -> bool:
    before = answer[: match.start()].split()[-1:] if match.start() else []
    glued = bool(before) and not answer[match.start() - 1].isspace()
    return glued and f"{before[0]}{match.group()}" in shown


def _named(match: re.Match[str], most: int) -> list[int]:
    """The passages that a mark names; none: the brackets are the text's own."""
    numbers = [int(number) for number in _NUMBER.findall(match[1])]
    return numbers if all(1 <= number <= most for number in numbers) else []


def _statements(text: str, start: int, end: int) -> list[Span]:
    """The sentences of a line; a list's number or bullet belongs to what follows it."""
    spans = sentences(text, start, end)
    if len(spans) > 1 and BULLET.fullmatch(f"{text[spans[0].start : spans[0].end].strip()} "):
        return [Span(spans[0].start, spans[1].end), *spans[2:]]
    return spans


def listed(items: Sequence[str]) -> list[tuple[str, str, list[int]]]:
    """A list as statements, each item once."""
    kept = list(dict.fromkeys(filter(None, (item.strip() for item in items))))
    return [(item, ", " if item is not kept[-1] else "", []) for item in kept]


class Marks:
    """Passes text on with the marks of passages numbered in the order in which they come, as citations are.

    Args:
        on_text: gets it.
        most: the greatest number of a passage.
        citable: those in which there is a sentence to cite.
    """

    def __init__(self, on_text: Callable[[str], None], most: int, citable: Set[int]) -> None:
        self._on_text, self._most, self._citable = on_text, most, citable
        self._numbers: dict[int, int] = {}
        self._held = ""

    def __call__(self, text: str) -> None:
        """Take the next piece; a mark that is not whole yet is held back."""
        whole = self._held + text
        open_at = whole.rfind("[")
        cut = open_at if open_at >= 0 and _BEGUN.fullmatch(whole, open_at) else len(whole)
        self._held = whole[cut:]
        if cut:
            self._on_text(_MARK.sub(self._renumbered, whole[:cut]))

    def _renumbered(self, match: re.Match[str]) -> str:
        if not (numbers := _named(match, self._most)):
            return match.group()
        known = [number for number in numbers if number in self._citable]
        own = [self._numbers.setdefault(number, len(self._numbers) + 1) for number in known]
        return "".join(f"[{number}]" for number in own)
