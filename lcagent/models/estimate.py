"""A bound of a text's tokens for servers that count nothing and tell no tokenizer."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from lcagent.text import whole_characters

Messages = list[dict[str, str]]
Tools = Sequence[dict[str, Any]]
"""Functions that may be called, as the chat API has them."""

_TOOLS_PREAMBLE = 640
"""Tokens that servers were seen to write around functions, at most (Anthropic's own: 313 to 530)."""
_LINE = 3
"""Tokens of a line break with up to 24 spaces behind it, at most: vocabularies hold runs of spaces."""

_JOINED = {
    "a": "abcdefghijklmnopqrstuvwxyz",
    "b": "abcdefghijlmnoprstuy",
    "c": "abcdefhiklmnoprstuvyz",
    "d": "abcdefhijklmnopqrstuxy",
    "e": "abcdefghiklmnpqrstuvwxyz",
    "f": "abcdefgilmnoprstuwxy",
    "g": "abcdeghilmnoprstuyz",
    "h": "adehilmnoprstuwyz",
    "i": "abcdefghijklmnopqrstuvwxyz",
    "j": "aceijlopsu",
    "k": "abeghijklmnorstuwy",
    "l": "abcdefilnoprstuvy",
    "m": "abcdegiklmnoprstuxy",
    "n": "abcdegilmnoprstuvy",
    "o": "abcdefghijklmnoprstuvwxyz",
    "p": "abcdeghilmnoprstuxy",
    "q": "ailqstu",
    "r": "abcdefghilmnorstuwxy",
    "s": "abcdefghiklmnopqrstuvwy",
    "t": "acdefghiklmnoprstuvwxyz",
    "u": "abcdefghijklmnoprstuvxyz",
    "v": "acdegilmoprstuvy",
    "w": "abdehiklmnoprstuwxy",
    "x": "abcdefipstxy",
    "y": "adegiklmnoprstuxyz",
    "z": "abehilnouxyz",
}
"""For each letter those that follow it as one token in every vocabulary looked at (o200k, cl100k, p50k,
Claude's published one, DeepSeek's)."""
_WHOLE = frozenset(
    "a all an and any are as at be been but by can did do for from had has have he her him his how if in"
    " into is it its more my no not of on one or our out s said she so some than that the their them then"
    " there these they this to two up was we were what when which who will with would you your".split()
)
"""Words that are one token everywhere."""
_LETTERS = frozenset(
    "ÂÃÉÍ×ßàáâãäåæçèéêëíîïðñóôöøúûüāćčğīıłōşšūαβγεικλμνοπρστωавдеиклмнорстуыьяאבהוילמרשתابةتدرسعلمنهوي"
)
"""Letters beyond ASCII that are one token everywhere; any other character may be one for each byte."""
_PIECE = re.compile(r" ?[A-Za-z]+|.", re.S)
_RUN = re.compile(r"[a-z]+")


class EstimateCounter:
    """Counts by a bound, where the tokenizer is not known.

    Guaranteed, for byte-pair tokenizers whose vocabulary holds the pairs of `_JOINED`, which are those
    of every chat model looked at: never fewer tokens than the text takes. A byte-pair tokenizer
    leaves no two letters apart that it could join, so of a run of such pairs it makes at most two
    tokens for every three letters. All other characters count one for each byte. English and German
    prose is taken for two to three times what it is: a real `tokenizer.json` gives that back.

    Not guaranteed: what a server's chat template adds by itself; `_PREAMBLE` allows for it. A call that
    does not fit all the same is refused by the server and planned again with less (`Window.replan`).
    """

    exact = False
    source = "bound"
    _PER_MESSAGE = 16
    _PREAMBLE = 64

    def count(self, text: str) -> int:
        """Tokens of a text alone, at most."""
        return sum(map(_most, _PIECE.findall(whole_characters(text))))

    def count_messages(self, messages: Messages, tools: Tools = ()) -> int:
        """Tokens of a whole prompt, at most."""
        said = sum(self.count(m["content"]) + self._PER_MESSAGE for m in messages)
        return self._PREAMBLE + said + most_of_tools(self.count, tools)

    def close(self) -> None:
        """Nothing is open."""


def most_of_tools(count: Callable[[str], int], tools: Tools) -> int:
    """Tokens that functions add to a prompt, at most, where the server does not count them.

    Templates write them as JSON, some with a line for each item; none was seen to say more than that and a
    preamble.

    Args:
        count: tokens of a text.
        tools: the functions; none add nothing.
    """
    if not tools:
        return 0
    lines = json.dumps(list(tools), indent=4).count("\n")
    return _TOOLS_PREAMBLE + count(json.dumps(list(tools))) + _LINE * lines


@lru_cache(maxsize=1 << 13)
def _most(piece: str) -> int:
    """Most tokens of a word, with the space before it, or of another character."""
    word = piece.removeprefix(" ")
    if not (word.isascii() and word.isalpha()):
        return _bytes(piece)
    if word in _WHOLE:
        return 1
    most = 1 + _letters(word[1:])  # the first letter by itself, or with the space
    # Where it joins the second letter first, the space stays alone (" iau" is " ", "ia", "u").
    return most if word == piece else max(most, 2 + _letters(word[2:]))


def _letters(text: str) -> int:
    """Most tokens of letters: capitals may each be one of their own."""
    small = _RUN.findall(text)
    return len(text) - sum(map(len, small)) + sum(map(_run, small))


def _run(letters: str) -> int:
    """Most tokens of small letters: n that join pairwise make (2n + 1) // 3, of one and of two by turns."""
    total, linked = 0, 1
    for before, letter in pairwise(letters):
        if letter in _JOINED[before]:
            linked += 1
        else:
            total += (2 * linked + 1) // 3
            linked = 1
    return total + (2 * linked + 1) // 3


def _bytes(character: str) -> int:
    """One for each byte, also of what a tokenizer that normalises makes of the character."""
    if character in _LETTERS:
        return 1
    spelt = unicodedata.normalize("NFKC", character)
    return max(len(character.encode()), len(spelt.encode()))
