"""`locomo`: questions on very long conversations, by category, some of which have no answer there.

LoCoMo (Maharana et al. 2024), section 4.1. Conversations carry the date of each session and the number
of each turn; category 5 asks for what was never said, or was said of somebody else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from lcagent.evals.items import Item
from lcagent.evals.tasks.reading import whole_documents
from lcagent.evals.tasks.request import Request, item_id

CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
ADVERSARIAL = 5
TEMPORAL = 2
_TURN = re.compile(r"^\[(D\d+:\d+)\].*$", re.M)
_TURN_NAME = re.compile(r"D\d+:\d+")


def locomo(request: Request) -> Iterator[Item]:
    """All categories mixed; an adversarial question is right where the answer is "not found"."""
    for index, row, text, tokens in whole_documents(request, "locomo"):
        category = int(row["meta"]["category"])
        adversarial = category == ADVERSARIAL
        yield Item(
            id=item_id("locomo", request, index),
            task="locomo",
            length=request.length,
            question=_asked(row["question"], category),
            answers=() if adversarial else tuple(row["answers"]),
            metric="abstained" if adversarial else "f1",
            text=text,
            tokens=tokens,
            gold=() if adversarial else _evidence(text, row["meta"].get("evidence", [])),
            category=f"{category} {CATEGORIES[category]}",
        )


def _asked(question: str, category: int) -> str:
    """With LoCoMo's own wishes for the form, in our words: a phrase, and dates rather than "yesterday"."""
    form = "Answer with a short phrase"
    if category == TEMPORAL:
        form += ", and with a date worked out from the session's where the text says yesterday or the like"
    return f"{question.strip()} {form}."


def _evidence(text: str, names: list[str]) -> tuple[tuple[int, int], ...]:
    """The turns that the data names; a name may hold several, and some name no turn of the text."""
    turns = {turn[1]: turn.span() for turn in _TURN.finditer(text)}
    wanted = dict.fromkeys(chain.from_iterable(map(_TURN_NAME.findall, names)))
    return tuple(sorted(turns[name] for name in wanted if name in turns))
