"""What holds no more, and what rests on it: kept by code, whatever a model says.

A statement that replaces another closes it: its entry stays, with the time from which it holds no more. An
entry that says several things is closed for those words of it alone. What was made of a closed statement is
marked when it is shown. Source: MEME (2605.12477), where tracking, cascade and deletion of facts fail in
every memory that keeps no such thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lcagent.documents import query_words
from lcagent.memory.rows import marks, parts
from lcagent.memory.tiers.entries import Entries, Entry

DEPTH = 8
"""Steps from an entry to what it rests on, and what that rests on."""


@dataclass(frozen=True, slots=True)
class Closing:
    """That an entry, or some words of it, held until a time.

    Args:
        entry: which.
        by: the entry that replaced it.
        at: seconds since 1970.
        gone: the words that hold no more, as `query_words` gives them; none: all of it.
    """

    entry: int
    by: int
    at: float
    gone: frozenset[str]


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether an entry still holds.

    Args:
        closed: that it holds no more, or some of it, the newest first.
        outdated: that something it was made of holds no more.
    """

    closed: tuple[Closing, ...] = ()
    outdated: tuple[Closing, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.closed and not self.outdated

    def held(self, at: float) -> bool:
        """Whether all of it held at a time, seconds since 1970, after it was first said."""
        return all(one.at > at for one in self.closed)


def lost_words(old: str, new: str) -> list[str]:
    """The words by which a statement differs from the one that replaces it."""
    kept = set(query_words(new))
    return [word for word in dict.fromkeys(query_words(old)) if word not in kept]


def closing(number: int, gone: Sequence[str] = ()) -> dict[str, object]:
    """As it stands under `closes` in the data of the entry that closes another.

    Args:
        number: of the one that holds no more.
        gone: the words of it that do not; none: all of it.
    """
    return {"entry": number, "gone": list(gone)}


def partly(entries: Entries, numbers: Sequence[int], gone: Sequence[str]) -> list[dict[str, object]]:
    """As `closing`, of entries that said what holds no more, each for those of the words that stand in it.

    Args:
        entries: of their session.
        numbers: theirs.
        gone: words that hold no more.
    """
    found: list[dict[str, object]] = []
    for number, entry in entries.get(numbers).items():
        words = set(query_words(entry.text))
        if said := [word for word in gone if word in words]:
            found.append(closing(number, said))
    return found


def closings(entries: Entries, numbers: Sequence[int]) -> dict[int, list[Closing]]:
    """What is closed of some entries, by their numbers, the newest first."""
    found: dict[int, list[Closing]] = {}
    for some in parts(list(dict.fromkeys(numbers))):
        rows = entries.store.rows(
            f'SELECT entry, "by", at, gone FROM closings WHERE entry IN ({marks(some)})'  # noqa: S608 - marks
            ' ORDER BY at DESC, "by" DESC',
            tuple(some),
        )
        for row in rows:
            found.setdefault(row["entry"], []).append(_closing(row))
    return found


def _closing(row: dict[str, object]) -> Closing:
    entry, by, at, gone = row["entry"], row["by"], row["at"], row["gone"]
    assert isinstance(entry, int) and isinstance(by, int) and isinstance(at, float)
    return Closing(entry, by, at, frozenset(str(gone).split()))


def standings(entries: Entries, some: Sequence[Entry]) -> dict[int, Standing]:
    """How entries stand, by their numbers.

    Args:
        entries: of their session.
        some: which.
    """
    numbers = [entry.id for entry in some]
    closed, under = closings(entries, numbers), dict[int, list[Closing]]()
    for part in parts(numbers):
        for row in entries.store.rows(_UNDER.format(marks=marks(part)), (*part, DEPTH)):
            under.setdefault(row["root"], []).append(_closing(row))
    return {
        entry.id: Standing(
            tuple(closed.get(entry.id, ())), tuple(_outdated(entries, entry, under.get(entry.id, [])))
        )
        for entry in some
    }


_UNDER = (
    "WITH RECURSIVE under (root, entry, depth) AS ("
    " SELECT entry, source, 1 FROM rests WHERE entry IN ({marks})"
    " UNION SELECT root, source, depth + 1 FROM under JOIN rests ON rests.entry = under.entry"
    " WHERE depth < ?)"
    ' SELECT DISTINCT root, c.entry, c."by", c.at, c.gone FROM under JOIN closings c ON c.entry = under.entry'
    # What replaced something, and what came with that, knows of it.
    ' WHERE c.entry <> root AND c."by" > root'
)
"""What is closed of that which entries rest on, directly or not."""


def _outdated(entries: Entries, entry: Entry, under: Sequence[Closing]) -> list[Closing]:
    """What is closed of that which an entry was made of, as far as it bears on it.

    Args:
        entries: of its session.
        entry: which.
        under: what is closed of what it rests on.
    """
    may = list(under)
    if span := entry.data.get("span"):
        rows = entries.store.rows(
            'SELECT c.entry, c."by", c.at, c.gone FROM closings c JOIN entries e ON e.id = c.entry'
            " WHERE e.tenant = ? AND e.session = ? AND e.kind = 'message' AND e.id BETWEEN ? AND ?"
            ' AND c."by" > ?',
            (entries.tenant, entries.session, span[0], span[1], span[1]),
        )
        may += map(_closing, rows)
    words = frozenset(query_words(entry.text)) if may else frozenset[str]()
    found = {(one.entry, one.by): one for one in may if _bears(one, words)}
    return sorted(found.values(), key=lambda one: (-one.at, one.by))


def _bears(one: Closing, words: frozenset[str]) -> bool:
    return not one.gone or bool(one.gone & words)
