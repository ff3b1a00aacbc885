"""The health of a document: what of it is not in its text, and what its text was taken for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_MOST_NAMED = 12
_OCR = "if scanned, its text can be recognised (OCR): pip install 'lcagent[ocr]'"


@dataclass(frozen=True, slots=True)
class Health:
    """What a person would see in a file and a model will not, or the other way round.

    Args:
        empty: numbers of the pages that hold no text.
        garbled: numbers of those whose text cannot be read, such as that of a font without a Unicode map.
        recognised: numbers of those whose text was recognised in a picture (OCR).
        encoding: what a text file's bytes were taken for; "" where that is beyond doubt.
        left_out: parts that are not in the text, each as "3 comments", "hidden text on page 2".
        notes: sentences on what else a reader should know.
    """

    empty: tuple[int, ...] = ()
    garbled: tuple[int, ...] = ()
    recognised: tuple[int, ...] = ()
    encoding: str = ""
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def sentences(self, unit: str) -> tuple[str, ...]:
        """For people, each without a full stop; empty where all is well.

        Args:
            unit: what the pages are called.
        """
        found: list[str] = []
        if self.empty:
            verb = "holds" if len(self.empty) == 1 else "hold"
            ocr = f"; {_OCR}" if unit == "page" else ""
            found.append(f"{named(unit, self.empty)} {verb} no text{ocr}")
        if self.garbled:
            verb = "holds" if len(self.garbled) == 1 else "hold"
            found.append(f"{named(unit, self.garbled)} {verb} no readable text; {_OCR}")
        if self.recognised:
            found.append(f"the text of {named(unit, self.recognised)} was recognised (OCR)")
        if self.encoding:
            found.append(f"is not UTF-8; read as {self.encoding}")
        if self.left_out:
            found.append("not read: " + ", ".join(self.left_out))
        return (*found, *self.notes)


_NOUN = re.compile(r" (?:of|whose) ")


def counted(kind: str, count: int) -> str:
    """So many of a kind: "3 tracked deletions", "2 passages of hidden text".

    Args:
        kind: one of them, in words.
        count: how many; more than none.
    """
    end = found.start() if (found := _NOUN.search(kind)) else len(kind)
    return f"{count:,} {kind[:end]}{'s' * (count > 1)}{kind[end:]}"


def few(left_out: Sequence[str]) -> tuple[str, ...]:
    """What is left out, each once and the first of many by name."""
    named = list(dict.fromkeys(left_out))
    more = len(named) - _MOST_NAMED
    return tuple(named) if more <= 0 else (*named[:_MOST_NAMED], f"the like in {more:,} more places")


def named(unit: str, numbers: tuple[int, ...]) -> str:
    """Pages as a sentence names them: "pages 2, 3"."""
    listed = ", ".join(map(str, numbers[:_MOST_NAMED])) + (", …" if len(numbers) > _MOST_NAMED else "")
    return f"{unit}{'s' * (len(numbers) > 1)} {listed}"


HEALTHY = Health()
"""Nothing is missing."""
