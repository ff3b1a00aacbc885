"""Codes of number formats taken apart: `#,##0.00;[Red](#,##0.00)` is two sections of tokens."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

_ACCOUNT = '#,##0;(#,##0);"-"'
_ACCOUNT_2 = '#,##0.00;(#,##0.00);"-"'
BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 5: "#,##0;-#,##0", 6: "#,##0;-#,##0",
    7: "#,##0.00;-#,##0.00", 8: "#,##0.00;-#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?",
    13: "# ??/??", 14: "m/d/yy", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "m/d/yy h:mm", 37: "#,##0;(#,##0)",
    38: "#,##0;(#,##0)", 39: "#,##0.00;(#,##0.00)", 40: "#,##0.00;(#,##0.00)", 41: _ACCOUNT, 42: _ACCOUNT,
    43: _ACCOUNT_2, 44: _ACCOUNT_2, 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
    **dict.fromkeys((27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58), "yyyy-mm-dd"),
    **dict.fromkeys((32, 33, 34, 35, 55, 56), "h:mm:ss"),
}  # fmt: skip
"""Codes that files name by a number alone (ECMA-376 part 1, 18.8.30); where the currency is the reader's
own it is left away."""

_SECTION = re.compile(r'((?:"[^"]*"?|\\.|\[[^\]]*\]|[^;])*)(?:;|$)', re.S)
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|(?P<blank>_.)|\*.|\[\$(?P<currency>[^\]-]*)[^\]]*\]'
    r"|\[(?P<elapsed>h+|m+|s+)\]|\[(?P<test>[<>=]+)\s*(?P<bound>-?[\d.]+)\]|\[[^\]]*\]"
    r"|(?P<general>General|Standard)|(?P<noon>AM/PM|A/P)|(?P<exponent>E[+-])"
    r"|(?P<time>y+|m+|d+|h+|s+|e+)|(?P<weekday>aaaa?)|(?P<era>g+|b+)|(?P<text>@)|(?P<digit>[0#?])"
    r"|(?P<mark>[.,%/])|(?P<other>.)",
    re.I | re.S,
)
_TESTS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, ">": operator.gt, "=": operator.eq, "<=": operator.le, ">=": operator.ge,
    "<>": operator.ne,
}  # fmt: skip
_MARKS = {".": "point", ",": "comma", "%": "percent", "/": "fraction"}
_MOST_CHARS = 300
"""Characters of a code; Excel takes no more than 255."""


@dataclass(frozen=True, slots=True)
class Token:
    """A part of a code.

    Args:
        kind: literal, digit (a place for one), point, comma, percent, fraction, exponent, general, text,
            elapsed, noon; or y, m, d, h, minute, s: the part of a date or time that it shows.
        text: as the code has it; of a literal what is shown.
    """

    kind: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A code for some numbers: positive ones, negative ones, nought, or those that meet a test.

    Args:
        tokens: of it.
        parts: the kinds of these.
        test: that a number must meet, if there is one.
        bound: what the test compares it with.
    """

    tokens: tuple[Token, ...]
    parts: frozenset[str]
    test: Callable[[float, float], bool] | None = None
    bound: float = 0

    def meets(self, number: float) -> bool:
        """Whether it is for a number, by its test."""
        return self.test is not None and self.test(number, self.bound)


@lru_cache(maxsize=512)
def sections(code: str) -> Sequence[Section]:
    """The sections of a code, one or more.

    Args:
        code: as the file has it.
    """
    found = [_section(match[1]) for match in _SECTION.finditer(code[:_MOST_CHARS])]
    if len(found) > 1 and not code.endswith(";"):
        found.pop()  # the empty match at the end
    return tuple(found[:4]) or (Section((), frozenset()),)


def _section(code: str) -> Section:
    tokens: list[Token] = []
    test, bound = None, 0.0
    for match in _TOKEN.finditer(code):
        kind, text = match.lastgroup or "", match[match.lastgroup or 0]
        if kind == "bound":
            test, bound = _TESTS.get(match["test"]), float(text) if text.count(".") < 2 else 0.0
        elif kind in {"quoted", "escaped", "currency", "other"}:
            tokens.append(Token("literal", text))
        elif kind == "blank":
            tokens.append(Token("literal", " "))
        elif kind == "time":
            tokens.append(Token({"e": "y"}.get(text[0].lower(), text[0].lower()), text.lower()))
        elif kind == "mark":
            tokens.append(Token(_MARKS[text], text))
        elif kind == "elapsed":
            tokens.append(Token("elapsed", text[0].lower()))
        elif kind == "weekday":
            tokens.append(Token("d", text))
        elif kind and kind != "era":
            tokens.append(Token(kind, text))
    whole = tuple(_with_minutes(tokens))
    return Section(whole, frozenset(token.kind for token in whole), test, bound)


def _with_minutes(tokens: list[Token]) -> list[Token]:
    """An m is a month, but minutes next to hours or seconds."""
    timed = [at for at, token in enumerate(tokens) if token.kind in {"y", "m", "d", "h", "s", "elapsed"}]
    for place, at in enumerate(timed):
        if tokens[at].kind != "m":
            continue
        before = tokens[timed[place - 1]] if place else None
        after = tokens[timed[place + 1]] if place + 1 < len(timed) else None
        hours = before is not None and (before.kind == "h" or (before.kind, before.text) == ("elapsed", "h"))
        if hours or (after is not None and after.kind == "s"):
            tokens[at] = Token("minute", tokens[at].text)
    return tokens
