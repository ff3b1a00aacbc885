"""Which entries hold words: exactly, since what is found may be deleted."""

from __future__ import annotations

from lcagent.documents import query_words
from lcagent.errors import UsageError
from lcagent.memory.tiers.entries import Entries
from lcagent.memory.tiers.postings import SEARCHED
from lcagent.memory.tiers.search import Search

_ALL = 1 << 30


def holding(entries: Entries, query: str) -> list[int]:
    """Numbers of the messages, passages and core lines of a session that hold every content word of a query,
    in any of its forms; a core line also where it holds no more.

    Args:
        entries: of the session.
        query: the words.

    Raises:
        UsageError: none of them is a content word.
    """
    words = set(query_words(query))
    if not words:
        raise UsageError("there is no word to look for", hint="name a word that all of it holds")
    search = Search(entries.store, entries.tenant)
    hits = search.find(query, sessions=[entries.session], kinds=SEARCHED, limit=_ALL)
    candidates = [*entries.get(hits.numbers).values(), *entries.newest(["block"], limit=_ALL)]
    return sorted(one.id for one in candidates if words <= set(query_words(one.text)))
