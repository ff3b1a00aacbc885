"""A cheap deterministic tokenizer that, like real ones, is not additive over joined texts."""

import json
import re

_PIECE = re.compile(r" ?[A-Za-z]+| ?[0-9]{1,3}|\s+|[^\sA-Za-z0-9]")
PER_MESSAGE = 5
GENERATION = 3
TOOLS = 40


def count(text: str) -> int:
    if text.isascii():
        return sum((len(piece) + 3) // 4 for piece in _PIECE.findall(text))
    total = 0
    for piece in _PIECE.findall(text):
        size = len(piece) if piece.isascii() else len(piece.encode("utf-8", "replace")) * 2
        total += (size + 3) // 4
    return total


def count_messages(messages: list[dict], tools: list[dict] | None = None) -> int:
    said = sum(count(m["content"]) + PER_MESSAGE for m in messages) + GENERATION
    return said + (TOOLS + count("\n".join(map(json.dumps, tools))) if tools else 0)
