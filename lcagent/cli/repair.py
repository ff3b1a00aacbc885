"""`lcagent doctor --repair`: databases checked, and saved where they are damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lcagent.cli import terminal


def repair_all(folder: Path, as_json: bool) -> None:
    """Check every database of a folder, save what can be read of one that is damaged, and tell it.

    Args:
        folder: where they lie.
        as_json: as one JSON object.

    Raises:
        StoreError: one is locked, or there is no room.
    """
    from lcagent.memory.repair import RUNS, Kept, faults, repaired, set_aside
    from lcagent.memory.sqlite import discard
    from lcagent.memory.store import CHECKPOINTS
    from lcagent.memory.tiers.saving import MEMORY

    told: list[dict[str, Any]] = []

    def looked_at(name: str, kept: Kept | None) -> None:
        if not (folder / name).exists():
            return
        wrong = faults(folder / name, kept)
        one: dict[str, Any] = {"file": str(folder / name), "sound": not wrong, "faults": wrong}
        if wrong and kept is not None:
            done = repaired(folder, kept)
            one |= {"saved": done.saved, "lost": done.lost, "aside": str(done.aside)}
        elif wrong:
            one["aside"] = str(set_aside(folder / name))
        told.append(one)

    looked_at(RUNS.name, RUNS)
    looked_at(MEMORY.name, MEMORY)
    looked_at(CHECKPOINTS, None)
    if told and "saved" in told[0] and told[0]["file"] == str(folder / RUNS.name):
        discard(folder / CHECKPOINTS)  # it may be ahead of what is saved
    if as_json:
        terminal.as_json({"files": told})
        return
    if not told:
        terminal.line(f"nothing is kept in {folder}")
    for one in told:
        _print(one)


def _print(one: dict[str, Any]) -> None:
    if one["sound"]:
        terminal.line(f"{one['file']}: sound")
        return
    terminal.line(f"{one['file']}: damaged: {'; '.join(one['faults'])}")
    if "saved" in one:
        terminal.line("  saved " + ", ".join(f"{count:,} {table}" for table, count in one["saved"].items()))
        lost = ", ".join(
            f"{table} at {count:,} place{'s' * (count != 1)}" for table, count in one["lost"].items()
        )
        terminal.line(
            f"  lost  {lost or 'nothing'}; what follows from the rest is made again when it is asked for"
        )
    else:
        terminal.line("  begun anew: every run goes on from its finished calls")
    terminal.line(f"  the damaged file is {one['aside']}: delete it when it is of no more use")
