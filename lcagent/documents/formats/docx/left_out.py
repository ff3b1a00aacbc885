"""What of a DOCX file is not in its text, counted while it is read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from lcagent.documents.health import counted


@dataclass(slots=True)
class LeftOut:
    """Counts of what is left out, and what is named."""

    counts: Counter[str] = field(default_factory=Counter[str])
    """Of each kind, named in the singular."""
    hidden_chars: int = 0
    named: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])

    def hide(self, text: str) -> None:
        """A text that the file says is hidden."""
        if chars := len("".join(text.split())):
            self.counts["passage of hidden text"] += 1
            self.hidden_chars += chars

    def listed(self) -> tuple[str, ...]:
        """For people: "3 tracked deletions"."""
        found = (counted(kind, count) for kind, count in (+self.counts).items())
        return (*found, *dict.fromkeys(self.named))
