"""Search of what was said, by words, by meaning and by date.

The entries that hold most of a query's words, weighed by how rare they are, are found in all of a history by
sums over bitmaps (`bitmaps`), those most like it by their vectors (`nearest`). These few hundred are weighed
again: words that only the messages beside hold, who speaks, the time that the query names, the cosine.
docs/design/0020-memory-search.md has what each of these is worth.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

from lcagent.memory.rows import Rows
from lcagent.memory.tiers import bitmaps, nearest, postings
from lcagent.memory.tiers.asked import Asked
from lcagent.memory.tiers.bitmaps import Ids, Reader, Sums
from lcagent.memory.tiers.postings import by_id
from lcagent.text import whole_characters

if TYPE_CHECKING:
    from lcagent.models.embeddings import Embedder

CANDIDATES = 150
"""Entries that hold most of the query's words: weighed again …"""
SEEDS = 50
"""… and of so many of them the messages beside are so too."""
MEANT = 100
"""Entries most like the query that are weighed too."""
BESIDE = {-1: 0.7, 1: 0.5, -2: 0.4, 2: 0.3}
"""What a word is worth that a message lacks and one beside it holds, by the distance to that one."""
_REACH = 2
"""The greatest of these distances."""
AUTHOR = 0.4
"""Added for an entry whose author the query names; all words of the query together are worth 1."""
DATED = 0.5
"""Added for an entry of the time that the query names."""
ALIKE = 1.5
"""What the cosine is multiplied by."""
LEVELS = 63
"""Of the whole numbers in which words are weighed for all entries."""
_CURSOR = re.compile(r"(\d{1,18})\.(\d{1,18})\.(\d{1,18})")


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that was found.

    Args:
        id: its number.
        score: higher for the better; 0 for those that were not weighed, as they come after all that were.
    """

    id: int
    score: float


@dataclass(frozen=True, slots=True)
class Hits:
    """A page of what was found.

    Args:
        entries: the hits of this page, the best first.
        total: hits of all pages together, counted: entries that hold a word of the query or are of the time
            that it names, and those few hundred that are found by their neighbours or by meaning alone.
        cursor: for the next page; None where this is the last.
    """

    entries: list[Hit]
    total: int
    cursor: str | None

    @property
    def numbers(self) -> list[int]:
        """Of the entries that were found."""
        return [hit.id for hit in self.entries]


@dataclass(frozen=True, slots=True)
class _At:
    """Where a page begins, and what was there when the first one was asked: what is written or embedded since
    neither is found nor weighs in, so that pages fit together."""

    last: int
    embedded: int
    position: int


class Search:
    """Searches the entries of a tenant, of all sessions unless told otherwise.

    Args:
        store: where they are kept.
        tenant: whose entries; no other's are found, or weigh in.
        embedder: finds by meaning too, among the entries that have a vector of its model; None: words alone.
        beside: finds messages too that only stand beside what holds the words, as answers beside questions.
    """

    def __init__(
        self, store: Rows, tenant: str, embedder: Embedder | None = None, *, beside: bool = True
    ) -> None:
        self._store, self._tenant, self._embedder, self._beside = store, tenant, embedder, beside

    def find(
        self,
        query: str,
        *,
        limit: int,
        sessions: Sequence[str] | None = None,
        kinds: Sequence[str] = ("message",),
        since: float | None = None,
        until: float | None = None,
        cursor: str | None = None,
    ) -> Hits:
        """Find entries, the best first; with an empty query all of them, in the order of time.

        After the few hundred best the others follow, the newest first.

        Args:
            query: words as a person or a model wrote them; none of them is an operator.
            limit: most hits of this page.
            sessions: only of these; None: of all.
            kinds: only of these (`postings.SEARCHED`).
            since: only from this time on, seconds since 1970.
            until: only before this time.
            cursor: of the page before, with the same other arguments.

        Raises:
            ValueError: the cursor is none.
            LcagentError: as `Embedder.embed`.
        """
        every = postings.searched(self._store, self._tenant)
        at = self._at(cursor, every)
        every = bitmaps.up_to(every, at.last)
        among = self._narrowed(every, sessions, kinds, since, until)
        if not query.strip():
            total = bitmaps.count(among)
            hits = self._by_time(among, since, until)
        else:
            asked = Asked(self._store, self._tenant, whole_characters(query), every)
            head = self._best(asked, among, at)
            rest = bitmaps.without(bitmaps.both(asked.held, among), bitmaps.of_ids(hit.id for hit in head))
            total = len(head) + bitmaps.count(rest)
            hits = chain(head, (Hit(one, 0.0) for one in bitmaps.newest(rest)))
        page = list(islice(hits, at.position, at.position + limit))
        end = at.position + len(page)
        return Hits(page, total, f"{at.last}.{at.embedded}.{end}" if end < total else None)

    def _at(self, cursor: str | None, every: Ids) -> _At:
        if cursor is not None:
            if not (read := _CURSOR.fullmatch(cursor)):
                raise ValueError(f"{cursor!r} is no cursor of a search")
            return _At(*map(int, read.groups()))
        held: Ids = {}
        if self._embedder is not None:
            held = nearest.embedded(self._store, self._tenant, self._embedder.name)
        return _At(bitmaps.highest(every), bitmaps.highest(held), 0)

    def _narrowed(
        self,
        every: Ids,
        sessions: Sequence[str] | None,
        kinds: Sequence[str],
        since: float | None,
        until: float | None,
    ) -> Ids:
        """Those of all entries that may be hits."""
        among = every
        if set(kinds) != set(postings.SEARCHED):
            among = bitmaps.both(among, postings.searched(self._store, self._tenant, kinds))
        if sessions is not None:
            terms = map(postings.of_session, sessions)
            of_sessions = (postings.entries_of(self._store, self._tenant, term) for term in terms)
            among = bitmaps.both(among, bitmaps.either(of_sessions))
        if since is not None or until is not None:
            said = postings.said_between(self._store, self._tenant, since, until)
            among = bitmaps.both(among, said)
        return among

    def _by_time(self, among: Ids, since: float | None, until: float | None) -> Iterator[Hit]:
        """All entries of a set in the order of time."""
        for ids in postings.by_day(self._store, self._tenant, since, until):
            here = list(bitmaps.oldest(bitmaps.both(ids, among)))
            when = dict(by_id(self._store, "SELECT id, valid FROM entries", "id", here))
            yield from (Hit(one, 0.0) for one in sorted(when, key=lambda one: (when[one], one)))

    def _best(self, asked: Asked, among: Ids, at: _At) -> list[Hit]:
        """The entries that bear on a query most, weighed, the best first."""
        sums = Sums()
        for ids, worth in zip(asked.sets, asked.worth, strict=True):
            sums.add(ids, max(1, round(LEVELS * worth)))
        sums.add(asked.named, round(LEVELS * AUTHOR))
        sums.add(asked.dated, round(LEVELS * DATED))
        held = bitmaps.both(asked.held, among)
        vector, alike = None, dict[int, float]()
        if self._embedder is not None and (embedded := bitmaps.up_to(among, at.embedded)):
            vector = self._embedder.embed([asked.meant])[0]
            alike = nearest.nearest(self._store, self._tenant, self._embedder.name, vector, embedded)
        beside = Beside(self._store, self._tenant)
        meant = heapq.nsmallest(MEANT, alike, key=lambda one: (-alike[one], -one))
        chosen = {*sums.best(held, CANDIDATES), *meant}
        seeds, may_be = sums.best(held, SEEDS), Reader([among])
        beside.look_up(seeds)
        if self._beside:
            chosen |= {other for seed in seeds for other, _ in beside.of(seed) if may_be(other)}
        if vector is not None and self._embedder is not None:
            others = [one for one in sorted(chosen - alike.keys()) if one <= at.embedded]
            alike |= nearest.cosines(self._store, self._embedder.name, vector, others)
        beside.look_up(chosen)
        # One that has no vector yet is taken to be as alike as those that have one are on the mean.
        known = [alike[one] for one in chosen if one in alike]
        mean = sum(known) / len(known) if known else 0.0
        scores = self._worth(asked, chosen, beside)
        hits = [Hit(one, score + ALIKE * alike.get(one, mean)) for one, score in scores.items()]
        return sorted(hits, key=lambda hit: (-hit.score, -hit.id))

    def _worth(self, asked: Asked, chosen: Iterable[int], beside: Beside) -> dict[int, float]:
        """What entries are worth by their words and those beside, who speaks, and when."""
        worth = [*asked.worth, AUTHOR, DATED]
        only_words = (1 << len(asked.sets)) - 1
        holds = Reader([*asked.sets, asked.named, asked.dated])
        sums: dict[int, float] = {0: 0.0}

        def worth_of(held: int) -> float:
            if (known := sums.get(held)) is None:
                known = sums[held] = sum(value for bit, value in enumerate(worth) if held >> bit & 1)
            return known

        scores: dict[int, float] = {}
        for one in chosen:
            held = holds(one)
            score = worth_of(held)
            for other, share in beside.of(one):
                if fresh := holds(other) & only_words & ~held:
                    score += share * worth_of(fresh)
                    held |= fresh
            scores[one] = score
        return scores


class Beside:
    """The messages before and after some, in their sessions.

    Args:
        store: where they are kept.
        tenant: whose.
    """

    def __init__(self, store: Rows, tenant: str) -> None:
        self._store, self._tenant = store, tenant
        self._windows: dict[int, tuple[list[int], int]] = {}

    def look_up(self, ids: Iterable[int]) -> None:
        """Look up what is beside some entries, and beside that."""
        new = sorted(one for one in ids if one not in self._windows)
        for one, session, kind in by_id(self._store, "SELECT id, session, kind FROM entries", "id", new):
            if one in self._windows:  # it is beside one of the others
                continue
            window, place = [one], 0
            if kind == "message":
                before, after = self._said(session, one)
                window, place = [*before, one, *after], len(before)
            for at in range(max(0, place - _REACH), min(len(window), place + _REACH + 1)):
                self._windows.setdefault(window[at], (window, at))

    def of(self, one: int) -> list[tuple[int, float]]:
        """The messages beside one that was looked up, with their shares, the greatest first."""
        window, place = self._windows.get(one, ([], 0))
        size = len(window)
        return [(window[place + at], share) for at, share in BESIDE.items() if 0 <= place + at < size]

    def _said(self, session: str, one: int) -> tuple[list[int], list[int]]:
        """The messages before and after one in a session, in order."""
        where = "SELECT id FROM entries WHERE tenant = ? AND session = ? AND kind = 'message'"
        most = 2 * _REACH
        before = self._store.execute(
            f"{where} AND id < ? ORDER BY id DESC LIMIT {most}",
            (self._tenant, session, one),
        )
        after = self._store.execute(
            f"{where} AND id > ? ORDER BY id LIMIT {most}",
            (self._tenant, session, one),
        )
        return [id for (id,) in before][::-1], [id for (id,) in after]
