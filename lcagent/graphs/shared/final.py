"""What an answering step leaves behind, and the outcome of a run that read segment by segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from lcagent.answer import Status
from lcagent.errors import MalformedReply
from lcagent.graphs.shared.task import Outcome, Task
from lcagent.memory.entries import Evidence

NOT_FOUND = "The document does not say."
SURE = 0.82
"""Probability of its own "found" under which a doubted model's answer is withheld. A small model says "yes"
to anything, but less surely where the text does not say it (docs/design/0007-certainty.md)."""


@dataclass(slots=True)
class Final:
    """What the answering step leaves in the graph's state: plain data.

    `certainty` is how probable it was to the model, from 0 to 1, that the text says an answer at all; None
    where that is not told.
    """

    text: str
    found: bool
    cited: list[dict[str, Any]] = field(default_factory=list)
    conflict: bool = False
    warnings: list[str] = field(default_factory=list)
    certainty: float | None = None

    @property
    def sure(self) -> bool:
        """Whether the model was sure enough that the text says an answer, as far as it is told."""
        return self.certainty is None or self.certainty >= SURE

    def as_state(self) -> dict[str, Any]:
        """For the checkpoint."""
        return asdict(self)


def final_outcome(
    task: Task, final: Final, results: Sequence[Mapping[str, Any]], read: set[tuple[int, int]]
) -> Outcome:
    """The outcome of a run that read segment by segment.

    Raises:
        MalformedReply: no segment could be read, so that nothing is known of the documents.
    """
    skipped: list[str] = []
    warnings = list(final.warnings)
    budget = ""
    for result in results:
        document = task.documents[result["document"]]
        for index in result["unread"]:
            page = document.page_at(task.segments[result["document"]][index].start)
            where = f"page {page}" if page else f"segment {index + 1}"
            skipped.append(f"{document.name}, {where}: the model gave no usable reply, tried again")
        if result["stop"] == "sufficient":
            left = len(task.segments[result["document"]]) - result["index"]
            warnings.append(f"stopped early: {left} segments of {document.name} were not read")
        elif result["stop"]:
            budget = result["stop"]
    if skipped and not final.found:
        if not read:
            raise MalformedReply(
                f"the model gave no usable reply for any of the {len(skipped)} segments",
                hint="a larger model, or a server that keeps to a JSON schema, does better",
            )
        warnings.append(
            f"{len(skipped)} of {task.total} segments could not be read; what they say is not known"
        )
    status: Status = "answered" if final.found else "not_found"
    if final.conflict:
        status = "conflicting"
    if budget:
        status = "budget"
        warnings.append(budget)
    text = final.text or (NOT_FOUND if not budget else "")
    return Outcome(text, status, [Evidence(**c) for c in final.cited], read, skipped, warnings)
