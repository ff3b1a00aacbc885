"""What a query asks for: its words and how rare they are, who is named in it, and the time.

A name under which somebody speaks is no word to be found: who is asked about says it herself, and those who
say her name speak to her. So it weighs for what she says, and is left out of what is embedded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import date
from functools import cached_property

from lcagent.documents.values import iso_within, values
from lcagent.memory.rows import Rows
from lcagent.memory.tiers import bitmaps, postings
from lcagent.memory.tiers.bitmaps import Ids

MOST_WORDS = 24
"""Words of a query that count: the rarest."""
_EPOCH = date(1970, 1, 1).toordinal()
_TOKEN = re.compile(r"\w+(?:['’]s\b)?")


class Asked:
    """A query about the entries of a tenant.

    Args:
        store: where they are kept.
        tenant: whose.
        query: words as they were written.
        every: all entries that are there for it; others neither are found nor weigh in.
    """

    def __init__(self, store: Rows, tenant: str, query: str, every: Ids) -> None:
        self._store, self._tenant, self._query, self._every = store, tenant, query, every
        named: dict[str, Ids] = {}
        sets: dict[str, Ids] = {}
        for word in postings.asked(query):
            if by := self._those(postings.entries_of(store, tenant, postings.of_author(word))):
                named[word] = by
            else:
                sets[word] = self._those(postings.entries_of(store, tenant, postings.of_word(word)))
        self.named = bitmaps.either(named.values())
        self._names = set(named)
        if not sets:  # a name alone: who says it, and what its bearer says
            sets = {word: bitmaps.either([by, self._said(word)]) for word, by in named.items()}
        total = bitmaps.count(every)
        rare = sorted(((bitmaps.count(ids), word) for word, ids in sets.items()))[:MOST_WORDS]
        worth = [math.log(1 + (total - n + 0.5) / (n + 0.5)) for n, _ in rare]
        self.sets = [sets[word] for _, word in rare]
        self.worth = [one / sum(worth) for one in worth]
        self.dated = self._of_time()

    @cached_property
    def held(self) -> Ids:
        """Entries that hold any of the words, or are of the time that the query names."""
        return bitmaps.either([*self.sets, self.dated])

    @property
    def meant(self) -> str:
        """The query without names of those who speak; as it is where nothing else is left."""
        left = _TOKEN.sub(lambda found: "" if self._is_name(found[0]) else found[0], self._query)
        return " ".join(left.split()) if postings.asked(left) else self._query

    def _is_name(self, token: str) -> bool:
        held = postings.words(re.sub(r"['’]s$", "", token))
        return bool(held) and self._names.issuperset(held)

    def _said(self, word: str) -> Ids:
        return self._those(postings.entries_of(self._store, self._tenant, postings.of_word(word)))

    def _those(self, ids: Ids) -> Ids:
        return bitmaps.both(ids, self._every)

    def _of_time(self) -> Ids:
        """The entries of the days that the query names."""
        times = [value.iso for value in values(self._query) if value.iso and ":" not in value.iso]
        if not times:
            return {}
        days = (day for day in postings.days(self._store, self._tenant) if _within(day, times))
        of_days = (postings.entries_of(self._store, self._tenant, postings.of_day(day)) for day in days)
        return self._those(bitmaps.either(of_days))


def _within(day: int, times: Iterable[str]) -> bool:
    """Whether a day, counted from 1970, lies in one of some times in ISO notation."""
    try:
        written = date.fromordinal(_EPOCH + day).isoformat()
    except (ValueError, OverflowError):  # no year of four digits
        return False
    return any(iso_within(written, time) for time in times)
