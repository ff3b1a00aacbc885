"""Entries: everything that was said, done and noted in a session, in rows that are only ever added.

An entry is written in one transaction with its index, and once: a key names it, and what is written under a
key that is there already is that very entry. Nothing is changed afterwards. That something holds no more is a
row of its own (`changes`); only forgetting deletes (`forgetting`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lcagent.memory.rows import Rows, marks, parts
from lcagent.memory.tiers.index import index

Kind = Literal["message", "call", "result", "event", "summary", "block", "passage", "change"]
"""Messages are what was said; calls and results the functions a model called; events what the system told it;
summaries stand for evicted messages; blocks are versions of core memory; passages are archival memory;
changes say that an entry holds no more."""
Source = Literal["said", "model", "document", "imported", "system"]
"""Where a text comes from. It never gets better: what a model makes of a document is `document`."""
FOREIGN: tuple[Source, ...] = ("document", "imported")
"""Sources that are not of this conversation."""
Clock = Callable[[], float]
USER, ASSISTANT, SYSTEM = "user", "assistant", "system"
_COLUMNS = "id, tenant, session, kind, name, author, source, text, data, valid, recorded, key"
_AT_ONCE = 40
"""Entries in one statement."""


@dataclass(frozen=True, slots=True)
class New:
    """An entry that is to be written.

    Args:
        kind: see `Kind`.
        text: of it, whole.
        name: a message's role, a block's label, a function's name.
        author: who says it: `user`, `assistant`, `system`, or the name of somebody else.
        source: where the text comes from.
        data: what else is known of it.
        valid: seconds since 1970 from which it holds; None: when it is recorded.
        key: names it within its session; None: it is another one each time.
        rests_on: ids of the entries that it was made of.
    """

    kind: Kind
    text: str
    name: str = ""
    author: str = SYSTEM
    source: Source = "system"
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    valid: float | None = None
    key: str | None = None
    rests_on: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it is kept: `New` with its number, when it was recorded, and whose it is.

    Numbers grow with time within a store, and none is given twice.
    """

    id: int
    tenant: str
    session: str
    kind: Kind
    name: str
    author: str
    source: Source
    text: str
    data: Mapping[str, Any]
    valid: float
    recorded: float
    key: str | None


