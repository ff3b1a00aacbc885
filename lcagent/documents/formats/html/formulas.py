"""MathML as one line of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lcagent.documents.formats.maths import of_mathml

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_MOST_DEEP = 60


def linear(node: LexborNode, depth: int = 0) -> str:
    """A formula as one line.

    Args:
        node: the formula, or a part of it.
        depth: parts that this one is within.
    """
    if node.tag == "-text":
        return "".join((node.text_content or "").split())
    if depth > _MOST_DEEP:
        return node.text()
    if node.tag == "mtext":
        return f" {' '.join(node.text().split())} "
    parts = [linear(child, depth + 1) for child in node.iter(include_text=True)]
    structural = (node.tag or "") in {"math", "mrow", "semantics", "mstyle", "mtd", "mi", "mn", "mo"}
    return of_mathml(node.tag or "", parts if structural else [part for part in parts if part])
