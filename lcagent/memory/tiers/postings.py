"""Postings: under each term of a tenant the set of entries that stand there, a row for each chunk of ids.

Terms are words, names of authors, and what a search may be narrowed to: session, kind, day. Words are as
`lcagent.documents` tells them: stems without case and accents, pairs of characters where a script sets no
words apart.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Protocol

from lcagent.documents.words import STOPWORDS, folded, stem, terms, unspaced
from lcagent.memory.rows import Rows, marks, parts
from lcagent.memory.tiers import bitmaps
from lcagent.memory.tiers.bitmaps import CHUNK, Ids

SEARCHED = ("message", "passage")
"""Kinds of entries that are found."""
DAY = 86_400
"""Seconds."""
_LETTERS = 64
"""Of a longer word, which is none, so many characters count."""
_FIRST = 10**7
"""Added to a day's number, so that all days have eight digits and stand in order."""


class Said(Protocol):
    """What an index needs of an entry (`lcagent.memory.tiers.entries.Entry`); each is as there."""

    @property
    def id(self) -> int:
        """Its number."""
        ...

    @property
    def tenant(self) -> str:
        """Whose it is."""
        ...

    @property
    def session(self) -> str:
        """Where it was said."""
        ...

    @property
    def kind(self) -> str:
        """One of `SEARCHED`, or another."""
        ...

    @property
    def author(self) -> str:
        """Who said it."""
        ...

    @property
    def text(self) -> str:
        """What."""
        ...

    @property
    def valid(self) -> float:
        """When, in seconds since 1970."""
        ...


def words(text: str) -> list[str]:
    """The words of a text as they are indexed, in order."""
    return [stem(word) for word in _words(text)]


def asked(query: str) -> list[str]:
    """The content words of a query, each once; where it has none, all of its words."""
    every = _words(query)
    content = [word for word in every if word not in STOPWORDS]
    return list(dict.fromkeys(map(stem, content or every)))


def _words(text: str) -> list[str]:
    plain = folded(text)
    if not plain.isascii():  # without accents Korean syllables lie in pieces
        plain = unicodedata.normalize("NFC", plain)
    return [word[:_LETTERS] for word in terms(plain)]


def of_word(word: str) -> str:
    """The term of a word."""
    return f"w{word}"


def of_author(word: str) -> str:
    """The term of a word of a name that somebody speaks under."""
    return f"a{word}"


def of_session(session: str) -> str:
    """The term of a session."""
    return f"s{session}"


def of_kind(kind: str) -> str:
    """The term of a kind."""
    return f"k{kind}"


def of_day(day: int) -> str:
    """The term of a day, counted from 1970; in the order of days."""
    return f"d{min(max(day + _FIRST, 0), 10 * _FIRST - 1):08d}"


