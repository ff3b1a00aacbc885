"""stub"""

from collections.abc import Iterable
from typing import TypeVar

K = TypeVar("K")


def rival(quote: str, question: str, candidates: Iterable[tuple[K, str]]) -> K | None:
    """r"""
    return None
