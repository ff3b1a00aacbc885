"""Cells: a row's values as what they are, and not how they are written; compared with three outcomes.

A cell is not told, or has one reading, or several ("03/04/2021"), or none that its field allows. A test of it
is true, false, or open; what is open is never counted, and told apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from lcagent.agents.querier import Test
from lcagent.documents.unlaid import unlaid
from lcagent.documents.values import Value, iso_within, values
from lcagent.documents.words import unspaced
from lcagent.memory.schema import UNSURE, Field


class Iso(str):
    """A date in ISO notation, as much of one as is told; with "T" and the time of day where that is too."""

    __slots__ = ()


Reading = Decimal | Iso | str
"""A number; a date; a text or label without case and layout."""
_BESIDE = 30
"""Other values of a field by which one that may be read in two ways is settled."""
_MARKS = " .,;:!?\"'()[]{}"


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of an item.

    Args:
        text: as written; empty where the text does not tell it.
        readings: what it may be, the likeliest first.
        doubt: why it is none that its field allows; empty if it is.
    """

    text: str = ""
    readings: tuple[Reading, ...] = ()
    doubt: str = ""

    @property
    def sure(self) -> Reading | None:
        """Its one reading; None where there are several or none."""
        return self.readings[0] if len(self.readings) == 1 and not self.doubt else None

    @property
    def why(self) -> str:
        """Why it has no one reading, for people; empty if it has, or if it is not told."""
        several = f"{self.text!r} may be read in {len(self.readings)} ways"
        return self.doubt or (several if len(self.readings) > 1 else "")

    def part(self, part: str) -> Cell:
        """A date's year or month; of a date that is less than that nothing is known."""
        if not part or not self.text or self.doubt:
            return self
        length = {"year": 4, "month": 7}[part]
        cut = tuple(dict.fromkeys(Iso(str(one)[:length]) for one in self.readings))
        if any(len(one) < length or "X" in one or one.startswith("--") for one in cut):
            return Cell(self.text, (), f"{self.text!r} tells no {part}")
        return replace(self, readings=cut)


NOT_TOLD = Cell()


def text_key(text: str) -> str:
    """A text without case, typography and marks at its ends."""
    words = (unlaid(word) for word in text.split())
    return " ".join(filter(None, words)).casefold().strip(_MARKS) or text.casefold()


class Values:
    """Reads the values of one field.

    Args:
        field: whose they are.
        written: all that there are: they tell the unit that numbers are in, and the decimal mark.
    """

    def __init__(self, field: Field, written: Iterable[str]) -> None:
        self.field = field
        self._labels = {text_key(label): text_key(label) for label in field.labels}
        self._cells: dict[str, Cell] = {}
        self.unit, self._base, self._factor, self._beside = field.unit, "", Decimal(1), ""
        if field.type == "number":
            self._settle(list(written))

    def _settle(self, written: list[str]) -> None:
        """The unit that numbers are told in: the field's own, else the one that most are written with."""
        self._beside = " ; ".join(dict.fromkeys(written[:_BESIDE]))
        own = [v for v in values(f"1 {self.unit}") if v.unit] if self.unit else []
        if own:
            self._base, self._factor = own[0].unit, own[0].factor
            return
        found = [v for text in written for v in values(text) if v.number is not None and v.unit]
        if not found:
            return
        (self._base, self._factor), _ = Counter((v.unit, v.factor) for v in found).most_common(1)[0]
        if not self.unit:
            first = next(v for v in found if (v.unit, v.factor) == (self._base, self._factor))
            written_unit = first.text.strip("0123456789.,'’ \u00a0\u202f-−")
            self.unit = written_unit if written_unit.isalpha() else first.unit

    def read(self, text: str) -> Cell:
        """The cell of a value as written."""
        if text not in self._cells:
            self._cells[text] = self._read(text)
        return self._cells[text]

    def _read(self, text: str) -> Cell:
        if not text:
            return NOT_TOLD
        if text_key(text) == UNSURE:
            return Cell(text, (), f"the model was not sure of {self.field.name}")
        if self.field.type == "number":
            return self._number(text)
        if self.field.type == "date":
            return _date(text)
        key = text_key(text)
        if self.field.type == "label" and key not in self._labels:
            return Cell(text, (), f"{text!r} is none of the labels of {self.field.name}")
        return Cell(text, (key,))

    def _number(self, text: str) -> Cell:
        found = _numbers(text, "")
        if any(v.others for v in found):
            found = _numbers(text, self._beside)
        if len(found) != 1:
            return Cell(text, (), f"{text!r} is not one number")
        # "1,234" is one number wherever the decimals are not known to follow a comma; "1.234" may be two.
        one = found[0]
        likely = one.readings if "." in one.text else one.readings[:1]
        numbers = tuple(dict.fromkeys(self._in_unit(reading) for reading in likely))
        if None in numbers:
            return Cell(text, (), f"{text!r} is not in {self.unit or self._base}")
        return Cell(text, tuple(number for number in numbers if number is not None))

    def _in_unit(self, value: Value) -> Decimal | None:
        """How many of the field's unit it is; without a unit it is in the field's."""
        if value.number is None or not value.unit or (value.unit, value.factor) == (self._base, self._factor):
            return value.number
        if value.unit != self._base or value.unit == "K" or value.magnitude is None:
            return None
        return value.magnitude / self._factor


