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
_SAMPLES = 16
"""Characters of a page of which is asked whether their font says what they are."""
_MOST_UNMAPPED = 0.4
"""Part of them, white space among them, of which it may not."""
_LAST_WORD = re.compile(r"[^\W_]+$")
_WORD = re.compile(r"[^\W_]+")
_MOST_WORD = 60
"""Characters of a word that are looked at."""
_LINKS = frozenset("in of the to and at on by up for or de la le".split())
"""Words that hold compounds together, as in mother-in-law."""
_MARKS = ".,;:!?()[]{}'\"“”‘’«»"


def clean(text: str) -> str:
    """The text with one kind of line ends, marked hyphens as `HYPHEN`, and without control characters."""
    used = set(text)
    if not used.isdisjoint("\ufffe\x02"):
        text = _MARKED.sub(HYPHEN, text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _CONTROLS.search("".join(used)):
        text = _CONTROLS.sub("", text)
    return whole_characters(text)


def lacks_map(characters: Characters) -> bool:
    """Whether the fonts of much of a page have no Unicode map."""
    return characters.unmapped(_SAMPLES) > _MOST_UNMAPPED


def is_garbled(text: str) -> bool:
    """Whether more than half of what is no white space has no meaning."""
    if not _UNREADABLE.search("".join(set(text))):
        return False
    seen = len(text) - sum(map(text.count, " \r\n\t\u00a0"))
    return 2 * len(_UNREADABLE.findall(text)) > seen


def unbroken(texts: list[str]) -> list[str]:
    """The pages with the hyphens at lines' ends kept or dropped, as the document's other words have it."""
    if not any(HYPHEN in text for text in texts):
        return texts
    tokens = {token for text in texts for token in text.lower().split() if HYPHEN not in token}
    words = {token.strip(_MARKS) for token in tokens}
    compounds = {pair for word in words if "-" in word for pair in pairwise(word.split("-"))}

    def is_kept(before: str, after: str) -> bool:
        left, right = _LAST_WORD.search(before), _WORD.match(after)
        if left is None or right is None:
            return True
        if not (right[0].islower() or (left[0].isupper() and right[0].isupper())):
            return True  # Anglo-Saxon, B-2
        one, other = left[0].lower(), right[0].lower()
        is_chain = before[: left.start()].endswith("-") and one in _LINKS
        if (one, other) in compounds or is_chain or one[-1].isdigit():
            return True
        return one + other not in words and {one, other} <= words and min(len(one), len(other)) > 3

    def whole(text: str) -> str:
        first, *others = text.split(HYPHEN)
        pieces = [first]
        for other in others:
            pieces += ["-" * is_kept(pieces[-1][-_MOST_WORD:], other[:_MOST_WORD]), other]
        return "".join(pieces)

    return [whole(text) if HYPHEN in text else text for text in texts]
