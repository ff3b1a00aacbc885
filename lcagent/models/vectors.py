"""Vectors of texts: unit rows of float32, as bytes, and the nearest of them. Imports numpy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vectors: TypeAlias = NDArray[np.float32]
"""One vector, or a row for each text; each of length 1, so that a product of two is their cosine."""


_BLOCK = 512
"""Rows that are compared with all others at once."""


def unit(rows: ArrayLike) -> Vectors:
    """Rows brought to length 1.

    Raises:
        ValueError: they are no matrix, or a row has no length or holds no finite number.
    """
    given = np.asarray(rows, dtype=np.float32)
    if given.ndim != 2:
        raise ValueError("the vectors have different dimensions")
    lengths = np.linalg.norm(given, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and lengths.all()):
        raise ValueError("a vector has no direction")
    return given / lengths


def to_blob(vector: Vectors) -> bytes:
    """A vector as bytes that mean the same on every machine: float32, little endian."""
    return vector.astype("<f4").tobytes()


def from_blob(blob: bytes) -> Vectors:
    """The vector that `to_blob` gave.

    Raises:
        ValueError: these are no whole numbers of four bytes.
    """
    return np.frombuffer(blob, dtype="<f4").astype(np.float32)


def nearest(matrix: Vectors, query: Vectors, limit: int) -> list[tuple[int, float]]:
    """The rows most like a query, the most alike first, and of rows alike the first ones first.

    Args:
        matrix: unit rows; 50,000 of 384 numbers take some 10 ms.
        query: a unit vector of the same model.
        limit: most rows.

    Returns:
        The number of each row and its cosine, from -1 to 1.

    Raises:
        ValueError: the query has another dimension, so it is another model's.
    """
    alike = matrix @ query
    limit = min(limit, len(alike))
    if limit <= 0:
        return []
    # A partition alone would choose among rows alike by chance.
    least = np.partition(alike, len(alike) - limit)[len(alike) - limit]
    rows = np.flatnonzero(alike >= least)
    best = rows[np.argsort(-alike[rows], kind="stable")][:limit]
    return [(int(row), float(alike[row])) for row in best]


def alike(matrix: Vectors, least: float) -> Iterator[tuple[int, int]]:
    """Pairs of rows with a cosine of at least so much, each once; a block of rows at a time.

    Args:
        matrix: unit rows; 15,000 of 384 numbers take some seconds.
        least: from -1 to 1.
    """
    for first in range(0, len(matrix), _BLOCK):
        block = matrix[first : first + _BLOCK] @ matrix.T
        for row, column in np.argwhere(block >= least):
            if first + row < column:
                yield int(first + row), int(column)
