"""What PDF extraction leaves behind in a text: marked hyphens, characters without a meaning."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from lcagent.text import whole_characters

if TYPE_CHECKING:
    from lcagent.documents.formats.pdf.characters import Characters

HYPHEN = "\ufffe"
"""A hyphen at a line's end, with the line's end: `unbroken` decides whether it is kept."""
# pdfium marks a hyphen at a line's end with U+FFFE or U+0002; pages may hold other control characters.
_MARKED = re.compile("[\ufffe\x02][\r\n]*")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UNREADABLE = re.compile(
    "[\x00\x01\x03-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff]"
)
_SAMPLES = 64
"""Characters of a page of which is asked whether their font says what they are."""
_BROKEN = re.compile(rf"((?:[^\W_]+-)?)([^\W_]+){HYPHEN}([^\W_]*)")
_COMPOUND = re.compile(r"[^\W_]+(?:-[^\W_]+)+")
_WORD = re.compile(r"[^\W_]+")


def clean(text: str) -> str:
    """The text with one kind of line ends, marked hyphens as `HYPHEN`, and without control characters."""
    text = _MARKED.sub(HYPHEN, text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return whole_characters(_CONTROLS.sub("", text))


def is_garbled(text: str, characters: Characters) -> bool:
    """Whether more than half of what is no white space has no meaning: their font lacks a Unicode map."""
    seen = len(text) - sum(map(text.count, " \r\n\t\u00a0"))
    if seen == 0:
        return False
    if 2 * len(_UNREADABLE.findall(text)) > seen:
        return True
    step = max(characters.count // _SAMPLES, 1)
    asked = [index for index in range(0, characters.count, step) if not characters.code(index).isspace()]
    return 2 * sum(map(characters.unmapped, asked)) > len(asked) > 0


def unbroken(texts: list[str]) -> list[str]:
    """The pages with the hyphens at lines' ends kept or dropped, as the document's other words have it."""
    if not any(HYPHEN in text for text in texts):
        return texts
    compounds: set[tuple[str, str]] = set()
    words: set[str] = set()
    for text in texts:
        lowered = _BROKEN.sub(" ", text.lower())
        words.update(_WORD.findall(lowered))
        for compound in _COMPOUND.findall(lowered):
            parts = compound.split("-")
            compounds.update(pairwise(parts))

    def decided(match: re.Match[str]) -> str:
        chain, left, right = match.groups()
        one, other = left.lower(), right.lower()
        is_compound = (
            (one, other) in compounds
            or bool(chain)
            or not (right.islower() or (left.isupper() and right.isupper()))
            or any(c.isdigit() for c in left)
            or (one + other not in words and {one, other} <= words and min(len(one), len(other)) > 3)
        )
        return f"{chain}{left}{'-' * is_compound}{right}"

    return [_BROKEN.sub(decided, text).replace(HYPHEN, "") for text in texts]
