"""Which entries hold words: exactly, since what is found may be deleted."""

from __future__ import annotations

import math

from lcagent.documents import query_words
from lcagent.errors import UsageError
from lcagent.memory.tiers.entries import Entries
from lcagent.memory.tiers.postings import SEARCHED
from lcagent.memory.tiers.search import Search

_ALL = 1 << 30


def holding(
    entries: Entries, query: str, *, since: float | None = None, until: float | None = None
) -> list[int]:
    """Numbers of the messages, passages, core lines and calls of a session that hold every content word of a
    query, in any of its forms; a core line also where it holds no more. A summary, which tells of many
    messages, is none of them.

    Args:
        entries: of the session.
        query: the words.
        since: seconds since 1970 from which it was said.
        until: and before which.

    Raises:
        UsageError: none of them is a content word.
    """
    words = set(query_words(query))
    if not words:
        raise UsageError("there is no word to look for", hint="name a word that all of it holds")
    search = Search(entries.store, entries.tenant)
    hits = search.find(query, sessions=[entries.session], kinds=SEARCHED, limit=_ALL)
    candidates = [*entries.get(hits.numbers).values(), *entries.newest(["block", "call"], limit=_ALL)]
    first, last = -math.inf if since is None else since, math.inf if until is None else until
    return sorted(
        one.id for one in candidates if first <= one.valid < last and words <= set(query_words(one.text))
    )
