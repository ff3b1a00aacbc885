"""The store's tables, step by step: a file tells in `PRAGMA user_version` how many steps it has taken.

Each step is one transaction with its number, so that a process that is killed in the middle of one leaves
the file as it was, and of two processes that open a file at once one takes the step and the other sees it
taken. A step that was released is never changed: what comes later is a step of its own.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence

from lcagent.errors import NewerVersion

Steps = Sequence[Callable[[sqlite3.Connection], None]]


def version(connection: sqlite3.Connection) -> int:
    """Steps that a file has taken; 0 for a fresh one, and for those made before steps were counted."""
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    return int(number)


def check(connection: sqlite3.Connection, steps: Steps) -> None:
    """Refuse a file that a newer lcagent has changed; only reads.

    Args:
        connection: to the file.
        steps: those that are known here.

    Raises:
        NewerVersion: it has taken further ones.
    """
    if (at := version(connection)) > len(steps):
        raise NewerVersion(
            f"a newer lcagent made this store (its version is {at}, this lcagent knows {len(steps)})",
            hint="upgrade lcagent, or name another folder with LCAGENT_HOME or --home",
        )


def migrate(connection: sqlite3.Connection, steps: Steps) -> None:
    """Bring a file to the newest version; nothing is done to one that has it.

    Args:
        connection: in autocommit, with foreign keys off: tables are made anew under their old names.
        steps: all there are; the n-th brings a file from version n to n + 1.

    Raises:
        NewerVersion: the file is of a newer version.
        sqlite3.Error: it cannot be read or written; no step is taken by half.
    """
    check(connection, steps)
    while version(connection) < len(steps):
        connection.execute("BEGIN IMMEDIATE")
        try:
            check(connection, steps)
            at = version(connection)  # another process may have been first
            if at < len(steps):
                steps[at](connection)
                connection.execute(f"PRAGMA user_version={at + 1}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite itself has undone it where the disk is full
                connection.execute("ROLLBACK")
            raise


_NUMBERED = {
    "runs": """
(id TEXT PRIMARY KEY, key TEXT NOT NULL, status TEXT NOT NULL, created REAL NOT NULL,
 updated REAL NOT NULL, question TEXT NOT NULL, sources TEXT NOT NULL, strategy TEXT NOT NULL,
 model TEXT NOT NULL, settings TEXT NOT NULL, answer TEXT, error TEXT, seconds REAL NOT NULL DEFAULT 0,
 told INTEGER NOT NULL DEFAULT 1, version TEXT)""",
    # What a scope names may be no run, so nothing refers to runs here. Rows are long: they have a rowid.
    "calls": """
(scope TEXT NOT NULL, key TEXT NOT NULL, role TEXT NOT NULL, text TEXT NOT NULL, reasoning TEXT NOT NULL,
 finish_reason TEXT NOT NULL, prompt_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
 completion_tokens INTEGER NOT NULL, seconds REAL NOT NULL, created REAL NOT NULL, certainty REAL,
 request BLOB, PRIMARY KEY (scope, key))""",
    "findings": """
(run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, document INTEGER NOT NULL, segment INTEGER NOT NULL,
 seq INTEGER NOT NULL, op TEXT NOT NULL, target TEXT, text TEXT NOT NULL, spans TEXT NOT NULL,
 role TEXT NOT NULL, answer TEXT NOT NULL, detail TEXT NOT NULL, quote TEXT NOT NULL,
 tokens INTEGER NOT NULL, PRIMARY KEY (run, document, segment, seq)) WITHOUT ROWID""",
    "documents": """
(key TEXT PRIMARY KEY, meta TEXT NOT NULL, text BLOB NOT NULL, used REAL NOT NULL DEFAULT 0)""",
    "segmentations": "(key TEXT PRIMARY KEY, spans BLOB NOT NULL, used REAL NOT NULL DEFAULT 0)",
    "uses": """
(run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, kept TEXT NOT NULL, key TEXT NOT NULL,
 PRIMARY KEY (run, kept, key)) WITHOUT ROWID""",
    "profiles": """
