"""A store for LangGraph (`langgraph.store.base.BaseStore`) in the file of memory.

Items outlive the process and a SIGKILL, and several processes may use one store. They are found by their
words as what was said is (`lcagent.memory.tiers.search`), and by meaning where an embedding model is set.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Literal, Self

from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
    get_text_at_path,
    validate_op_namespace,
)

from lcagent.integrations.filters import matcher
from lcagent.memory.tiers.entries import Entries, New
from lcagent.memory.tiers.index import unindex
from lcagent.memory.tiers.nearest import embed_missing
from lcagent.memory.tiers.search import Search
from lcagent.memory.tiers.tables import open_memory
from lcagent.models.embeddings import Embedder, open_embedder
from lcagent.settings import Settings, load_settings
from lcagent.text import whole_characters

PAGE = 64
"""Hits that are looked at together at least, of which some may not match a filter."""
MINUTE = 60.0
"""Seconds."""
_INDEX = "\x1fstore"
"""Ends the tenant under which texts of items are indexed: no conversation finds them, or weighs them in."""
_ALL = 1 << 30
_COLUMNS = "namespace, key, value, created, updated, ttl"
_LIVES = "(expires IS NULL OR expires > ?)"
_Row = dict[str, Any]


class MemoryStore(BaseStore):
    """Keeps values under namespaces and keys, in `memory.db` of the data folder.

    A batch's reads see what was there before its writes; of two writes of one key the last one counts. Search
    without a query gives what was written last first; with one it gives what holds a word of it or, with an
    embedding model, means the like, the best first. Texts are embedded when they are first searched, so that
    writing needs no model. What has expired is seen by nobody from that moment on, and is deleted with the
    next write.

    Args:
        tenant: whose items; nothing is ever read across two of them.
        settings: a `Settings`, or None to read environment and files.
        ttl: `default_ttl` in minutes and `refresh_on_read` (true unless told otherwise).
        clock: seconds since 1970.
        options: settings by name, which go first.

    Raises:
        SettingsError: an option has no such name or value.
        StoreError: the folder cannot be written.

    Example:
        >>> from lcagent.integrations.store import MemoryStore
        >>> with MemoryStore() as store:  # doctest: +SKIP
        ...     store.put(("users", "anna"), "sister", {"text": "Ida, born on 3 May 1990"}, ttl=None)
        ...     print(store.search(("users",), query="When was Ida born?")[0].value)
    """

    supports_ttl = True

    def __init__(
        self,
        tenant: str = "default",
        *,
        settings: Settings | None = None,
        ttl: TTLConfig | None = None,
        clock: Callable[[], float] = time.time,
        **options: Any,
    ) -> None:
        self._settings = settings or load_settings(options)
        self.ttl_config = {"refresh_on_read": True, "omit_expired": True, "default_ttl": None, **(ttl or {})}
        self._tenant, self._indexed, self._clock = tenant, tenant + _INDEX, clock
        self._store = open_memory(self._settings.place)
        self._embedder: Embedder | None = None

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Carry out operations, the writes in one transaction: all or none, and kept when this returns.

        Raises:
            InvalidNamespaceError: a label is empty, no text, or holds a dot.
            ValueError: a filter names an operator that there is not.
            TypeError: a value is no JSON.
            LcagentError: as `lcagent.models.embeddings.Embedder.embed`, where a query is searched.
        """
        ops = list(ops)
        for op in ops:
            validate_op_namespace(op)
        # Not within the transaction: a search may ask an embedding server, and others would wait for it.
        results = [self._read(op) for op in ops]
        puts = {(op.namespace, op.key): op for op in ops if isinstance(op, PutOp)}
        if puts:
            values = [None if op.value is None else json.dumps(dict(op.value)) for op in puts.values()]
            with self._store.transaction():
                self._write(list(zip(puts.values(), values, strict=True)))
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """`batch`, in another thread."""
        return await asyncio.to_thread(self.batch, list(ops))

    def close(self) -> None:
        """Close the file, and the embedding model."""
        self._store.close()
        if self._embedder is not None:
            self._embedder.close()
            self._embedder = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Reading

    def _read(self, op: Op) -> Result:
        match op:
            case GetOp():
                return self._get(op)
            case SearchOp():
                return self._search(op)
            case ListNamespacesOp():
                return self._list(op)
            case PutOp():
                return None
            case _:
                raise ValueError(f"there is no operation {type(op).__name__}")

    def _get(self, op: GetOp) -> Item | None:
        rows = self._rows("namespace = ? AND key = ?", (_path(op.namespace), op.key))
        found = next(rows, None)
        if found is None:
            return None
        if op.refresh_ttl:
            self._refresh([found])
        return Item(**_fields(found))

    def _search(self, op: SearchOp) -> list[SearchItem]:
        matches = matcher(op.filter)
        where, values = _under(op.namespace_prefix)
        candidates = (
            self._ranked(op.query, where, values, op.offset + op.limit)
            if op.query
            else ((row, None) for row in self._rows(f"{where} ORDER BY rowid DESC", values))
        )
        matching = (pair for pair in candidates if matches(pair[0]["value"]))
        found = list(islice(matching, op.offset, op.offset + op.limit))
        if op.refresh_ttl:
            self._refresh([row for row, _ in found])
        return [SearchItem(**_fields(row), score=score) for row, score in found]

    def _ranked(
        self, query: str, where: str, values: tuple[str, ...], wanted: int
    ) -> Iterator[tuple[_Row, float | None]]:
        """The items under a prefix that a query finds, the best first, each with its score."""
        embedder = self._opened_embedder()
        if embedder is not None:
            embed_missing(self._store, self._indexed, embedder, _ALL)
        search = Search(self._store, self._indexed, embedder)
        spaces = self._namespaces(where, values)
        cursor: str | None = None
        while True:
            hits = search.find(
                query, limit=max(PAGE, wanted), sessions=spaces, kinds=("passage",), cursor=cursor
            )
            for hit in hits.entries:
                for row in self._rows("entry = ?", (hit.id,)):
                    yield row, hit.score
            cursor = hits.cursor
            if cursor is None:
                return

    def _opened_embedder(self) -> Embedder | None:
        if self._embedder is None:
            self._embedder = open_embedder(self._settings)
        return self._embedder

    def _list(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        found = [_labels(one) for one in self._namespaces("TRUE", ())]
        kept = [one for one in found if all(_matches(it, one) for it in op.match_conditions or ())]
        return sorted({one[: op.max_depth] for one in kept})[op.offset : op.offset + op.limit]

    def _namespaces(self, where: str, values: tuple[str, ...]) -> list[str]:
        rows = self._store.execute(
            f"SELECT DISTINCT namespace FROM items WHERE tenant = ? AND {_LIVES} AND {where}",  # noqa: S608 - ours
            (self._tenant, self._clock(), *values),
        )
        return [namespace for (namespace,) in rows]

    def _rows(self, where: str, values: tuple[Any, ...]) -> Iterator[_Row]:
        """Items that have not expired, with their values decoded."""
        rows = self._store.execute(
            f"SELECT {_COLUMNS} FROM items WHERE tenant = ? AND {_LIVES} AND {where}",  # noqa: S608 - ours
            (self._tenant, self._clock(), *values),
        )
        names = _COLUMNS.split(", ")
        for row in rows:
            named = dict(zip(names, row, strict=True))
            yield {**named, "value": json.loads(named["value"])}

    def _refresh(self, found: Sequence[_Row]) -> None:
        """Have items that expire live on from now, each for its own time."""
        now = self._clock()
        for row in (row for row in found if row["ttl"] is not None):
            self._store.execute(
                "UPDATE items SET expires = ? + ttl * ? WHERE tenant = ? AND namespace = ? AND key = ?"
                " AND expires > ?",
                (now, MINUTE, self._tenant, row["namespace"], row["key"], now),
            )

    # Writing

    def _write(self, puts: Sequence[tuple[PutOp, str | None]]) -> None:
        now = self._clock()
        expired = self._store.rows(
            "SELECT rowid, namespace, created, entry FROM items WHERE tenant = ? AND expires <= ?",
            (self._tenant, now),
        )
        self._remove(expired)
        for op, value in puts:
            before = self._store.rows(
                "SELECT rowid, namespace, created, entry FROM items"
                " WHERE tenant = ? AND namespace = ? AND key = ?",
                (self._tenant, _path(op.namespace), op.key),
            )
            self._remove(before)
            if value is not None:
                self._insert(op, value, now, before[0]["created"] if before else now)

    def _insert(self, op: PutOp, value: str, now: float, created: float) -> None:
        namespace, entry = _path(op.namespace), None
        if text := _text(json.loads(value), op.index):
            # No author: the words of a name that somebody speaks under are not searched for.
            entries = Entries(self._store, self._indexed, namespace, clock=self._clock)
            entry = entries.append(New("passage", text, author="")).id
        expires = None if op.ttl is None else now + op.ttl * MINUTE
        self._store.execute(
            "INSERT INTO items (tenant, namespace, key, value, created, updated, ttl, expires, entry)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (self._tenant, namespace, op.key, value, created, now, op.ttl, expires, entry),
        )

    def _remove(self, rows: Sequence[_Row]) -> None:
        """Delete items, with what finds them."""
        entries = [row["entry"] for row in rows if row["entry"] is not None]
        unindex(self._store, entries)
        for row in rows:
            self._store.execute("DELETE FROM items WHERE rowid = ?", (row["rowid"],))
        for entry in entries:
            self._store.execute("DELETE FROM entries WHERE id = ?", (entry,))
        for namespace in {row["namespace"] for row in rows}:
            self._store.execute(
                "DELETE FROM sessions WHERE tenant = ? AND session = ? AND NOT EXISTS"
                " (SELECT 1 FROM entries WHERE tenant = ? AND session = ?)",
                (self._indexed, namespace, self._indexed, namespace),
            )


def _path(namespace: Sequence[str]) -> str:
    """A namespace as it is kept; no label holds a dot."""
    return ".".join(namespace)


def _labels(path: str) -> tuple[str, ...]:
    return tuple(path.split(".")) if path else ()


def _under(prefix: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """What is in a namespace or below it, as a condition and its values."""
    if not prefix:
        return "TRUE", ()
    path = _path(prefix)
    # The slash is the character behind the dot.
    return "(namespace = ? OR namespace > ? AND namespace < ?)", (path, f"{path}.", f"{path}/")


def _matches(condition: MatchCondition, labels: tuple[str, ...]) -> bool:
    wanted = condition.path
    if condition.match_type not in {"prefix", "suffix"}:
        raise ValueError(f"there is no match type {condition.match_type!r}: prefix, suffix")
    if len(labels) < len(wanted):
        return False
    part = labels[: len(wanted)] if condition.match_type == "prefix" else labels[len(labels) - len(wanted) :]
    return all(one in ("*", label) for one, label in zip(wanted, part, strict=True))


def _fields(row: _Row) -> _Row:
    return {
        "namespace": _labels(row["namespace"]),
        "key": row["key"],
        "value": row["value"],
        "created_at": datetime.fromtimestamp(row["created"], UTC),
        "updated_at": datetime.fromtimestamp(row["updated"], UTC),
    }


def _text(value: dict[str, Any], index: Sequence[str] | Literal[False] | None) -> str:
    """What an item is found by: the texts at some paths, or all of it."""
    if index is None:
        texts = _leaves(value)
    else:
        texts = [text for path in index or () for text in get_text_at_path(value, path)]
    return whole_characters("\n".join(texts)).strip()


def _leaves(value: Any) -> list[str]:
    """All texts and figures of a value; names of fields are none."""
    if isinstance(value, Mapping):
        return [text for one in value.values() for text in _leaves(one)]
    if isinstance(value, list):
        return [text for one in value for text in _leaves(one)]
    return [] if value is None or isinstance(value, bool) else [str(value)]