def _numbers(text: str, beside: str) -> list[Value]:
    whole = f"{text} ; {beside}" if beside else text
    return [v for v in values(whole) if v.number is not None and v.span[1] <= len(text)]


def _date(text: str) -> Cell:
    """A date, with its time of day where one stands beside it."""
    found = values(text)
    days = [v for v in found if v.iso and v.kind != "time"]
    hours = [v for v in found if v.kind == "time"]
    if len({v.iso for v in days}) != 1:
        return Cell(text, (), f"{text!r} is not one date")
    readings = dict.fromkeys(one.iso for one in days[0].readings if one.iso)
    hour = f"T{hours[0].iso}" if len(hours) == 1 else ""
    return Cell(text, tuple(Iso(f"{iso}{hour if len(iso) == 10 else ''}") for iso in readings))


def holds(cell: Cell, test: Test, value: Cell, other: Cell) -> bool | None:
    """Whether a cell passes a test; None: that is open. What is not told passes none.

    Args:
        cell: of a row.
        test: which.
        value: of the question.
        other: the upper end of "between".
    """
    if not cell.text:
        return False
    if test == "contains":
        return _contains(cell.text, value.text)
    if cell.doubt or value.doubt or other.doubt:
        return None
    if test == "between":
        low, high = holds(cell, "at least", value, NOT_TOLD), holds(cell, "at most", other, NOT_TOLD)
        return False if False in (low, high) else None if None in (low, high) else True
    outcomes = {_passes(one, test, wanted) for one in cell.readings for wanted in value.readings}
    return outcomes.pop() if len(outcomes) == 1 else None


def _contains(text: str, part: str) -> bool:
    """Whether whole words stand in a text one after the other; where words are not set apart, characters."""
    whole, wanted = (" ".join(w.strip(_MARKS) for w in text_key(one).split()) for one in (text, part))
    return wanted in whole if unspaced(text) else f" {wanted} " in f" {whole} "


def _passes(one: Reading, test: Test, wanted: Reading) -> bool | None:
    order = compare(one, wanted)
    if order is None:
        return None
    return {
        "is": order == 0,
        "is not": order != 0,
        "less": order < 0,
        "at most": order <= 0,
        "more": order > 0,
        "at least": order >= 0,
    }[test]


def compare(one: Reading, other: Reading) -> int | None:
    """-1, 0 or 1; None: that is open. A date that lies within a coarser one is equal to it, never the other
    way round: of "1911" it is open whether it is 5 March 1911."""
    if isinstance(one, Iso) and isinstance(other, Iso):
        if _within(one, other):
            return 0
        if _within(other, one) or one.startswith("--") != other.startswith("--"):
            return None
    if isinstance(one, Decimal) or isinstance(other, Decimal):
        a, b = Decimal(one), Decimal(other)
        return (a > b) - (a < b)
    return (one > other) - (one < other)


def _within(fine: Iso, coarse: Iso) -> bool:
    return fine == coarse or ("T" not in coarse and iso_within(fine.partition("T")[0], coarse))


def same(one: Cell, other: Cell) -> bool:
    """Whether two cells may say the same; one that is not told, or in doubt, contradicts none."""
    if not (one.readings and other.readings):
        return True
    return any(0 in (compare(a, b), compare(b, a)) for a in one.readings for b in other.readings)
