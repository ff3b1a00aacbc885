"""Text as it may be kept, sent and shown."""

from __future__ import annotations


def whole_characters(text: str) -> str:
    """The text with half a surrogate pair as U+FFFD: nothing can keep, send or print such a half.

    Two halves that meet become the character they stand for.
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