(model TEXT NOT NULL, fingerprint TEXT NOT NULL, measured TEXT NOT NULL, profile TEXT NOT NULL,
 PRIMARY KEY (model, fingerprint)) WITHOUT ROWID""",
}
_RENAMED = {("calls", "scope"): "run"}
_OWNED = ("findings", "uses")


def _numbered(connection: sqlite3.Connection) -> None:
    """Tables of a file from before steps were counted are made anew and keep their rows.

    Such a file may lack tables, and columns that came later: these have their defaults then.
    """
    held = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table, columns in _NUMBERED.items():
        if table in held:
            connection.execute(f"ALTER TABLE {table} RENAME TO {table}_before")
        connection.execute(f"CREATE TABLE {table} {columns}")
        if table in held:
            _take_over(connection, table)
            connection.execute(f"DROP TABLE {table}_before")
    connection.execute("CREATE INDEX runs_key ON runs (key, created)")
    connection.execute("CREATE INDEX uses_key ON uses (kept, key)")


def _take_over(connection: sqlite3.Connection, table: str) -> None:
    before = _columns(connection, f"{table}_before")
    old = {name: _RENAMED.get((table, name), name) for name in _columns(connection, table)}
    both = {name: was for name, was in old.items() if was in before}
    whose = " WHERE run IN (SELECT id FROM runs)" if table in _OWNED else ""
    connection.execute(
        f"INSERT INTO {table} ({','.join(both)}) SELECT {','.join(both.values())} FROM {table}_before{whose}"  # noqa: S608 - names are ours
    )


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


_WORKS = (
    # No id is given twice: the journal's scopes name works by them.
    """CREATE TABLE works (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, kind TEXT NOT NULL,
 name TEXT NOT NULL, document TEXT NOT NULL, exact TEXT NOT NULL, status TEXT NOT NULL,
 created REAL NOT NULL, used REAL NOT NULL, UNIQUE (kind, key))""",
    "CREATE TABLE uses (run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,"
    " work INTEGER NOT NULL REFERENCES works ON DELETE CASCADE, PRIMARY KEY (run, work)) WITHOUT ROWID",
    "CREATE INDEX uses_work ON uses (work)",
    "CREATE TABLE documents (work INTEGER PRIMARY KEY REFERENCES works ON DELETE CASCADE,"
    " meta TEXT NOT NULL, text BLOB NOT NULL)",
    "CREATE TABLE segmentations (work INTEGER PRIMARY KEY REFERENCES works ON DELETE CASCADE,"
    " spans BLOB NOT NULL)",
)
_PARSED = (("document", "documents", "meta, text"), ("segmentation", "segmentations", "spans"))


def _works(connection: sqlite3.Connection) -> None:
    """Parsed documents and segmentations become works, of which the parts that are not known are empty."""
    connection.execute("DROP INDEX uses_key")
    for table in ("uses", "documents", "segmentations"):
        connection.execute(f"ALTER TABLE {table} RENAME TO {table}_before")
    for statement in _WORKS:
        connection.execute(statement)
    for kind, table, columns in _PARSED:
        rows = connection.execute(f"SELECT key, used FROM {table}_before").fetchall()  # noqa: S608 - ours
        connection.executemany(
            "INSERT INTO works (key, kind, name, document, exact, status, created, used)"
            " VALUES (?, ?, '', '', '{}', 'done', ?, ?)",
            [(key, kind, used, used) for key, used in rows],
        )
        connection.execute(
            f"INSERT INTO {table} (work, {columns}) SELECT w.id, {columns} FROM {table}_before b"  # noqa: S608 - ours
            " JOIN works w ON w.key = b.key AND w.kind = ?",
            (kind,),
        )
        connection.execute(
            "INSERT INTO uses SELECT b.run, w.id FROM uses_before b JOIN works w ON w.key = b.key"
            " WHERE b.kept = ? AND w.kind = ?",
            (table, kind),
        )
    for work, text in connection.execute("SELECT work, meta FROM documents").fetchall():
        meta = json.loads(text)
        named = (str(meta.get("name", "")), str(meta.get("sha256", "")), work)
        connection.execute("UPDATE works SET name = ?, document = ? WHERE id = ?", named)
    for table in ("uses", "documents", "segmentations"):
        connection.execute(f"DROP TABLE {table}_before")


_FACTS = (
    "CREATE TABLE extracted (work INTEGER NOT NULL REFERENCES works ON DELETE CASCADE,"
    " segment INTEGER NOT NULL, PRIMARY KEY (work, segment)) WITHOUT ROWID",
    "CREATE TABLE facts (id INTEGER PRIMARY KEY, work INTEGER NOT NULL REFERENCES works ON DELETE CASCADE,"
    " segment INTEGER NOT NULL, seq INTEGER NOT NULL, text TEXT NOT NULL, words TEXT NOT NULL,"
    " spans TEXT NOT NULL, UNIQUE (work, segment, seq))",
    "CREATE TABLE elements (id INTEGER PRIMARY KEY, work INTEGER NOT NULL REFERENCES works ON DELETE CASCADE,"
    " fact INTEGER NOT NULL REFERENCES facts ON DELETE CASCADE, name TEXT NOT NULL, node TEXT NOT NULL)",
    "CREATE INDEX elements_work ON elements (work)",
    "CREATE INDEX elements_node ON elements (node, work, fact)",
    "CREATE INDEX elements_fact ON elements (fact)",
    "CREATE TABLE passages (id INTEGER PRIMARY KEY, work INTEGER NOT NULL REFERENCES works ON DELETE CASCADE,"
    ' start INTEGER NOT NULL, "end" INTEGER NOT NULL, text TEXT NOT NULL, words TEXT NOT NULL,'
    ' UNIQUE (work, start, "end"))',
    "CREATE TABLE vectors (work INTEGER NOT NULL REFERENCES works ON DELETE CASCADE, owner TEXT NOT NULL,"
    " item INTEGER NOT NULL, model TEXT NOT NULL, dimension INTEGER NOT NULL, vector BLOB NOT NULL,"
    " PRIMARY KEY (work, owner, model, item))",
)


def _facts(connection: sqlite3.Connection) -> None:
    """Facts, their key elements, passages and vectors; the full text is made where it is first used."""
    for statement in _FACTS:
        connection.execute(statement)


_GRAPH = (
    "CREATE TABLE nodes (work INTEGER NOT NULL REFERENCES works ON DELETE CASCADE, node TEXT NOT NULL,"
    " name TEXT NOT NULL, facts INTEGER NOT NULL, PRIMARY KEY (work, node)) WITHOUT ROWID",
    "CREATE TABLE merges (work INTEGER NOT NULL REFERENCES works ON DELETE CASCADE, node TEXT NOT NULL,"
    " target TEXT NOT NULL, stage TEXT NOT NULL, PRIMARY KEY (work, node)) WITHOUT ROWID",
    "CREATE INDEX merges_target ON merges (work, target)",
    "CREATE TABLE node_words (work INTEGER NOT NULL REFERENCES works ON DELETE CASCADE, word TEXT NOT NULL,"
    " node TEXT NOT NULL, PRIMARY KEY (work, word, node)) WITHOUT ROWID",
)


def _graph(connection: sqlite3.Connection) -> None:
    """Graphs over the facts of one or several documents: nodes, what each took in, words of their names. And
    what segments are known again by in a later version of their document."""
    for statement in _GRAPH:
        connection.execute(statement)
    connection.execute("ALTER TABLE segmentations ADD COLUMN pieces TEXT NOT NULL DEFAULT '[]'")


_LIGHTER = (
    # The full text is brought up to date when it is asked, and made anew where it is first opened.
    *(
        f"DROP TRIGGER IF EXISTS {table}_words_{event}"
        for table in ("facts", "passages")
        for event in ("insert", "delete", "update")
    ),
    "DROP TABLE passages",
    "CREATE TABLE mentions (work INTEGER NOT NULL REFERENCES works ON DELETE CASCADE, node TEXT NOT NULL,"
    " fact INTEGER NOT NULL, PRIMARY KEY (work, node, fact)) WITHOUT ROWID",
    "UPDATE works SET status = 'building' WHERE kind = 'graph'",
    "ALTER TABLE elements RENAME TO elements_before",
    "CREATE TABLE elements (fact INTEGER NOT NULL REFERENCES facts ON DELETE CASCADE, seq INTEGER NOT NULL,"
    " name TEXT NOT NULL, node TEXT NOT NULL, PRIMARY KEY (fact, seq)) WITHOUT ROWID",
    "INSERT INTO elements SELECT fact, row_number() OVER (PARTITION BY fact ORDER BY id) - 1, name, node"
    " FROM elements_before",
    "DROP TABLE elements_before",
)


def _lighter(connection: sqlite3.Connection) -> None:
    """Elements lie beside their facts, without an index of their own; the facts of each node are a part of
    the graph, which is made again. Passages are not kept: nothing asked for them."""
    for statement in _LIGHTER:
        connection.execute(statement)


_ITEMS = (
    "CREATE TABLE labelled (work INTEGER NOT NULL REFERENCES works ON DELETE CASCADE,"
    " segment INTEGER NOT NULL, PRIMARY KEY (work, segment)) WITHOUT ROWID",
    "CREATE TABLE items (work INTEGER NOT NULL REFERENCES works ON DELETE CASCADE, segment INTEGER NOT NULL,"
    " seq INTEGER NOT NULL, kind TEXT NOT NULL, quote TEXT NOT NULL, begins INTEGER,"
    " ends INTEGER, fields TEXT NOT NULL, PRIMARY KEY (work, segment, seq)) WITHOUT ROWID",
)


def _items(connection: sqlite3.Connection) -> None:
    """Items of documents, a row each, by a schema that the work names."""
    for statement in _ITEMS:
        connection.execute(statement)


def _files(connection: sqlite3.Connection) -> None:
    """Where the files are that a run has read."""
    connection.execute(
        "CREATE TABLE files (run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, document TEXT NOT NULL,"
        " path BLOB NOT NULL, sha256 TEXT NOT NULL, format TEXT NOT NULL, PRIMARY KEY (run, document))"
        " WITHOUT ROWID"
    )


def _accents(_: sqlite3.Connection) -> None:
    """Nothing: FTS5 takes letters with an accent for those without as it is, and PostgreSQL does by this."""


def _looked_for(connection: sqlite3.Connection) -> None:
    """Works are found by name and by document without going through all of their kind."""
    connection.execute("CREATE INDEX works_name ON works (kind, name)")
    connection.execute("CREATE INDEX works_document ON works (kind, document)")


def _added(connection: sqlite3.Connection) -> None:
    """Which of the works that a run uses it has added to."""
    connection.execute("ALTER TABLE uses ADD COLUMN added INTEGER NOT NULL DEFAULT 0")


STEPS: Steps = (
    _numbered,
    _works,
    _facts,
    _graph,
    _lighter,
    _items,
    _files,
    _accents,
    _looked_for,
    _added,
)
"""Those of the file of runs and works."""
