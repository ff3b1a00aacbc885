"""Text as it reads, whatever its layout: one form for each kind of mark, no white space, no hyphenation.

A quotation may be laid out in another way than the page. Each character of this form knows its offset, found
only where it is asked for: most quotations that are looked for stand nowhere.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

# One kind of character, one form; everything mapped to "" is left out before comparing.
_FORMS = {
    **dict.fromkeys("‘’‚‛′`´", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    "…": "...",
    "ﬀ": "ff",
    "ﬁ": "fi",
    "ﬂ": "fl",
    "ﬃ": "ffi",
    "ﬄ": "ffl",
    "‹": "<",
    "›": ">",
    "⟦": "[",
    "⟧": "]",
    "∶": ":",
    **dict.fromkeys("\u00ad\u200b\u200c\u2060\ufeff\ufffe\x02", ""),
}
_SPECIAL = re.compile(f"[{''.join(_FORMS)}]")
_LINE_END_HYPHEN = re.compile(r"-[^\S\r\n]*[\r\n]")
_LINE_END = re.compile(r"[\r\n]")
_RUN = re.compile(r"\S+")
_PIECE = 512
"""Characters of a text, or a few more, that are brought into this form at once."""


def unlaid(text: str) -> str:
    """A text without white space and without the hyphens at its lines' ends, each mark in one form."""
    text = _joined(_SPECIAL.sub(_form, text))
    # Nearly all white space is one of these; the rest is split at, which takes a step for each.
    return "".join(text.replace(" ", "").replace("\n", "").split())


def _form(match: re.Match[str]) -> str:
    return _FORMS[match.group()]


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
        # A letter or digit begins each piece: no hyphen looks back beyond it.
        while (cut := self._starts[-1] + _PIECE) < end:
            while cut < end and not text[cut].isalnum():
                cut += 1
            self._starts.append(cut)
        self._starts.append(end)
        forms = [unlaid(text[a:b]) for a, b in zip(self._starts, self._starts[1:], strict=False)]
        self._ends = list(accumulate(map(len, forms)))
        self._whole = "".join(forms)
        self._origins: dict[int, list[int]] = {}

    def find(self, wanted: str) -> Iterator[tuple[int, int]]:
        """Where something that is in this form already stands: offsets of its beginning and its end."""
        at = self._whole.find(wanted) if wanted else -1
        while at >= 0:
            yield self._offset(at), self._offset(at + len(wanted) - 1) + 1
            at = self._whole.find(wanted, at + 1)

    def _offset(self, at: int) -> int:
        """Where in the text a character of the form came from."""
        number = bisect_right(self._ends, at)
        first, last = self._starts[number], self._starts[number + 1]
        if (origins := self._origins.get(number)) is None:
            origins = self._origins[number] = _origins(self._text[first:last])
        return first + origins[at - (self._ends[number - 1] if number else 0)]


def _origins(text: str) -> list[int]:
    """The offset that each character of a text's form came from."""
    origins: list[int] = []
    last, end = "", 0  # of the form: its last two characters; of the text: where the last run ended
    for match in _RUN.finditer(text):
        if last[-1:] == "-" and last[:-1].isalpha() and _LINE_END.search(text, end, match.start()):
            origins.pop()
            last = last[:-1]
        run, end = match.group(), match.end()
        if _SPECIAL.search(run):
            for offset, character in enumerate(run, match.start()):
                form = _FORMS.get(character, character)
                origins.extend([offset] * len(form))
            run = _SPECIAL.sub(_form, run)
        else:
            origins.extend(range(match.start(), end))
        last = (last + run)[-2:]
    return origins
