"""The nearest of what was said by its vectors, at a memory that does not grow with the history.

A vector is kept whole in a row of its own, and as one bit a number (its sign) in rows of many: those are
scanned, and the few hundred of them that differ least from the question's are compared exactly. Imports numpy
(extra `embed`) where vectors are used. Source: Charikar, "Similarity estimation techniques from rounding
algorithms" (2002): the share of bits in which two codes differ estimates the angle between their vectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from lcagent.memory.rows import Rows
from lcagent.memory.tiers import bitmaps, postings
from lcagent.memory.tiers.bitmaps import CHUNK, Ids
from lcagent.memory.tiers.postings import by_id

if TYPE_CHECKING:
    from lcagent.models.embeddings import Embedder
    from lcagent.models.vectors import Vectors

COMPARED = 800
"""Vectors that are compared exactly, of those whose codes differ least."""
TOGETHER = 256
"""Entries that are embedded and written at once."""
_ROWS = 32
"""Rows of codes that are scanned at once."""
_PART = 2048
"""Ids whose codes lie in one row; a part of a chunk of bitmaps."""


def embed_missing(store: Rows, tenant: str, embedder: Embedder, limit: int) -> int:
    """Embed entries that have no vector of this model, the oldest first; another model's vector is replaced.

    Args:
        store: where they are kept.
        tenant: whose entries.
        embedder: the model; its name tells whether a vector is its own.
        limit: most entries.

    Returns:
        Entries that were embedded; fewer than `limit` where no more are missing.

    Raises:
        LcagentError: as `Embedder.embed`; what was embedded before it stays.
    """
    wanted = list(islice(bitmaps.oldest(missing(store, tenant, embedder.name)), limit))
    for at in range(0, len(wanted), TOGETHER):
        texts = _texts(store, wanted[at : at + TOGETHER])
        # An empty text has no direction, and a server refuses it.
        vectors = embedder.embed([text if text.strip() else "." for text in texts.values()])
        _put(store, tenant, embedder.name, dict(zip(texts, vectors, strict=True)))
    return len(wanted)


def missing(store: Rows, tenant: str, model: str) -> Ids:
    """The entries of a tenant that have no vector of a model."""
    return bitmaps.without(postings.searched(store, tenant), embedded(store, tenant, model))


def _texts(store: Rows, ids: Sequence[int]) -> dict[int, str]:
    return dict(by_id(store, "SELECT id, text FROM entries", "id", ids))


def _put(store: Rows, tenant: str, model: str, vectors: Mapping[int, Vectors]) -> None:
    """Keep vectors of entries that are still there, in one transaction."""
    from lcagent.models.vectors import to_blob

    with store.transaction():
        # An entry may have been forgotten while it was embedded.
        there = [id for (id,) in by_id(store, "SELECT id FROM entries", "id", list(vectors))]
        forget(store, there)
        coming: dict[int, dict[int, bytes]] = {}
        for one in there:
            sql = "INSERT INTO embedded (entry, tenant, model, vector) VALUES (?, ?, ?, ?)"
            store.execute(sql, (one, tenant, model, to_blob(vectors[one])))
            part, offset = divmod(one, _PART)
            coming.setdefault(part, {})[offset] = _code(vectors[one])
        for part, codes in coming.items():
            key = (tenant, model, part)
            _keep(store, key, _codes(store, key) | codes)


def forget(store: Rows, ids: Iterable[int]) -> None:
    """Delete the vectors of entries; within the caller's transaction."""
    going: dict[_Key, set[int]] = {}
    for one in ids:
        row = store.execute("SELECT tenant, model FROM embedded WHERE entry = ?", (one,)).fetchone()
        if row:
            store.execute("DELETE FROM embedded WHERE entry = ?", (one,))
            part, offset = divmod(one, _PART)
            going.setdefault((*row, part), set()).add(offset)
    for key, offsets in going.items():
        _keep(store, key, {at: code for at, code in _codes(store, key).items() if at not in offsets})


def embedded(store: Rows, tenant: str, model: str) -> Ids:
    """The entries of a tenant that have a vector of a model."""
    rows = store.execute("SELECT part, held FROM codes WHERE tenant = ? AND model = ?", (tenant, model))
    held: Ids = {}
    for part, bits in rows:
        chunk, at = divmod(part * _PART, CHUNK)
        held[chunk] = held.get(chunk, 0) | int.from_bytes(bits, "little") << at
    return held


