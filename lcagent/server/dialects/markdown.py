"""Footnotes of Markdown, for clients that know no annotations."""

from __future__ import annotations

import re

from lcagent.answer import Answer, Reply
from lcagent.server.evidence import Evidence, Told
from lcagent.text import clipped

MOST_QUOTE = 400
"""Characters of a quote; the annotations hold all of it."""
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")
_FOOTNOTE = re.compile(r"^\[\^\d+\]: .*$\n?|\[\^\d+\]", re.M)
_IMAGE = re.compile(r"!(?=\[)")


def with_footnotes(told: Told, outcome: Answer | Reply) -> str:
    """A text with its footnotes, then what of it is open.

    A picture's syntax is undone: a document could else have a client fetch an address that tells of it.

    Args:
        told: what is said.
        outcome: whence it is.
    """
    lines = [_footnote(one) for one in told.evidence if one.spans]
    notes = [f"> {escaped(note)}" for note in _notes(outcome)]
    parts = [_IMAGE.sub(r"\\!", told.text), "\n".join(lines), "\n>\n".join(notes)]
    return "\n\n".join(part for part in parts if part)


def without_footnotes(text: str) -> str:
    """What was said, as a client sends it back, without what was added to it."""
    return "\n".join(
        line for line in _FOOTNOTE.sub("", text).split("\n") if not line.startswith("> ")
    ).strip()


def escaped(text: str) -> str:
    """Text of a stranger within Markdown, as one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _footnote(one: Evidence) -> str:
    title = escaped(one.title)
    link = f"[{title}]({one.url})" if one.url else title
    return f"[^{one.citation.number}]: {link}: “{escaped(clipped(one.citation.quote, MOST_QUOTE))}”"


def _notes(outcome: Answer | Reply) -> list[str]:
    notes = list(outcome.warnings)
    if isinstance(outcome, Answer) and outcome.status != "answered":
        notes.append(outcome.coverage.sentence)
    return notes
