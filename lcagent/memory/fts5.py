"""The full text of facts in SQLite: FTS5 over a column of words, beside their table.

Rows come into it when it is next asked, all at once (docs/design/0014-works.md).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lcagent.documents.words import unspaced
from lcagent.errors import SettingsError

if TYPE_CHECKING:
    from lcagent.memory.rows import Rows

_MISSING = "FROM facts WHERE id > (SELECT coalesce(max(id), 0) FROM facts_words_docsize)"
"""FTS5 keeps in `facts_words_docsize` a row for each that it holds."""
_HELD = "SELECT 1 FROM sqlite_master WHERE name = 'facts_words' AND sql LIKE '%categories%'"
_INDEX = (
    "DROP TRIGGER IF EXISTS facts_words_gone",
    "DROP TABLE IF EXISTS facts_words",
    "DROP TABLE IF EXISTS passages_words",
    # The words are divided already: vowels of Thai, Khmer or Hindi that are marks divide none.
    "CREATE VIRTUAL TABLE facts_words USING fts5 (words, content = 'facts', content_rowid = 'id',"
    " tokenize = \"unicode61 categories 'L* N* M* Co'\")",
    "CREATE TRIGGER facts_words_gone AFTER DELETE ON facts"
    " WHEN EXISTS (SELECT 1 FROM facts_words_docsize WHERE id = old.id)"
    " BEGIN INSERT INTO facts_words (facts_words, rowid, words) VALUES ('delete', old.id, old.words); END",
)


class Fts5:
    """The full text of a store's facts (`lcagent.memory.rows.FullText`)."""

    def __init__(self, store: Rows) -> None:
        self._store = store

    def make(self) -> None:
        """Make it where it is missing, or an earlier version made it: the tables need no FTS5.

        Raises:
            SettingsError: this Python's SQLite has no full-text search.
        """
        store = self._store
        try:
            store.execute("SELECT fts5_source_id()")
        except sqlite3.OperationalError as error:
            raise SettingsError(
                "this Python's SQLite has no full-text search (FTS5)",
                hint="use a Python whose sqlite3 has it, such as one from python.org or a Linux distribution",
            ) from error
        if store.rows(_HELD):
            return
        with store.transaction():
            if store.rows(_HELD):  # another process was first
                return
            for statement in _INDEX:
                store.execute(statement)

    def update(self) -> None:
        """Take in what was put since; ids grow, so that whatever is missing comes after all that is there.

        Raises:
            SettingsError: this Python's SQLite has no full-text search.
        """
        self.make()
        if self._store.rows(f"SELECT 1 {_MISSING} LIMIT 1"):
            self._store.execute(f"INSERT INTO facts_words (rowid, words) SELECT id, words {_MISSING}")

    def compact(self) -> None:
        """Drop the words of deleted rows, which stay until its pieces are merged."""
        if self._store.rows(_HELD):
            self._store.execute("INSERT INTO facts_words (facts_words) VALUES ('optimize')")

    def best(
        self, words: Sequence[str], works: Sequence[int], limit: int, node: tuple[int, str] | None
    ) -> list[tuple[Any, ...]]:
        """See `lcagent.memory.rows.FullText`."""
        of_node = " AND f.id IN (SELECT fact FROM mentions WHERE work = ? AND node = ?)" if node else ""
        best = (
            "SELECT f.id, bm25(facts_words) AS worth FROM facts_words"  # noqa: S608 - ours
            " JOIN facts f ON f.id = facts_words.rowid"
            f" WHERE facts_words MATCH ? AND f.work IN ({','.join('?' * len(works))}){of_node}"
            " ORDER BY worth, f.id LIMIT ?"
        )
        rows = self._store.execute(
            f"SELECT f.id, f.work, f.segment, f.text, f.spans FROM ({best}) b JOIN facts f ON f.id = b.id"  # noqa: S608 - ours
            " ORDER BY b.worth, f.id",
            (_match(words), *works, *(node or ()), limit),
        )
        return [*rows]


def _match(words: Sequence[str]) -> str:
    """A query in FTS5's language that no word of a person's can be an operator of."""
    # A single character of a script without spaces begins some of the pairs that are kept.
    return " OR ".join(f'"{word}"{" *" if len(word) == 1 and unspaced(word) else ""}' for word in words)
