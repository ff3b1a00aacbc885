"""A reply's text while it is written, and what can be read of one that was cut."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from lcagent.models.weak_json import mended
from lcagent.text import whole_characters


class StringField:
    """Picks one string field out of JSON while it is written, and passes its text on.

    Args:
        name: the field.
        on_text: gets each new piece of its value.
    """

    def __init__(self, name: str, on_text: Callable[[str], None]) -> None:
        self._opening = re.compile(rf'"{name}"\s*:\s*"')
        self._on_text = on_text
        self._raw = ""
        self._sent = 0

    def __call__(self, delta: str) -> None:
        """Take the next piece of JSON."""
        self._raw += delta
        if match := self._opening.search(self._raw):
            value = self._value(self._raw[match.end() :])
            self._on_text(value[self._sent :])
            self._sent = len(value)

    @staticmethod
    def _value(raw: str) -> str:
        """The part of an unfinished JSON string that is certain."""
        # Escapes that are whole, and of two halves of a character not the first one alone.
        certain = re.match(r'(?:[^"\\]|\\u[0-9a-fA-F]{4}|\\["\\/bfnrt])*', raw)
        value: str = json.loads(f'"{certain.group() if certain else ""}"', strict=False)
        return whole_characters(value[:-1] if "\ud800" <= value[-1:] <= "\udbff" else value)


def readable(partial: str, *names: str) -> str:
    """What can be read of a reply that was cut: its text up to the last whole line or sentence.

    Args:
        partial: what there is of it.
        names: the fields in which the text may stand; a list is read up to its last whole item.
    """
    data = mended(partial)
    text = next((data[name] for name in names if name in data), "") if isinstance(data, dict) else ""
    if isinstance(text, list):
        return "\n".join(str(item) for item in text[:-1])
    whole_text = max(text.rfind(mark) for mark in ("\n", ". ", "; ", ", "))
    return text[: whole_text + 1].strip(" ,;\n")
