"""How what is written in a PDF's annotations stands in its text: one line each, whichever parser found it."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

UNSEEN = 1 << 1 | 1 << 5
"""Flags of an annotation: hidden, not shown on a screen."""
PASSWORD = 1 << 13
"""A field's flag: what is typed there is not shown."""
_TAG = re.compile(r"<[^<>]{0,1000}>")
_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Value:
    """What a form field holds; `ticked` None where it is no box to tick."""

    text: str
    ticked: bool | None = None


def note_line(contents: str, rich: str, writer: str) -> str:
    """A note as it stands in the text; "" where nothing is written.

    Args:
        contents: its plain text.
        rich: its text with tags, where it has no plain one.
        writer: whose it is; "" where nobody is named.
    """
    text = " ".join(contents.split()) or " ".join(html.unescape(_TAG.sub(" ", rich)).split())
    writer = " ".join(writer.split())
    told = f"{writer}: {text}" if writer else text
    return f"[note] {told}" if text else ""


def field_line(told: str, name: str, value: Value) -> str:
    """A form field as it stands in the text.

    Args:
        told: what it is called for people; "" where that is not said.
        name: its own, with those of the fields that it is a part of, and what its maker's program added.
        value: what it holds.
    """
    plain = " ".join(_INDEX.sub("", name).rpartition(".")[2].split())
    called = " ".join(told.split()) or plain or "without a name"
    return f"[form field] {called}: {' '.join(value.text.split())}"


def are_filled(values: Sequence[Value]) -> bool:
    """Whether somebody filled a page's form in: boxes that are not ticked tell something only then."""
    return any(value.ticked is not False for value in values)
