"""Origins: the documents that an entry was made of, or that were in sight when it was written.

They stand in its data, in the order in which they were shown. Nothing takes one away, not even that its
document is forgotten: where a text comes from never gets better.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ORIGINS = "origins"
"""Under which they stand in an entry's data."""
ELSEWHERE = 0
"""The number of a document that is not kept here: it was not imported along."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A stretch of a document.

    Args:
        document: its number within the store.
        start: its first character.
        end: behind its last one; no further than `start`: no stretch of it says any of the entry, it was
            only in sight.
    """

    document: int
    start: int = 0
    end: int = 0

    @property
    def carries(self) -> bool:
        """Whether it says some of the entry."""
        return self.end > self.start


def as_data(origins: Iterable[Origin]) -> dict[str, Any]:
    """As they stand in an entry's data; nothing where there are none."""
    found = [[one.document, one.start, one.end] for one in dict.fromkeys(origins)]
    return {ORIGINS: found} if found else {}


def origins(data: Mapping[str, Any]) -> list[Origin]:
    """The origins that stand in an entry's data."""
    return [Origin(*one) for one in data.get(ORIGINS, ())]
