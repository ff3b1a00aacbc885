"""Shapes on a slide or over a sheet (DrawingML): which are shown, and the paragraphs of their texts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from lcagent.documents.formats.drawings import choice, words
from lcagent.documents.formats.maths import of_omml
from lcagent.documents.formats.numerals import numeral
from lcagent.documents.formats.package import child, local, value
from lcagent.documents.formats.raised import lowered, raised, settle, unmarked

_SHAPES = frozenset({"sp", "grpSp", "pic", "graphicFrame", "cxnSp"})
_LEAVES = frozenset({"txBody", "tbl", "chart", "relIds", "oleObj"})
_COUNTED = re.compile(
    r"(arabic|romanUc|romanLc|alphaUc|alphaLc|circleNum|ea1\w*?)(Period|ParenR|ParenBoth|Plain|\w*)"
)
_WAYS = {
    "arabic": "decimal", "romanUc": "upperRoman", "romanLc": "lowerRoman", "alphaUc": "upperLetter",
    "alphaLc": "lowerLetter", "circleNum": "decimalEnclosedCircle",
}  # fmt: skip
_WRITTEN = {"Period": "{}.", "ParenR": "{})", "ParenBoth": "({})"}
_UNSHOWN = frozenset({"sldNum"})
"""Placeholders whose text is the slide's own number."""


def placeholder(shape: Element) -> str | None:
    """The type of a place to fill in, "" of one for any content; None of another shape.

    Args:
        shape: what may be one.
    """
    for part in shape:
        if local(part).startswith("nv"):
            return next((value(one, "type") for one in part.iter() if local(one) == "ph"), None)
    return None


def drawn(element: Element, left_out: Counter[str]) -> Iterator[Element]:
    """What is shown, in order: texts, tables, charts, diagrams, pictures and objects of other programs.

    Args:
        element: what holds the shapes.
        left_out: where hidden shapes are counted.
    """
    stack = [element]
    while stack:
        one = stack.pop()
        name = local(one)
        if name == "AlternateContent":
            stack.append(choice(one))
        elif name in _LEAVES:
            yield one
        elif name in _SHAPES and _is_hidden(one):
            left_out["hidden shape"] += any(local(part) == "t" and part.text for part in one.iter())
        elif name == "pic":
            yield one
        elif name != "sp" or placeholder(one) not in _UNSHOWN:
            stack.extend(reversed(one))


def properties(shape: Element) -> Element | None:
    """The properties of a shape that name it, describe it, and say whether it is hidden."""
    for part in shape:
        if local(part).startswith("nv"):
            return child(part, "cNvPr")
    return None


def _is_hidden(shape: Element) -> bool:
    return value(properties(shape), "hidden") in {"1", "true"}


def paragraphs(body: Element) -> list[str]:
    """The lines of a text with the numbers of its items; blank ones are left out.

    Args:
        body: a `txBody`.
    """
    found: list[str] = []
    counts: dict[int, tuple[str, int]] = {}
    for paragraph in body:
        if local(paragraph) != "p":
            continue
        lines = [" ".join(line.split()) for line in settle("".join(_pieces(paragraph))).split("\n")]
        lines = [line for line in lines if line]
        if lines:
            lines[0] = _label(child(paragraph, "pPr"), counts) + lines[0]
        found += lines
    return found


def _pieces(element: Element) -> Iterator[str]:
    for one in element:
        match local(one):
            case "r" | "fld":
                yield _run(one)
            case "br":
                yield "\n"
            case "m" | "oMath" | "oMathPara":
                yield of_omml(one)
            case "AlternateContent":
                yield from _pieces(choice(one))
            case _:
                pass


def _run(run: Element) -> str:
    text = unmarked(words(run))
    look = child(run, "rPr")
    offset = value(look, "baseline").removesuffix("%")
    if text.strip() and offset not in {"", "0"}:
        return lowered(text) if offset.startswith("-") else raised(text)
    struck = value(look, "strike") in {"sngStrike", "dblStrike"}
    return f"~~{text}~~" if struck and text.strip() else text


def _label(look: Element | None, counts: dict[int, tuple[str, int]]) -> str:
    """The number of an item, counted on from the one before it on its level."""
    level = int(value(look, "lvl") or 0) if value(look, "lvl").isdecimal() else 0
    for deeper in [one for one in counts if one > level]:
        del counts[deeper]
    counted = child(look, "buAutoNum")
    if counted is None:
        counts.pop(level, None)
        return ""
    kind, start = value(counted, "type"), value(counted, "startAt")
    before = counts.get(level)
    number = before[1] + 1 if before and before[0] == kind else int(start) if start.isdecimal() else 1
    counts[level] = kind, number
    match = _COUNTED.fullmatch(kind)
    if match is None:
        return f"{number}. "
    return _WRITTEN.get(match[2], "{}").format(numeral(number, _WAYS.get(match[1], "decimal"))) + " "