def terms_of(entry: Said) -> set[str]:
    """All terms that an entry stands under."""
    held = set(words(entry.text))
    # Somebody may ask for a single character of a script whose words are kept as pairs.
    held.update(*(word for word in held if unspaced(word)))
    names = {of_author(word) for word in words(entry.author)}
    place = {of_session(entry.session), of_kind(entry.kind), of_day(int(entry.valid // DAY))}
    return {of_word(word) for word in held} | names | place


def entries_of(store: Rows, tenant: str, term: str) -> Ids:
    """The entries of a tenant under a term."""
    rows = store.execute("SELECT chunk, ids FROM postings WHERE tenant = ? AND term = ?", (tenant, term))
    return {chunk: bitmaps.from_blob(blob) for chunk, blob in rows}


def _between(store: Rows, tenant: str, first: str, end: str) -> Iterator[tuple[str, Ids]]:
    """The terms of a tenant from one up to another in order, each as often as it has chunks."""
    rows = store.execute(
        "SELECT term, chunk, ids FROM postings WHERE tenant = ? AND term >= ? AND term < ?"
        " ORDER BY term, chunk",
        (tenant, first, end),
    )
    return ((term, {chunk: bitmaps.from_blob(blob)}) for term, chunk, blob in rows)


def said_between(store: Rows, tenant: str, since: float | None, until: float | None) -> Ids:
    """The entries of a tenant from one time on until before another; None: from the first, to the last."""
    first = -_FIRST if since is None else math.ceil(since / DAY)
    end = 9 * _FIRST if until is None else math.floor(until / DAY)
    found = [ids for _, ids in _between(store, tenant, of_day(first), of_day(end))] if first < end else []
    edges = [(since, until)] if first > end else [(since, first * DAY), (end * DAY, until)]
    for start, stop in edges:
        if start is not None and stop is not None:  # a part of a day
            rows = store.execute(
                "SELECT id FROM entries WHERE tenant = ? AND valid >= ? AND valid < ?", (tenant, start, stop)
            )
            found.append(bitmaps.of_ids(id for (id,) in rows))
    return bitmaps.either(found)


def by_day(store: Rows, tenant: str, since: float | None, until: float | None) -> Iterator[Ids]:
    """The entries of each day of a tenant that lies between two times, if in part, in order."""
    first = -_FIRST if since is None else math.floor(since / DAY)
    end = 9 * _FIRST if until is None else math.ceil(until / DAY)
    parts = _between(store, tenant, of_day(first), of_day(end))
    return (bitmaps.either(ids for _, ids in some) for _, some in groupby(parts, key=lambda part: part[0]))


def by_id(store: Rows, select: str, column: str, ids: Sequence[int]) -> list[tuple[Any, ...]]:
    """The rows of some ids, in the order of ids.

    Args:
        store: where they are kept.
        select: up to the table.
        column: the one that holds ids.
        ids: some.
    """
    found: list[tuple[Any, ...]] = []
    for some in parts(ids):
        found += store.execute(f"{select} WHERE {column} IN ({marks(some)}) ORDER BY {column}", tuple(some))
    return found


def days(store: Rows, tenant: str) -> list[int]:
    """The days of which a tenant has entries, counted from 1970, in order."""
    rows = store.execute(
        "SELECT DISTINCT term FROM postings WHERE tenant = ? AND term >= 'd' AND term < 'e'", (tenant,)
    )
    return [int(term[1:]) - _FIRST for (term,) in rows]


def searched(store: Rows, tenant: str, kinds: Iterable[str] = SEARCHED) -> Ids:
    """All entries of a tenant of some kinds."""
    return bitmaps.either(entries_of(store, tenant, of_kind(kind)) for kind in kinds)


def add(store: Rows, entries: Iterable[Said]) -> None:
    """Put entries under their terms; within the caller's transaction."""
    chunks = _chunks(entries)
    kept = _kept(store, [row for row, _ in chunks])
    store.execute_many(
        "INSERT INTO postings (tenant, term, chunk, ids) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (tenant, term, chunk) DO UPDATE SET ids = excluded.ids",
        [(*row, bitmaps.added(kept.get(row, b""), offsets)) for row, offsets in chunks],
    )


def remove(store: Rows, entries: Iterable[Said]) -> None:
    """Take entries out from under their terms; within the caller's transaction."""
    chunks = _chunks(entries)
    kept = _kept(store, [row for row, _ in chunks])
    left = {row: bitmaps.removed(kept.get(row, b""), offsets) for row, offsets in chunks}
    where = "WHERE tenant = ? AND term = ? AND chunk = ?"
    some = [(ids, *row) for row, ids in left.items() if ids]
    store.execute_many(f"UPDATE postings SET ids = ? {where}", some)  # noqa: S608 - ours
    none = [row for row, ids in left.items() if not ids]
    store.execute_many(f"DELETE FROM postings {where}", none)  # noqa: S608 - ours


_Row = tuple[str, str, int]


def _chunks(entries: Iterable[Said]) -> list[tuple[_Row, list[int]]]:
    """The rows that some entries stand in, in the order in which they lie, and where they stand there."""
    offsets: dict[_Row, list[int]] = {}
    for entry in entries:
        chunk, offset = divmod(entry.id, CHUNK)
        for term in terms_of(entry):
            offsets.setdefault((entry.tenant, term, chunk), []).append(offset)
    return sorted(offsets.items())


def _kept(store: Rows, rows: Iterable[_Row]) -> dict[_Row, bytes]:
    """What is kept of some rows; nothing of those that are not there."""
    kept: dict[_Row, bytes] = {}
    places: dict[tuple[str, int], list[str]] = {}
    for tenant, term, chunk in rows:
        places.setdefault((tenant, chunk), []).append(term)
    for (tenant, chunk), every in places.items():
        for some in parts(every):
            found = store.execute(
                f"SELECT term, ids FROM postings WHERE tenant = ? AND chunk = ? AND term IN ({marks(some)})",  # noqa: S608 - marks
                (tenant, chunk, *some),
            )
            kept |= {(tenant, term, chunk): ids for term, ids in found}
    return kept
