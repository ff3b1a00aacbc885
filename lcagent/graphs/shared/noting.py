"""Noting: one segment read for a question, and what the next reading call sees of all that was noted."""

from __future__ import annotations

from collections.abc import Iterable

from lcagent.agents import reader
from lcagent.documents.corpus import Place
from lcagent.graphs.shared.reading import found
from lcagent.graphs.shared.task import Task
from lcagent.memory.findings import Finding

JOINT = 4
"""Tokens for the mark and the line break of each finding in a view."""


async def noted(task: Task, seen: reader.Seen, place: Place) -> reader.Reading:
    """Read one segment.

    Args:
        task: the run.
        seen: what the reading call sees beside it.
        place: which segment.

    Raises:
        MalformedReply, CutReply: after a retry.
    """
    text, segment = task.corpus.documents[place[0]].text, task.corpus.segment(place)
    return await reader.read_segment(task.model, seen, text, segment, brief=task.trust.brief)


def findings_of(task: Task, place: Place, got: reader.Reading) -> list[Finding]:
    """What a reading gave, as findings."""
    return [found(task, place, fact, spans, "reader") for fact, spans in got.facts]


def view(newest_first: Iterable[Finding], tokens: int) -> str:
    """The memory that a reading call sees: the newest findings that fit, in reading order.

    Args:
        newest_first: findings; no more of them are looked at than fit.
        tokens: most tokens of the view.
    """
    lines: list[str] = []
    for finding in newest_first:
        tokens -= finding.tokens + JOINT
        if tokens < 0:
            break
        lines.append("- " + " ".join(finding.text.split()))
    return "\n".join(reversed(lines))
