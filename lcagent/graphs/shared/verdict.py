"""What a strategy concludes: statements with the places they rest on. The runner makes the Answer of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter

from lcagent.documents.support import Support


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of an answer.

    Args:
        text: without marks.
        support: how its places carry it.
        regions: (document, start, end) of the sentences that it rests on, the telling ones first.
        glue: what stands between it and the next one.
    """

    text: str
    support: Support = "inferred"
    regions: tuple[tuple[int, int, int], ...] = ()
    glue: str = " "


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a strategy concludes.

    Args:
        statements: of the answer, in order; none: the documents do not say.
        conflict: the documents say two things.
        warnings: sentences for people.
        certainty: how probable it was to the model, from 0 to 1, that the text says an answer at all; None
            where that is not told.
        named: a sentence of each passage that the model named, in the order in which it did: citations are
            numbered in it, as the marks are that were shown while the answer was written.
        seen: characters of the documents that the answering call was shown.
    """

    statements: tuple[Statement, ...] = ()
    conflict: bool = False
    warnings: tuple[str, ...] = field(default_factory=tuple)
    certainty: float | None = None
    named: tuple[tuple[int, int, int], ...] = ()
    seen: tuple[tuple[int, int, int], ...] = ()

    @property
    def found(self) -> bool:
        """Whether there is an answer."""
        return bool(self.statements)

    @property
    def text(self) -> str:
        """The answer without marks."""
        return "".join(one.text + one.glue for one in self.statements).strip()

    def warned(self, *warnings: str) -> Verdict:
        """The verdict with further warnings."""
        return replace(self, warnings=tuple(dict.fromkeys([*self.warnings, *warnings])))

    def as_state(self) -> dict[str, Any]:
        """As plain data, for the graph's state."""
        return asdict(self)

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> Verdict:
        """A verdict from the graph's state, where tuples may have become lists."""
        return _VERDICT.validate_python(state)


_VERDICT = TypeAdapter(Verdict)