class Entries:
    """The entries of one session.

    Args:
        store: where they lie.
        tenant: whose they are; nothing is ever read across two of them.
        session: which conversation.
        clock: seconds since 1970.
        fence: of the lease under which is written (`leases`); None: nobody else can write here.
    """

    def __init__(
        self, store: Rows, tenant: str, session: str, *, clock: Clock = time.time, fence: int | None = None
    ) -> None:
        self.store, self.tenant, self.session = store, tenant, session
        self.clock, self.fence = clock, fence

    def append(self, new: New) -> Entry:
        """Write one entry; see `append_all`."""
        return self.append_all([new])[0]

    def append_all(self, news: Sequence[New]) -> list[Entry]:
        """Write entries, all or none; when this returns they outlive a SIGKILL.

        Returns:
            The entries in the same order; of one whose key is there already, that one.

        Raises:
            SessionLost: another process has taken the session over.
        """
        from lcagent.memory.tiers.leases import holds

        with self.store.transaction():
            holds(self.store, self)
            known = self._keyed([new.key for new in news if new.key is not None])
            fresh, named = list[New](), set(known)
            for new in news:
                fresh += [] if new.key in named else [new]
                named |= set() if new.key is None else {new.key}
            made = [entry for some in parts(fresh, _AT_ONCE) for entry in self._insert(some)]
            index(self.store, made)
            known |= {entry.key: entry for entry in made if entry.key is not None}
            unnamed = (entry for entry in made if entry.key is None)
            return [next(unnamed) if new.key is None else known[new.key] for new in news]

    def _insert(self, news: Sequence[New]) -> list[Entry]:
        """Write entries of new keys, in one statement: their numbers grow in their order."""
        rows = [self._row(new) for new in news]
        cursor = self.store.execute(
            f"INSERT INTO entries ({_COLUMNS.removeprefix('id, ')})"  # noqa: S608 - ours
            f" VALUES {','.join(f'({marks(row)})' for row in rows)} RETURNING id",
            tuple(value for row in rows for value in row),
        )
        made = [_entry((id, *row)) for id, row in zip(sorted(id for (id,) in cursor), rows, strict=True)]
        self._rest([(one.id, other) for one, new in zip(made, news, strict=True) for other in new.rests_on])
        for one in made:
            self._close(one.id, one.data, one.valid)
        return made

    def _row(self, new: New) -> tuple[Any, ...]:
        now = self.clock()
        valid = now if new.valid is None else new.valid
        data = json.dumps(dict(new.data), ensure_ascii=False)
        said = (new.kind, new.name, new.author, new.source, new.text, data)
        return (self.tenant, self.session, *said, valid, now, new.key)

    def rest(self, number: int, source: int) -> None:
        """Note that an entry rests on another one too."""
        self._rest([(number, source)])

    def _rest(self, pairs: Sequence[tuple[int, int]]) -> None:
        if pairs:
            sql = "INSERT INTO rests (entry, source) VALUES (?, ?) ON CONFLICT DO NOTHING"
            self.store.execute_many(sql, pairs)

    def _close(self, number: int, data: Mapping[str, Any], at: float) -> None:
        """Carry out what an entry says of others: that they hold no more, or again (`changes`)."""
        for closed in data.get("closes", ()):
            self.store.execute(  # what was forgotten meanwhile is passed over
                'INSERT INTO closings (entry, "by", at, gone)'
                " SELECT id, ?, ?, ? FROM entries WHERE id = ?"
                ' ON CONFLICT (entry, "by") DO UPDATE SET at = excluded.at, gone = excluded.gone',
                (number, at, " ".join(closed["gone"]), closed["entry"]),
            )
        for by in data.get("reopens", ()):
            self.store.execute('DELETE FROM closings WHERE "by" = ?', (by,))

    def rebuild(self) -> None:
        """Make what follows from the entries again: which of them hold no more."""
        with self.store.transaction():
            self.store.execute(
                "DELETE FROM closings WHERE entry IN"
                " (SELECT id FROM entries WHERE tenant = ? AND session = ?)",
                (self.tenant, self.session),
            )
            telling = "(data LIKE '%\"closes\"%' OR data LIKE '%\"reopens\"%')"
            for entry in self._read(telling, (), "ORDER BY id"):
                self._close(entry.id, entry.data, entry.valid)

    def keyed(self, key: str) -> Entry | None:
        """The entry of a key."""
        return self._keyed([key]).get(key)

    def _keyed(self, keys: Sequence[str]) -> dict[str, Entry]:
        found = dict[str, Entry]()
        for some in parts(keys):
            read = self._read(f"key IN ({marks(some)})", tuple(some))
            found |= {one.key: one for one in read if one.key is not None}
        return found

    def get(self, numbers: Sequence[int]) -> dict[int, Entry]:
        """Entries by their numbers; those of others, and those that are not there, are left out."""
        wanted, found = list(dict.fromkeys(numbers)), dict[int, Entry]()
        for some in parts(wanted):
            read = self._read(f"id IN ({marks(some)})", tuple(some), by_id=True)
            found.update({one.id: one for one in read})
        return found

    def newest(
        self, kinds: Sequence[Kind], *, limit: int, after: int = 0, before: int | None = None, name: str = ""
    ) -> list[Entry]:
        """The last entries of some kinds, the newest first.

        Args:
            kinds: which.
            limit: most of them.
            after: only those with a larger number.
            before: only those with a smaller one.
            name: only those of this role, label or function.
        """
        return self._some(kinds, "DESC", limit, after, before, name)

    def oldest(
        self, kinds: Sequence[Kind], *, limit: int, after: int = 0, before: int | None = None, name: str = ""
    ) -> list[Entry]:
        """The first entries of some kinds, in order; arguments as for `newest`."""
        return self._some(kinds, "ASC", limit, after, before, name)

    def _some(
        self, kinds: Sequence[Kind], order: str, limit: int, after: int, before: int | None, name: str
    ) -> list[Entry]:
        # A walk along the index for each kind, whatever the others hold; only what is wanted is read.
        found, values, end = list[str](), list[Any](), f"ORDER BY id {order} LIMIT {int(limit)}"
        for kind in kinds:
            where = "tenant = ? AND session = ? AND kind = ? AND id > ?"
            values += [self.tenant, self.session, kind, after]
            if name:
                where, values = f"{where} AND name = ?", [*values, name]
            if before is not None:
                where, values = f"{where} AND id < ?", [*values, before]
            found.append(f"SELECT id FROM (SELECT id FROM entries WHERE {where} {end}) AS last")  # noqa: S608 - ours
        sql = f"SELECT {_COLUMNS} FROM entries WHERE id IN ({' UNION ALL '.join(found)}) {end}"  # noqa: S608 - ours
        return [_entry(row) for row in self.store.execute(sql, tuple(values))]

    def count(self, kinds: Sequence[Kind], *, after: int = 0, before: int | None = None) -> int:
        """How many entries of some kinds there are, between two numbers."""
        upper = 1 << 62 if before is None else before
        values = (self.tenant, self.session, *kinds, after, upper)
        (row,) = self.store.rows(
            f"SELECT count(*) AS n FROM entries WHERE tenant = ? AND session = ? AND kind IN ({marks(kinds)})"  # noqa: S608
            " AND id > ? AND id < ?",
            values,
        )
        return int(row["n"])

    def rests_on(self, number: int) -> list[int]:
        """The entries that one was made of."""
        found = self.store.rows("SELECT source FROM rests WHERE entry = ? ORDER BY source", (number,))
        return [int(row["source"]) for row in found]

    def resting_on(self, number: int) -> list[int]:
        """The entries that were made of one."""
        found = self.store.rows("SELECT entry FROM rests WHERE source = ? ORDER BY entry", (number,))
        return [int(row["entry"]) for row in found]

    def _read(
        self, where: str, values: tuple[Any, ...], rest: str = "ORDER BY id", *, by_id: bool = False
    ) -> list[Entry]:
        # What is put together has no index: where numbers are given SQLite walks through no whole session.
        whose = "tenant || '' = ? AND session || '' = ?" if by_id else "tenant = ? AND session = ?"
        rows = self.store.execute(
            f"SELECT {_COLUMNS} FROM entries WHERE {whose} AND {where} {rest}",  # noqa: S608 - ours
            (self.tenant, self.session, *values),
        )
        return [_entry(row) for row in rows]


class _Data(Mapping[str, Any]):
    """An entry's data, read from its JSON when it is first asked for: most lines that are shown need none."""

    __slots__ = ("_read", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._read: dict[str, Any] | None = None

    @property
    def _held(self) -> dict[str, Any]:
        held = self._read
        if held is None:
            held = self._read = json.loads(self._text)
        return held

    def __getitem__(self, name: str) -> Any:
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __repr__(self) -> str:
        return repr(self._held)


def _entry(row: tuple[Any, ...]) -> Entry:
    """The entry of a row, as `_COLUMNS` has it."""
    *said, data, valid, recorded, key = row
    return Entry(*said, data=_Data(data), valid=valid, recorded=recorded, key=key)
