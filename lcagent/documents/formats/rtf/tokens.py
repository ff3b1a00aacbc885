"""RTF's words, groups and characters, one after the other (Rich Text Format Specification 1.9.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

_TOKEN = re.compile(
    r"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z'])|([{}])|([^\\{}\r\n]+)"
)


class Token(NamedTuple):
    """One of them.

    Args:
        kind: a control word, a control symbol, bytes of text, or the begin or end of a group.
        text: the word, the symbol or the characters, each of which is a byte.
        number: what stands behind a word; None where nothing does.
        end: where it ends in the file.
    """

    kind: Literal["word", "symbol", "hex", "text", "{", "}"]
    text: str
    number: int | None
    end: int


def tokens(rtf: str) -> Iterator[Token]:
    """All of a file; what is no token of any kind is passed over, and so are bytes that are a picture's.

    Args:
        rtf: each character one byte of it.
    """
    at = 0
    while match := _TOKEN.search(rtf, at):
        at = match.end()
        word, number, code, symbol, brace, text = match.groups()
        if word == "bin":
            at += max(int(number or 0), 0)
        elif word:
            yield Token("word", word, int(number) if number else None, at)
        elif brace:
            yield Token("{" if brace == "{" else "}", brace, None, at)
        elif code:
            yield Token("hex", chr(int(code, 16)), None, at)
        elif symbol:
            yield Token("symbol", symbol, None, at)
        else:
            yield Token("text", text, None, at)
