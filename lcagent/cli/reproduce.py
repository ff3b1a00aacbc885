"""`lcagent bench reproduce`: figures again, from what is stored, without a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lcagent.cli import terminal
from lcagent.cli.bench import print_tables

if TYPE_CHECKING:
    from lcagent.evals.replay import Replayed

RESULTS = Path("benchmarks") / "results"
"""What is meant where nothing is named: a checkout's own results."""
_SHOWN = 20
"""Rows that differ which are told one by one."""


def reproduce(paths: Sequence[Path]) -> None:
    """Give the figures of each path again; the exit status is 1 where one differs.

    A folder with a manifest: every figure that texts quote from it. An output folder of `lcagent bench`: its
    runs once more from their journal, scored again. A file of rows: scored again.

    Raises:
        UsageError: there are no rows.
    """
    from lcagent.evals.figures import MANIFEST

    same = True
    for path in paths or [RESULTS]:
        folder = path.is_dir() or not paths
        manifest = folder and (not paths or (path / MANIFEST).is_file())
        same = (_figures(path) if manifest else _rows(path)) and same
    if not same:
        raise typer.Exit(1)


def _figures(folder: Path) -> bool:
    from lcagent.evals.figures import check, read_manifest

    checked = check(folder)
    for text in dict.fromkeys(one.text for one in checked):
        terminal.line(f"{text}:")
        for one in checked:
            if one.text == text:
                terminal.line(f"  {'same' if one.same else 'OTHER'}  {one.computed}")
                if not one.same:
                    terminal.line(f"         the text says: {one.found or 'nothing like it'}")
    for line in read_manifest(folder).unstored:
        terminal.line(f"  not from stored rows: {line}")
    other = sum(not one.same for one in checked)
    terminal.line(f"{len(checked)} quotations, {other} of them other than the rows say")
    return not other


def _rows(path: Path) -> bool:
    from lcagent.evals.compare import load_rows
    from lcagent.evals.replay import can_replay, replay
    from lcagent.evals.scorers import rescored

    rows = load_rows(path)
    stripped = sum(row.stripped for row in rows)
    if stripped:
        terminal.line(f"{path}: {stripped} of {len(rows)} rows hold no texts: their scores are those of then")
    again = [row if row.stripped else rescored(row) for row in rows]
    other = [(old, new) for old, new in zip(rows, again, strict=True) if old.scores != new.scores]
    for old, new in other[:_SHOWN]:
        terminal.line(
            f"OTHER  {old.item} by {old.strategy}: scored {old.score:.3f} then, {new.score:.3f} today"
        )
    replayed = replay(again, path) if path.is_dir() and can_replay(path) else []
    given = {id(one.before): one.after for one in replayed}
    print_tables([given.get(id(row)) or row for row in again])
    terminal.line(f"{path}: {len(rows)} rows scored again, {len(other)} of them other than then")
    return _told(replayed) and not other


def _told(replayed: Sequence[Replayed]) -> bool:
    """Say what came of the replay; whether all that could be replayed gave the same."""
    from lcagent.evals.replay import Outcome

    if not replayed:
        terminal.line("no journal is at hand, so that no run was replayed")
        return True
    for outcome in Outcome:
        some = [one for one in replayed if one.outcome is outcome]
        if some and outcome is not Outcome.SAME:
            for one in some[:_SHOWN]:
                terminal.line(f"{outcome.value}  {one.before.item} by {one.before.strategy}: {one.why}")
    counts = {outcome: sum(one.outcome is outcome for one in replayed) for outcome in Outcome}
    terminal.line(", ".join(f"{number} {outcome.value}" for outcome, number in counts.items()))
    return not counts[Outcome.OTHER] and not counts[Outcome.LACKING]
