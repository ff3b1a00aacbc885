"""Markup made ready for the parser: elements that close themselves, and nesting without end."""

from __future__ import annotations

import re
from collections import Counter

_DEEPEST = 512
"""Elements within elements, as in browsers; the parser takes time with the square of the depth."""
_MANY_OPTIONS = 500
_SELECT = re.compile(r"<select\b", re.I)
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_CLOSES_ITSELF = frozenset("p li dt dd option optgroup rp rt tr td th thead tbody tfoot colgroup".split())
"""Elements that end where the next of their kind begins, so that they do not nest by themselves."""
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)[^>]*>?")
# Written as XML an element may close itself, which HTML knows of no other elements than these.
_SELF_CLOSED = re.compile(
    rf"<(?!(?:{'|'.join(sorted(_VOID))})\b)"
    r"([a-z][\w:.-]*)((?:\s+[^\s=<>\"'/]+(?:\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'))?)*)\s*/>",
    re.I,
)


def as_html(xml: str) -> str:
    """Markup written as XML with end tags for the elements that close themselves."""
    return _SELF_CLOSED.sub(r"<\1\2></\1>", xml)


def bounded(html: str) -> str:
    """Markup that the parser takes time linear in its length for.

    It goes without the tags of elements nested deeper than any page's; their text stays. Lists to choose from
    allow several choices where they are long: of others the parser looks for the one chosen at each option.
    """
    if html.count("<option") + html.count("<OPTION") > _MANY_OPTIONS:
        html = _SELECT.sub("<select multiple", html)
    return _flattened(html) if _may_be_deep(html) else html


def _may_be_deep(html: str) -> bool:
    """Whether there may be so much nesting: an estimate from above that costs next to nothing."""
    depth = 0
    for part in html.split("</"):
        depth += part.count("<")
        if depth > _DEEPEST:
            return _depth(html) > _DEEPEST
        depth -= 1
    return False


def _depth(html: str) -> int:
    depth = deepest = 0
    for match in _TAG.finditer(html):
        tag = match[2].lower()
        if tag in _VOID or tag in _CLOSES_ITSELF:
            continue
        depth = max(depth - 1, 0) if match[1] else depth + 1
        deepest = max(depth, deepest)
    return deepest


def _flattened(html: str) -> str:
    pieces: list[str] = []
    dropped: Counter[str] = Counter()
    depth = at = 0
    for match in _TAG.finditer(html):
        tag = match[2].lower()
        if tag in _VOID or tag in _CLOSES_ITSELF:
            continue
        if match[1] and dropped[tag]:
            dropped[tag] -= 1
        elif match[1]:
            depth = max(depth - 1, 0)
            continue
        elif depth < _DEEPEST:
            depth += 1
            continue
        else:
            dropped[tag] += 1
        pieces.append(html[at : match.start()] + " ")
        at = match.end()
    return "".join([*pieces, html[at:]])
