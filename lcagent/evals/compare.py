"""Two runs side by side: which items changed, and by how much the scores did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from lcagent.errors import UsageError
from lcagent.evals.items import Row, read_rows
from lcagent.evals.plots import length_label
from lcagent.evals.stats import paired, paired_difference

if TYPE_CHECKING:
    from rich.console import Console

ROWS_FILE = "rows.jsonl"
"""The rows' name in an output folder; where it is missing, every .jsonl file there is read."""
_SHOWN = 160


@dataclass(frozen=True, slots=True)
class Change:
    """One item that scores otherwise in b than in a."""

    before: Row
    after: Row

    @property
    def gain(self) -> float:
        """What the headline score rose by; below 0 where it fell."""
        return self.after.score - self.before.score


def load_rows(source: Path) -> list[Row]:
    """The rows of an output folder or of one .jsonl file.

    Raises:
        UsageError: nothing there, or not the rows of a benchmark.
    """
    named = source / ROWS_FILE
    found = [named] if named.exists() else sorted(source.glob("*.jsonl")) if source.is_dir() else [source]
    try:
        rows = [row for path in found if path.is_file() for row in read_rows(path)]
    except (ValidationError, UnicodeDecodeError) as error:
        raise UsageError(f"{source} does not hold rows of `lcagent bench`") from error
    if not rows:
        raise UsageError(
            f"{source} holds no rows", hint="give an output folder of `lcagent bench`, or a .jsonl file"
        )
    return rows


def partners(a: Sequence[Row], b: Sequence[Row]) -> list[tuple[list[Row], list[Row]]]:
    """Which rows of b go with which of a: by strategy, or all where each run has one strategy.

    Raises:
        UsageError: several strategies, none of which is in both.
    """
    mine, theirs = (list(dict.fromkeys(row.strategy for row in rows)) for rows in (a, b))
    if len(mine) == len(theirs) == 1:
        return [(list(a), list(b))]
    shared = [name for name in mine if name in theirs]
    if not shared:
        raise UsageError(f"no strategy is in both: {', '.join(mine)} against {', '.join(theirs)}")
    return [([r for r in a if r.strategy == name], [r for r in b if r.strategy == name]) for name in shared]


def changed(a: Sequence[Row], b: Sequence[Row]) -> list[Change]:
    """The items that score otherwise, those that lost most first."""
    pairs = [pair for left, right in partners(a, b) for pair in paired(left, right)]
    changes = [Change(before, after) for before, after in pairs if before.score != after.score]
    return sorted(changes, key=lambda change: change.gain)


def print_comparison(a: Sequence[Row], b: Sequence[Row], console: Console) -> None:
    """Print the paired comparison of each task, length and strategy, then every changed item."""
    for left, right in partners(a, b):
        for task, length in sorted({(row.task, row.length) for row in left}):
            here = [[r for r in rows if (r.task, r.length) == (task, length)] for rows in (left, right)]
            _print_cell(here[0], here[1], console)
    changes = changed(a, b)
    for title, some in (
        ("worse", [c for c in changes if c.gain < 0]),
        ("better", [c for c in reversed(changes) if c.gain > 0]),
    ):
        console.print(f"\n{len(some)} {title}", style="bold")
        for change in some:
            _print_change(change, console)


def _print_cell(a: list[Row], b: list[Row], console: Console) -> None:
    found = paired_difference(a, b)
    where = f"{a[0].task} {length_label(a[0].length)} {a[0].strategy}"
    if not found.n:
        console.print(f"{where}: no item in both", markup=False, highlight=False)
        return
    if b[0].strategy != a[0].strategy:
        where += f" → {b[0].strategy}"
    console.print(
        f"{where}: {found.difference:+.3f} [{found.low:+.3f} {found.high:+.3f}], p {found.p:.4f}, "
        f"n {found.n}, {found.better} better, {found.worse} worse, {found.same} same",
        markup=False,
        highlight=False,
    )


def _print_change(change: Change, console: Console) -> None:
    a, b = change.before, change.after
    lines = [
        f"  {a.item} ({a.strategy}) {a.score:.2f} → {b.score:.2f}: {_line(a.question)}",
        f"    wanted {_wanted(a)}",
        f"    A      {_said(a)}",
        f"    B      {_said(b)}",
    ]
    # No markup: predictions and questions hold square brackets of their own.
    console.print("\n".join(lines), markup=False, highlight=False)


def _wanted(row: Row) -> str:
    return "(left out of these rows)" if row.stripped else _line(" | ".join(row.answers)) or "not found"


def _said(row: Row) -> str:
    how = row.error or row.status
    if row.status == "not_found" and row.warnings:
        how += f": {_line(row.warnings[0])}"
    return f"{_line(row.prediction)} ({how})" if row.prediction else f"({how})"


def _line(text: str) -> str:
    folded = " ".join(text.split())
    return folded if len(folded) <= _SHOWN else folded[: _SHOWN - 1] + "…"
