"""JSON as models write it: read, mended where it is weak, never deeper or longer than anybody means it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from lcagent.text import whole_characters

_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_BRACKETS = re.compile(r"[\[\]{}]")
_JSON = re.compile(r"\{|^\s*(?:\[|```|(?:true|false|null)\s*$)")
"""Where a text holds JSON, or means to."""
_DEEPEST = 64
"""Brackets inside each other of what is mended; the types asked for have four."""
_LONGEST = 1 << 18
"""Characters of what is mended: no window's reply is longer, and mending takes its time."""


def object_in(text: str) -> dict[str, Any] | None:
    """The JSON object in a text, mended where it is weak; None where there is none.

    Args:
        text: a model's reply.
    """
    try:
        data: Any = json.loads(text)
    except ValueError:
        data = mended(text)
    except RecursionError:
        return None
    if isinstance(data, list):
        # Prose around an object, or several objects: take the last one, which is the reply.
        data = next((item for item in reversed(data) if isinstance(item, dict)), None)
    if not isinstance(data, dict):
        return None
    if _HALF.search(text):  # of a surrogate pair, in an escape
        try:
            data = json.loads(whole_characters(json.dumps(data, ensure_ascii=False)))
        except RecursionError:
            return None
    return data


def object_of(text: str, schema: Mapping[str, Any]) -> str:
    """The JSON object that bare text stands for: where the schema has one field, and that is text, its value.

    Which of several fields bare text may be nobody can tell.

    Args:
        text: a reply of a model that was held to no schema.
        schema: of the object that was asked for.

    Returns:
        JSON; empty where another object was asked for, or the text is empty or holds JSON, broken or not.
    """
    fields = list(schema.get("properties", {}).items())
    if len(fields) != 1 or fields[0][1].get("type") != "string" or _JSON.search(text):
        return ""
    value = text.strip()
    return json.dumps({fields[0][0]: value}, ensure_ascii=False) if value else ""


def mended(text: str) -> Any:
    """Weak JSON, mended; None where there is too much of it, or it is too deep.

    Args:
        text: what is no JSON as it stands.
    """
    if len(text) > _LONGEST or _depth(text) > _DEEPEST:
        return None
    import json_repair

    try:
        return json_repair.loads(text)
    except (ValueError, RecursionError):
        return None


def _depth(text: str) -> int:
    """The most brackets inside each other."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(text):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest
