"""What a format's parser makes of a file: its text, the pages of it, and what is missing from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lcagent.documents.document import Page, Unit
from lcagent.documents.health import HEALTHY, Health

PAGE_BREAK = "\f"
"""Ends each page of a PDF but the last."""


@dataclass(frozen=True, slots=True)
class Body:
    """A document without its file: see `Document` for `text`, `pages` and `unit`."""

    text: str
    pages: tuple[Page, ...] = ()
    unit: Unit = ""
    health: Health = HEALTHY


def paged(
    texts: Sequence[str], labels: Sequence[str] = (), *, between: str = ""
) -> tuple[str, tuple[Page, ...]]:
    """One text of the texts of all pages, and where in it each page stands.

    Args:
        texts: of each page, in order.
        labels: what is printed on each; none where there are no labels.
        between: stands at the end of each page but the last.
    """
    pages: list[Page] = []
    offset = 0
    for number, text in enumerate(texts, start=1):
        end = offset + len(text) + (len(between) if number < len(texts) else 0)
        label = labels[number - 1] if labels else ""
        pages.append(Page(number, offset, end, "" if label == str(number) else label))
        offset = end
    return between.join(texts), tuple(pages)
