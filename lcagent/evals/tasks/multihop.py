"""Questions over paragraphs of the pool: how those of HotpotQA, MuSiQue and SQuAD are read.

HotpotQA: Yang et al. 2018. MuSiQue: Trivedi et al. 2022. SQuAD: Rajpurkar et al. 2016.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lcagent.documents.answers import normalise
from lcagent.errors import UsageError
from lcagent.evals.haystack import SEPARATOR
from lcagent.evals.tasks.data import Record, records
from lcagent.evals.tasks.pool import YES_NO, Paragraph, Pool, Screen
from lcagent.evals.tasks.request import Request, drawn

HOTPOTQA = "multihop/hotpotqa.jsonl"
MUSIQUE = "multihop/musique.jsonl"
SQUAD = "squad.jsonl"
_BRACKETS = re.compile(r"\s*\(.*\)$")
_EMPTY_WORDS = frozenset({"", "it", "he", "she", "they", "in", "on", "at", "to", "of", "is", "was"})
"""Some references are such a word ("IT" beside "Italy"): nearly any reply would hold one."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a data set, its paragraphs looked up in the pool."""

    id: str
    text: str
    answers: tuple[str, ...]
    gold: tuple[Paragraph, ...]
    others: tuple[Paragraph, ...]
    """Its own distractors, which are harder than the pool's."""
    category: str
    banned: tuple[str, ...] = ()
    """What the rest of a haystack may not hold either, such as an answer that was replaced."""

    @property
    def lines(self) -> list[str]:
        """The gold paragraphs as they stand in a haystack."""
        return [paragraph.line for paragraph in self.gold]

    @property
    def screen(self) -> Screen:
        """Keeps copies of the gold paragraphs, and the answers, out of the rest."""
        return Screen(self.gold, self.answers + self.banned)

    @property
    def strict_screen(self) -> Screen:
        """Where the document shall not tell: of a yes-or-no question what it asks about stays out too."""
        subjects = [_BRACKETS.sub("", paragraph.title) for paragraph in self.gold]
        yes_no = {normalise(answer) for answer in self.answers} <= YES_NO
        return Screen(self.gold, [*self.answers, *self.banned, *(subjects if yes_no else ())])


def questions(request: Request, pool: Pool, *names: str) -> list[Question]:
    """All questions of some data files, in an order drawn by the seed."""
    rows = [_question(row, pool) for name in names for row in records(request.data, name)]
    drawn("+".join(names), request.seed, "order").shuffle(rows)
    return rows


def _question(row: Record, pool: Pool) -> Question:
    gold = row["meta"]["gold_pids"]
    others = [pid for pid in row["meta"]["paragraph_pids"] if pid not in gold]
    return Question(
        id=row["id"],
        text=row["question"],
        answers=_telling(row["answers"]),
        gold=tuple(pool.by_pid[pid] for pid in gold),
        others=tuple(pool.by_pid[pid] for pid in others),
        category=f"{row['dataset']}/{row['type']}",
    )


def _telling(answers: list[str]) -> tuple[str, ...]:
    telling = tuple(answer for answer in answers if normalise(answer) not in _EMPTY_WORDS)
    return telling or tuple(answers)


def that_fit(request: Request, asked: list[Question]) -> Iterator[Question]:
    """The questions whose gold paragraphs fit the length wanted.

    Raises:
        UsageError: none does.
    """
    none = True
    for question in asked:
        if request.length and request.count(SEPARATOR.join(question.lines)) > request.length:
            continue
        none = False
        yield question
    if none:
        raise UsageError(
            f"the gold paragraphs of no question fit {request.length:,} tokens",
            hint="ask for longer documents with --length",
        )
