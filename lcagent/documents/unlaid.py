"""Text as it reads, whatever its layout: in its canonical form, without white space and hyphenation.

A quotation may be laid out in another way than the page. Each character of this form knows its offset, found
only where it is asked for: most quotations that are looked for stand nowhere.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from lcagent.documents.canonical import Characters, canonical, splits, traced

_LINE_END_HYPHEN = re.compile(r"-[^\S\r\n]*[\r\n]")
_LINE_END = re.compile(r"[\r\n]")
_RUN = re.compile(r"\S+")
_PIECE = 512
"""Characters of a text, or a few more, that are brought into this form at once."""


def unlaid(text: str) -> str:
    """A text in its canonical form without white space and without the hyphens at its lines' ends."""
    return _unlaid(canonical(text))


def _unlaid(text: str) -> str:
    text = _joined(_in_print(text))
    # Nearly all white space is one of these; the rest is split at, which takes a step for each.
    return "".join(text.replace(" ", "").replace("\n", "").split())


def _in_print(text: str) -> str:
    """As printed: TeX's quotes are quotes; what pdfium puts for a hyphen at a line's end is none."""
    return text.replace("`", "'").replace("\x02", "")


def _joined(text: str) -> str:
    """Without the hyphens that stand between a letter and a line's end."""
    parts: list[str] = []
    begin, letter = 0, ""
    for match in _LINE_END_HYPHEN.finditer(text):
        end = match.start()
        while end > begin and text[end - 1].isspace():
            end -= 1
        before = text[end - 1] if end > begin else letter
        if before.isalpha():
            parts.append(text[begin:end])
            begin, letter = match.end(), before
    return "".join([*parts, text[begin:]])


class Unlaid:
    """A text in this form, and where what is found in it stands.

    Args:
        text: a document's, or a stretch of it.
    """

    def __init__(self, text: str) -> None:
        self._text, end = text, len(text)
        self._starts = [0]
        characters = Characters(text)
        # A letter or digit begins each piece: no hyphen looks back beyond it.
        while (cut := self._starts[-1] + _PIECE) < end:
            while cut < end and not (text[cut].isalnum() and splits(text, cut)):
                cut += 1
            self._starts.append(cut)
        self._starts.append(end)
        forms = [_unlaid(characters(text[a:b])) for a, b in zip(self._starts, self._starts[1:], strict=False)]
        self._ends = list(accumulate(map(len, forms)))
        self._whole = "".join(forms)
        self._origins: dict[int, tuple[list[int], list[int]]] = {}

    def find(self, wanted: str) -> Iterator[tuple[int, int]]:
        """Where something that is in this form already stands: offsets of its beginning and its end."""
        at = self._whole.find(wanted) if wanted else -1
        while at >= 0:
            yield self._offset(at, 0), self._offset(at + len(wanted) - 1, 1)
            at = self._whole.find(wanted, at + 1)

    def _offset(self, at: int, side: int) -> int:
        """Where in the text a character of the form came from: where that begins (0), or ends (1)."""
        number = bisect_right(self._ends, at)
        first, last = self._starts[number], self._starts[number + 1]
        if (origins := self._origins.get(number)) is None:
            origins = self._origins[number] = _origins(self._text[first:last])
        return first + origins[side][at - (self._ends[number - 1] if number else 0)]


def _origins(text: str) -> tuple[list[int], list[int]]:
    """Where each character of a text's form begins and ends in the text."""
    form, starts, ends = traced(text)
    kept: list[int] = []
    last, end = "", 0  # of the form: its last two characters, and where the last run ended
    for match in _RUN.finditer(form):
        if last[-1:] == "-" and last[:-1].isalpha() and _LINE_END.search(form, end, match.start()):
            kept.pop()
            last = last[:-1]
        end = match.end()
        kept += [n for n in range(match.start(), end) if form[n] != "\x02"]
        last = (last + _in_print(match.group()))[-2:]
    return [starts[n] for n in kept], [ends[n] for n in kept]
