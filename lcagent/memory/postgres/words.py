"""The full text of facts in PostgreSQL: words found by a tsvector, ranked by BM25 as FTS5 does.

Its own `ts_rank` weighs no word by how rare it is. What is counted are the facts of the works that are looked
at: FTS5 counts those of all works of the file. Sums are taken in its order.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lcagent.documents.words import unspaced

if TYPE_CHECKING:
    from lcagent.memory.postgres.store import PostgresStore

_BEST = """
WITH held AS (SELECT CAST(count(*) AS REAL) AS facts, CAST(avg(size) AS REAL) AS mean
              FROM facts WHERE work = ANY(:works)),
asked AS (SELECT number, word::tsquery AS query
          FROM unnest(CAST(:words AS text[])) WITH ORDINALITY AS said (word, number)),
found AS (
    SELECT f.id, f.size, asked.number, CAST(count(*) OVER (PARTITION BY asked.number) AS REAL) AS facts,
        (SELECT CAST(sum(coalesce(array_length(one.positions, 1), 1)) AS REAL) FROM unnest(f.terms) AS one
         WHERE array_to_tsvector(ARRAY[one.lexeme]) @@ asked.query) AS often
    FROM asked JOIN facts f ON f.terms @@ asked.query WHERE f.work = ANY(:works)),
best AS (
    SELECT found.id,
        sum(greatest(ln((held.facts - found.facts + 0.5) / (found.facts + 0.5)), 1e-6) * ((often * 2.2)
            / (often + 1.2 * (0.25 + 0.75 * found.size / held.mean))) ORDER BY found.number) AS worth
    FROM found CROSS JOIN held {of_node} GROUP BY found.id ORDER BY worth DESC, found.id LIMIT :most)
SELECT f.id, f.work, f.segment, f.text, f.spans FROM best JOIN facts f ON f.id = best.id
ORDER BY best.worth DESC, f.id
"""
MOST_WORD = 500
"""Characters of a word that are looked at: a lexeme holds 2,046 bytes."""
_OF_NODE = "WHERE found.id IN (SELECT fact FROM mentions WHERE work = :graph AND node = :node)"


class Words:
    """The full text of a store's facts (`lcagent.memory.rows.FullText`); its index is kept by the server."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    def make(self) -> None:
        """Nothing: it is made with the tables."""

    def update(self) -> None:
        """Nothing: it is written with the facts."""

    def compact(self) -> None:
        """Nothing: the server does it when it is at rest."""

    def best(
        self, words: Sequence[str], works: Sequence[int], limit: int, node: tuple[int, str] | None
    ) -> list[tuple[Any, ...]]:
        """See `lcagent.memory.rows.FullText`."""
        values = {"works": list(works), "words": [_lexeme(word) for word in words], "most": limit}
        if node:
            values |= {"graph": node[0], "node": node[1]}
        rows = self._store.rows(_BEST.replace("{of_node}", _OF_NODE if node else ""), values)
        return [tuple(row.values()) for row in rows]


def _plain() -> dict[int, str]:
    both = ((chr(code), unicodedata.normalize("NFD", chr(code))) for code in range(0xC0, 0x1F00))
    return {ord(one): two[0] for one, two in both if len(two) == 2 and two[0].isascii() and two[0].isalpha()}


PLAIN = _plain()
"""Letters with one accent, which FTS5 takes for those without."""


def _lexeme(word: str) -> str:
    """A word as a query of one lexeme, in which no sign of a person's is an operator."""
    quoted = word.translate(PLAIN)[:MOST_WORD].replace("\\", "\\\\").replace("'", "''")
    # A single character of a script without spaces begins some of the pairs that are kept.
    return f"'{quoted}'{':*' if len(word) == 1 and unspaced(word) else ''}"
