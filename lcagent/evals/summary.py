"""Rows made into cells: one a task, length and strategy, with scores, rates and costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from lcagent.evals.items import Row
from lcagent.evals.stats import Score, paired, score_of

GOLD = "gold"
"""The strategy that reads only the gold paragraphs: the model's own ceiling."""


FIFTHS = 5
"""Parts of a document by which scores are told."""


@dataclass(frozen=True, slots=True)
class Places:
    """The headline score of one task, length and strategy by where the evidence stands.

    Args:
        evidence: whether an item counts by its first or its last evidence; `all` where each has one place.
        scores: one a fifth of the document, from its beginning on; None where no item has it there.
    """

    task: str
    length: int
    strategy: str
    metric: str
    evidence: Literal["all", "first", "last"]
    scores: tuple[Score | None, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """All items of one task and length answered by one strategy.

    Args:
        metric: the headline score's name; several, joined by "+", where a task mixes them.
        score: the headline score.
        of_ceiling: the score as a share of the gold strategy's on the items that both have a row
            for; None without gold rows, or where gold scores 0.
        scores: every score by name, over the rows that have it; their n may differ.
        shares: each of them as a share of the gold strategy's.
        failed: items that failed or timed out; they score 0 and are in n.
        budget: items cut off by a budget; likewise.
        answered_though_absent: among items whose answer is not in the document.
        refused_though_present: among items whose answer is.
        costed: items that the cost is known of: all but those that failed before a first call had ended,
            which would make a strategy that fails look cheap.
        calls: mean per item of these, as are the tokens and seconds; 0 where there is none.
        peak_in_flight: most of any item.
        overruns: sum over items; must be 0.
        retention: kept over recorded gold facts; None where nothing was recorded.
    """

    task: str
    length: int
    strategy: str
    metric: str
    n: int
    score: Score
    of_ceiling: float | None
    scores: dict[str, Score]
    shares: dict[str, float | None]
    failed: int
    budget: int
    answered_though_absent: Score | None
    refused_though_present: Score | None
    costed: int
    calls: float
    prompt_tokens: float
    cached_tokens: float
    completion_tokens: float
    seconds: float
    critical_seconds: float
    peak_in_flight: int
    overruns: int
    retention: float | None

    @property
    def tokens(self) -> float:
        """Mean tokens spent on an item: prompt, cached or not, and completion."""
        return self.prompt_tokens + self.completion_tokens


def failed(row: Row) -> bool:
    """Whether a row stands for a failed or timed-out item (a budget cut is counted apart)."""
    return row.status != "budget" and (bool(row.error) or row.status == "failed")


def answered_though_absent(rows: Iterable[Row]) -> Score | None:
    """The share answered of the items whose answer is absent; failed ones are in n but not answered."""
    said = {"answered", "conflicting"}
    return _share([r.status in said and not r.error for r in rows if not r.answers and not r.stripped])


def refused_though_present(rows: Iterable[Row]) -> Score | None:
    """The share called "not found" of the items whose answer is present."""
    return _share([r.status == "not_found" and not r.error for r in rows if r.answers])


def _share(hits: Sequence[bool]) -> Score | None:
    return score_of([float(hit) for hit in hits]) if hits else None


def of_ceiling(rows: Sequence[Row], gold: Sequence[Row], name: str = "") -> float | None:
    """A strategy's score as a share of the gold strategy's, over the items that both have.

    Args:
        rows: one strategy's rows.
        gold: the gold strategy's rows.
        name: which score; the headline one by default.
    """
    scores = [
        (ours.scores[name], theirs.scores[name]) if name else (ours.score, theirs.score)
        for ours, theirs in paired(rows, gold)
        if not name or (name in ours.scores and name in theirs.scores)
    ]
    ceiling = sum(theirs for _, theirs in scores)
    return sum(ours for ours, _ in scores) / ceiling if ceiling else None


def groups(rows: Iterable[Row]) -> dict[tuple[str, int], dict[str, list[Row]]]:
    """Rows by task and length, then by strategy; sorted, gold last."""
    found: dict[tuple[str, int], dict[str, list[Row]]] = {}
    for row in sorted(rows, key=lambda r: (r.task, r.length, r.strategy == GOLD, r.strategy)):
        found.setdefault((row.task, row.length), {}).setdefault(row.strategy, []).append(row)
    return found


def summarise(rows: Iterable[Row]) -> list[Cell]:
    """One cell for each task, length and strategy, in that order, gold last."""
    return [
        _cell(mine, strategies.get(GOLD, []))
        for strategies in groups(rows).values()
        for mine in strategies.values()
    ]


def by_place(rows: Iterable[Row]) -> list[Places]:
    """Scores by the place of the evidence; rows that do not tell it are left out."""
    found: list[Places] = []
    for strategies in groups(row for row in rows if row.depths).values():
        for mine in strategies.values():
            several = any(row.depths and row.depths[0] != row.depths[1] for row in mine)
            for evidence in ("first", "last") if several else ("all",):
                found.append(_places(mine, evidence))
    return found


def _places(rows: list[Row], evidence: Literal["all", "first", "last"]) -> Places:
    held: list[list[float]] = [[] for _ in range(FIFTHS)]
    for row in rows:
        if row.depths:
            depth = row.depths[evidence == "last"]
            held[min(FIFTHS - 1, int(depth * FIFTHS / 100))].append(row.score)
    return Places(
        task=rows[0].task,
        length=rows[0].length,
        strategy=rows[0].strategy,
        metric="+".join(sorted({row.metric for row in rows})),
        evidence=evidence,
        scores=tuple(score_of(values) if values else None for values in held),
    )


def _cell(rows: list[Row], gold: list[Row]) -> Cell:
    names = list(dict.fromkeys(name for row in rows for name in row.scores))
    costed = [row for row in rows if row.cost.calls or not failed(row)]

    def mean(of: Callable[[Row], float]) -> float:
        return fmean(map(of, costed)) if costed else 0.0

    return Cell(
        task=rows[0].task,
        length=rows[0].length,
        strategy=rows[0].strategy,
        metric="+".join(sorted({row.metric for row in rows})),
        n=len(rows),
        score=score_of([row.score for row in rows]),
        of_ceiling=of_ceiling(rows, gold),
        scores={name: score_of([r.scores[name] for r in rows if name in r.scores]) for name in names},
        shares={name: of_ceiling(rows, gold, name) for name in names},
        failed=sum(map(failed, rows)),
        budget=sum(row.status == "budget" for row in rows),
        answered_though_absent=answered_though_absent(rows),
        refused_though_present=refused_though_present(rows),
        costed=len(costed),
        calls=mean(lambda r: r.cost.calls),
        prompt_tokens=mean(lambda r: r.cost.prompt_tokens),
        cached_tokens=mean(lambda r: r.cost.cached_tokens),
        completion_tokens=mean(lambda r: r.cost.completion_tokens),
        seconds=mean(lambda r: r.cost.seconds),
        critical_seconds=mean(lambda r: r.cost.critical_seconds),
        peak_in_flight=max(row.cost.peak_in_flight for row in rows),
        overruns=sum(row.cost.overruns for row in rows),
        retention=_retention(rows),
    )


def _retention(rows: Sequence[Row]) -> float | None:
    recorded = sum(row.recorded for row in rows)
    return sum(row.kept for row in rows) / recorded if recorded else None