def nearest(store: Rows, tenant: str, model: str, query: Vectors, among: Ids) -> dict[int, float]:
    """The entries whose vectors are most like a query's, up to `COMPARED`, each with its cosine.

    Args:
        store: where they are kept.
        tenant: whose entries.
        model: whose vectors.
        query: a unit vector of the same model.
        among: entries that may be found.
    """
    import numpy as np

    if store.near is not None:
        return store.near.entries(tenant, model, query, among, COMPARED)
    asked = np.frombuffer(_code(query), dtype=np.uint8)
    best = np.empty((2, 0), dtype=np.int64)  # in how many bits each differs; which it is
    rows = store.execute(
        "SELECT part, held, codes FROM codes WHERE tenant = ? AND model = ?", (tenant, model)
    )
    while some := list(islice(rows, _ROWS)):
        scanned = [best]
        for part, held, codes in some:
            wanted = _part_of(among, part).to_bytes(_PART // 8, "little")
            there = np.flatnonzero(_bits(held))
            found = np.stack([_differing(codes, asked), part * _PART + there])
            scanned.append(found if wanted == held else found[:, _bits(wanted)[there].astype(bool)])
        best = _least(np.concatenate(scanned, axis=1), COMPARED)
    return cosines(store, model, query, best[1].tolist())


def _least(rows: Any, limit: int) -> Any:
    """The columns with the least first numbers, and of those alike with the least second ones, so that a
    search finds the same each time."""
    import numpy as np

    if rows.shape[1] > limit:
        most = np.partition(rows[0], limit - 1)[limit - 1]
        rows = rows[:, rows[0] <= most]
    return rows[:, np.lexsort((rows[1], rows[0]))[:limit]]


def _differing(codes: bytes, asked: Any) -> Any:
    """In how many bits each of some codes differs from another."""
    import numpy as np

    rows = np.frombuffer(codes, dtype=np.uint8).reshape(-1, len(asked))
    if len(asked) % 8 == 0:  # eight bytes at a time
        return np.bitwise_count(rows.view(np.uint64) ^ asked.view(np.uint64)).sum(axis=1, dtype=np.int64)
    return np.bitwise_count(rows ^ asked).sum(axis=1, dtype=np.int64)


def cosines(store: Rows, model: str, query: Vectors, ids: Sequence[int]) -> dict[int, float]:
    """The cosine of a query and each of some entries that have a vector of the model.

    Args:
        store: where they are kept.
        model: whose vectors.
        query: a unit vector of the same model.
        ids: of entries.
    """
    from lcagent.models.vectors import from_blob

    rows = by_id(store, "SELECT entry, model, vector FROM embedded", "entry", ids)
    kept = [(entry, vector) for entry, of, vector in rows if of == model]
    if not kept:
        return {}
    alike = from_blob(b"".join(vector for _, vector in kept)).reshape(len(kept), -1) @ query
    return {entry: float(cosine) for (entry, _), cosine in zip(kept, alike, strict=True)}


def _bits(held: bytes) -> Any:
    import numpy as np

    return np.unpackbits(np.frombuffer(held, dtype=np.uint8), bitorder="little")


def _code(vector: Vectors) -> bytes:
    """The signs of a vector's numbers, a bit each."""
    import numpy as np

    return np.packbits(vector > 0).tobytes()


def _part_of(ids: Ids, part: int) -> int:
    """The ids of a part, as bits."""
    chunk, at = divmod(part * _PART, CHUNK)
    return ids.get(chunk, 0) >> at & ((1 << _PART) - 1)


_Key = tuple[str, str, int]
"""Tenant, model and part of a row of codes."""


def _codes(store: Rows, key: _Key) -> dict[int, bytes]:
    """The codes of a row, each under its entry's place in the part."""
    sql = "SELECT held, codes FROM codes WHERE tenant = ? AND model = ? AND part = ?"
    held, codes = store.execute(sql, key).fetchone() or (b"", b"")
    offsets = list(bitmaps.offsets_of(int.from_bytes(held, "little")))
    size = len(codes) // max(len(offsets), 1)
    return {offset: codes[at * size : (at + 1) * size] for at, offset in enumerate(offsets)}


def _keep(store: Rows, key: _Key, codes: Mapping[int, bytes]) -> None:
    """Write a row of codes: a bit for each entry that has one, and these in the order of bits."""
    if not codes:
        store.execute("DELETE FROM codes WHERE tenant = ? AND model = ? AND part = ?", key)
        return
    held = bitmaps.of_offsets(codes).to_bytes(CHUNK // 8, "little")[: _PART // 8]
    store.execute(
        "INSERT INTO codes (tenant, model, part, held, codes) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (tenant, model, part) DO UPDATE SET held = excluded.held, codes = excluded.codes",
        (*key, held, b"".join(codes[offset] for offset in sorted(codes))),
    )
