"""Figures that texts quote, worked out again from the rows that they come from.

A manifest (`figures.json`) says of each quotation which file and rows it comes from, and how it is written.
It is filled in from the rows as they are stored, rows that hold their texts scored again, and must then stand
in the text word for word. So a figure that was copied wrongly, or whose rows or scorers have changed, is
found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from lcagent.errors import UsageError
from lcagent.evals.items import Row, read_rows
from lcagent.evals.scorers import rescored
from lcagent.evals.stats import paired_difference, score_of
from lcagent.evals.summary import GOLD, of_ceiling

MANIFEST = "figures.json"
"""Its name in a folder of results."""
_PLACEHOLDER = re.compile(r"\{(\d+)\}")
_MOST = 60
"""Characters that a figure may take where the text says another one."""

Record = Mapping[str, Any]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Value(_Strict):
    """One piece of a quotation.

    Args:
        file: rows of `lcagent bench` (`.jsonl`) or the output of a script (`.json`), beside the manifest.
        where: fields and values of the rows that count; a text counts where the field begins with it, if it
            ends in `*`.
        show: how it is written, with names of figures in braces (`_of_rows`, or a script's own fields).
        over: other rows; then figures are ratios of the first rows' to theirs, and of rows of `lcagent bench`
            also what they gain item by item (`_gains`).
    """

    file: str
    where: dict[str, Any] = {}
    show: str
    over: dict[str, Any] | None = None


class Quotation(_Strict):
    """What a text says.

    Args:
        text: the file, relative to the manifest.
        says: its words, with `{0}`, `{1}` and so on for the values; stars for bold type are left out.
        values: the figures.
        each: several lines of a table alike: what the line begins with, and what its rows have in common.
    """

    text: str
    says: str
    values: tuple[Value, ...]
    each: dict[str, dict[str, Any]] = {"": {}}


class Manifest(_Strict):
    """All quotations of a folder of results.

    Args:
        unstored: figures of these texts that no stored row gives, and why.
    """

    version: int
    quotations: tuple[Quotation, ...]
    unstored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """One quotation, worked out.

    Args:
        text: the file that it stands in.
        computed: as the rows have it.
        found: what stands there; empty where nothing like it does.
    """

    text: Path
    computed: str
    found: str

    @property
    def same(self) -> bool:
        """Whether the text says what the rows do."""
        return self.found == self.computed


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder of results.

    Raises:
        UsageError: there is none, or it is malformed.
    """
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise UsageError(
            f"there is no {MANIFEST} in {folder}", hint="run it in a checkout, or name a folder of rows"
        ) from error
    except ValidationError as error:
        raise UsageError(
            f"{path} is malformed: {error}", hint="docs/evaluation.md tells its fields"
        ) from error


def check(folder: Path) -> list[Checked]:
    """Work out every quotation of a folder's manifest, and look whether its text says the same.

    Raises:
        UsageError: no manifest, a file of it is missing, or rows that it names are not there.
    """
    sources = _Sources(folder)
    found: list[Checked] = []
    for quotation in read_manifest(folder).quotations:
        path = folder / quotation.text
        text = _plain(_read(path))
        for label, where in quotation.each.items():
            shown = [sources.shown(value, where) for value in quotation.values]
            says = _plain(quotation.says.replace("{label}", label))
            computed = _PLACEHOLDER.sub(lambda match, shown=shown: shown[int(match[1])], says)
            found.append(Checked(path.resolve(), computed, _standing(text, says, computed)))
    return found


def _plain(text: str) -> str:
    """Without line breaks and bold type, so that neither hides a figure."""
    return " ".join(text.replace("**", "").split())


def _standing(text: str, says: str, computed: str) -> str:
    if computed in text:
        return computed
    pieces = _PLACEHOLDER.split(says)[::2]
    like = re.search(f".{{0,{_MOST}}}?".join(map(re.escape, pieces)), text)
    return like[0] if like else ""


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError as error:
        raise UsageError(f"{path} is missing", hint=f"{MANIFEST} names it") from error


class _Sources:
    """The stored rows, each file read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.rows = cache(self._rows)
        self.records = cache(self._records)

    def shown(self, value: Value, where: dict[str, Any]) -> str:
        """A value as it is written."""
        figures = self._figures(value, where | value.where)
        if value.over is not None:
            figures = _ratios(figures, self._figures(value, where | value.over))
            if value.file.endswith(".jsonl"):
                theirs, mine = (self._met(value, where | one) for one in (value.over, value.where))
                figures |= _gains(theirs, mine)
        try:
            return value.show.format_map(figures)
        except KeyError as error:
            raise UsageError(
                f"{value.file} has no figure {error}", hint=f"it has {', '.join(sorted(figures))}"
            ) from error

    def _figures(self, value: Value, where: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any]
        if value.file.endswith(".jsonl"):
            rows = self._met(value, where)
            found = _of_rows(rows, self.rows(value.file)) if rows else {}
        else:
            records = [record for record in self.records(value.file) if _meets(record, where)]
            found = _of_records(records) if records else {}
        if not found:
            raise UsageError(f"{value.file} has no rows with {where}", hint=f"see {MANIFEST}")
        return found

    def _met(self, value: Value, where: dict[str, Any]) -> list[Row]:
        return [row for row in self.rows(value.file) if _meets(row.model_dump(), where)]

    def _rows(self, file: str) -> list[Row]:
        _read(self._folder / file)
        rows = read_rows(self._folder / file)
        # What was stripped of its texts cannot be scored again: its scores are those of then.
        return [row if row.stripped else rescored(row) for row in rows]

    def _records(self, file: str) -> list[dict[str, Any]]:
        told = json.loads(_read(self._folder / file))
        return told["figures"] if isinstance(told, dict) else told


def _meets(record: Record, where: Mapping[str, Any]) -> bool:
    for name, wanted in where.items():
        value = record.get(name)
        if isinstance(wanted, str) and wanted.endswith("*"):
            if not str(value).startswith(wanted[:-1]):
                return False
        elif value not in (wanted if isinstance(wanted, list) else [wanted]):
            return False
    return True


class _Number(float):
    """A figure as texts have it: at most one place after the point, none where it is 0."""

    def __format__(self, spec: str) -> str:
        if spec:
            return super().__format__(spec)
        return f"{self:.1f}".removesuffix(".0")


class _Range:
    """What several rows have: `98.5 to 100`."""

    def __init__(self, low: float, high: float) -> None:
        self._ends = _Number(low), _Number(high)

    def __format__(self, spec: str) -> str:
        return " to ".join(format(end, spec) for end in self._ends)


def _of_records(records: Sequence[Record]) -> dict[str, Any]:
    """A script's own figures; `tokens` beside `k_tokens`. Of several records the least and the greatest."""
    found: dict[str, Any] = {}
    for name in dict.fromkeys(name for record in records for name in record):
        values = [record[name] for record in records if isinstance(record.get(name), int | float)]
        if values:
            low, high = min(values), max(values)
            found[name] = _Number(low) if low == high else _Range(low, high)
            if name == "k_tokens":
                found["tokens"] = _Number(1000 * low) if low == high else _Range(1000 * low, 1000 * high)
    return found


def _ratios(figures: dict[str, Any], below: dict[str, Any]) -> dict[str, Any]:
    ratios: dict[str, Any] = {}
    for name, one in figures.items():
        two = below.get(name)
        if isinstance(one, float | int) and isinstance(two, float | int) and two:
            ratios[name] = _Number(one / two)
    return ratios


def _gains(a: Sequence[Row], b: Sequence[Row]) -> dict[str, Any]:
    """What b scores more than a in points, with its interval, and the items better and worse."""
    found = paired_difference(a, b)
    points = {"gain": found.difference, "gain_low": found.low, "gain_high": found.high}
    return {name: _Number(round(100 * share)) for name, share in points.items()} | {
        "better": found.better,
        "worse": found.worse,
    }


def _of_rows(rows: Sequence[Row], every: Sequence[Row]) -> dict[str, Any]:
    """The figures of some rows: shares in per cent, costs as means.

    `of_gold` is the share of what the gold paragraphs alone give on the same items; `not_found` and `hits`
    are numbers of items.
    """
    score = score_of([row.score for row in rows])
    share = of_ceiling(rows, [row for row in every if row.strategy == GOLD])
    tokens = fmean(row.cost.prompt_tokens + row.cost.completion_tokens for row in rows)
    refused = sum(row.status == "not_found" and not row.error for row in rows)
    return {
        "score": _Number(round(100 * score.mean)),
        "low": _Number(round(100 * score.low)),
        "high": _Number(round(100 * score.high)),
        "n": len(rows),
        "hits": _Number(sum(row.score for row in rows)),
        "of_gold": _Number(round(100 * share)) if share is not None else "",
        "refused": _Number(round(100 * refused / len(rows))),
        "not_found": refused,
        "recorded": sum(row.recorded for row in rows),
        "kept": sum(row.kept for row in rows),
        "lost": sum(row.recorded - row.kept for row in rows),
        "calls": _Number(fmean(row.cost.calls for row in rows)),
        "tokens": _Tokens(tokens),
    }


class _Tokens(float):
    """A mean of tokens to three figures, with commas."""

    def __format__(self, spec: str) -> str:
        return super().__format__(spec) if spec else f"{float(f'{self:.3g}'):,.0f}"
